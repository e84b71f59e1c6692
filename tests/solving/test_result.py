"""Results: derived figures, and the contradictions that cannot be built."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_problems import solved_toy

from fgamcd_opt.io.errors import ExitCode
from fgamcd_opt.problem.checker import verify
from fgamcd_opt.solving.result import Result
from fgamcd_opt.solving.status import PointStatus, Status, StopReason, relative_gap

INSTANCE, SOLUTION = solved_toy()
DELAY = SOLUTION.delay_s
DONE = ExitCode.DONE


def result(bound_share: float | None = None, **changes: object) -> Result:
    """A feasible result, with a bound at ``bound_share`` of the delay."""
    bound = None if bound_share is None else bound_share * DELAY
    kind = None if bound is None else "test"
    solution = dataclasses.replace(SOLUTION, lower_bound_s=bound, bound_kind=kind)
    fields = {
        "instance_name": INSTANCE.name,
        "instance_digest": INSTANCE.digest,
        "solver": "toy",
        "solver_version": "1",
        "stop_reason": StopReason.COMPLETED,
        "solution": solution,
        "verification": verify(INSTANCE, solution),
        "lower_bound_s": bound,
        "bound_kind": kind,
    }
    return Result(**{**fields, **changes})  # type: ignore[arg-type]


def without_point(**changes: object) -> Result:
    return result(**{"solution": None, "verification": None, **changes})


def rejected() -> Result:
    lying = dataclasses.replace(SOLUTION, delay_s=DELAY / 2)
    return result(solution=lying, verification=verify(INSTANCE, lying))


def test_gap_formula():
    assert relative_gap(4.0, 3.0) == 0.25


@given(low=st.floats(0.0, 1.0), high=st.floats(0.0, 1.0))
def test_the_gap_is_the_sum_of_its_parts(low, high):
    """Also where the combinatorial bound V given is weaker than the bound L on P1."""
    made = result(low, combinatorial_bound_s=high * DELAY)
    assert made.gap == pytest.approx(1 - low)
    assert made.gap_combinatorial == pytest.approx(1 - max(low, high))
    assert made.gap_beamforming == pytest.approx(max(low, high) - low, abs=1e-12)
    assert made.gap_combinatorial + made.gap_beamforming == pytest.approx(made.gap, abs=1e-15)
    assert min(made.gap, made.gap_combinatorial, made.gap_beamforming) >= 0


@pytest.mark.parametrize(
    ("made", "status", "point", "code"),
    [
        (result(), Status.FEASIBLE, PointStatus.FEASIBLE, DONE),
        (result(0.9), Status.FEASIBLE, PointStatus.FEASIBLE, DONE),
        (result(0.9, gap_tolerance=0.2), Status.WITHIN_GAP, PointStatus.FEASIBLE, DONE),
        (result(1.0, stop_reason=StopReason.OPTIMAL), Status.OPTIMAL, PointStatus.FEASIBLE, DONE),
        (
            result(0.9, stop_reason=StopReason.TIME_LIMIT),
            Status.FEASIBLE,
            PointStatus.FEASIBLE,
            ExitCode.DONE,
        ),
        (
            without_point(stop_reason=StopReason.TIME_LIMIT, lower_bound_s=1.0, bound_kind="lp"),
            Status.UNKNOWN,
            PointStatus.NONE,
            ExitCode.NO_SOLUTION,
        ),
        (
            without_point(stop_reason=StopReason.INFEASIBLE, infeasibility="too small"),
            Status.INFEASIBLE,
            PointStatus.NONE,
            ExitCode.INFEASIBLE,
        ),
        (rejected(), Status.REJECTED, PointStatus.REJECTED, ExitCode.VERIFICATION_FAILED),
    ],
)
def test_status_follows_from_point_bound_and_proof(made, status, point, code):
    assert (made.status, made.point_status, made.exit_code) == (status, point, code)


def test_a_rejected_point_has_no_objective_and_no_gap():
    made = rejected()
    assert made.delay_s is None
    assert made.gap is None
    assert "claimed delay" in made.summary()


@pytest.mark.parametrize(
    ("build", "fault"),
    [
        (
            lambda: result(1.001, verification=verify(INSTANCE, SOLUTION)),
            "lower_bound_s .* is above the delay",
        ),
        (
            lambda: result(0.5, combinatorial_bound_s=1.001 * DELAY),
            "combinatorial_bound_s .* above",
        ),
        (lambda: without_point(lower_bound_s=1.0), "a bound has a kind"),
        (lambda: without_point(bound_kind="lp"), "a bound has a kind"),
        (lambda: without_point(lower_bound_s=float("inf"), bound_kind="lp"), "is not finite"),
        (lambda: result(verification=None), "go together"),
        (lambda: result(stop_reason=StopReason.OPTIMAL), "optimal with gap None"),
        (lambda: result(0.99, stop_reason=StopReason.OPTIMAL), "optimal with gap 0.0"),
        (lambda: result(0.9, stop_reason=StopReason.GAP_REACHED, gap_tolerance=0.01), "gap_reached with gap"),
        (lambda: without_point(stop_reason=StopReason.INFEASIBLE), "a reason goes with infeasible"),
        (lambda: result(infeasibility="too small"), "a reason goes with infeasible"),
        (
            lambda: result(stop_reason=StopReason.INFEASIBLE, infeasibility="too small"),
            "infeasible problem has no solution",
        ),
        (lambda: result(instance_digest="0" * 64), "another instance"),
        (lambda: result(lower_bound_s=0.5 * DELAY, bound_kind="lp"), "the solution states another bound"),
    ],
)
def test_contradictions_cannot_be_built(build, fault):
    with pytest.raises(ValueError, match=fault):
        build()


REQUIRED = {
    "instance",
    "digest",
    "solver",
    "status",
    "stop_reason",
    "delay_s",
    "lower_bound_s",
    "bound_kind",
    "gap",
    "gap_beamforming",
    "gap_combinatorial",
    "load_s",
    "build_s",
    "solve_s",
    "rates_s",
    "search_s",
    "total_s",
    "served",
    "hit_ratio",
}


SPLIT = result(0.9, combinatorial_bound_s=0.95 * DELAY, message="hello")


@pytest.mark.parametrize("made", [SPLIT, without_point(), rejected()])
def test_json_is_plain_and_complete(made):
    report = made.to_json()
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    assert set(report) >= REQUIRED
    assert report["total_s"] == sum(report[name] for name in ("load_s", "build_s", "solve_s"))
    assert (report["delay_s"] is None) == (made.status is not Status.FEASIBLE)


def test_summary_shows_the_figures():
    text = SPLIT.summary()
    for part in (
        f"{DELAY:.6f} s",
        f"{0.9 * DELAY:.6f} s (test)",
        "10.0000 %",
        "5.0000 %",
        "hello",
        "feasible",
    ):
        assert part in text
