"""Bounds with storage relaxed: against enumeration, against each other, and proofs that nothing fits."""

from __future__ import annotations

import math

import numpy as np
import pytest
from oracles import random_rates
from scipy.optimize import linprog

from fgamcd_opt.formulations.knapsack.dual_function import lagrangian_bound
from fgamcd_opt.formulations.knapsack.multiple_choice import Knapsack, build_knapsack
from fgamcd_opt.instances.resolve import load
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.solvers.bounds.storage_relaxation import StorageRelaxation
from fgamcd_opt.solvers.milp_backends.highs import solve_relaxation
from fgamcd_opt.solving.context import SolveContext
from fgamcd_opt.solving.front_door import solve
from fgamcd_opt.solving.status import StopReason
from fgamcd_opt.testing.brute_force import best_delay, full_oracle
from fgamcd_opt.testing.random_problems import random_problem


def random_case(seed: int, storage_share: float) -> tuple[P1, np.ndarray]:
    """A problem of three nodes, and rates (R, 8) that no beamforming made."""
    problem = random_problem(seed, storage_share=storage_share, blocks=4, missing_links=0.0)
    return problem, random_rates(seed, problem.instance.requested_blocks.size, 3)


def linear_program(knapsack: Knapsack) -> float:
    """SciPy's optimum of the LP relaxation in s; infinite if there is none."""
    choice = (knapsack.block[None] == np.arange(knapsack.n_blocks)[:, None]).astype(float)
    load = knapsack.membership().T * knapsack.size_bytes[knapsack.block] / 1e6
    solved = linprog(
        knapsack.delay_s,
        A_ub=load,
        b_ub=knapsack.storage_bytes / 1e6,
        A_eq=choice,
        b_eq=np.ones(choice.shape[0]),
    )
    assert solved.status in (0, 2)
    return float(solved.fun) if solved.status == 0 else math.inf


@pytest.mark.parametrize("seed", range(30))
def test_the_ascent_reaches_the_linear_program_or_proves_that_nothing_fits(seed):
    problem, rates = random_case(seed, (0.9, 1.1, 1.5, 2.5)[seed % 4])
    optimum = linear_program(build_knapsack(problem, rates))
    relaxation = StorageRelaxation(problem, SolveContext())
    knapsack = relaxation.knapsack(rates)
    if knapsack is not None:
        relaxation.ascend(knapsack)
    assert relaxation.infeasible == math.isinf(optimum)
    if not relaxation.infeasible:
        assert relaxation.bound_s == lagrangian_bound(knapsack, relaxation.multipliers)[0]
        assert relaxation.bound_s == pytest.approx(optimum, rel=1e-9)


@pytest.mark.parametrize("storage_gb", ["0.18", "0.4", "1.25"])
def test_the_ascent_reaches_the_linear_program_at_paper_size(storage_gb):
    """Six nodes and some 16 000 columns from rates that no beamforming made; the linear program by HiGHS."""
    problem = P1(load("paper", {"storage_gb": storage_gb}))
    rates = random_rates(7, problem.instance.requested_blocks.size, 6)
    relaxation = StorageRelaxation(problem, SolveContext())
    knapsack = relaxation.knapsack(rates)
    multipliers, feasible = solve_relaxation(knapsack, SolveContext())
    assert feasible
    relaxation.ascend(knapsack)
    assert relaxation.bound_s == pytest.approx(lagrangian_bound(knapsack, multipliers)[0], rel=1e-9)


@pytest.mark.parametrize("seed", range(12))
def test_lp_and_lagrangian_agree_below_the_enumerated_optimum(seed):
    problem = random_problem(seed, nodes=2 + seed % 2, storage_share=(1.2, 2.5)[seed % 2])
    oracle = full_oracle(problem)
    lp, lagrangian = (solve(problem, name) for name in ("lp", "lagrangian"))
    assert lp.stop_reason is lagrangian.stop_reason
    best = best_delay(problem, oracle.upper_bps())
    if lp.stop_reason is StopReason.INFEASIBLE:
        assert math.isinf(best)
        return
    assert lp.stop_reason is StopReason.COMPLETED
    assert lagrangian.lower_bound_s == pytest.approx(lp.lower_bound_s, rel=1e-9)
    assert max(lp.lower_bound_s, lagrangian.lower_bound_s) <= best * (1 + 1e-9)
    by_hand = linear_program(build_knapsack(problem, oracle.upper_bps()))
    assert lp.lower_bound_s == pytest.approx(by_hand, rel=1e-6)


@pytest.mark.parametrize("name", ["lp", "lagrangian"])
def test_a_bound_is_in_hand_before_any_beam(name):
    """No time at all leaves the rates of lone users, which bound P1 from below, and less well than all rates."""
    problem = P1(load("small"))
    early, late = (solve(problem, name, time_limit=s) for s in (1e-9, math.inf))
    assert early.stop_reason is StopReason.TIME_LIMIT
    assert early.counts["rate_problems"] < late.counts["rate_problems"]
    assert 0 < early.lower_bound_s <= late.lower_bound_s


def test_tight_storage_raises_the_bound_towards_the_optimum():
    """The relaxation of storage is not the bound without storage, and lies within 2 % of the optimum here."""
    problem = P1(load("small", {"storage_gb": "0.02"}))
    wide = P1(load("small", {"storage_gb": "1"}))
    bound = solve(problem, "lagrangian").lower_bound_s
    optimum = solve(problem, "exact", gap=1e-3).delay_s
    assert solve(wide, "lagrangian").lower_bound_s < 0.9 * bound
    assert 0.98 * optimum < bound <= optimum
