"""The knapsack with shared parts against enumeration of every choice of items."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fgamcd_opt.io.errors import UsageError
from fgamcd_opt.solvers.rivals.shared_knapsack import MAX_SHARED_PARTS, best_items
from fgamcd_opt.testing.brute_force import subsets


def union_bytes(sizes, item_blocks, items) -> int:
    """Bytes of the blocks that some item needs, each once."""
    return sum(size for k, size in enumerate(sizes) if any(item_blocks[i][k] for i in items))


@st.composite
def knapsacks(draw):
    """Up to five items over up to six blocks; capacities from nothing to more than everything."""
    items, blocks = draw(st.integers(1, 5)), draw(st.integers(1, 6))
    sizes = draw(st.lists(st.integers(1, 9), min_size=blocks, max_size=blocks))
    contents = [draw(st.sets(st.integers(0, blocks - 1), min_size=1)) for _ in range(items)]
    item_blocks = np.array([[k in content for k in range(blocks)] for content in contents])
    values = draw(st.lists(st.integers(0, 20), min_size=items, max_size=items))
    return np.array(sizes), item_blocks, np.array(values), draw(st.integers(0, sum(sizes) + 1))


@given(knapsacks(), st.sampled_from([0.0, 0.1, 0.5, 0.9]))
def test_choice_fits_and_keeps_its_guarantee(knapsack, eps):
    sizes, item_blocks, values, capacity = knapsack
    chosen = best_items(sizes, item_blocks, values, capacity, eps).tolist()
    best = max(
        sum(values[list(items)].tolist())
        for items in subsets(range(values.size))
        if union_bytes(sizes, item_blocks, items) <= capacity
    )
    assert union_bytes(sizes, item_blocks, chosen) <= capacity
    value = sum(values[chosen].tolist())
    assert value >= (1 - eps) * best
    if eps == 0.0:
        assert value == best


def test_eps_rounds_values():
    """12, 3, 2 in steps of int(0.5 x 12 / 3) = 2 are 6, 1, 1: the smaller of the last two goes along."""
    sizes, own = np.array([10, 5, 4]), np.eye(3, dtype=bool)
    values = np.array([12, 3, 2])
    assert best_items(sizes, own, values, 15, 0.5).tolist() == [0, 2]
    assert best_items(sizes, own, values, 15, 0.0).tolist() == [0, 1]


def test_too_many_ways_of_sharing_are_refused():
    """Item 0 shares one block with each of the others: as many shared parts as there are others."""
    for others in (MAX_SHARED_PARTS, MAX_SHARED_PARTS + 1):
        item_blocks = np.zeros((others + 1, others), dtype=bool)
        item_blocks[0] = True
        item_blocks[1:] = np.eye(others, dtype=bool)
        arguments = np.full(others, 2), item_blocks, np.ones(others + 1, np.int64), 2 * others, 0.1
        if others > MAX_SHARED_PARTS:
            with pytest.raises(UsageError, match=r"16 models share 15 .*use --solver trimcaching"):
                best_items(*arguments)
        else:
            assert best_items(*arguments).tolist() == list(range(others + 1))


def test_separate_families_do_not_multiply():
    """Twenty families that each share one block: one component each, and all of them fit."""
    families = 20
    item_blocks = np.kron(np.eye(families, dtype=bool), np.array([[1, 1, 0], [1, 0, 1]], dtype=bool))
    sizes = np.tile([5, 1, 2], families)
    chosen = best_items(sizes, item_blocks, np.ones(2 * families, np.int64), 8 * families - 1, 0.0)
    assert chosen.size == 2 * families - 1
