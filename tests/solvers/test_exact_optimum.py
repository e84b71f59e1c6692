"""The exact solver and the knapsack search against enumeration of every caching and migration on tiny instances."""

from __future__ import annotations

import math

import numpy as np
import pytest
from oracles import close, random_rates

from fgamcd_opt.formulations.knapsack.multiple_choice import build_knapsack
from fgamcd_opt.solvers.exact.knapsack_search import KnapsackSearch
from fgamcd_opt.solving.front_door import solve
from fgamcd_opt.solving.status import Status, StopReason
from fgamcd_opt.testing.brute_force import best_decision_delay, best_delay, full_oracle
from fgamcd_opt.testing.random_problems import random_problem


def tiny_problem(seed: int):
    """Two or three nodes, two to four blocks; storage from too small to ample, both error sets."""
    rng = np.random.default_rng(seed)
    return random_problem(
        seed,
        nodes=int(rng.integers(2, 4)),
        users=int(rng.integers(1, 4)),
        blocks=int(rng.integers(2, 5)),
        qos_share=float(rng.choice([0.0, 0.5, 0.9])),
        storage_share=float(rng.choice([1.0, 1.4, 2.0, 3.0])),
        csi_set=str(rng.choice(["ellipsoid", "balls"])),
    )


@pytest.mark.parametrize("seed", range(40))
def test_knapsack_search_finds_the_enumerated_optimum(seed):
    """Arbitrary monotone rates, so that nothing of the beamforming is in it."""
    problem = tiny_problem(seed)
    data = problem.instance
    rates = random_rates(seed, data.requested_blocks.size, data.n_nodes)
    best = best_delay(problem, rates)
    found = KnapsackSearch(build_knapsack(problem, rates), "test")
    found.relax()
    assert found.bound_s <= best or found.infeasible
    close(found)
    assert found.infeasible == math.isinf(best)
    if not found.infeasible:
        assert found.delay_s == pytest.approx(best, rel=1e-9)
        assert found.bound_s <= best * (1 + 1e-12)
        assert found.bound_s >= best * (1 - 1e-6)


def test_both_outcomes_occur_among_these_instances():
    """Some of the forty are infeasible by storage or links, most are not."""
    feasible = []
    for seed in range(40):
        problem = tiny_problem(seed)
        data = problem.instance
        feasible.append(
            math.isfinite(best_delay(problem, random_rates(seed, data.requested_blocks.size, data.n_nodes)))
        )
    assert 20 <= sum(feasible) < 40


@pytest.mark.parametrize("seed", range(30))
def test_exact_solver_between_the_enumerations_with_beams_and_with_bounds(seed):
    """T with the beams in hand is reached or beaten; no T or bound contradicts the certified rates (F7)."""
    problem = tiny_problem(seed)
    oracle = full_oracle(problem)
    with_beams, with_bounds = best_delay(problem, oracle.lower_bps()), best_delay(problem, oracle.upper_bps())
    result = solve(problem, "exact", gap=1e-6)
    if math.isinf(with_bounds):
        assert result.stop_reason is StopReason.INFEASIBLE
        return
    assert result.lower_bound_s is not None
    assert result.lower_bound_s <= with_beams
    if math.isinf(with_beams):
        assert result.status is Status.UNKNOWN
        return
    assert result.verification is not None
    assert result.verification.valid
    assert with_bounds * (1 - 1e-9) <= result.delay_s <= with_beams * (1 + 1e-9)
    assert result.lower_bound_s >= with_bounds * (1 - 1e-6)
    assert result.lower_bound_s <= result.combinatorial_bound_s * (1 + 1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_exact_solver_against_every_decision_as_the_checker_evaluates_it(seed):
    """All binaries of two nodes and two blocks, judged as whole decisions: F5 itself is what is tested."""
    problem = random_problem(seed, nodes=2, users=2, blocks=2, storage_share=1.5, missing_links=0.3)
    best = best_decision_delay(problem, full_oracle(problem))
    result = solve(problem, "exact", gap=1e-6)
    if math.isinf(best):
        assert result.stop_reason is StopReason.INFEASIBLE
    else:
        assert result.delay_s == pytest.approx(best, rel=1e-4)
        assert result.lower_bound_s <= best


@pytest.mark.parametrize("seed", [*range(8), 101, 146, 232])
def test_blocks_of_a_few_bytes_are_placed_as_well(seed):
    """Nothing depends on sizes being megabytes: the same problem with blocks a million times smaller."""
    problem = tiny_problem(seed)
    data = problem.instance
    small = type(problem)(
        data.replace(
            block_bytes=np.maximum(data.block_bytes // 1_000_000, 1),
            storage_bytes=data.storage_bytes // 1_000_000,
        )
    )
    rates = random_rates(seed, data.requested_blocks.size, data.n_nodes)
    best = best_delay(small, rates)
    found = KnapsackSearch(build_knapsack(small, rates), "test")
    found.relax()
    close(found)
    assert found.infeasible == math.isinf(best)
    if not found.infeasible:
        assert found.delay_s == pytest.approx(best, rel=1e-9)
        assert found.bound_s <= best * (1 + 1e-12)
