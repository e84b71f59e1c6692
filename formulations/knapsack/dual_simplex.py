"""LP relaxation of the knapsack of F5 by a dual simplex method on the storage multipliers (compiled).

The dual is the Lagrangian function

    L(lambda) = sum_k min_C (T_k(C) + D_k sum_{n in C} lambda_n) - sum_n lambda_n Q_n,    lambda >= 0,

concave and piecewise linear in one price per node. A vertex lies on N *rows*: either lambda_n = 0, or two columns of
a block cost the same. Solving N equations there gives the shares of the columns in the LP; a negative share (or a
negative slack of a storage) names a row to leave, and L rises along the edge on which the other rows stay tight, past
as many breakpoints as pay. So a vertex costs one pass over the columns and an N x N system, however many blocks
there are. Restrictions "node n caches (does not cache) block k" only strike columns out: the multipliers and rows of
the unrestricted problem are a start from which few steps are left.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.formulations.knapsack.multiple_choice import Knapsack
from fgamcd_opt.io.compiled import Array, kernel

OPTIMAL, INFEASIBLE, CUT_OFF, UNFINISHED = 0, 1, 2, 3
"""Status of :func:`dual_simplex`. Except for ``INFEASIBLE`` the value of L is what counts: a bound but for rounding."""

_SHARE = 1e-9
"""Shares and slacks above minus this count as not negative. In units of the largest block: far below one byte."""

_SLOPE = 1e-11
"""Slopes along an edge below this count as zero."""

_EPSILON = 2.0**-52
"""Relative margin per term of a sum for rounding in a proof that nothing fits."""

_EXTRA_TERMS = 32
"""Roundings of one term beside those of the sum."""

_CHECKS = 4
"""Steps between two comparisons with the cut-off."""

FREE = -1
"""Block of a row that says lambda_n = 0."""


class Columns(NamedTuple):
    """The knapsack in the units of the kernels: sizes as multiples of the largest block."""

    starts: Array
    mask: Array
    delay_s: Array
    size: Array
    capacity: Array


class Vertex(NamedTuple):
    """A point of the dual; the arrays are changed in place by :func:`dual_simplex`.

    ``price`` (N,) in s per largest block; ``rows`` (N, 3): block, column, and the column that it ties with, or
    ``FREE``, node, 0; ``share`` (N,): share of the row's column, or slack of the node's storage.
    """

    price: Array
    rows: Array
    share: Array

    def copy(self) -> Vertex:
        """Its own vertex."""
        return Vertex(self.price.copy(), self.rows.copy(), self.share.copy())


def columns_of(knapsack: Knapsack) -> tuple[Columns, float]:
    """The knapsack for the kernels, and the unit of size in bytes."""
    unit = float(knapsack.size_bytes.max())
    size, capacity = knapsack.size_bytes / unit, knapsack.storage_bytes / unit
    return Columns(knapsack.starts, knapsack.mask, knapsack.delay_s, size, capacity), unit


def origin(n_nodes: int) -> Vertex:
    """The vertex lambda = 0, from which any problem can be solved."""
    rows = np.zeros((n_nodes, 3), np.int64)
    rows[:, 0], rows[:, 1] = FREE, np.arange(n_nodes)
    return Vertex(np.zeros(n_nodes), rows, np.zeros(n_nodes))


def split_blocks(vertex: Vertex, key: NDArray[np.int64]) -> dict[int, dict[int, float]]:
    """Shares of the tied columns of every block that has some, at the optimum that :func:`dual_simplex` left."""
    split: dict[int, dict[int, float]] = {}
    for (block, column, _), share in zip(vertex.rows.tolist(), vertex.share.tolist(), strict=True):
        if block != FREE:
            shares = split.setdefault(block, {int(key[block]): 1.0})
            shares[column] = share
            shares[int(key[block])] -= share
    return split


def rounded_shares(vertex: Vertex, key: NDArray[np.int64]) -> NDArray[np.int64]:
    """(R,) the column of largest share of every block; together they need not fit."""
    chosen = key.copy()
    for block, shares in split_blocks(vertex, key).items():
        chosen[block] = min(shares, key=lambda column, shares=shares: (-shares[column], column))  # type: ignore[misc]
    return chosen


def solve_storage_lp(knapsack: Knapsack) -> tuple[NDArray[np.float64], bool]:
    """Optimal storage multipliers (N,) of the LP relaxation, in s per byte, and whether the LP is feasible.

    Parameters
    ----------
    knapsack
        Columns; every block needs at least one.
    """
    columns, unit = columns_of(knapsack)
    vertex = origin(knapsack.storage_bytes.size)
    none = np.zeros(knapsack.n_blocks, np.int64)
    key = np.zeros(knapsack.n_blocks, np.int64)
    status, _ = dual_simplex(columns, none, none, vertex, key, np.inf, 200 * (1 + vertex.price.size))
    return vertex.price / unit, status != INFEASIBLE


@kernel
def dual_simplex(
    columns: Columns, need: Array, forbid: Array, vertex: Vertex, key: Array, cutoff: float, steps: int
) -> tuple[int, float]:
    """Ascend from a vertex to the maximum of L over the columns that hold all of ``need`` and none of ``forbid``.

    Parameters
    ----------
    columns
        Knapsack.
    need, forbid
        (R,) bit masks of the nodes that cache (do not cache) each block.
    vertex
        Start; optimum on return.
    key
        (R,) on return the cheapest column of every block; of tied columns the one with the largest share.
    cutoff
        Value of L at which to stop.
    steps
        Most steps.

    Returns
    -------
    status
        See :data:`OPTIMAL`.
    value_s
        L at the multipliers of ``vertex``, in s; infinite if the restrictions leave nothing feasible.
    """
    n_nodes = columns.capacity.size
    rent, slope = np.empty(1 << n_nodes), np.empty(1 << n_nodes)
    matrix, work = np.empty((n_nodes, n_nodes)), np.empty((n_nodes, n_nodes))
    direction = np.empty(n_nodes)
    _sum_over_sets(vertex.price, rent)
    if _some_block_closed(columns, need, forbid):
        return INFEASIBLE, np.inf
    _cheapest(columns, need, forbid, vertex.price, rent, key)
    if not _usable(columns, need, forbid, vertex.rows):
        vertex.price[:] = 0.0
        vertex.rows[:, 0], vertex.rows[:, 1], vertex.rows[:, 2] = FREE, np.arange(n_nodes), 0
        _sum_over_sets(vertex.price, rent)
        _cheapest(columns, need, forbid, vertex.price, rent, key)
    for i in range(n_nodes):
        if vertex.rows[i, 0] != FREE:
            key[vertex.rows[i, 0]] = vertex.rows[i, 2]
    status = UNFINISHED
    cheapest = key.copy()
    for step in range(steps):
        if not _shares(columns, need, forbid, vertex, key, matrix, work):
            break
        leaving = _leaving(columns, need, forbid, vertex, matrix, work, direction)
        if leaving < 0:
            status = OPTIMAL
            break
        _sum_over_sets(direction, slope)
        if not _advance(columns, need, forbid, vertex, key, rent, slope, direction, leaving):
            if _rises_for_ever(columns, need, forbid, direction, slope):
                return INFEASIBLE, np.inf
            break
        _sum_over_sets(vertex.price, rent)
        if cutoff < np.inf and step % _CHECKS == _CHECKS - 1:
            value = _cheapest(columns, need, forbid, vertex.price, rent, cheapest)
            if value >= cutoff:
                return CUT_OFF, value
    return status, _cheapest(columns, need, forbid, vertex.price, rent, cheapest)


@kernel
def _rises_for_ever(columns: Columns, need: Array, forbid: Array, direction: Array, slope: Array) -> bool:
    """Whether prices along ``direction`` prove that the open columns cannot fit, with a margin for rounding."""
    for n in range(direction.size):
        direction[n] = max(direction[n], 0.0)
    _sum_over_sets(direction, slope)
    rise = 0.0
    for k in range(columns.size.size):
        least = np.inf
        for c in range(columns.starts[k], columns.starts[k + 1]):
            if _open(columns.mask[c], need[k], forbid[k]):
                least = min(least, slope[columns.mask[c]])
        rise += columns.size[k] * least
    room = np.sum(direction * columns.capacity)
    margin = _EPSILON * (columns.size.size + 2 * direction.size + _EXTRA_TERMS)
    return bool(rise > room + margin * (rise + room))


@kernel
def _open(mask: int, need: int, forbid: int) -> bool:
    return (mask & need) == need and (mask & forbid) == 0


@kernel
def _some_block_closed(columns: Columns, need: Array, forbid: Array) -> bool:
    """Whether some block has no open column."""
    for k in range(columns.size.size):
        found = False
        for c in range(columns.starts[k], columns.starts[k + 1]):
            if _open(columns.mask[c], need[k], forbid[k]):
                found = True
                break
        if not found:
            return True
    return False


@kernel
def propagate(size_bytes: Array, storage_bytes: Array, need: Array, forbid: Array) -> bool:
    """Forbid what no longer fits beside what must be cached, in whole bytes; False if that alone is too much.

    Parameters
    ----------
    size_bytes, storage_bytes
        (R,) and (N,) in whole bytes.
    need, forbid
        (R,) bit masks as in :func:`dual_simplex`; ``forbid`` grows in place.
    """
    n_nodes = storage_bytes.size
    free = storage_bytes.copy()
    for k in range(need.size):
        for n in range(n_nodes):
            if (need[k] >> n) & 1:
                free[n] -= size_bytes[k]
                if free[n] < 0:
                    return False
    for k in range(need.size):
        for n in range(n_nodes):
            if size_bytes[k] > free[n] and not (need[k] >> n) & 1:
                forbid[k] |= 1 << n
    return True


@kernel
def _usable(columns: Columns, need: Array, forbid: Array, rows: Array) -> bool:
    """Whether every block that is tied has a tied column that is open; if not, the vertex is no start."""
    for i in range(rows.shape[0]):
        k = rows[i, 0]
        if k != FREE:
            found = _open(columns.mask[rows[i, 2]], need[k], forbid[k])
            for j in range(rows.shape[0]):
                found = found or (rows[j, 0] == k and _open(columns.mask[rows[j, 1]], need[k], forbid[k]))
            if not found:
                return False
    return True


@kernel
def _sum_over_sets(values: Array, total: Array) -> None:
    """Sum of ``values`` over the nodes of every set."""
    total[0] = 0.0
    for n in range(values.size):
        for mask in range(1 << n):
            total[(1 << n) + mask] = total[mask] + values[n]


@kernel
def _cheapest(columns: Columns, need: Array, forbid: Array, price: Array, rent: Array, key: Array) -> float:
    """L, and the cheapest open column of every block."""
    total = 0.0
    for k in range(columns.size.size):
        best = np.inf
        for c in range(columns.starts[k], columns.starts[k + 1]):
            mask = columns.mask[c]
            cost = columns.delay_s[c] + columns.size[k] * rent[mask]
            if cost < best and _open(mask, need[k], forbid[k]):
                best = cost
                key[k] = c
        total += best
    for n in range(price.size):
        total -= price[n] * columns.capacity[n]
    return total


@kernel
def _solve(matrix: Array, work: Array, x: Array, transposed: bool) -> bool:
    """Solve matrix x = b by elimination, b given in ``x``; False if the matrix is singular."""
    n = x.size
    for i in range(n):
        for j in range(n):
            work[i, j] = matrix[j, i] if transposed else matrix[i, j]
    for i in range(n):
        pivot = i + np.argmax(np.abs(work[i:, i]))
        if np.abs(work[pivot, i]) < 1e-12:
            return False
        if pivot != i:
            for j in range(n):
                work[i, j], work[pivot, j] = work[pivot, j], work[i, j]
            x[i], x[pivot] = x[pivot], x[i]
        for r in range(i + 1, n):
            factor = work[r, i] / work[i, i]
            if factor != 0.0:
                for j in range(i, n):
                    work[r, j] -= factor * work[i, j]
                x[r] -= factor * x[i]
    for i in range(n - 1, -1, -1):
        for j in range(i + 1, n):
            x[i] -= work[i, j] * x[j]
        x[i] /= work[i, i]
    return True


@kernel
def _swap(vertex: Vertex, key: Array, row: int) -> None:
    """Make the column of a row the key of its block; the old key takes its place in the row."""
    block, column = vertex.rows[row, 0], vertex.rows[row, 1]
    vertex.rows[row, 1] = key[block]
    key[block] = column
    for i in range(vertex.rows.shape[0]):
        if vertex.rows[i, 0] == block:
            vertex.rows[i, 2] = column


@kernel
def _shares(
    columns: Columns, need: Array, forbid: Array, vertex: Vertex, key: Array, matrix: Array, work: Array
) -> bool:
    """Shares of the rows; keys are changed until none is closed or of negative share. False if singular."""
    n_nodes = columns.capacity.size
    rows, share = vertex.rows, vertex.share
    for i in range(n_nodes):
        k, c = rows[i, 0], rows[i, 1]
        key_closed = k != FREE and not _open(columns.mask[key[k]], need[k], forbid[k])
        if key_closed and _open(columns.mask[c], need[k], forbid[k]):
            _swap(vertex, key, i)
    for _ in range(2 * n_nodes + 1):
        for n in range(n_nodes):
            share[n] = columns.capacity[n]
        for k in range(key.size):
            for n in range(n_nodes):
                if (columns.mask[key[k]] >> n) & 1:
                    share[n] -= columns.size[k]
        for i in range(n_nodes):
            k, c = rows[i, 0], rows[i, 1]
            for n in range(n_nodes):
                if k == FREE:
                    matrix[i, n] = 1.0 if n == c else 0.0
                else:
                    step = ((columns.mask[c] >> n) & 1) - ((columns.mask[key[k]] >> n) & 1)
                    matrix[i, n] = columns.size[k] * step
        if not _solve(matrix, work, share, True):
            return False
        least, row = -_SHARE, -1
        for i in range(n_nodes):
            k, c = rows[i, 0], rows[i, 1]
            if k == FREE or not _open(columns.mask[c], need[k], forbid[k]):
                continue  # a closed column never becomes key: its share makes it leave
            rest = 1.0
            for j in range(n_nodes):
                if rows[j, 0] == k:
                    rest -= share[j]
            if rest < least or (row >= 0 and k == rows[row, 0] and share[i] > share[row]):
                least, row = rest, i
        if row < 0:
            return True
        _swap(vertex, key, row)
    return True


@kernel
def _leaving(
    columns: Columns,
    need: Array,
    forbid: Array,
    vertex: Vertex,
    matrix: Array,
    work: Array,
    direction: Array,
) -> int:
    """The row whose edge rises most steeply, with its direction; -1 at the maximum."""
    n_nodes = direction.size
    edge = np.empty(n_nodes)
    best, leaving = 0.0, -1
    for i in range(n_nodes):
        k, c = vertex.rows[i, 0], vertex.rows[i, 1]
        closed = k != FREE and not _open(columns.mask[c], need[k], forbid[k])
        gain = -vertex.share[i]
        if closed:
            gain = np.abs(gain)
        if gain <= _SHARE:
            continue
        edge[:] = 0.0
        edge[i] = -1.0 if closed and vertex.share[i] > 0.0 else 1.0
        if _solve(matrix, work, edge, False):
            steepness = gain * gain / np.sum(edge * edge)
            if steepness > best:
                best, leaving = steepness, i
                direction[:] = edge
    return leaving


@kernel
def _breakpoint(
    columns: Columns, need: int, forbid: int, k: int, key: int, skip: int, rent: Array, slope: Array
) -> tuple[float, int, float]:
    """Where along the edge another column of block k becomes as cheap as its key: step, column, loss of slope."""
    size, key_mask = columns.size[k], columns.mask[key]
    cost = columns.delay_s[key] + size * rent[key_mask]
    first, column, loss = np.inf, -1, 0.0
    for c in range(columns.starts[k], columns.starts[k + 1]):
        mask = columns.mask[c]
        fall = slope[key_mask] - slope[mask]
        if fall > _SLOPE and c != skip and _open(mask, need, forbid):
            step = max(columns.delay_s[c] + size * rent[mask] - cost, 0.0) / (size * fall)
            if step < first or (step == first and size * fall > loss):
                first, column, loss = step, c, size * fall
    return first, column, loss


@kernel
def _advance(
    columns: Columns,
    need: Array,
    forbid: Array,
    vertex: Vertex,
    key: Array,
    rent: Array,
    slope: Array,
    direction: Array,
    leaving: int,
) -> bool:
    """Go along the edge while L rises and put what stops the rise into the row; False if L rises without end."""
    n_blocks, rows, price = key.size, vertex.rows, vertex.price
    skip = rows[leaving, 1] if rows[leaving, 0] != FREE else -1
    rise = np.abs(vertex.share[leaving])
    tied = np.zeros(n_blocks, np.bool_)
    bound = np.zeros(price.size, np.bool_)
    for i in range(price.size):
        if rows[i, 0] == FREE:
            bound[rows[i, 1]] = i != leaving
        elif i != leaving:
            tied[rows[i, 0]] = True
    zero_step, zero_node = np.inf, -1
    for n in range(price.size):
        if direction[n] < -_SLOPE and not bound[n] and price[n] / -direction[n] < zero_step:
            zero_step, zero_node = price[n] / -direction[n], n
    step, column, loss = np.empty(n_blocks), np.empty(n_blocks, np.int64), np.empty(n_blocks)
    for k in range(n_blocks):
        step[k], column[k], loss[k] = _breakpoint(columns, need[k], forbid[k], k, key[k], skip, rent, slope)
    while True:
        k = int(np.argmin(step))
        length = min(step[k], zero_step)
        if length == np.inf:
            return False
        if zero_step <= step[k]:
            rows[leaving, 0], rows[leaving, 1], rows[leaving, 2] = FREE, zero_node, 0
            break
        if tied[k] or rise - loss[k] <= _SLOPE:
            rows[leaving, 0], rows[leaving, 1], rows[leaving, 2] = k, column[k], key[k]
            break
        rise -= loss[k]
        key[k] = column[k]
        step[k], column[k], loss[k] = _breakpoint(columns, need[k], forbid[k], k, key[k], skip, rent, slope)
    for n in range(price.size):
        price[n] = max(0.0, price[n] + length * direction[n])
    for i in range(price.size):
        if rows[i, 0] == FREE:
            price[rows[i, 1]] = 0.0
    return True
