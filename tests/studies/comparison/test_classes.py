"""Best values, gaps and classes: what each row says against all others of the same instance and variant."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fgamcd_opt.instances.library.best_known import BestKnown
from fgamcd_opt.solving.status import relative_gap
from fgamcd_opt.studies.comparison.classes import CLASSES, contradictions, derive
from fgamcd_opt.studies.grid.cell_outcome import CellOutcome
from fgamcd_opt.studies.grid.cells import Cell, Source
from fgamcd_opt.studies.grid.row import Row

DIGESTS = ("a", "b")
VARIANTS = ("P1", "delivery=unicast_tdma")


def row(number: int = 0, **fields: Any) -> Row:
    """A solved row of instance ``a``; a delay makes a feasible point."""
    cell = Cell(source=Source(instance="a", name="a", digest="a"), solver="some", seed=number)
    point = "feasible" if fields.get("delay_s") is not None else "none"
    return dataclasses.replace(
        Row.of_cell(cell, CellOutcome.SOLVED), **{"point_status": point, "stop_reason": "completed", **fields}
    )


def known(**values: Any) -> dict[str, BestKnown]:
    return {"a": BestKnown("a", **values)}


def test_the_empty_case_and_the_list() -> None:
    assert len(derive([])) == 0
    assert contradictions([]) == []
    assert set(CLASSES) == {
        "proved", "better_than_known", "feasible", "bound", "infeasible", "limit", "failed", "wrong",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("group", "fields"),
    [
        ("proved", {"delay_s": 2.0, "lower_bound_s": 1.999}),
        ("feasible", {"delay_s": 2.0, "lower_bound_s": 1.997}),
        ("feasible", {"delay_s": 2.0, "stop_reason": "time_limit"}),
        ("better_than_known", {"delay_s": 1.6}),
        ("wrong", {"delay_s": 1.4}),
        ("wrong", {"lower_bound_s": 2.1, "bound_kind": "x"}),
        ("wrong", {"infeasibility": "because", "stop_reason": "infeasible"}),
        ("bound", {"lower_bound_s": 1.2, "finds_solutions": False}),
        ("bound", {"lower_bound_s": 1.2, "finds_solutions": False, "stop_reason": "time_limit"}),
        ("limit", {"lower_bound_s": 1.2, "stop_reason": "time_limit"}),
        ("limit", {"stop_reason": "backend_limit"}),
        ("limit", {"outcome": CellOutcome.KILLED_MEMORY, "stop_reason": None}),
        ("failed", {"point_status": "rejected"}),
        ("failed", {"outcome": CellOutcome.REFUSED, "stop_reason": None}),
        ("failed", {}),
    ],
)
def test_classes_beside_a_known_delay_of_2_and_bound_of_1_5(group: str, fields: dict[str, Any]) -> None:
    frame = derive([row(**fields)], known(delay_s=2.0, lower_bound_s=1.5))
    assert frame["class"].tolist() == [group]


def test_infeasible_where_nothing_speaks_against_it() -> None:
    proof = row(infeasibility="because", stop_reason="infeasible")
    assert derive([proof], {})["class"].tolist() == ["infeasible"]
    elsewhere = row(1, delay_s=1.0, variant=VARIANTS[1])
    assert derive([proof, elsewhere], {})["class"].tolist() == ["infeasible", "feasible"]


def test_rounding_is_no_contradiction() -> None:
    rows = [row(delay_s=2.0), row(1, lower_bound_s=2.0 * (1 + 0.9e-9))]
    assert contradictions(rows, {}) == []
    worse = [row(delay_s=2.0), row(1, lower_bound_s=2.0 * (1 + 1.1e-9))]
    assert len(contradictions(worse, {})) == 1


def test_gaps_are_to_the_bound_of_p1_itself() -> None:
    rows = [row(lower_bound_s=1.0, delay_s=1.25), row(1, delay_s=2.0, lower_bound_s=1.5, variant=VARIANTS[1])]
    frame = derive(rows, {})
    assert frame["reference_lower_bound_s"].tolist() == [1.0, 1.0]
    assert frame["best_lower_bound_s"].tolist() == [1.0, 1.5]
    assert frame["reference_gap"].tolist() == [relative_gap(1.25, 1.0), relative_gap(2.0, 1.0)]
    assert frame["gap"].tolist() == [relative_gap(1.25, 1.0), relative_gap(2.0, 1.5)]
    assert frame["to_best"].tolist() == [0.0, 0.0]


VALUE = st.none() | st.integers(1, 6).map(float)
ROWS = st.lists(
    st.builds(
        dict,
        instance_digest=st.sampled_from(DIGESTS),
        variant=st.sampled_from(VARIANTS),
        delay_s=VALUE,
        lower_bound_s=VALUE,
        infeasibility=st.sampled_from([None, None, None, "because"]),
    ),
    max_size=6,
)


@given(fields=ROWS, library=st.tuples(VALUE, VALUE))
def test_wrong_is_whatever_a_pair_by_pair_search_finds(
    fields: list[dict[str, Any]], library: tuple[float | None, float | None]
) -> None:
    rows = [dataclasses.replace(row(n, **f), cell=str(n)) for n, f in enumerate(fields)]
    frame = derive(rows, known(delay_s=library[0], lower_bound_s=library[1]))
    for i, one in enumerate(rows):
        same = [r for r in rows if (r.instance_digest, r.variant) == (one.instance_digest, one.variant)]
        delays = [r.delay_s for r in same if r.delay_s is not None]
        bounds = [r.lower_bound_s for r in same if r.lower_bound_s is not None]
        if (one.instance_digest, one.variant) == ("a", "P1"):
            delays += [library[0]] if library[0] else []
            bounds += [library[1]] if library[1] else []
        claims = [*bounds, *(math.inf for r in same if r.infeasibility)]
        beaten = one.delay_s is not None and any(bound > one.delay_s for bound in claims)
        refuted = any(
            (one.lower_bound_s is not None and one.lower_bound_s > delay) or one.infeasibility
            for delay in delays
        )
        line = frame.iloc[i]
        assert (line["class"] == "wrong") == (beaten or refuted)
        assert line["best_delay_s"] == min(delays) if delays else math.isnan(line["best_delay_s"] or math.nan)
        assert (
            line["best_lower_bound_s"] == max(bounds)
            if bounds
            else math.isnan(line["best_lower_bound_s"] or math.nan)
        )
