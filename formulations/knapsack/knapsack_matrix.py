"""The knapsack of F5 as one sparse matrix in units that suit the tolerances of MILP backends."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.formulations.knapsack.multiple_choice import Knapsack
from fgamcd_opt.formulations.knapsack.sparse_milp import Rows, SparseMilp, assemble
from fgamcd_opt.formulations.knapsack.storage_rows import LARGEST_SUM, StorageRow, storage_rows
from fgamcd_opt.io.short_repr import short_repr


@dataclass(frozen=True, eq=False)
class KnapsackMatrix(SparseMilp):
    """One row per block equal to 1, then the rows of storage (1); all variables are binary.

    Parameters
    ----------
    per_second
        Units of cost per second of delay.
    per_byte
        (s,) units of load per byte of every row of storage; 0 where a row counts blocks.
    n_blocks
        Number R of the rows that choose one column per block.
    """

    per_second: float
    per_byte: NDArray[np.float64]
    n_blocks: int

    __repr__ = short_repr

    @property
    def capacity(self) -> NDArray[np.float64]:
        """(s,) right sides of the rows of storage, in units of load."""
        return self.row_upper[self.n_blocks :]


def rows_of(knapsack: Knapsack, largest_sum: int = LARGEST_SUM) -> tuple[StorageRow, ...]:
    """(1) for the columns of a knapsack, one row per node, see :func:`storage_rows`."""
    cached = np.zeros((knapsack.n_blocks, knapsack.storage_bytes.size), bool)
    np.logical_or.at(cached, knapsack.block, knapsack.membership())
    return storage_rows(knapsack.size_bytes, knapsack.storage_bytes, cached, largest_sum)


def knapsack_matrix(knapsack: Knapsack, rows: tuple[StorageRow, ...] | None = None) -> KnapsackMatrix:
    """Rows and columns of a knapsack; its cost is in units that bring delays near 10.

    The tolerances of the backends are absolute: on much smaller numbers their optimum and bound would be wrong.

    Parameters
    ----------
    knapsack
        Columns.
    rows
        Rows of storage, :func:`rows_of` by default.
    """
    rows = rows_of(knapsack) if rows is None else rows
    delay = float(knapsack.delay_s[knapsack.starts[:-1]].mean())
    per_second = 10.0 ** round(1.0 - math.log10(delay))
    n_columns = knapsack.block.size
    every = np.arange(n_columns)
    chosen = np.ones(knapsack.n_blocks)
    families = [Rows(chosen, chosen, knapsack.block, every, np.ones(n_columns))]
    families += [_storage(knapsack, row) for row in rows]
    milp = assemble(knapsack.delay_s * per_second, np.ones(n_columns), np.ones(n_columns, bool), families)
    return KnapsackMatrix(
        **vars(milp),
        per_second=per_second,
        per_byte=np.array([row.scale / row.unit_bytes if row.unit_bytes else 0.0 for row in rows]),
        n_blocks=knapsack.n_blocks,
    )


def _storage(knapsack: Knapsack, row: StorageRow) -> Rows:
    """(1): sum_k sum_{C with n in C} w_k x_{k,C} <= limit."""
    column = np.flatnonzero((knapsack.mask >> row.node) & 1)
    value = row.coefficients[knapsack.block[column]]
    return Rows(np.array([-np.inf]), np.array([row.right_side]), np.zeros_like(column), column, value)
