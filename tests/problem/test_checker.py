"""The checker accepts a valid solution and rejects every single change of it."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest
from toy_problems import solved_toy

from fgamcd_opt.problem.checker import verify
from fgamcd_opt.problem.decision import Decision
from fgamcd_opt.problem.evaluation import evaluate
from fgamcd_opt.problem.solution_file import Solution


def changed(solution: Solution, name: str, index: tuple[int, ...], value: complex) -> Solution:
    """The solution with one entry of one array of its decision changed."""
    arrays = {key: getattr(solution.decision, key).copy() for key in ("caching", "migration", "beams")}
    arrays[name][index] = value
    return dataclasses.replace(solution, decision=Decision(**arrays))


def test_valid_solution_is_accepted():
    instance, solution = solved_toy()
    bounded = dataclasses.replace(solution, lower_bound_s=solution.delay_s * 0.9, bound_kind="test")
    for candidate in (solution, bounded):
        verdict = verify(instance, candidate)
        assert verdict.valid, verdict.faults
        report = verdict.to_json()
        assert json.loads(json.dumps(report, allow_nan=False)) == report
        assert report["delay_s"] == solution.delay_s
        assert report["max_violation"] <= report["tolerance"]
        assert report["served"] == 2


@pytest.mark.parametrize(
    ("name", "index", "value", "constraint"),
    [
        ("caching", (0, 0), False, "coverage"),
        ("caching", (0, 1), False, "migration_source"),
        ("caching", (1, 2), True, "storage"),
        ("caching", (2, 2), True, "storage"),
        ("migration", (0, 1, 1), False, "silence"),
        ("migration", (0, 2, 1), True, "link"),
        ("migration", (0, 0, 1), True, "link"),
        ("migration", (2, 0, 0), True, "migration_source"),
        ("beams", (0, 2, 0), 1e-9, "silence"),
        ("beams", (1, 0), 0.0, "qos"),
    ],
)
def test_one_changed_entry_breaks_its_constraint(name, index, value, constraint):
    instance, solution = solved_toy()
    if constraint == "coverage":
        solution = changed(solution, "migration", (0, 1, 0), False)
    bad = changed(solution, name, index, value)
    recomputed = evaluate(instance, bad.decision).delay_s
    if np.isfinite(recomputed):
        bad = dataclasses.replace(bad, delay_s=recomputed)
    faults = verify(instance, bad).faults
    assert constraint in [fault.split()[0] for fault in faults]


@pytest.mark.parametrize("factor", [1.0 + 1e-6, 2.0, 1e200])
def test_more_power_than_the_budget_is_rejected(factor):
    instance, solution = solved_toy()
    arrays = (solution.decision.caching, solution.decision.migration, solution.decision.beams * factor)
    decision = Decision(*arrays)
    delay = evaluate(instance, decision).delay_s
    bad = dataclasses.replace(solution, decision=decision, delay_s=delay if np.isfinite(delay) else 1.0)
    verdict = verify(instance, bad)
    assert "power" in [fault.split()[0] for fault in verdict.faults]
    json.dumps(verdict.to_json(), allow_nan=False)


def test_less_power_misses_the_qos():
    instance, solution = solved_toy()
    decision = dataclasses.replace(solution.decision, beams=solution.decision.beams * 0.999)
    delay = evaluate(instance, decision).delay_s
    faults = verify(instance, dataclasses.replace(solution, decision=decision, delay_s=delay)).faults
    assert [fault.split()[0] for fault in faults] == ["qos"]


@pytest.mark.parametrize(
    ("claims", "fault"),
    [
        (lambda s: {"delay_s": s.delay_s * (1 - 1e-8)}, "claimed delay"),
        (lambda s: {"delay_s": s.delay_s * (1 + 1e-8)}, "claimed delay"),
        (lambda s: {"delay_s": -s.delay_s}, "claimed delay"),
        (lambda s: {"lower_bound_s": s.delay_s * (1 + 1e-8), "bound_kind": "lp"}, "claimed lower bound"),
        (lambda s: {"instance_digest": "0" * 64}, "the solution is for solved with digest 0000"),
    ],
)
def test_false_claims_are_rejected(claims, fault):
    instance, solution = solved_toy()
    verdict = verify(instance, dataclasses.replace(solution, **claims(solution)))
    assert len(verdict.faults) == 1
    assert verdict.faults[0].startswith(fault)


def test_a_block_that_never_arrives_is_rejected():
    instance, solution = solved_toy()
    instance = instance.replace(qos_bps=np.zeros(2))
    silent = dataclasses.replace(solution.decision, beams=np.zeros_like(solution.decision.beams))
    verdict = verify(
        instance, dataclasses.replace(solution, decision=silent, instance_digest=instance.digest)
    )
    assert verdict.faults == ("the delay is inf: some requested block never arrives",)
    assert verdict.to_json()["delay_s"] is None


def test_wrong_shape_is_a_verdict_and_no_crash():
    instance, solution = solved_toy()
    decision = Decision(solution.decision.caching, solution.decision.migration, np.zeros((2, 3, 2)))
    verdict = verify(instance, dataclasses.replace(solution, decision=decision))
    assert not verdict.valid
    assert verdict.evaluation is None
    assert verdict.to_json()["delay_s"] is None


def test_checker_loads_no_solver():
    """Seen from a fresh interpreter: no backend, no compiled core, no solver module."""
    code = (
        "import sys, fgamcd_opt.problem.checker, fgamcd_opt.instances.format; print('\\n'.join(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    assert "fgamcd_opt.problem.checker" in loaded
    forbidden = ("fgamcd_opt.core", "highspy", "scipy", "fgamcd_opt.solvers", "fgamcd_opt.formulations")
    assert [name for name in loaded if name.startswith(forbidden)] == []
