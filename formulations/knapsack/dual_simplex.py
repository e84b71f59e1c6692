"""LP relaxation of the knapsack of F5 by a dual simplex method on the storage multipliers.

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

from fgamcd_opt import core
from fgamcd_opt.formulations.knapsack.multiple_choice import Knapsack

OPTIMAL, INFEASIBLE = core.LP_OPTIMAL, core.LP_INFEASIBLE
CUT_OFF, UNFINISHED = core.LP_CUT_OFF, core.LP_UNFINISHED
"""Status of :func:`dual_simplex`. Except for ``INFEASIBLE`` the value of L is what counts: a bound but for rounding."""

FREE = core.LP_FREE
"""Block of a row that says lambda_n = 0."""


class Vertex(NamedTuple):
    """A point of the dual; the arrays are changed in place by :func:`dual_simplex`.

    ``price`` (N,) in s per largest block; ``rows`` (N, 3): block, column, and the column that it ties with, or
    ``FREE``, node, 0; ``share`` (N,): share of the row's column, or slack of the node's storage.
    """

    price: NDArray[np.float64]
    rows: NDArray[np.int64]
    share: NDArray[np.float64]

    def copy(self) -> Vertex:
        """Its own vertex."""
        return Vertex(self.price.copy(), self.rows.copy(), self.share.copy())


def columns_of(knapsack: Knapsack) -> tuple[core.LpColumns, float]:
    """The knapsack for :func:`dual_simplex`, whose unit of size is the largest block, and that unit in bytes."""
    unit = float(knapsack.size_bytes.max())
    size, capacity = knapsack.size_bytes / unit, knapsack.storage_bytes / unit
    return core.LpColumns(knapsack.starts, knapsack.mask, knapsack.delay_s, size, capacity), unit


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


def dual_simplex(
    columns: core.LpColumns,
    need: NDArray[np.int64],
    forbid: NDArray[np.int64],
    vertex: Vertex,
    key: NDArray[np.int64],
    cutoff: float,
    steps: int,
) -> tuple[int, float]:
    """Ascend from a vertex to the maximum of L over the columns that hold all of ``need`` and none of ``forbid``.

    Parameters
    ----------
    columns
        What :func:`columns_of` gives.
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
    return core.dual_simplex(columns, need, forbid, *vertex, key, cutoff, steps)


def propagate(
    size_bytes: NDArray[np.int64],
    storage_bytes: NDArray[np.int64],
    need: NDArray[np.int64],
    forbid: NDArray[np.int64],
) -> bool:
    """Forbid what no longer fits beside what must be cached, in whole bytes; False if that alone is too much.

    Parameters
    ----------
    size_bytes, storage_bytes
        (R,) and (N,) in whole bytes.
    need, forbid
        (R,) bit masks as in :func:`dual_simplex`; ``forbid`` grows in place.
    """
    return core.propagate(size_bytes, storage_bytes, need, forbid)
