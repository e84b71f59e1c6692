"""Restricted master problem of column generation: the LP of F5 over the columns found so far, kept warm in HiGHS.

Storage may be exceeded at a price, so that the LP is feasible from the first column on; the price is an upper bound
on the multipliers and is raised while anything is exceeded.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.context import SolveContext
from fgamcd_opt.solvers.highs import run_highs

_RAISE = 8.0


class RestrictedMaster:
    """LP over a growing set of columns.

    Parameters
    ----------
    size_bytes
        (R,) D_k.
    storage_bytes
        (N,) Q_n.
    typical_s
        Delay of a typical block in s, which sets the units and the first price of missing storage.
    context
        Threads, clock, stop flag.
    """

    def __init__(
        self,
        size_bytes: NDArray[np.int64],
        storage_bytes: NDArray[np.int64],
        typical_s: float,
        context: SolveContext,
    ) -> None:
        import highspy

        self._context = context
        self._size, self._nodes = size_bytes, np.arange(storage_bytes.size)
        self._per_second = 10.0 ** round(1.0 - math.log10(typical_s))
        self._per_byte = 10.0 ** (1 - round(math.log10(int(size_bytes.max()))))
        self._solver = highspy.Highs()
        self._solver.setOptionValue("output_flag", False)
        self._solver.setOptionValue("threads", context.limits.threads)
        rows, n = size_bytes.size, storage_bytes.size
        self._solver.addRows(
            rows + n,
            np.concatenate([np.ones(rows), np.full(n, -np.inf)]),
            np.concatenate([np.ones(rows), storage_bytes * self._per_byte]),
            0,
            np.zeros(rows + n, np.int32),
            np.empty(0, np.int32),
            np.empty(0),
        )
        self._cap = np.full(n, 10.0 * typical_s * self._per_second / (size_bytes.mean() * self._per_byte))
        self._solver.addCols(
            n,
            self._cap,
            np.zeros(n),
            np.full(n, np.inf),
            n,
            np.arange(n, dtype=np.int32),
            (rows + np.arange(n)).astype(np.int32),
            np.full(n, -1.0),
        )

    def add(self, block: NDArray[np.int64], mask: NDArray[np.int64], delay_s: NDArray[np.float64]) -> None:
        """Append columns: rows of their blocks, caching sets and delays in s."""
        member = (mask[:, None] >> self._nodes) & 1 == 1
        width = 1 + member.sum(axis=1)
        starts = np.concatenate([[0], np.cumsum(width)])
        index, value = np.empty(starts[-1], np.int32), np.ones(starts[-1])
        index[starts[:-1]] = block
        rest = np.ones(starts[-1], bool)
        rest[starts[:-1]] = False
        column, node = np.nonzero(member)
        index[rest] = self._size.size + node
        value[rest] = self._size[block[column]] * self._per_byte
        self._solver.addCols(
            mask.size,
            delay_s * self._per_second,
            np.zeros(mask.size),
            np.full(mask.size, np.inf),
            index.size,
            starts[:-1].astype(np.int32),
            index,
            value,
        )

    def reprice(self, columns: NDArray[np.int64], delay_s: NDArray[np.float64]) -> None:
        """Change the delays of columns, numbered in the order in which they were added."""
        at = (columns + self._nodes.size).astype(np.int32)
        self._solver.changeColsCost(at.size, at, delay_s * self._per_second)

    def solve(self) -> tuple[float, NDArray[np.float64]] | None:
        """Objective in s and storage multipliers (N,) in s per byte; None if stopped.

        The multipliers are only a proposal for pricing, which proves its bound from any.
        """
        while True:
            run_highs(self._solver, self._context)
            if self._solver.getModelStatus().name != "kOptimal":
                return None
            solution = self._solver.getSolution()
            values = np.array(solution.col_value)
            excess = values[: self._nodes.size] > 1e-7
            if not excess.any() or (self._cap >= 1e6 * self._cap.min()).any():
                break
            self._cap[excess] *= _RAISE
            self._solver.changeColsCost(self._nodes.size, self._nodes.astype(np.int32), self._cap)
        duals = np.maximum(-np.array(solution.row_dual)[self._size.size :], 0.0)
        objective = float(self._solver.getInfo().objective_function_value) / self._per_second
        return objective, duals * self._per_byte / self._per_second
