"""Storage where single bytes decide: nothing false and nothing open, at the level of the knapsack and of P1."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from knife_edges import KnifeEdge, delays_of, instance, knife_edge, least_delay

from fgamcd_opt.formulations.knapsack.dual_function import lagrangian_bound
from fgamcd_opt.formulations.knapsack.multiple_choice import MOST_BYTES, Knapsack
from fgamcd_opt.formulations.knapsack.storage_rows import LARGEST_SUM, cover_row, storage_rows, usable_bytes
from fgamcd_opt.io.errors import InputError
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.solvers.milp_backends.milp import solve_milp
from fgamcd_opt.solvers.milp_backends.milp_task import BOUND_MARGIN
from fgamcd_opt.solving.context import SolveContext
from fgamcd_opt.solving.front_door import solve
from fgamcd_opt.solving.status import StopReason

CONFIRMED = ("highs", "scip", "gurobi")


def knapsack_of(case: KnifeEdge) -> Knapsack | None:
    """The columns of a case; None if some block is larger than every cache."""
    rows = sorted(
        (k, delay, mask)
        for k, delays in enumerate(case.delays_s)
        for mask, delay in delays.items()
        if all(case.sizes[k] <= room for n, room in enumerate(case.storage) if mask >> n & 1)
    )
    if len({k for k, _, _ in rows}) < len(case.sizes):
        return None
    block, delay, mask = (np.array(column) for column in zip(*rows, strict=True))
    return Knapsack(block, mask, delay, np.array(case.sizes), np.array(case.storage))


def holds(case: KnifeEdge, backend: str) -> None:
    """The backend's claims against the optimum by counting bytes."""
    knapsack = knapsack_of(case)
    best = least_delay(case)
    if knapsack is None:
        assert best == math.inf
        return
    found = solve_milp(knapsack, SolveContext(), gap=0.0, good_s=-math.inf, time_s=math.inf, backend=backend)
    assert found.finished
    if best == math.inf:
        assert (found.columns, found.bound_s) == (None, math.inf)
        return
    assert knapsack.fits(found.columns)
    assert knapsack.total_delay_s(found.columns) == pytest.approx(best, rel=1e-9)
    assert best * (1.0 - 2.0 * BOUND_MARGIN) <= found.bound_s <= best * (1.0 + 1e-12)


@pytest.mark.parametrize("first", range(0, 200, 20))
def test_the_tree_leaves_nothing_open(first):
    for seed in range(first, first + 20):
        holds(knife_edge(seed), "tree")


@pytest.mark.parametrize("backend", CONFIRMED)
@pytest.mark.parametrize("first", [200, 220])
def test_no_tolerance_of_a_backend_decides_a_byte(backend, first):
    for seed in range(first, first + 20):
        holds(knife_edge(seed), backend)


@pytest.mark.parametrize("solver", ["exact", "compact", "column-generation", "lp"])
@pytest.mark.parametrize("first", [0, 8])
def test_no_solver_claims_what_bytes_refute(solver, first):
    for seed in range(first, first + 8):
        data = instance(seed)
        best = least_delay(delays_of(data))
        result = solve(P1(data), solver, gap=1e-6)
        if result.stop_reason is StopReason.INFEASIBLE:
            assert best == math.inf
            continue
        assert result.lower_bound_s <= best * (1.0 + 1e-9)
        if result.delay_s is not None:
            assert result.delay_s >= best * (1.0 - 1e-9)
        if solver in ("exact", "column-generation"):
            assert math.isfinite(best)
            assert result.gap <= 1e-6


def test_minlp_claims_nothing_that_bytes_refute():
    """SCIP's tolerance is 1e-6; a byte of these is far less."""
    for seed in (3, 9):
        data = instance(seed)
        best = least_delay(delays_of(data))
        result = solve(P1(data), "minlp", gap=1e-4)
        assert result.lower_bound_s <= best * (1.0 + 1e-9)
        assert result.delay_s == pytest.approx(best, rel=1e-6)


@given(
    sizes=st.lists(
        st.sampled_from([1, 7, 10**5, 10**9, 10**9 + 1, 2**40, 2**40 + 1, 3 * 10**12 + 7]),
        min_size=1,
        max_size=6,
    ),
    data=st.data(),
)
@settings(max_examples=150, deadline=None)
def test_rows_let_all_pass_that_fits_and_covers_forbid_the_rest(sizes, data):
    """Whole numbers small enough for any tolerance; every subset is tried."""
    sizes = np.array(sizes)
    storage = data.draw(st.integers(0, sum(sizes.tolist()) + 1))
    subsets = [np.array(chosen, bool) for chosen in itertools.product((0, 1), repeat=sizes.size)]
    fitting = [chosen for chosen in subsets if sum(sizes[chosen].tolist()) <= storage]
    assert usable_bytes(sizes, storage) == max(sum(sizes[chosen].tolist()) for chosen in fitting)
    (row,) = storage_rows(sizes, np.array([storage]), np.ones((sizes.size, 1), bool))
    assert row.weights.sum() <= LARGEST_SUM + sizes.size
    assert all(row.weights[chosen].sum() <= row.limit for chosen in fitting)
    assert row.right_side - row.limit * row.scale == 0.5 * row.scale
    for chosen in subsets:
        if sum(sizes[chosen].tolist()) <= storage:
            with pytest.raises(ValueError, match="node 0 holds"):
                cover_row(0, sizes, chosen, storage)
            continue
        cover = cover_row(0, sizes, chosen, storage)
        assert cover.weights[chosen].sum() > cover.limit
        assert all(cover.weights[other].sum() <= cover.limit for other in fitting)


@pytest.mark.parametrize("seed", range(6))
def test_a_lagrangian_value_is_below_the_optimum_with_sizes_near_the_largest(seed):
    """Sizes that sum up to nearly 2^62, as doubles wrong by hundreds of bytes, and prices at which that counts."""
    rng = np.random.default_rng(seed)
    sizes = [int(size) for size in rng.integers(2**58, 2**59, 6)]
    storage = [sum(sizes[:3]), sum(sizes[3:]) - seed % 2]
    delays = [{1: float(a), 2: float(b), 3: float(min(a, b)) / 2} for a, b in rng.uniform(1, 2, (6, 2))]
    case = KnifeEdge(sizes, storage, delays)
    best = least_delay(case)
    knapsack = knapsack_of(case)
    for scale in (0.0, 1e-19, 1e-18, 1e-12, 1.0):
        value, _ = lagrangian_bound(knapsack, scale * rng.random(2))
        assert value <= best
    holds(case, "tree")


def test_more_bytes_than_can_be_counted_are_refused():
    with pytest.raises(InputError, match="the sum exceeds"):
        Knapsack(
            np.arange(3), np.ones(3, np.int64), np.ones(3), np.full(3, MOST_BYTES // 2), np.array([2**62])
        )
    full = np.array([2**63 - 1, 2**63 - 1])
    data = instance(0)
    roomy = data.replace(storage_bytes=np.resize(full, data.n_nodes))
    for solver in ("exact", "compact", "column-generation", "greedy"):
        result = solve(P1(roomy), solver, gap=1e-6)
        assert result.solution is not None
        if result.lower_bound_s is not None:
            assert result.lower_bound_s <= result.delay_s
