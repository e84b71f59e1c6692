"""Columns of the knapsack: which ones are dropped as dominated, and what the rest promises."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fgamcd_opt.formulations.knapsack.configuration_delays import configuration_delays
from fgamcd_opt.formulations.knapsack.multiple_choice import build_knapsack
from fgamcd_opt.testing.random_problems import random_problem


def problem_and_rates(seed: int, nodes: int = 3):
    problem = random_problem(seed, nodes=nodes, storage_share=np.random.default_rng(seed).uniform(0.3, 3.0))
    rng = np.random.default_rng(seed + 1)
    rates = rng.uniform(1e8, 4e8, size=(problem.instance.requested_blocks.size, 1 << nodes))
    return problem, rates * (rng.random(rates.shape) < 0.8)


@given(seed=st.integers(0, 2**31), nodes=st.integers(1, 4))
def test_a_column_is_dropped_exactly_if_a_subset_is_as_quick_or_it_cannot_be_stored(seed, nodes):
    problem, rates = problem_and_rates(seed, nodes)
    data = problem.instance
    delay, _ = configuration_delays(problem, rates)
    knapsack = build_knapsack(problem, rates)
    kept = set(zip(knapsack.block.tolist(), knapsack.mask.tolist(), strict=True))
    for row, block in enumerate(data.requested_blocks.tolist()):
        for mask in range(1, 1 << nodes):
            held = (mask >> np.arange(nodes)) & 1 == 1
            stored = (data.block_bytes[block] <= data.storage_bytes[held]).all()
            rivals = [delay[row, s] for s in range(1, mask) if s & mask == s]
            useful = np.isfinite(delay[row, mask]) and delay[row, mask] < min(rivals, default=np.inf)
            assert ((row, mask) in kept) == (stored and useful)


@given(seed=st.integers(0, 2**31))
def test_columns_are_sorted_and_carry_their_delay(seed):
    problem, rates = problem_and_rates(seed)
    delay, _ = configuration_delays(problem, rates)
    knapsack = build_knapsack(problem, rates)
    np.testing.assert_array_equal(knapsack.delay_s, delay[knapsack.block, knapsack.mask])
    assert (np.diff(knapsack.block) >= 0).all()
    inside = np.diff(knapsack.block) == 0
    assert (np.diff(knapsack.delay_s)[inside] >= 0).all()
    counts = np.bincount(knapsack.block, minlength=knapsack.n_blocks)
    np.testing.assert_array_equal(np.diff(knapsack.starts), counts)


@given(seed=st.integers(0, 2**31))
def test_storage_is_counted_in_whole_bytes(seed):
    problem, rates = problem_and_rates(seed)
    knapsack = build_knapsack(problem, rates)
    rng = np.random.default_rng(seed)
    if not knapsack.block.size:
        return
    columns = rng.choice(knapsack.block.size, size=min(3, knapsack.block.size), replace=False)
    used = [0, 0, 0]
    for column in columns:
        for node in range(3):
            if (int(knapsack.mask[column]) >> node) & 1:
                used[node] += int(knapsack.size_bytes[knapsack.block[column]])
    assert knapsack.used_bytes(columns).tolist() == used
    assert knapsack.total_delay_s(columns) == pytest.approx(sum(knapsack.delay_s[columns].tolist()))
    exactly = type(knapsack)(
        knapsack.block, knapsack.mask, knapsack.delay_s, knapsack.size_bytes, np.array(used, np.int64)
    )
    assert exactly.fits(columns)
    for node in np.flatnonzero(used):
        short = np.array(used, np.int64)
        short[node] -= 1
        tight = type(knapsack)(knapsack.block, knapsack.mask, knapsack.delay_s, knapsack.size_bytes, short)
        assert not tight.fits(columns)


@given(seed=st.integers(0, 2**31))
def test_quickest_column_within_given_masks(seed):
    """None exactly if some block has no column inside its mask."""
    problem, rates = problem_and_rates(seed)
    knapsack = build_knapsack(problem, rates)
    masks = np.random.default_rng(seed).integers(1, 8, size=knapsack.n_blocks)
    found = knapsack.columns_of(masks)
    expected = []
    for row in range(knapsack.n_blocks):
        inside = [c for c in np.flatnonzero(knapsack.block == row) if knapsack.mask[c] & ~masks[row] == 0]
        expected.append(min((knapsack.delay_s[c] for c in inside), default=np.inf))
    if np.isinf(expected).any():
        assert found is None
    else:
        assert found is not None
        np.testing.assert_array_equal(knapsack.block[found], np.arange(knapsack.n_blocks))
        np.testing.assert_array_equal(knapsack.delay_s[found], expected)
        assert (knapsack.mask[found] & ~masks == 0).all()
