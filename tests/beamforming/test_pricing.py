"""Pricing of caching sets against enumeration written from the statement of P1."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fgamcd_opt.beamforming.broadcast import BeamformingSettings
from fgamcd_opt.beamforming.sparse_block import SparseBlock
from fgamcd_opt.core import cheapest_set, inverse_rate, reached_delay, unit_delay
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.testing.brute_force import configuration_delay, mask_of, subsets
from fgamcd_opt.testing.random_problems import random_problem

SEEDS = st.integers(0, 2**32 - 1)


def priced_block(seed: int, nodes: int) -> tuple[P1, SparseBlock, np.ndarray, np.ndarray]:
    """A random problem, its first block with some evidence, rate bounds (2^N,) in bit/s, and rents with zeros."""
    problem = random_problem(seed, nodes=nodes, missing_links=0.3)
    rng = np.random.default_rng(seed)
    block = SparseBlock.start(problem, int(problem.instance.requested_blocks[0]))
    for mask in (block.data.table.size - 1, int(rng.integers(1, block.data.table.size))):
        block.solve(mask, BeamformingSettings(rounds=0))
    inverse = np.array([math.inf] + [inverse_rate(block.data, m) for m in range(1, block.data.table.size)])
    rent = rng.uniform(0.0, 2e-9, nodes) * (rng.random(nodes) < 0.7)
    return problem, block, np.where(np.isfinite(inverse), 1.0 / inverse, 0.0), rent


@given(seed=SEEDS, nodes=st.integers(1, 3))
def test_unit_delay_is_the_best_of_all_links(seed, nodes):
    problem, block, rates, _ = priced_block(seed, nodes)
    data = problem.instance
    index = int(data.requested_blocks[0])
    bits = 8.0 * float(data.block_bytes[index])
    for caching in subsets(range(nodes)):
        if caching:
            delay, members = unit_delay(block.data, mask_of(caching))
            expected = configuration_delay(data, index, rates, caching) / bits
            assert delay == pytest.approx(expected)
            assert (members == 0) == math.isinf(expected)
            assert members & mask_of(caching) == (mask_of(caching) if members else 0)


@given(seed=SEEDS, nodes=st.integers(1, 5), start=st.integers(0, 31), allowed=st.integers(0, 31))
def test_cheapest_set_is_the_best_of_all_caching_sets(seed, nodes, start, allowed):
    _, block, _, rent = priced_block(seed, nodes)
    everyone = (1 << nodes) - 1
    allowed &= everyone
    cost, caching, members = cheapest_set(block.data, rent, allowed, start & allowed)
    expected = min(
        (
            unit_delay(block.data, mask_of(c))[0] + rent[list(c)].sum()
            for c in subsets(range(nodes))
            if c and mask_of(c) & ~allowed == 0
        ),
        default=math.inf,
    )
    assert cost == pytest.approx(expected)
    if math.isfinite(expected):
        assert caching & ~allowed == 0
        assert members & caching == caching
        holders = [n for n in range(nodes) if (caching >> n) & 1]
        assert cost == pytest.approx(unit_delay(block.data, caching)[0] + rent[holders].sum())


@given(seed=SEEDS, nodes=st.integers(1, 4))
def test_reached_delay_uses_the_best_beam_that_migration_allows(seed, nodes):
    rng = np.random.default_rng(seed)
    link = np.where(rng.random((nodes, nodes)) < 0.3, np.inf, rng.uniform(1, 2, (nodes, nodes)))
    solved = rng.integers(1, 1 << nodes, size=3)
    inverse = rng.uniform(1, 3, size=3)
    for caching in range(1, 1 << nodes):
        holders = [n for n in range(nodes) if (caching >> n) & 1]
        waits = [
            max((link[holders, m].min() for m in range(nodes) if ((s & ~caching) >> m) & 1), default=0.0)
            for s in solved.tolist()
        ]
        delay, used = reached_delay(link, caching, solved, inverse)
        expected = [w + i for w, i in zip(waits, inverse, strict=True)]
        assert delay == pytest.approx(min(expected))
        assert (used == 0) == math.isinf(min(expected))
        if used:
            assert delay in [e for e, s in zip(expected, solved, strict=True) if s == used]


def test_bounds_hold_for_every_set_that_was_never_solved():
    """Lone users and inherited evidence against the complete table of the dense oracle, on all sets."""
    from fgamcd_opt.beamforming.rate_oracle import RateOracle

    for seed, csi_set in itertools.product(range(3), ("ellipsoid", "balls")):
        problem = random_problem(seed, nodes=4, users=4, csi_set=csi_set)
        oracle = RateOracle(problem, BeamformingSettings(rounds=2))
        oracle.compute()
        for row, index in enumerate(problem.instance.requested_blocks.tolist()):
            block = SparseBlock.start(problem, index)
            block.solve(15, BeamformingSettings(rounds=1))
            bound = np.array([1.0 / inverse_rate(block.data, m) for m in range(1, 16)])
            assert (oracle.lower_bps()[row, 1:] <= bound * (1 + 1e-9)).all()
