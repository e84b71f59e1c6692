"""Rows that were altered, with and without a seal made anew: none is taken for what a cell came to, none is a crash."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.sealed_json import write_sealed_json
from fgamcd_opt.problem.metrics import METRICS
from fgamcd_opt.studies.grid.cell_outcome import CellOutcome
from fgamcd_opt.studies.grid.cells import Cell, CellLimits, Source
from fgamcd_opt.studies.grid.row import Row

MUTATIONS = 400
"""Rounds; each alters bytes, a value below the old seal, and a value below a new one."""

STRANGE: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2**70, 10**400, 0.5, -0.5, 1e301, float("nan"), float("inf")),
    *(
        "",
        "x",
        "solved",
        "\ud800",
        "x" * (2**20 + 1),
        [],
        [None],
        [[0.0, 1.0, 2.0]],
        {},
        {"": 1},
        {"x": {"y": []}},
    ),
)


def cell_of(seed: int = 0) -> Cell:
    source = Source(instance="tiny", name="tiny", digest="1" * 64)
    limits = CellLimits(time_s=60.0, memory_bytes=2**32, gap=1e-3)
    return Cell(source=source, solver="exact", seed=seed, options={"rounds": "1"}, limits=limits)


def solved() -> Row:
    """What a solve came to, within the gap asked for."""
    return Row.of_cell(
        cell_of(),
        CellOutcome.SOLVED,
        options={"rounds": 1, "backend": "tree"},
        stop_reason="gap_reached",
        point_status="feasible",
        delay_s=2.0,
        lower_bound_s=1.999,
        bound_kind="certified",
        combinatorial_bound_s=1.9995,
        max_violation=0.0,
        metrics=dict.fromkeys(METRICS, 1),
        load_s=0.2,
        build_s=0.1,
        rates_s=0.2,
        search_s=0.3,
        solve_s=0.5,
        wall_s=2.0,
        peak_memory_bytes=2**28,
        rate_problems=9,
        rates_read=False,
        trace=[[0.1, 2.5, None], [0.2, 2.5, 1.0], [0.5, 2.0, 1.999]],
        solution_digest="2" * 64,
        fgamcd_version="0.1.0",
        python="3.12.1",
        packages={"numpy": "2.1.0"},
        machine="Linux",
        processor="a processor",
        cores=2,
        started="2026-01-02T03:04:05+00:00",
    )


def killed() -> Row:
    return Row.of_cell(
        cell_of(), CellOutcome.KILLED_TIME, reason="still running", wall_s=120.0, error="its log", trace=[]
    )


ROWS = [solved(), killed()]


def refusal(path: Path) -> str | None:
    """Why the row of a file is not taken for that of its cell; None if it is."""
    try:
        return Row.load(path).unlike(cell_of())
    except InputError as error:
        return str(error)


def accepted(path: Path) -> Row | None:
    """The row of a file, if it is taken for that of its cell."""
    return Row.load(path) if refusal(path) is None else None


def altered_bytes(good: bytes, rng: random.Random) -> bytes:
    """One to three edits somewhere."""
    data = bytearray(good)
    for _ in range(rng.randint(1, 3)):
        at, length = rng.randrange(len(data)), rng.choice((1, 1, 1, 2, 8, 40))
        piece = rng.choice(
            (bytes(rng.randbytes(length)), b"", bytes(data[at : at + length]) * 2, b"9", b"-", b" ")
        )
        data[at : at + length] = piece
    return bytes(data) if data != good else good + b" "


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where every value of a JSON document stands."""
    if path:
        yield path
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield from places(value[key], (*path, key))


def altered_value(fields: dict[str, Any], rng: random.Random) -> tuple[str, dict[str, Any]]:
    """One value replaced, removed or added; the field that it belongs to comes first."""
    changed = json.loads(json.dumps(fields))
    *way, last = rng.choice(list(places(changed)))
    inside = changed
    for key in way:
        inside = inside[key]
    how = rng.randrange(5)
    if how == 0 and isinstance(inside, dict):
        del inside[last]
    elif how == 1 and isinstance(inside, dict):
        inside[rng.choice(("more", "", "delay_s ", last + "x"))] = rng.choice(STRANGE)
    elif how == 2 and isinstance(inside[last], int | float):
        inside[last] = inside[last] * rng.choice((-1, 0, 1e-9, 1e9, 10**30)) + rng.choice((0, 1, 0.5))
    else:
        inside[last] = rng.choice(STRANGE)
    return str((*way, last)[0]), changed


FREE = {
    *("outcome", "reason", "message", "error", "finds_solutions"),
    *(
        "delay_s",
        "lower_bound_s",
        "bound_kind",
        "combinatorial_bound_s",
        "max_violation",
        "metrics",
        "solution_digest",
    ),
    *(
        "load_s",
        "build_s",
        "rates_s",
        "search_s",
        "solve_s",
        "wall_s",
        "trace",
        "peak_memory_bytes",
        "rate_problems",
    ),
    *(
        "rates_read",
        "fgamcd_version",
        "python",
        "packages",
        "machine",
        "processor",
        "cores",
        "started",
        "options",
    ),
    *("variant", "stop_reason", "point_status", "infeasibility"),
}
"""Fields that neither the cell nor the type decides: somebody who makes a new seal may change them, as long as the row
remains one that the cell could have come to."""


def look_at(number: int, rng: random.Random, folder: Path) -> tuple[int, int]:
    """Altered rows that were taken: as their bytes stand, and sealed anew though no cell could have come to them."""
    row = ROWS[number % len(ROWS)]
    path = folder / f"{row.cell}.json"
    row.save(path)
    good = path.read_bytes()
    path.write_bytes(altered_bytes(good, rng))
    kept = accepted(path) is not None
    field, fields = altered_value(row.to_json(), rng)
    path.write_text(json.dumps(fields))
    kept |= accepted(path) is not None
    try:
        write_sealed_json(path, fields)
    except InputError:  # such as NaN
        return int(kept), 0
    found = accepted(path)
    return int(kept), int(
        found is not None and found != row and (field not in FREE or found.fault is not None)
    )


def test_no_altered_row_is_taken(tmp_path: Path) -> None:
    rng = random.Random(14)
    for number in range(MUTATIONS):
        assert look_at(number, rng, tmp_path) == (0, 0)


@pytest.mark.parametrize("row", ROWS, ids=["solved", "killed"])
def test_the_rows_themselves_are_taken(row: Row, tmp_path: Path) -> None:
    row.save(tmp_path / f"{row.cell}.json")
    assert accepted(tmp_path / f"{row.cell}.json") == row


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"lower_bound_s": 2.1}, "lower_bound_s: 2.1 is above the delay"),
        ({"combinatorial_bound_s": 2.1}, "combinatorial_bound_s: 2.1 is above"),
        ({"lower_bound_s": 1.9}, "gap_reached with gap 0.0"),
        ({"stop_reason": "optimal"}, "optimal with gap"),
        ({"stop_reason": "infeasible"}, "infeasibility: None with stop_reason infeasible"),
        ({"infeasibility": "because"}, "infeasibility: 'because' with stop_reason gap_reached"),
        ({"bound_kind": None}, "do not go together"),
        ({"delay_s": None}, "delay_s: None with point_status feasible"),
        ({"delay_s": "2"}, "delay_s: '2' is not a number"),
        ({"delay_s": True}, "delay_s: True is not a number"),
        ({"point_status": "none"}, "with point_status none"),
        ({"point_status": "rejected"}, "reason: '' with point_status rejected"),
        ({"solution_digest": None}, "solution_digest: None"),
        ({"outcome": "crashed"}, "is known, but the outcome is crashed"),
        ({"solve_s": None}, "solve_s: is not known"),
        ({"trace": [[0.2, 2.0, None], [0.1, 1.9, None]]}, "its times do not go on"),
        ({"trace": [[0.1, 1.9, None], [0.2, 2.0, None]]}, "its delays do not fall"),
        ({"trace": [[0.1, 2.0, 1.0], [0.2, 2.0, 0.9]]}, "its bounds do not rise"),
        ({"trace": [[0.6, 2.0, 1.0]]}, "beyond solve_s"),
        ({"variant": "delivery=pigeon"}, "variant"),
        ({"variant": "granularity=block"}, "not how a variant is written"),
        ({"metrics": {"served": 2}}, "metrics: has served; expected served, served_share"),
        ({"started": "yesterday"}, "started: 'yesterday' is no time"),
        ({"options": {"rounds": [1]}}, "options: rounds"),
        ({"seed": 1}, "seed: is 1; the cell asks for 0"),
        ({"gap_tolerance": 0.01}, "gap_tolerance: is 0.01; the cell asks for 0.001"),
        ({"options": {"rounds": 2}}, "options: rounds is 2; the cell asks for '1'"),
    ],
)
def test_what_no_cell_comes_to_is_named(changed: dict[str, Any], fault: str, tmp_path: Path) -> None:
    path = tmp_path / f"{cell_of().id}.json"
    write_sealed_json(path, solved().to_json() | changed)
    assert fault in str(refusal(path))
