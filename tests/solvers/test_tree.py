"""Branch and bound by multipliers against enumeration, SciPy's MILP solver and its own limits."""

from __future__ import annotations

import math

import numpy as np
import pytest
from knapsacks import choices, medium_knapsack, optimum, small_knapsack

from fgamcd_opt.solvers.milp_backends.milp import solve_milp
from fgamcd_opt.solvers.milp_backends.milp_task import MilpResult
from fgamcd_opt.solving.context import SolveContext
from fgamcd_opt.testing.stop_after import StopAfter


def solved(knapsack, context=None, *, gap=0.0, good_s=-math.inf, target_s=math.inf) -> MilpResult:
    return solve_milp(
        knapsack,
        context or SolveContext(),
        gap=gap,
        good_s=good_s,
        target_s=target_s,
        time_s=math.inf,
        backend="tree",
    )


@pytest.mark.parametrize("seed", range(15))
def test_the_enumerated_optimum_is_found_and_proved(seed):
    knapsack = small_knapsack(seed)
    best = min((knapsack.total_delay_s(choice) for choice in choices(knapsack)), default=math.inf)
    result = solved(knapsack)
    assert result.finished
    if math.isinf(best):
        assert result.columns is None
        assert result.bound_s == math.inf
    else:
        assert knapsack.total_delay_s(result.columns) == pytest.approx(best, rel=1e-12)
        assert best * (1 - 1e-9) <= result.bound_s <= best


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("gap", [0.0, 1e-4, 1e-2])
def test_gap_on_instances_beyond_enumeration(seed, gap):
    knapsack = medium_knapsack(seed)
    best = optimum(knapsack)
    result = solved(knapsack, gap=gap)
    delay = knapsack.total_delay_s(result.columns)
    assert result.finished
    assert knapsack.fits(result.columns)
    assert best * (1 - 1e-9) <= delay
    assert delay * (1 - gap - 1e-9) <= result.bound_s <= best * (1 + 1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_a_bound_or_a_delay_that_is_enough_ends_the_search(seed):
    knapsack = medium_knapsack(seed)
    best = optimum(knapsack)
    whole = solved(knapsack)
    by_bound = solved(knapsack, target_s=0.995 * best)
    assert by_bound.nodes <= whole.nodes
    assert 0.995 * best <= by_bound.bound_s <= best * (1 + 1e-9)
    by_delay = solved(knapsack, good_s=1.05 * best)
    assert knapsack.total_delay_s(by_delay.columns) <= 1.05 * best
    assert by_delay.bound_s <= best * (1 + 1e-9)


@pytest.mark.parametrize("looks", [0, 1, 2, 4, 8, 16])
@pytest.mark.parametrize("seed", range(3))
def test_a_stopped_search_keeps_choice_and_bound(seed, looks):
    knapsack = medium_knapsack(seed)
    best = optimum(knapsack)
    result = solved(knapsack, SolveContext(stop=StopAfter(looks)))
    assert result.bound_s <= best * (1 + 1e-9)
    if result.columns is not None:
        assert knapsack.fits(result.columns)
        assert knapsack.total_delay_s(result.columns) >= best * (1 - 1e-9)


def test_a_start_is_kept():
    knapsack = medium_knapsack(0)
    start = solved(knapsack).columns
    result = solve_milp(
        knapsack,
        SolveContext(stop=StopAfter(0)),
        gap=0.0,
        good_s=-math.inf,
        time_s=math.inf,
        start=start,
        backend="tree",
    )
    np.testing.assert_array_equal(result.columns, start)
    assert not result.finished
