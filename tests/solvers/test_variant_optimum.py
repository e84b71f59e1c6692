"""`exact` on every variant against an enumeration of whole decisions: every caching, every migration."""

from __future__ import annotations

import math

import pytest

from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.problem.variants import Variant
from fgamcd_opt.solving.front_door import solve
from fgamcd_opt.solving.registry import get_solver, solver_names
from fgamcd_opt.solving.status import StopReason
from fgamcd_opt.testing.brute_force import best_decision_delay, best_delay, full_oracle
from fgamcd_opt.testing.random_problems import random_problem

VARIANTS = (
    {"granularity": "model"},
    {"delivery": "unicast_tdma"},
    {"delivery": "hybrid(1)"},
    {"delivery": "local_broadcast"},
    {"cooperation": "false"},
    {"delivery": "local_broadcast", "cooperation": "false", "unserved": "cloud(2e8)"},
    {"granularity": "model", "unserved": "cloud(5e7)"},
    {"delivery": "hybrid(2)", "unserved": "cloud(2e8)"},
    {"unserved": "cloud(1e9)"},
)
EVERY_VARIANT = pytest.mark.parametrize("fields", VARIANTS, ids=lambda f: "-".join(f.values()))
CASES = [
    pytest.param(name, fields, id="-".join([name, *fields.values()]))
    for name in solver_names()
    for fields in VARIANTS
    if "delivery" in get_solver(name).variants and set(fields) <= set(get_solver(name).variants)
]


def problem_of(fields, seed: int, **sizes) -> P1:
    return P1(random_problem(seed, qos_share=0.3, **sizes).instance, Variant.parse(fields))


@EVERY_VARIANT
@pytest.mark.parametrize("seed", [0, 1])
def test_the_enumeration_agrees_with_whole_decisions(fields, seed):
    """The quick enumeration used below, against every a and b as the evaluation sees them."""
    problem = problem_of(fields, seed, nodes=2, users=2, blocks=2, storage_share=1.6)
    if problem.data.n_blocks > 2:  # copies of shared blocks: too many decisions to try
        problem = P1(random_problem(4, nodes=2, users=2, blocks=1).instance, problem.variant)
    assert problem.data.n_blocks <= 3
    oracle = full_oracle(problem)
    whole = best_decision_delay(problem, oracle)
    quick = best_delay(problem, oracle.lower_bps())
    if math.isinf(whole):
        assert math.isinf(quick)
    elif problem.variant.cloud_rate_bps is None:
        assert quick == pytest.approx(whole, rel=1e-9)
    else:  # the whole decisions tried never leave to the cloud what nodes can send
        assert quick <= whole * (1 + 1e-9)


@pytest.mark.parametrize(("name", "fields"), CASES)
@pytest.mark.parametrize("seed", range(3))
def test_solvers_against_the_enumeration(name, fields, seed):
    """Never below the best delay with certified rates; bounds never above the best delay of beams in hand."""
    problem = problem_of(fields, seed, storage_share=1.5)
    result = solve(problem, name, gap=1e-6)
    judged = P1(problem.instance, result.variant)
    oracle = full_oracle(judged)
    best, least = best_delay(judged, oracle.lower_bps()), best_delay(judged, oracle.upper_bps())
    if result.delay_s is not None:
        assert result.delay_s >= least * (1 - 1e-9)
    if result.lower_bound_s is not None:
        assert result.lower_bound_s <= best * (1 + 1e-9)
    if result.stop_reason is StopReason.INFEASIBLE:
        assert math.isinf(best)
    if name == "exact" and math.isfinite(best):
        assert result.delay_s <= best * (1 + 1e-6)
        assert result.gap < 0.05
