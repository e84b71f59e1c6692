"""The compiled dual simplex against SciPy's linear programs, with and without caching decisions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from knapsacks import medium_knapsack, relaxed, small_knapsack

from fgamcd_opt.formulations.knapsack.dual_function import lagrangian_bound
from fgamcd_opt.formulations.knapsack.dual_simplex import (
    FREE,
    INFEASIBLE,
    OPTIMAL,
    columns_of,
    dual_simplex,
    origin,
    solve_storage_lp,
)
from fgamcd_opt.formulations.knapsack.multiple_choice import Knapsack

STEPS = 500


def agree(value: float, expected: float) -> bool:
    return value == expected or value == pytest.approx(expected, rel=1e-8)


def allowed(knapsack: Knapsack, need: np.ndarray, forbid: np.ndarray) -> np.ndarray:
    """(c,) columns that hold all needed and no forbidden nodes."""
    mask, block = knapsack.mask, knapsack.block
    return ((mask & need[block]) == need[block]) & ((mask & forbid[block]) == 0)


def random_decisions(knapsack: Knapsack, rng: np.random.Generator, share: float):
    """Bit masks of nodes that must and must not cache each block."""
    bits = rng.random((2, knapsack.n_blocks, knapsack.storage_bytes.size)) < share
    need, forbid = (bits * (1 << np.arange(bits.shape[2]))).sum(axis=2)
    return need, forbid & ~need


@pytest.mark.parametrize("make", [small_knapsack, medium_knapsack])
@pytest.mark.parametrize("seed", range(10))
def test_multipliers_reach_the_value_of_the_relaxation(make, seed):
    knapsack = make(seed)
    multipliers, feasible = solve_storage_lp(knapsack)
    expected = relaxed(knapsack)
    assert feasible == math.isfinite(expected)
    assert (multipliers >= 0).all()
    if feasible:
        assert agree(lagrangian_bound(knapsack, multipliers)[0], expected)


def test_too_little_storage_is_proved():
    knapsack = medium_knapsack(0, storage_share=0.7)
    assert knapsack.size_bytes.sum() > knapsack.storage_bytes.sum()
    assert not solve_storage_lp(knapsack)[1]


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 5), st.integers(0, 10**6), st.sampled_from([0.02, 0.1, 0.3]))
def test_decisions_from_a_cold_and_from_a_warm_start(which, seed, share):
    """The value is that of the LP over the columns left; the shares at the optimum are a solution of it."""
    knapsack = medium_knapsack(which)
    need, forbid = random_decisions(knapsack, np.random.default_rng(seed), share)
    left = allowed(knapsack, need, forbid)
    expected = relaxed(knapsack, left)
    columns, _ = columns_of(knapsack)
    none = np.zeros(knapsack.n_blocks, np.int64)
    warm = origin(knapsack.storage_bytes.size)
    status, _ = dual_simplex(columns, none, none, warm, none.copy(), np.inf, STEPS)
    assert status == OPTIMAL
    for vertex in (origin(knapsack.storage_bytes.size), warm):
        key = np.zeros(knapsack.n_blocks, np.int64)
        status, value = dual_simplex(columns, need, forbid, vertex, key, np.inf, STEPS)
        assert status == (OPTIMAL if math.isfinite(expected) else INFEASIBLE)
        assert agree(value, expected)
        if status == OPTIMAL:
            check_shares(knapsack, vertex, key, left, expected)


def check_shares(knapsack, vertex, key, left, expected):
    """Complementary primal solution: shares add up to one, fit, use columns that are left, and cost the value."""
    share = np.zeros(knapsack.block.size)
    share[key] = 1.0
    for (block, column, _), part in zip(vertex.rows, vertex.share, strict=True):
        if block != FREE:
            share[column] += part
            share[key[block]] -= part
    assert share.min() >= -1e-7
    assert share[~left].max(initial=0.0) <= 1e-7
    used = knapsack.membership().T @ (share * knapsack.size_bytes[knapsack.block])
    assert (used <= knapsack.storage_bytes * (1 + 1e-7)).all()
    assert agree(float(knapsack.delay_s @ share), expected)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 5), st.integers(0, 10**6), st.floats(0.5, 1.2))
def test_a_cut_off_run_is_a_bound_that_reaches_the_cut_off(which, seed, share_of_optimum):
    knapsack = medium_knapsack(which)
    need, forbid = random_decisions(knapsack, np.random.default_rng(seed), 0.1)
    expected = relaxed(knapsack, allowed(knapsack, need, forbid))
    cutoff = share_of_optimum * relaxed(knapsack)
    columns, _ = columns_of(knapsack)
    vertex, key = origin(knapsack.storage_bytes.size), np.zeros(knapsack.n_blocks, np.int64)
    status, value = dual_simplex(columns, need, forbid, vertex, key, cutoff, STEPS)
    assert value <= expected * (1 + 1e-9)
    if status not in (OPTIMAL, INFEASIBLE):
        assert value >= cutoff


@pytest.mark.parametrize("steps", [0, 1, 3, 6])
@pytest.mark.parametrize("seed", range(4))
def test_an_unfinished_run_is_a_bound(seed, steps):
    knapsack = medium_knapsack(seed)
    columns, unit = columns_of(knapsack)
    none, vertex = np.zeros(knapsack.n_blocks, np.int64), origin(knapsack.storage_bytes.size)
    _, value = dual_simplex(columns, none, none, vertex, none.copy(), np.inf, steps)
    assert value <= relaxed(knapsack) * (1 + 1e-9)
    assert agree(lagrangian_bound(knapsack, vertex.price / unit)[0], value)
