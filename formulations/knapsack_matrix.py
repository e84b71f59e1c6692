"""The knapsack of F5 as one sparse matrix in units that suit the tolerances of MILP backends."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.formulations.knapsack import Knapsack
from fgamcd_opt.formulations.sparse_milp import SparseMilp


@dataclass(frozen=True, eq=False)
class KnapsackMatrix(SparseMilp):
    """One row per block equal to 1, then one row per node of at most its capacity (1); all variables are binary.

    Parameters
    ----------
    per_second, per_byte
        Units of cost per second of delay and units of load per byte.
    n_blocks
        Number R of the rows that choose one column per block.
    """

    per_second: float
    per_byte: float
    n_blocks: int

    @property
    def capacity(self) -> NDArray[np.float64]:
        """(N,) Q_n in units of load."""
        return self.row_upper[self.n_blocks :]


def knapsack_matrix(knapsack: Knapsack) -> KnapsackMatrix:
    """Rows and columns of a knapsack; its units are powers of ten that bring delays and sizes near 10.

    The tolerances of the backends are absolute: on much smaller numbers their optimum and bound would be wrong.
    """
    delay = float(knapsack.delay_s[knapsack.starts[:-1]].mean())
    per_second = 10.0 ** round(1.0 - math.log10(delay))
    per_byte = 10.0 ** (1 - round(math.log10(float(knapsack.size_bytes.max()))))
    member = knapsack.membership()
    starts = np.concatenate([[0], np.cumsum(1 + member.sum(axis=1))]).astype(np.int32)
    index = np.empty(starts[-1], np.int32)
    value = np.ones(starts[-1])
    index[starts[:-1]] = knapsack.block
    column, node = np.nonzero(member)
    position = np.ones(starts[-1], bool)
    position[starts[:-1]] = False
    index[position] = knapsack.n_blocks + node
    value[position] = knapsack.size_bytes[knapsack.block[column]] * per_byte
    chosen, unbounded = np.ones(knapsack.n_blocks), np.full(knapsack.storage_bytes.size, -np.inf)
    return KnapsackMatrix(
        cost=knapsack.delay_s * per_second,
        upper=np.ones(knapsack.block.size),
        integral=np.ones(knapsack.block.size, bool),
        row_lower=np.concatenate([chosen, unbounded]),
        row_upper=np.concatenate([chosen, knapsack.storage_bytes * per_byte]),
        starts=starts,
        index=index,
        value=value,
        per_second=per_second,
        per_byte=per_byte,
        n_blocks=knapsack.n_blocks,
    )
