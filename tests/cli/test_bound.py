"""``fgamcd bound``: what it prints, what it compares with, and every exit code that it can end with."""

from __future__ import annotations

import numpy as np
import pytest
from cli_runner import Run
from stub_solvers import BoundOnly, register

from fgamcd_opt.instances.library.best_known import read_best_known
from fgamcd_opt.instances.library.catalog import library
from fgamcd_opt.instances.resolve import load
from fgamcd_opt.io.errors import ExitCode
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.solving.front_door import solve
from fgamcd_opt.solving.registry import get_solver, solver_names

NAME = next(name for name in library() if name.startswith("small"))
METHODS = [name for name in solver_names() if not get_solver(name).finds_solutions]


@pytest.mark.parametrize("method", METHODS)
def test_it_prints_what_the_front_door_returns(fgamcd: Run, method: str) -> None:
    ran = fgamcd("bound", "tiny", "--solver", method, "--set", "seed=2", "--json")
    assert ran.code == ExitCode.DONE
    result = solve(P1(load("tiny", {"seed": "2"})), method)
    report = ran.json
    assert (report["lower_bound_s"], report["bound_kind"]) == (result.lower_bound_s, result.bound_kind)
    assert report["counts"] == dict(result.counts)
    assert report["delay_s"] is None
    text = fgamcd("bound", "tiny", "--solver", method, "--set", "seed=2").out
    assert f"{result.lower_bound_s:.6f} s ({result.bound_kind})" in " ".join(text.split())


def test_a_library_instance_is_compared_with_its_best_known_delay(fgamcd: Run) -> None:
    """By its digest, so that a preset that is the same instance is, too, and a changed one is not."""
    known = read_best_known()[NAME]
    recipe = [word for pair in (("seed", "4"),) for word in ("--set", "=".join(pair))]
    report = fgamcd("bound", NAME, "--json").json
    assert report["best_delay_s"] == known.delay_s
    assert report["gap_of_best"] == pytest.approx(1.0 - report["lower_bound_s"] / known.delay_s, abs=1e-12)
    assert f"{known.delay_s:.6f} s by {known.delay_solver}" in fgamcd("bound", NAME).out
    assert fgamcd("bound", "small", "--json").json["best_delay_s"] is not None
    changed = fgamcd("bound", NAME, *recipe, "--json").json
    assert (changed["best_delay_s"], changed["gap_of_best"]) == (None, None)


def test_exact_gives_its_bound_and_its_delay(fgamcd: Run) -> None:
    report = fgamcd(
        "bound", "tiny", "--solver", "exact", "--gap", "0.02", "--option", "passes=3", "--json"
    ).json
    assert report["options"]["passes"] == 3
    assert report["lower_bound_s"] <= report["delay_s"] * (1 + 1e-9)


def test_next_to_no_time_gives_a_valid_bound(fgamcd: Run) -> None:
    ran = fgamcd("bound", NAME, "--solver", "lagrangian", "--time-limit", "1e-9", "--json")
    assert ran.code == ExitCode.DONE
    assert ran.json["stop_reason"] == "time_limit"
    assert 0 < ran.json["lower_bound_s"] <= read_best_known()[NAME].delay_s


def test_infeasible_is_proved(fgamcd: Run) -> None:
    ran = fgamcd("bound", "tiny", "--set", "storage_gb=0.001", "--json")
    assert ran.code == ExitCode.INFEASIBLE
    assert ran.json["lower_bound_s"] is None
    assert "bytes" in ran.json["infeasibility"]


def test_a_method_without_a_bound_is_refused(fgamcd: Run) -> None:
    ran = fgamcd("bound", "tiny", "--solver", "greedy")
    assert (ran.code, ran.out) == (ExitCode.USAGE, "")
    assert "--solver greedy: proves no bounds; these do: exact" in ran.err
    assert fgamcd("bound", "tiny", "--solver", "lagrangean").code == ExitCode.USAGE
    assert fgamcd("bound", "tiny", "--time-limit", "0").code == ExitCode.USAGE


def test_no_bound_at_all(fgamcd: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch, BoundOnly)
    ran = fgamcd("bound", "tiny", "--solver", "stub")
    assert ran.code == ExitCode.NO_SOLUTION
    assert "none was proved" in ran.out


def test_a_bound_above_a_known_delay_is_an_error(fgamcd: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch, BoundOnly)
    known = read_best_known()[NAME].delay_s
    monkeypatch.setattr(BoundOnly, "claim_s", np.nextafter(known, 2 * known))  # within rounding
    assert fgamcd("bound", NAME, "--solver", "stub").code == ExitCode.DONE
    monkeypatch.setattr(BoundOnly, "claim_s", known * (1 + 1e-6))
    ran = fgamcd("bound", NAME, "--solver", "stub")
    assert ran.code == ExitCode.VERIFICATION_FAILED
    assert "above the best known delay" in ran.err


def test_solve_with_a_method_of_bounds_says_so(fgamcd: Run, tmp_path) -> None:
    ran = fgamcd("solve", "tiny", "--solver", "lagrangian", "-o", tmp_path / "none.npz")
    assert ran.code == ExitCode.NO_SOLUTION
    assert "proves bounds and looks for no solution" in ran.out
    assert "lower bound" in ran.out
    assert list(tmp_path.iterdir()) == []
