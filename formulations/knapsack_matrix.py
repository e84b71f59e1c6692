"""The knapsack of F5 as one sparse matrix in units that suit the tolerances of MILP backends."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.formulations.knapsack import Knapsack


@dataclass(frozen=True, eq=False)
class KnapsackMatrix:
    """min cost x, one row per block equal to 1, then one row per node of at most its capacity (1), 0 <= x <= 1.

    Parameters
    ----------
    per_second, per_byte
        Units of cost per second of delay and units of load per byte.
    cost
        (c,) T_k(C) in units of cost.
    starts, index, value
        The matrix by columns: entries ``starts[j]`` up to ``starts[j + 1]`` are rows and coefficients of column j.
    capacity
        (N,) Q_n in units of load.
    n_blocks
        Number R of the rows that choose one column per block.
    """

    per_second: float
    per_byte: float
    cost: NDArray[np.float64]
    starts: NDArray[np.int32]
    index: NDArray[np.int32]
    value: NDArray[np.float64]
    capacity: NDArray[np.float64]
    n_blocks: int

    @property
    def n_columns(self) -> int:
        """Number c of variables."""
        return int(self.cost.size)

    @property
    def n_rows(self) -> int:
        """Number R + N of constraints."""
        return self.n_blocks + int(self.capacity.size)


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
    return KnapsackMatrix(
        per_second,
        per_byte,
        knapsack.delay_s * per_second,
        starts,
        index,
        value,
        knapsack.storage_bytes * per_byte,
        knapsack.n_blocks,
    )
