"""The Lagrangian function of storage as an oracle for the bundle method: per-block minimisation, all blocks at once.

L(lambda) = sum_k min_C (T_k(C) + sum_{n in C} lambda_n D_k) - sum_n lambda_n Q_n, concave and piecewise linear; the
storage used by the minimisers, less the storage there is, is a subgradient.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.formulations.knapsack.multiple_choice import Knapsack

_CEILING_MARGIN = 1e-9
"""Relative room above the sum of the largest delays, for rounding."""


class StoragePricing:
    """Oracle of one knapsack; every block needs at least one column."""

    def __init__(self, knapsack: Knapsack) -> None:
        self.knapsack = knapsack
        self._first = knapsack.starts[:-1]
        self._load = knapsack.membership() * knapsack.size_bytes[knapsack.block, None].astype(np.float64)
        self._column = np.arange(knapsack.block.size)

    def __call__(self, multipliers: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """L and a subgradient (N,) in bytes at multipliers (N,) in s per byte."""
        priced = self.knapsack.delay_s + self._load @ multipliers
        least = np.minimum.reduceat(priced, self._first)
        cheapest = np.where(priced <= least[self.knapsack.block], self._column, self._column.size)
        excess = self._load[np.minimum.reduceat(cheapest, self._first)].sum(axis=0)
        excess -= self.knapsack.storage_bytes
        return float(least.sum() - multipliers @ self.knapsack.storage_bytes), excess

    @property
    def scale(self) -> NDArray[np.float64]:
        """(N,) rough size of the multipliers in s per byte: delay over bytes of the quickest columns."""
        delay = float(self.knapsack.delay_s[self._first].sum())
        return np.full(self.knapsack.storage_bytes.size, delay / float(self.knapsack.size_bytes.sum()))

    @property
    def ceiling(self) -> float:
        """Delay in s that no choice exceeds: a Lagrangian value above it proves that no choice fits."""
        slowest = np.maximum.reduceat(self.knapsack.delay_s, self._first)
        return float(slowest.sum()) * (1.0 + _CEILING_MARGIN)
