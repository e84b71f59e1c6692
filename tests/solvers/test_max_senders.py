"""`max_senders`: at most so many nodes send a block; against an enumeration of caching, receiving and sending sets."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fgamcd_opt.beamforming.rate_oracle import RateOracle
from fgamcd_opt.instances.resolve import load
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.problem.variants import Variant
from fgamcd_opt.solving.front_door import solve
from fgamcd_opt.solving.status import StopReason
from fgamcd_opt.testing.brute_force import full_oracle
from fgamcd_opt.testing.random_problems import random_problem

LIMITS = {"gap": 1e-6}


def limited(seed: int, most: int, **sizes) -> P1:
    return P1(random_problem(seed, qos_share=0.2, **sizes).instance, Variant(max_senders=most))


def sets_of(nodes: int) -> range:
    return range(1 << nodes)


def block_delay(
    problem: P1, rate_bps: np.ndarray, row: int, caching: int, receiving: int, sending: int
) -> float:
    """Slowest migration into ``receiving`` plus broadcast by ``sending``, all node sets as bit masks."""
    data = problem.data
    block = data.requested_blocks[row]
    bits = 8.0 * float(data.block_bytes[block])
    links = data.backhaul_bps[block if data.backhaul_bps.shape[0] > 1 else 0]
    holders = [n for n in range(data.n_nodes) if (caching >> n) & 1]
    slowest = 0.0
    for m in range(data.n_nodes):
        if (receiving >> m) & 1:
            fastest = max(links[n, m] for n in holders)
            slowest = max(slowest, bits / fastest if fastest > 0 else math.inf)
    rate = rate_bps[row, sending]
    return slowest + (bits / rate if rate > 0 else math.inf)


def enumerated_delay(problem: P1, rate_bps: np.ndarray) -> float:
    """min T over all caching, receiving and sending sets; ``rate_bps`` (R, 2^N) by sending set, without a limit."""
    data, most = problem.data, problem.variant.max_senders
    nodes, sizes = data.n_nodes, data.block_bytes[data.requested_blocks]
    choices = []
    for row in range(sizes.size):
        best = {}
        for caching in sets_of(nodes):
            if caching == 0:
                continue
            ways = (
                block_delay(problem, rate_bps, row, caching, receiving, sending)
                for receiving in sets_of(nodes)
                if receiving & caching == 0
                for sending in sets_of(nodes)
                if sending & ~(caching | receiving) == 0 and 0 < sending.bit_count() <= most
            )
            best[caching] = min(ways)
        choices.append(best)
    found = math.inf
    for masks in itertools.product(*choices):
        used = [sum(int(s) for s, c in zip(sizes, masks, strict=True) if (c >> n) & 1) for n in range(nodes)]
        if all(u <= q for u, q in zip(used, data.storage_bytes.tolist(), strict=True)):
            found = min(found, sum(best[c] for best, c in zip(choices, masks, strict=True)))
    return found


@pytest.mark.parametrize("most", [1, 2, 3])
@pytest.mark.parametrize("seed", range(6))
def test_exact_is_the_enumerated_optimum(seed, most):
    problem = limited(seed, most)
    rates = full_oracle(P1(problem.instance)).lower_bps()
    expected = enumerated_delay(problem, rates)
    result = solve(problem, "exact", **LIMITS)
    if math.isinf(expected):
        assert result.stop_reason is StopReason.INFEASIBLE
        return
    assert result.delay_s <= expected * (1 + 1e-6)
    assert result.lower_bound_s <= expected * (1 + 1e-9)
    senders = result.solution.decision.beams.any(axis=2).sum(axis=1)
    assert senders.max() <= most


@given(seed=st.integers(0, 2**32 - 1), most=st.integers(1, 3), free_of_qos=st.booleans())
@settings(max_examples=40)
def test_no_claim_is_false_on_structured_channels(seed, most, free_of_qos):
    """Opposite, quarter-turned and missing channels: neither a bound nor "infeasible" contradicts the enumeration."""
    drawn = random_problem(seed, users=2, antennas=1, qos_share=0.2).instance
    values = np.random.default_rng(seed).choice(np.array([1, -1, 1j, -1j, 0]), drawn.channel.shape)
    qos = drawn.qos_bps * (0.0 if free_of_qos else 0.3)
    problem = P1(drawn.replace(channel=values, qos_bps=qos), Variant(max_senders=most))
    expected = enumerated_delay(problem, full_oracle(P1(problem.instance)).lower_bps())
    result = solve(problem, "exact", **LIMITS)
    if math.isfinite(expected):
        assert result.stop_reason is not StopReason.INFEASIBLE
        assert result.lower_bound_s <= expected * (1 + 1e-9)


@pytest.mark.parametrize("name", ["greedy", "greedy-delay"])
@pytest.mark.parametrize("seed", range(4))
def test_greedy_methods_keep_the_limit_and_stay_above_the_optimum(name, seed):
    problem = limited(seed, 2)
    best = solve(problem, "exact", **LIMITS)
    found = solve(problem, name)
    if found.delay_s is not None:
        assert found.delay_s >= best.lower_bound_s * (1 - 1e-9)
        assert found.solution.decision.beams.any(axis=2).sum(axis=1).max() <= 2


@pytest.mark.parametrize("most", [1, 2])
def test_the_global_solver_agrees(most):
    problem = P1(load("tiny"), Variant(max_senders=most))
    exact = solve(problem, "exact", **LIMITS)
    alone = solve(problem, "minlp", gap=1e-3, options={"cuts": 1, "start": 0})
    assert alone.lower_bound_s <= exact.delay_s * (1 + 1e-6)
    assert alone.delay_s == pytest.approx(exact.delay_s, rel=2e-3)


def test_a_limit_of_all_nodes_changes_nothing():
    problem = P1(load("small"))
    free = solve(problem, "exact", **LIMITS)
    limited_to_all = solve(P1(problem.instance, Variant(max_senders=problem.data.n_nodes)), "exact", **LIMITS)
    assert limited_to_all.delay_s == free.delay_s


def test_the_checker_counts_senders():
    problem = P1(load("small"))
    decision = solve(problem, "exact").solution.decision
    most = int(decision.beams.any(axis=2).sum(axis=1).max())
    assert most > 1
    judged = P1(problem.instance, Variant(max_senders=most - 1)).evaluate(decision)
    assert judged.violations["max_senders"] == 1.0
    assert judged.places["max_senders"].startswith("block ")
    assert P1(problem.instance, Variant(max_senders=most)).evaluate(decision).feasible


def test_rates_by_participating_set_are_the_best_of_the_sets_that_may_send():
    problem = limited(3, 2)
    free, bound = full_oracle(P1(problem.instance)).lower_bps(), RateOracle(problem)
    assert bound.compute()
    sets = np.arange(free.shape[1])
    for mask in sets[1:]:
        inside = [s for s in sets[1:] if s & ~mask == 0 and int(s).bit_count() <= 2]
        np.testing.assert_allclose(bound.lower_bps()[:, mask], free[:, inside].max(axis=1), rtol=1e-6)
