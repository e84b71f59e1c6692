"""Caching sets found so far, block by block, as knapsacks: by proved rate bounds, and by the known beams."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.beamforming.sparse_rates import SparseRates
from fgamcd_opt.formulations.knapsack.multiple_choice import Knapsack
from fgamcd_opt.instances.instance import Instance


class ColumnPool:
    """Columns (row of a requested block, caching set) of the knapsack of F5.

    Parameters
    ----------
    instance
        Sizes and storage.
    rates
        Rates on demand; delays are read from them whenever a knapsack is made, since they improve.
    """

    def __init__(self, instance: Instance, rates: SparseRates) -> None:
        self.size_bytes = instance.block_bytes[instance.requested_blocks]
        self.storage_bytes = instance.storage_bytes
        self._rates = rates
        self._columns: dict[tuple[int, int], None] = {}

    def __len__(self) -> int:
        return len(self._columns)

    def add(self, columns: Iterable[tuple[int, int]]) -> int:
        """Take in columns, empty caching sets left out; returns how many are new."""
        before = len(self._columns)
        self._columns.update((column, None) for column in columns if column[1])
        return len(self._columns) - before

    def by_bounds(self, fallback_s: NDArray[np.float64] | None = None) -> Knapsack:
        """With delays by proved rate bounds; ``fallback_s`` (R,) adds a column without storage to every block."""
        blocks = self._rates.blocks
        return self._knapsack([blocks[row].delay(mask) for row, mask in self._columns], fallback_s)

    def by_beams(self) -> Knapsack:
        """With delays of the known beams."""
        blocks = self._rates.blocks
        return self._knapsack([blocks[row].reached(mask)[0] for row, mask in self._columns], None)

    def _knapsack(self, unit_delay: list[float], fallback_s: NDArray[np.float64] | None) -> Knapsack:
        row, mask = np.array(list(self._columns), np.int64).reshape(-1, 2).T
        delay = 8.0 * self.size_bytes[row] * np.array(unit_delay)
        if fallback_s is not None:
            row = np.append(row, np.arange(fallback_s.size))
            mask = np.append(mask, np.zeros(fallback_s.size, np.int64))
            delay = np.append(delay, fallback_s)
        usable = np.isfinite(delay)
        row, mask, delay = row[usable], mask[usable], delay[usable]
        order = np.lexsort((mask, delay, row))
        return Knapsack(row[order], mask[order], delay[order], self.size_bytes, self.storage_bytes)
