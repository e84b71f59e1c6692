"""`minlp` against enumeration and `exact`: every backend, with and without inequalities, at limits, and refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
from test_infeasible import changed

from fgamcd_opt.instances.resolve import load
from fgamcd_opt.io import licences
from fgamcd_opt.io.errors import BackendError, ExitCode, UsageError
from fgamcd_opt.io.optional import Availability, Backend
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.solving.front_door import solve
from fgamcd_opt.solving.status import PointStatus, StopReason
from fgamcd_opt.testing.brute_force import best_delay, full_oracle
from fgamcd_opt.testing.random_problems import random_problem
from fgamcd_opt.testing.stop_after import StopAfter

GLOBAL = pytest.mark.parametrize("backend", ["scip", "gurobi"])
HARD = "tiny-n3-u3-s1-0040MB"
"""Three users want the same block; without inequalities neither backend closes its gap within a minute."""


CLOSE = {"gap": 1e-4}


def check(result, best_s: float, gap: float = CLOSE["gap"]) -> None:
    """Optimum found and proved to the gap, as an independent enumeration sees it."""
    assert result.point_status is PointStatus.FEASIBLE
    assert result.stop_reason in (StopReason.GAP_REACHED, StopReason.OPTIMAL)
    assert result.delay_s == pytest.approx(best_s, rel=gap)
    assert best_s * (1 - gap) <= result.lower_bound_s <= best_s * (1 + 1e-9)


@GLOBAL
@pytest.mark.parametrize("cuts", [0, 1, 2])
@pytest.mark.parametrize("csi_set", ["ellipsoid", "balls"])
def test_enumeration_is_matched_from_no_start(backend, cuts, csi_set):
    problem = random_problem(11, nodes=2, users=2, blocks=2, storage_share=1.6, csi_set=csi_set)
    best = best_delay(problem, full_oracle(problem, rounds=4).lower_bps())
    assert math.isfinite(best)
    options = {"backend": backend, "cuts": cuts, "start": 0}
    check(solve(problem, "minlp", **CLOSE, options=options), best)


@GLOBAL
@pytest.mark.parametrize("seed", [1, 3, 5])
def test_tolerances_of_the_backend_leave_no_gap(backend, seed):
    """No QoS, one node silent: amplitudes that a squared constraint would forgive it once cost 2e-4 of the bound."""
    problem = random_problem(
        seed, nodes=2, users=2, blocks=1, storage_share=2.0, qos_share=0.0, missing_links=1.0
    )
    best = best_delay(problem, full_oracle(problem, rounds=4).lower_bps())
    options = {"backend": backend, "cuts": 0, "start": 0}
    check(solve(problem, "minlp", **CLOSE, options=options), best)


@GLOBAL
@pytest.mark.parametrize("name", ["tiny-s2-0055MB", HARD])
def test_library_instances_agree_with_exact(backend, name):
    problem = P1(load(name))
    exact = solve(problem, "exact", gap=1e-6)
    result = solve(problem, "minlp", gap=1e-5, options={"backend": backend})
    check(result, exact.delay_s, gap=1e-5)
    assert exact.lower_bound_s == pytest.approx(result.lower_bound_s, rel=2e-5)


@GLOBAL
def test_a_time_limit_leaves_the_start_and_a_valid_bound(backend):
    problem = P1(load(HARD))
    exact = solve(problem, "exact", **CLOSE)
    result = solve(problem, "minlp", time_limit=1.0, options={"backend": backend, "cuts": 0})
    assert result.stop_reason is StopReason.TIME_LIMIT
    assert result.delay_s == pytest.approx(exact.delay_s, rel=1e-4)
    assert 0.0 < result.lower_bound_s < exact.lower_bound_s


@GLOBAL
def test_a_stop_request_is_served_during_the_search(backend):
    problem = P1(load(HARD))
    result = solve(problem, "minlp", stop=StopAfter(150), options={"backend": backend, "cuts": 0})
    assert result.stop_reason is StopReason.INTERRUPTED
    assert result.point_status is PointStatus.FEASIBLE
    assert result.lower_bound_s < 0.99 * result.delay_s


@GLOBAL
def test_infeasible_packings_are_proved_by_the_model_alone(backend):
    """Three blocks that fill a cache each, and two caches; the same with one byte more room is solved."""
    sizes = np.full(3, 6 * 10**6)
    options = {"backend": backend, "cuts": 0, "start": 0}
    short = changed(block_bytes=sizes, storage_bytes=np.full(2, 2 * sizes[0] - 1))
    refused = solve(short, "minlp", options=options)
    assert refused.stop_reason is StopReason.INFEASIBLE
    assert backend in refused.infeasibility
    enough = changed(block_bytes=sizes, storage_bytes=np.array([2 * sizes[0] - 1, 2 * sizes[0]]))
    assert solve(enough, "minlp", gap=0.5, options=options).delay_s is not None


def test_gurobi_refuses_what_its_free_licence_cannot_take(monkeypatch):
    limited = Backend("gurobipy", "13", Availability.LIMITED, "a larger licence")
    monkeypatch.setattr(licences, "gurobi_state", lambda: limited)
    monkeypatch.setattr(licences, "NONLINEAR_LIMIT", 50)
    with pytest.raises(BackendError, match=r"nonlinear model of \d+ variables .* 50 variables") as refusal:
        solve(P1(load("tiny")), "minlp", options={"backend": "gurobi"})
    assert refusal.value.exit_code is ExitCode.BACKEND_MISSING


def test_bounds_of_other_solvers_are_not_taken_over():
    """SCIP under its name in Pyomo's interface stands for any solver there."""
    problem = P1(load("tiny-s2-0055MB"))
    result = solve(problem, "minlp", **CLOSE, options={"backend": "scip_direct"})
    trusted = solve(problem, "minlp", **CLOSE)
    assert result.delay_s == pytest.approx(trusted.delay_s, rel=1e-4)
    assert "Cauchy-Schwarz" in result.bound_kind
    assert result.lower_bound_s < 0.9 * trusted.lower_bound_s


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"cuts": 3}, UsageError, "option cuts: 3 is not one of 0, 1, 2"),
        ({"start": -1}, UsageError, "option start: -1 is not one of 0, 1"),
        ({"backend": "skip"}, UsageError, "'skip' is unknown; expected scip, gurobi or"),
        ({"backend": "highs"}, BackendError, "highs cannot take the model"),
    ],
)
def test_options_that_cannot_work(options, error, message):
    with pytest.raises(error, match=message):
        solve(P1(load("tiny")), "minlp", options=options)
