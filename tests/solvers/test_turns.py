"""Placement and bound of `exact` take turns: an end at any moment returns the best of both, and progress says whose."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.solvers.exact.knapsack_search import FIRST_NODES
from fgamcd_opt.solving.front_door import solve
from fgamcd_opt.testing.stop_after import StopAfter


def nearly_equal() -> P1:
    """One user, three nodes, and 18 blocks of one size that differ a little in delay: many exchanges are near ties."""
    rng = np.random.default_rng(0)
    size = np.full(26, 1_440_000)
    size[:8] = rng.choice([24_000, 360_000, 2_400_000], 8)
    channel = np.array([1.0, 0.8, 0.5])[None, :, None] * rng.uniform(0.95, 1.05, (26, 3, 1))
    return P1(
        Instance(
            name="nearly-equal",
            block_bytes=size,
            model_blocks=np.ones((1, 26), bool),
            requests=np.zeros(1, np.int64),
            storage_bytes=(size.sum() * np.array([0.45, 0.34, 0.24])).astype(int),
            power_w=np.ones(3),
            antennas=np.ones(3, np.int64),
            bandwidth_hz=4e8,
            noise_w=0.3,
            backhaul_bps=rng.uniform(0.9e9, 1.1e9, (26, 3, 3)),
            channel=channel.astype(complex),
            csi_radius=np.zeros((26, 3)),
            pair_channel=np.arange(26),
            csi_set="ellipsoid",
            qos_bps=np.zeros(1),
            node_xy_m=rng.uniform(0, 1000, (3, 2)),
            user_xy_m=rng.uniform(0, 1000, (1, 2)),
            block_names=tuple(f"b{k}" for k in range(26)),
            model_names=("m",),
        )
    )


LIMITS = {"gap": 1e-4}


@pytest.fixture(scope="module")
def whole():
    return solve(nearly_equal(), **LIMITS)


def test_what_the_tree_alone_leaves_open_is_closed(whole):
    assert whole.gap <= LIMITS["gap"]
    assert whole.counts["nodes"] > FIRST_NODES  # or the case is too easy to test anything


@pytest.mark.parametrize("looks", [100, 400, 1000, 1500, 2200, 3000])
def test_an_interrupt_returns_the_best_that_existed_then(whole, looks):
    found = solve(nearly_equal(), **LIMITS, stop=StopAfter(looks))
    _, delay, bound = found.trace[-1]
    assert found.lower_bound_s == bound
    assert found.delay_s == pytest.approx(delay, rel=1e-9)
    assert found.lower_bound_s <= whole.delay_s * (1 + 1e-12)
    assert whole.lower_bound_s <= found.delay_s


def test_the_bound_rises_before_the_placement_is_settled(whole):
    """Both have moved before either is done: after the first round of the placement comes one of the bound."""
    relaxed = solve(nearly_equal(), gap=0.5)
    halfway = [
        bound for _, _, bound in whole.trace if bound and relaxed.lower_bound_s < bound < whole.lower_bound_s
    ]
    assert halfway


def test_progress_says_whose_bound_it_is(caplog, monkeypatch):
    monkeypatch.setattr("fgamcd_opt.solving.context._PROGRESS_INTERVAL_S", 0.0)
    with caplog.at_level(logging.INFO, logger="fgamcd_opt"):
        result = solve(nearly_equal(), **LIMITS)
    lines = [line for line in caplog.messages if "bound" in line and "nodes" in line]
    certified = [float(line.rpartition("certified bound ")[2].split()[0]) for line in lines]
    assert len(lines) > 10
    assert all("bound of this knapsack" in line for line in lines)
    assert certified == sorted(certified)
    assert max(certified) <= result.lower_bound_s + 1e-6
