"""Heuristics on caching: never better than the enumerated optimum, equal to it where storage does not bind."""

from __future__ import annotations

import numpy as np
import pytest
from knapsacks import medium_knapsack, optimum

from fgamcd_opt.instances.resolve import load
from fgamcd_opt.io.errors import UsageError
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.solvers.heuristics.local_search import iterate
from fgamcd_opt.solvers.heuristics.lp_rounding import round_relaxation
from fgamcd_opt.solving.context import SolveContext
from fgamcd_opt.solving.front_door import solve
from fgamcd_opt.solving.status import Status, StopReason
from fgamcd_opt.testing.brute_force import best_delay, full_oracle
from fgamcd_opt.testing.random_problems import random_problem
from fgamcd_opt.testing.stop_after import StopAfter

HEURISTICS = pytest.mark.parametrize("name", ["greedy", "greedy-delay", "lp-rounding", "local-search"])


@HEURISTICS
@pytest.mark.parametrize("seed", range(12))
def test_feasible_and_not_better_than_the_optimum(name, seed):
    rng = np.random.default_rng(seed)
    problem = random_problem(
        seed,
        nodes=int(rng.integers(2, 4)),
        blocks=int(rng.integers(2, 5)),
        qos_share=float(rng.choice([0.0, 0.5, 0.9])),
        storage_share=float(rng.choice([1.0, 1.4, 2.0])),
    )
    oracle = full_oracle(problem)
    result = solve(problem, name)
    assert result.lower_bound_s is None
    assert result.bound_kind is None
    if result.delay_s is not None:
        assert result.verification.valid
        assert result.delay_s >= best_delay(problem, oracle.upper_bps()) * (1 - 1e-9)
    else:
        assert result.status in (Status.INFEASIBLE, Status.UNKNOWN)


@HEURISTICS
@pytest.mark.parametrize("seed", range(4))
def test_the_optimum_is_found_where_every_cache_holds_everything(name, seed):
    problem = random_problem(seed, blocks=4, qos_share=0.0, storage_share=8.0)
    oracle = full_oracle(problem, rounds=0 if name == "greedy" else 2)
    result = solve(problem, name)
    assert result.delay_s == pytest.approx(best_delay(problem, oracle.lower_bps()), rel=1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_choices_fit_and_kicks_never_hurt(seed):
    knapsack = medium_knapsack(seed, 1.8)
    best = optimum(knapsack)
    delays = [knapsack.total_delay_s(iterate(knapsack, SolveContext(), kicks)) for kicks in (0, 10, 60)]
    assert delays == sorted(delays, reverse=True)
    rounded = round_relaxation(knapsack, SolveContext())
    assert knapsack.fits(rounded)
    for delay in (*delays, knapsack.total_delay_s(rounded)):
        assert best * (1 - 1e-9) <= delay <= 1.1 * best


def test_kicks_reach_the_optimum_of_most_instances():
    """The start alone misses some of them, or the kicks would be idle."""
    knapsacks = [medium_knapsack(seed, 1.8) for seed in range(6)]
    reached = [
        sum(
            knapsack.total_delay_s(iterate(knapsack, SolveContext(), kicks)) <= optimum(knapsack) * (1 + 1e-9)
            for knapsack in knapsacks
        )
        for kicks in (0, 200)
    ]
    assert reached[0] < reached[1]
    assert reached[1] >= 4


@pytest.mark.parametrize("looks", [0, 1, 3])
def test_a_stopped_heuristic_returns_what_it_has(looks):
    knapsack = medium_knapsack(1, 1.8)
    for columns in (
        iterate(knapsack, SolveContext(stop=StopAfter(looks)), 1000),
        round_relaxation(knapsack, SolveContext(stop=StopAfter(looks))),
    ):
        assert knapsack.fits(columns)


def test_the_seed_decides_the_kicks():
    knapsack = medium_knapsack(4, 1.8)
    first, again = (iterate(knapsack, SolveContext(seed=3), 20) for _ in range(2))
    np.testing.assert_array_equal(first, again)


def test_a_negative_number_of_kicks_is_refused():
    with pytest.raises(UsageError, match="option kicks: -1 is negative"):
        solve(random_problem(0), "local-search", options={"kicks": -1})


def test_rounding_ends_at_a_degenerate_vertex():
    """A block that is fixed already is tied there at shares 1 and 0; fixing it again would go on for ever."""
    result = solve(P1(load("tiny-n3-u3-s1-0040MB")), "lp-rounding", time_limit=10.0)
    assert result.stop_reason is StopReason.COMPLETED
    assert result.verification.valid
