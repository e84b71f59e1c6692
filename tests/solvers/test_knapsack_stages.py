"""Bound and choice of the knapsack search at every stage, limit and interruption, on instances beyond enumeration."""

from __future__ import annotations

import math

import numpy as np
import pytest
from knapsacks import medium_knapsack, optimum
from oracles import close, random_rates

from fgamcd_opt.formulations.knapsack.configuration_delays import configuration_delays
from fgamcd_opt.formulations.knapsack.multiple_choice import Knapsack, build_knapsack
from fgamcd_opt.solvers.exact.knapsack_search import KnapsackSearch
from fgamcd_opt.solving.context import SolveContext
from fgamcd_opt.testing.random_problems import random_problem
from fgamcd_opt.testing.stop_after import StopAfter


@pytest.mark.parametrize("seed", range(8))
def test_bound_is_valid_at_every_stage_and_never_falls(seed):
    knapsack = medium_knapsack(seed)
    best = optimum(knapsack)
    assert math.isfinite(best)
    found = KnapsackSearch(knapsack, "test")
    assert found.bound_s == -math.inf
    found.relax()
    for gap in (0.3, 0.1, 1e-2, 1e-3, 1e-4, 0.0):
        before = found.bound_s, found.delay_s
        close(found, gap=gap)
        assert before[0] <= found.bound_s <= best * (1 + 1e-9)
        assert best * (1 - 1e-9) <= found.delay_s <= before[1]
        assert found.gap <= gap + 1e-9
        assert knapsack.fits(found.columns)
    assert found.delay_s == pytest.approx(best, rel=1e-7)


@pytest.mark.parametrize("seed", range(4))
def test_a_bound_that_is_enough_ends_the_search(seed):
    knapsack = medium_knapsack(seed)
    best = optimum(knapsack)
    found = KnapsackSearch(knapsack, "test")
    found.relax()
    target = 0.5 * (found.bound_s + best)
    close(found, target_s=target)
    assert target <= found.bound_s <= best * (1 + 1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_a_choice_that_is_enough_ends_the_search(seed):
    knapsack = medium_knapsack(seed)
    best = optimum(knapsack)
    found = KnapsackSearch(knapsack, "test")
    found.relax()
    good = 1.01 * best
    close(found, good_s=good)
    assert best * (1 - 1e-9) <= found.delay_s <= good
    assert found.bound_s <= best * (1 + 1e-9)


@pytest.mark.parametrize("looks", [0, 1, 2, 3, 5, 8, 20])
@pytest.mark.parametrize("seed", range(3))
def test_an_interrupted_search_keeps_a_valid_bound(seed, looks):
    knapsack = medium_knapsack(seed)
    best = optimum(knapsack)
    context = SolveContext(stop=StopAfter(looks))
    found = KnapsackSearch(knapsack, "test")
    found.relax()
    close(found, context)
    assert found.bound_s <= best * (1 + 1e-9)
    assert found.delay_s >= best * (1 - 1e-9)
    assert found.columns is None or knapsack.fits(found.columns)


@pytest.mark.parametrize("seed", range(6))
def test_dropping_dominated_columns_keeps_the_optimum(seed):
    """All finite columns against those that `build_knapsack` keeps; rates are capped, so that many are dominated."""
    problem = random_problem(seed, nodes=4, users=4, blocks=8, storage_share=1.5, missing_links=0.1)
    data = problem.instance
    rates = random_rates(seed, data.requested_blocks.size, 4)
    rates = np.minimum(rates, np.median(rates, axis=1, keepdims=True))
    kept = build_knapsack(problem, rates)
    delay, _ = configuration_delays(problem, rates)
    block, mask = np.nonzero(np.isfinite(delay))
    every = Knapsack(block, mask, delay[block, mask], kept.size_bytes, kept.storage_bytes)
    assert every.block.size > kept.block.size
    assert optimum(kept) == pytest.approx(optimum(every), rel=1e-7)


@pytest.mark.parametrize("seed", range(6))
def test_infeasible_storage_is_proved(seed):
    """Each node holds a little less than its part of the requested bytes."""
    knapsack = medium_knapsack(seed, storage_share=0.7)
    assert knapsack.size_bytes.sum() > knapsack.storage_bytes.sum()
    found = KnapsackSearch(knapsack, "test")
    found.relax()
    close(found)
    assert found.infeasible
    assert found.columns is None
