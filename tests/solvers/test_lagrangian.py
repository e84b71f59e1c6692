"""Lagrangian bound and reduced costs for any multipliers, against enumeration and SciPy's linear programs."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from oracles import random_rates
from random_problems import random_problem
from scipy.optimize import linprog

from fgamcd_opt.context import SolveContext
from fgamcd_opt.formulations.knapsack import Knapsack, build_knapsack
from fgamcd_opt.solvers.highs import solve_relaxation
from fgamcd_opt.solvers.lagrangian import lagrangian_bound
from fgamcd_opt.solvers.milp import solve_milp


def small_knapsack(seed: int) -> Knapsack:
    """A feasible knapsack of three nodes."""
    problem = random_problem(seed, storage_share=2.0, blocks=4, missing_links=0.0)
    data = problem.instance
    return build_knapsack(problem, random_rates(seed, data.requested_blocks.size, 3))


def linear_program(knapsack: Knapsack):
    """SciPy's solution of the LP relaxation."""
    columns = np.arange(knapsack.block.size)
    choice = (knapsack.block[None] == np.arange(knapsack.n_blocks)[:, None]).astype(float)
    load = knapsack.membership()[columns].T * knapsack.size_bytes[knapsack.block] / 1e6
    return linprog(
        knapsack.delay_s,
        A_ub=load,
        b_ub=knapsack.storage_bytes / 1e6,
        A_eq=choice,
        b_eq=np.ones(choice.shape[0]),
    )


def choices(knapsack: Knapsack):
    """All choices of one column per block that fit."""
    starts = knapsack.starts
    for choice in itertools.product(*(range(starts[k], starts[k + 1]) for k in range(knapsack.n_blocks))):
        if knapsack.fits(np.array(choice)):
            yield np.array(choice)


@pytest.mark.parametrize("seed", range(20))
def test_bound_lies_below_the_relaxation_for_random_multipliers(seed):
    knapsack = small_knapsack(seed)
    relaxed = linear_program(knapsack)
    assert relaxed.status in (0, 2)
    rng = np.random.default_rng(seed)
    scale = knapsack.delay_s.mean() / knapsack.size_bytes.mean()
    for _ in range(50):
        multipliers = scale * rng.exponential(size=3) * (rng.random(3) < 0.7)
        bound, _ = lagrangian_bound(knapsack, multipliers)
        if relaxed.status == 0:
            assert bound <= relaxed.fun * (1 + 1e-9)


@pytest.mark.parametrize("seed", range(20))
def test_reduced_costs_bound_every_choice_that_holds_the_column(seed):
    knapsack = small_knapsack(seed)
    rng = np.random.default_rng(seed)
    scale = knapsack.delay_s.mean() / knapsack.size_bytes.mean()
    multipliers = [scale * rng.exponential(size=3) for _ in range(3)]
    relaxation = solve_relaxation(knapsack, SolveContext())
    if relaxation is not None and relaxation[1]:
        multipliers.append(relaxation[0])
    fitting = list(choices(knapsack))
    for prices in multipliers:
        bound, reduced = lagrangian_bound(knapsack, prices)
        assert (reduced >= 0).all()
        for choice in fitting:
            assert bound + reduced[choice].sum() <= knapsack.delay_s[choice].sum() * (1 + 1e-12)


@pytest.mark.parametrize("seed", range(20))
def test_multipliers_of_the_relaxation_give_its_value(seed):
    """Strong duality, with another LP solver interface and other scaling."""
    knapsack = small_knapsack(seed)
    relaxed = linear_program(knapsack)
    found = solve_relaxation(knapsack, SolveContext())
    assert found is not None
    multipliers, feasible = found
    assert feasible == (relaxed.status == 0)
    if feasible:
        assert (multipliers >= 0).all()
        bound, _ = lagrangian_bound(knapsack, multipliers)
        assert bound == pytest.approx(relaxed.fun, rel=1e-6)
        assert bound <= relaxed.fun * (1 + 1e-9)


@pytest.mark.parametrize("seed", range(10))
def test_milp_against_enumeration_of_all_choices(seed):
    knapsack = small_knapsack(seed)
    best = min((knapsack.total_delay_s(choice) for choice in choices(knapsack)), default=np.inf)
    result = solve_milp(knapsack, SolveContext(), gap=0.0, good_s=-np.inf, time_s=np.inf)
    assert result.finished
    if np.isinf(best):
        assert result.columns is None
        assert result.bound_s == np.inf
    else:
        assert knapsack.total_delay_s(result.columns) == pytest.approx(best, rel=1e-9)
        assert best * (1 - 1e-6) <= result.bound_s <= best * (1 + 1e-9)
