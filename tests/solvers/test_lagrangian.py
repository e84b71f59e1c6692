"""Lagrangian bound and reduced costs for any multipliers, against enumeration and SciPy's linear programs."""

from __future__ import annotations

import math

import numpy as np
import pytest
from knapsacks import choices, relaxed, small_knapsack

from fgamcd_opt.formulations.knapsack.dual_function import lagrangian_bound
from fgamcd_opt.solvers.milp_backends.highs import solve_relaxation
from fgamcd_opt.solvers.milp_backends.milp import solve_milp
from fgamcd_opt.solving.context import SolveContext


@pytest.mark.parametrize("seed", range(20))
def test_bound_lies_below_the_relaxation_for_random_multipliers(seed):
    knapsack = small_knapsack(seed)
    value = relaxed(knapsack)
    rng = np.random.default_rng(seed)
    scale = knapsack.delay_s.mean() / knapsack.size_bytes.mean()
    for _ in range(50):
        multipliers = scale * rng.exponential(size=3) * (rng.random(3) < 0.7)
        bound, _ = lagrangian_bound(knapsack, multipliers)
        if math.isfinite(value):
            assert bound <= value * (1 + 1e-9)


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
    value = relaxed(knapsack)
    found = solve_relaxation(knapsack, SolveContext())
    assert found is not None
    multipliers, feasible = found
    assert feasible == math.isfinite(value)
    if feasible:
        assert (multipliers >= 0).all()
        bound, _ = lagrangian_bound(knapsack, multipliers)
        assert bound == pytest.approx(value, rel=1e-6)
        assert bound <= value * (1 + 1e-9)


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
