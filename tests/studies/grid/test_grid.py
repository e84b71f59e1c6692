"""The grid is the full product, and the id of a cell depends on everything that could change its outcome."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from fgamcd_opt.studies.grid.cells import Cell, CellLimits, Source, make_grid

TEXTS = st.dictionaries(st.text(min_size=1, max_size=3), st.text(max_size=3), max_size=2)
SOURCES = st.builds(Source, instance=st.text(max_size=3), changes=TEXTS, name=st.text(), digest=st.text())
LIMITS = st.builds(
    CellLimits,
    time_s=st.none() | st.floats(0.1, 1e6),
    memory_bytes=st.none() | st.integers(1, 2**50),
    gap=st.floats(0.0, 0.5),
    threads=st.integers(1, 8),
)
CELLS = st.builds(
    Cell,
    source=SOURCES,
    solver=st.text(max_size=3),
    seed=st.integers(0, 9),
    variant=TEXTS,
    options=TEXTS,
    limits=LIMITS,
)


@given(cell=CELLS, other=CELLS)
def test_equal_ids_exactly_for_equal_cells(cell: Cell, other: Cell) -> None:
    again = Cell.from_json(cell.to_json())
    assert again == cell
    assert again.id == cell.id
    assert (cell.id == other.id) == (cell == other)
    assert replace(cell, seed=cell.seed + 1).id != cell.id


def test_the_grid_is_the_product_in_order() -> None:
    sources = [Source(instance=name, name=name, digest=name) for name in ("a", "b")]
    cells = make_grid(sources, ["exact", "greedy"], range(3), options={"greedy": {"rounds": "1"}})
    assert [(c.source.name, c.solver, c.seed) for c in cells] == [
        (name, solver, seed) for name in "ab" for solver in ("exact", "greedy") for seed in range(3)
    ]
    assert {str(c.options) for c in cells if c.solver == "exact"} == {"{}"}
    assert {str(c.options) for c in cells if c.solver == "greedy"} == {"{'rounds': '1'}"}


def test_a_source_knows_what_its_instance_is() -> None:
    plain, changed = Source.of("tiny"), Source.of("tiny", {"seed": "3"})
    assert (plain.name, changed.name) == ("tiny", "tiny[seed=3]")
    assert plain.digest != changed.digest
