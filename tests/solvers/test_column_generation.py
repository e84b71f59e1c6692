"""Column generation against brute force, the LP of F5 over the complete table, and the exact solver."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fgamcd_opt.beamforming.broadcast import BeamformingSettings
from fgamcd_opt.beamforming.rate_oracle import RateOracle
from fgamcd_opt.beamforming.sparse_block import SparseBlock
from fgamcd_opt.instances.resolve import load
from fgamcd_opt.io.errors import UsageError
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.problem.variants import Variant
from fgamcd_opt.solving.front_door import solve
from fgamcd_opt.solving.status import StopReason
from fgamcd_opt.testing.brute_force import best_delay
from fgamcd_opt.testing.random_problems import random_problem


@settings(max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), nodes=st.integers(1, 3))
def test_bound_and_delay_enclose_the_optimum(seed, nodes):
    problem = random_problem(seed, nodes=nodes)
    oracle = RateOracle(problem, BeamformingSettings(rounds=2))
    oracle.compute()
    optimum = best_delay(problem, oracle.lower_bps())
    relaxed = best_delay(problem, oracle.upper_bps())
    result = solve(problem, "column-generation", gap=1e-6, time_limit=20.0)
    if result.stop_reason is StopReason.INFEASIBLE:
        assert math.isinf(relaxed)
        return
    assert result.lower_bound_s is not None
    assert result.lower_bound_s <= optimum * (1 + 1e-9)
    if result.solution is not None:
        assert result.verification.valid
        assert result.solution.delay_s >= relaxed * (1 - 1e-9)


@pytest.mark.parametrize("storage", ["0.08", "0.05"])
def test_bound_is_at_least_the_lp_of_the_complete_knapsack(storage):
    """The LP over all columns; what is listed for the closing raises it."""
    problem = P1(load("small", {"storage_gb": storage}))
    generated = solve(problem, "column-generation", gap=1e-5)
    complete = solve(problem, "lp", gap=1e-5)
    assert generated.lower_bound_s >= complete.lower_bound_s * (1.0 - 3e-4)
    exact = solve(problem, "exact", gap=1e-3)
    assert generated.lower_bound_s <= exact.solution.delay_s
    assert generated.verification.valid
    assert exact.lower_bound_s <= generated.solution.delay_s <= exact.solution.delay_s * 1.02
    assert generated.counts["rate_problems"] < generated.counts["rate_problems_total"]


def test_what_the_relaxation_leaves_open_is_closed():
    """The LP of this one is 1 % below its optimum; the sets within reach of the incumbent decide."""
    problem = P1(load("small", {"storage_gb": "0.05"}))
    result, table = (
        solve(problem, "exact", gap=1e-4, options={"rates": rates}) for rates in ("demand", "table")
    )
    assert result.gap <= 1e-4
    assert result.lower_bound_s <= table.delay_s
    assert table.lower_bound_s <= result.delay_s
    assert result.counts["rate_problems"] < result.counts["rate_problems_total"]


@settings(max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), nodes=st.integers(1, 4), share=st.floats(1.0, 4.0))
def test_listed_sets_are_those_within_the_limit(seed, nodes, share):
    """Against all 2^N caching sets, looked at one by one."""
    problem = random_problem(seed, nodes=nodes)
    rng = np.random.default_rng(seed)
    block = SparseBlock.start(problem, int(problem.instance.requested_blocks[0]))
    least = block.least_delay()
    rent = rng.uniform(0.0, 1.0, nodes) * (least if math.isfinite(least) else 1.0)
    allowed = int(rng.integers(1, 1 << nodes))
    priced = {
        mask: block.delay(mask) + sum(rent[n] for n in range(nodes) if (mask >> n) & 1)
        for mask in range(1, 1 << nodes)
        if mask & ~allowed == 0
    }
    cheapest = min(priced.values())
    assert block.least_priced(rent, allowed) == pytest.approx(cheapest)
    limit = share * cheapest
    if math.isinf(limit):
        return
    listed = block.sets_within(rent, allowed, limit, 1 << nodes)
    assert listed is not None
    assert {m for m, cost in priced.items() if cost <= limit * (1 - 1e-9)} <= set(listed)
    assert all(priced[m] <= limit * (1 + 1e-9) for m in listed)
    assert len(set(listed)) == len(listed)
    if listed:
        assert block.sets_within(rent, allowed, limit, len(listed) - 1) is None
    for mask in ((1 << nodes) - 1, allowed):
        block.solve(mask, BeamformingSettings(seed=0))
    paid = {m: sum(rent[n] for n in range(nodes) if (m >> n) & 1) for m in priced}
    reached = min(block.reached(m)[0] + paid[m] for m in priced)
    assert block.least_reached(rent, allowed) == pytest.approx(reached)


@pytest.mark.parametrize(
    ("options", "variant", "words"),
    [
        ({"rates": "some"}, {}, "take auto, table or demand"),
        ({"rates": "demand"}, {"csi": "nominal"}, "for P1 itself"),
        ({"rates": "demand", "max_nodes": 10}, {}, "without max_nodes"),
    ],
)
def test_rates_that_cannot_be_had_are_refused(options, variant, words):
    with pytest.raises(UsageError, match=words):
        solve(P1(load("tiny"), Variant.parse(variant)), "exact", options=options)


def test_threads_do_not_change_the_result():
    problem = P1(load("small"))
    one, two = (solve(problem, "column-generation", gap=1e-3, threads=t) for t in (1, 2))
    assert one.lower_bound_s == two.lower_bound_s
    assert one.solution.delay_s == two.solution.delay_s
    assert (one.solution.decision.caching == two.solution.decision.caching).all()


def test_twelve_nodes_need_few_beamforming_problems():
    problem = P1(load("small", {"nodes": "12", "storage_gb": "0.03"}))
    result = solve(problem, "column-generation", gap=1e-2, time_limit=120.0)
    assert result.verification.valid
    assert result.gap <= 2e-2
    touched = result.counts["rate_problems"] + result.counts["rate_bounds"]
    assert touched < 0.05 * result.counts["rate_problems_total"]


def test_storage_that_holds_no_placement_is_refuted():
    """Two nodes with room for one block each, three blocks of that size: total storage would do for two."""
    problem = random_problem(5, nodes=2, blocks=3, qos_share=0.3, missing_links=0.0)
    data = problem.instance
    blocks = data.requested_blocks
    sizes = data.block_bytes.copy()
    sizes[blocks] = 1_000_000
    room = np.full(2, int(1_000_000 * (blocks.size - 0.5) / 2))
    tight = P1(data.replace(block_bytes=sizes, storage_bytes=room))
    assert solve(tight, "column-generation").stop_reason is StopReason.INFEASIBLE


def test_too_many_nodes_are_refused():
    with pytest.raises(UsageError, match="17 nodes"):
        solve(P1(load("tiny", {"nodes": "17"})), "column-generation")


def test_a_block_that_only_unlinked_nodes_can_hold_is_refuted():
    """QoS needs both nodes, the block fits into the first alone, and no link leads to the second."""
    problem = random_problem(11, nodes=2, users=2, blocks=1, qos_share=0.95, missing_links=0.0)
    data = problem.instance
    cut = P1(
        data.replace(
            storage_bytes=np.array([data.block_bytes[0], data.block_bytes[0] - 1]),
            backhaul_bps=np.zeros_like(data.backhaul_bps),
        )
    )
    oracle = RateOracle(cut, BeamformingSettings(rounds=2))
    oracle.compute()
    assert math.isinf(best_delay(cut, oracle.upper_bps()))
    assert solve(cut, "column-generation").stop_reason is StopReason.INFEASIBLE
