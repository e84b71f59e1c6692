"""Every cell gives one row, however its process ends; the checker scores what comes back."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path

import pytest

from fgamcd_opt.instances.format import save_instance
from fgamcd_opt.instances.resolve import load
from fgamcd_opt.io.errors import UsageError
from fgamcd_opt.problem.checker import verify
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.problem.solution_file import Solution
from fgamcd_opt.solving.front_door import solve
from fgamcd_opt.studies.comparison.classes import contradictions, derive
from fgamcd_opt.studies.grid.cell_outcome import CellOutcome
from fgamcd_opt.studies.grid.cells import Cell, CellLimits, Source, make_grid
from fgamcd_opt.studies.grid.child import Answer, run_cell
from fgamcd_opt.studies.grid.row import Row


def answer(cell: Cell, grace_s: float = 60.0) -> Answer:
    found = run_cell(cell, None, grace_s)
    assert found is not None
    return found


def only_class(row: Row) -> str:
    return str(derive([row], known={})["class"].iloc[0])


def test_a_solved_cell_is_what_the_front_door_and_the_checker_say(tmp_path: Path, plug_ins: Path) -> None:
    source = Source.of("tiny")
    (cell,) = make_grid([source], ["exact"], [3], options={"exact": {"rounds": "1"}})
    found = answer(cell)
    row = found.row
    direct = solve(P1(load("tiny")), "exact", seed=3, options={"rounds": 1}, **cell.limits.of_solver())
    assert (row.cell, row.outcome, row.reason) == (cell.id, CellOutcome.SOLVED, "")
    assert (row.delay_s, row.lower_bound_s) == (direct.delay_s, direct.lower_bound_s)
    assert row.options == direct.options
    assert row.stop_reason == direct.stop_reason
    path = tmp_path / "found.npz"
    path.write_bytes(found.solution or b"")
    solution = Solution.load(path)
    assert solution.digest == row.solution_digest
    verdict = verify(load("tiny"), solution)
    assert verdict.valid
    assert verdict.evaluation is not None
    assert row.delay_s == verdict.evaluation.delay_s
    assert row.metrics["served"] == load("tiny").n_users
    assert row.packages["numpy"]
    assert row.peak_memory_bytes is not None
    assert row.peak_memory_bytes > 2**24
    assert Row.from_json(row.to_json()) == row
    assert only_class(row) == "proved"


@pytest.mark.parametrize(
    ("solver", "outcome", "told", "group"),
    [
        ("odd-plain", CellOutcome.SOLVED, "", "feasible"),
        ("odd-crash", CellOutcome.CRASHED, "SIGSEGV", "failed"),
        ("odd-bug", CellOutcome.ERROR, "ZeroDivisionError: one over nothing", "failed"),
        ("odd-refusal", CellOutcome.REFUSED, "3 variables", "failed"),
        ("odd-overfull", CellOutcome.SOLVED, "power", "failed"),
        ("odd-false-proof", CellOutcome.SOLVED, "because", "infeasible"),
        ("odd-false-bound", CellOutcome.REFUTED, "solver odd-false-bound claims lower_bound_s", "wrong"),
    ],
)
def test_every_end_gives_a_row(
    plug_ins: Path, roomy: Path, solver: str, outcome: CellOutcome, told: str, group: str
) -> None:
    (cell,) = make_grid([Source.of(str(roomy))], [solver])
    row = answer(cell).row
    assert row.outcome is outcome
    assert told in row.reason
    assert (row.cell, row.solver, row.instance) == (cell.id, solver, "roomy")
    assert row.packages["odd-solvers"] == "1.2"
    assert only_class(row) == group
    if outcome is CellOutcome.ERROR:
        assert "in solve" in str(row.error)
    if solver == "odd-crash":
        assert "Segmentation fault" in str(row.error)


def test_a_solver_that_knows_no_limit_is_killed(
    plug_ins: Path, roomy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fgamcd_opt.studies.grid.child._TERM_S", 0.3)  # it is deaf to SIGTERM, too
    (cell,) = make_grid([Source.of(str(roomy))], ["odd-deaf"], limits=CellLimits(time_s=1.0))
    begun = time.monotonic()
    row = answer(cell, grace_s=1.5).row
    assert row.outcome is CellOutcome.KILLED_TIME
    assert "1.5 s after its time limit of 1.0 s" in row.reason
    assert row.wall_s is not None
    assert 2.5 <= row.wall_s <= time.monotonic() - begun
    assert only_class(row) == "limit"


def test_memory_is_limited(plug_ins: Path, roomy: Path) -> None:
    limits = CellLimits(memory_bytes=400 * 2**20)
    (cell,) = make_grid([Source.of(str(roomy))], ["odd-greedy"], limits=limits)
    row = answer(cell).row
    assert row.outcome is CellOutcome.KILLED_MEMORY
    assert str(limits.memory_bytes) in row.reason
    assert row.peak_memory_bytes is not None
    assert limits.memory_bytes < row.peak_memory_bytes < 2**31
    assert only_class(row) == "limit"


def test_a_variant_that_the_solver_does_not_take_is_refused(plug_ins: Path, roomy: Path) -> None:
    (cell,) = make_grid([Source.of(str(roomy))], ["odd-plain"], variant={"csi": "nominal"})
    row = answer(cell).row
    assert row.outcome is CellOutcome.REFUSED
    assert "does not support csi=nominal" in row.reason
    assert (row.asked_variant, row.variant) == ("csi=nominal", "csi=nominal")


def test_an_instance_that_changed_is_refused(plug_ins: Path, roomy: Path) -> None:
    (cell,) = make_grid([Source.of(str(roomy))], ["odd-plain"])
    roomy.write_bytes(b"")
    assert "roomy" in answer(cell).row.reason
    save_instance(roomy, load("tiny"))
    row = answer(cell).row
    assert row.outcome is CellOutcome.REFUSED
    assert "when the comparison began" in row.reason


def test_contradictions_name_both_sides(plug_ins: Path, roomy: Path) -> None:
    cells = make_grid([Source.of(str(roomy))], ["odd-plain", "odd-lone-bound", "odd-false-proof"])
    rows = [answer(cell).row for cell in cells]
    plain, bound, _ = rows
    found = contradictions(rows, known={})
    assert {(c.delay_by.split()[0], c.bound_by.split()[0]) for c in found} == {
        ("odd-plain", claim) for claim in ("odd-lone-bound", "odd-false-proof")
    }
    assert {c.lower_bound_s for c in found} == {bound.lower_bound_s, math.inf}
    assert bound.lower_bound_s == pytest.approx(2.0 * plain.delay_s)
    assert all("roomy (P1)" in str(c) and "odd-" in str(c) for c in found)
    assert list(derive(rows, known={})["class"]) == ["wrong"] * 3


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"time_s": -1.0}, "time limit -1.0 s: must be positive"),
        ({"time_s": "60"}, "time limit: got '60' of type str"),
        ({"gap": 1.5}, "gap 1.5: must be at least 0 and below 1"),
        ({"threads": 0}, "threads 0: must be at least 1"),
        ({"memory_bytes": 0}, "memory limit 0 bytes: must be positive"),
    ],
)
def test_limits_out_of_range_are_refused_before_any_cell(limits, message):
    with pytest.raises(UsageError, match=message):
        CellLimits(**limits)


def test_a_limit_is_the_same_cell_however_its_number_is_written():
    whole, real = CellLimits(time_s=60, gap=0), CellLimits(time_s=60.0, gap=0.0)
    assert json.dumps(vars(whole)) == json.dumps(vars(real))
