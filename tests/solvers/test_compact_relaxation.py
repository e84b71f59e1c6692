"""The compact relaxation against enumeration and against the knapsack of F5 on the same rates."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from oracles import random_rates
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csc_array
from test_exact_optimum import tiny_problem
from test_knapsack_stages import optimum

from fgamcd_opt.formulations.knapsack.compact_model import CompactRelaxation, compact_relaxation
from fgamcd_opt.formulations.knapsack.multiple_choice import build_knapsack
from fgamcd_opt.instances.resolve import load
from fgamcd_opt.io.errors import UsageError
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.solving.front_door import solve
from fgamcd_opt.testing.brute_force import best_delay
from fgamcd_opt.testing.random_problems import random_problem


def rates_of(problem: P1, seed: int) -> np.ndarray:
    """Monotone rates; the set of all nodes serves every block."""
    data = problem.instance
    rates = random_rates(seed, data.requested_blocks.size, data.n_nodes)
    rates[:, -1] = np.maximum(rates[:, -1], 1e8)
    return rates


def solved(relaxation: CompactRelaxation) -> tuple[float, np.ndarray | None]:
    """Optimum in s and variables by SciPy's MILP interface; infinite if infeasible."""
    data = relaxation.milp
    matrix = csc_array((data.value, data.index, data.starts), shape=(data.n_rows, data.n_columns))
    result = milp(
        data.cost,
        integrality=data.integral,
        bounds=Bounds(0.0, data.upper),
        constraints=LinearConstraint(matrix, data.row_lower, data.row_upper),
        options={"mip_rel_gap": 0.0},
    )
    return (result.fun / relaxation.per_second, result.x) if result.status == 0 else (math.inf, None)


@pytest.mark.parametrize("seed", range(40))
def test_the_optimum_from_below_and_with_all_sets_exactly(seed):
    """With depth N the program is P1 in its own variables: F5 is what this tests, too."""
    problem = tiny_problem(seed)
    rates = rates_of(problem, seed)
    best = best_delay(problem, rates)
    bounds = [solved(compact_relaxation(problem, rates, d))[0] for d in range(problem.instance.n_nodes + 1)]
    if math.isinf(best):
        assert math.isinf(bounds[-1])
    else:
        assert bounds[-1] == pytest.approx(best, rel=1e-6)
        assert compact_relaxation(problem, rates, 0).least_s <= bounds[0] * (1 + 1e-6)
        assert all(low <= high * (1 + 1e-6) for low, high in pairwise(bounds))


def test_less_depth_is_weaker_on_some_of_them():
    problem = tiny_problem(26)
    rates = rates_of(problem, 26)
    bounds = [solved(compact_relaxation(problem, rates, depth))[0] for depth in range(3)]
    assert bounds[0] < 0.9 * bounds[1]
    assert bounds[1] < 0.9 * bounds[2]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("depth", [1, 2])
def test_never_above_the_knapsack_and_caching_that_fits(seed, depth):
    """Four nodes and up to five blocks, beyond enumeration."""
    problem = random_problem(
        seed, nodes=4, users=4, blocks=5, storage_share=1.4, missing_links=0.1, qos_share=0.0
    )
    rates = rates_of(problem, seed)
    knapsack = build_knapsack(problem, rates)
    best = optimum(knapsack)
    relaxation = compact_relaxation(problem, rates, depth)
    bound, values = solved(relaxation)
    assert bound <= best * (1 + 1e-9)
    masks = relaxation.caching_masks(values)
    held = (masks[:, None] >> np.arange(4)) & 1
    assert (held.T @ knapsack.size_bytes <= knapsack.storage_bytes).all()
    assert (masks > 0).all()


def test_the_solver_proves_less_than_exact_and_says_so():
    problem = P1(load("tiny-n3-u3-s1-0040MB"))
    limits = {"gap": 1e-6}
    weak = solve(problem, "compact", **limits, options={"depth": 0})
    strong = solve(problem, "exact", **limits)
    assert "compact" in weak.bound_kind
    assert "weaker than the knapsack (F5)" in weak.bound_kind
    assert weak.lower_bound_s < 0.99 * strong.lower_bound_s
    assert weak.gap > strong.gap
    assert strong.lower_bound_s <= weak.delay_s
    with pytest.raises(UsageError, match="option depth: -1 is negative"):
        solve(problem, "compact", options={"depth": -1})
