"""Caching sets found so far, block by block, as knapsacks: by proved rate bounds, and by the known beams."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.beamforming.broadcast import BeamformingSettings
from fgamcd_opt.beamforming.sparse_block import SparseBlock
from fgamcd_opt.beamforming.sparse_rates import SparseRates
from fgamcd_opt.formulations.knapsack.dual_function import rounding_share
from fgamcd_opt.formulations.knapsack.multiple_choice import Knapsack
from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.solvers.exact.knapsack_search import KnapsackSearch
from fgamcd_opt.solving.context import SolveContext

_MOST_LISTED = 200_000
"""Caching sets that are listed at most for the closing, as many for every block; more cost more than they prove."""

_IDLE_SHARE = 0.1
"""Blocks that together hold less than this share of the gap asked for are not worked on."""


class ColumnPool:
    """Columns (row of a requested block, caching set) of the knapsack of F5.

    Parameters
    ----------
    instance
        Sizes and storage.
    rates
        Rates on demand; delays are read from them whenever a knapsack is made, since they improve.
    allowed
        Nodes that have room for each requested block, as bit masks.
    context
        Seed and clock.
    settings
        Effort per set that is solved.

    Attributes
    ----------
    beyond_s
        What a choice with a set that is not listed costs at least, in s; see :meth:`list_all`.
    """

    def __init__(
        self,
        instance: Instance,
        rates: SparseRates,
        allowed: Sequence[int],
        context: SolveContext,
        settings: BeamformingSettings,
    ) -> None:
        self.size_bytes = instance.block_bytes[instance.requested_blocks]
        self.storage_bytes = instance.storage_bytes
        self.beyond_s = -math.inf
        self.all_solved = False
        self._rates = rates
        self._allowed = allowed
        self._context = context
        self._settings = settings
        self._columns: dict[tuple[int, int], None] = {}

    def __len__(self) -> int:
        return len(self._columns)

    def add(self, columns: Iterable[tuple[int, int]]) -> int:
        """Take in columns, empty caching sets left out; returns how many are new."""
        before = len(self._columns)
        self._columns.update((column, None) for column in columns if column[1])
        return len(self._columns) - before

    def list_all(self, multipliers: NDArray[np.float64], cutoff_s: float) -> bool:
        """Take in every caching set that a choice of less than ``cutoff_s`` can hold.

        With the Lagrangian bound V at these multipliers, a choice that holds a set of reduced cost r costs V + r at
        least. So the sets with V + r <= cutoff are enough, and :attr:`beyond_s` becomes the cutoff.

        Parameters
        ----------
        multipliers
            (N,) storage multipliers in s per byte.
        cutoff_s
            In s.

        Returns
        -------
        bool
            False, and nothing is taken in, if the time is up or they are too many.
        """
        rent, blocks = multipliers / 8.0, self._rates.blocks
        bits = 8.0 * self.size_bytes
        least = np.array(
            [block.least_priced(rent, allowed) for block, allowed in zip(blocks, self._allowed, strict=True)]
        )
        paid = float(multipliers @ self.storage_bytes)
        priced = float(bits @ least)
        margin = rounding_share(bits.size)
        slack_s = cutoff_s - (priced - paid - margin * (priced + paid))
        if not math.isfinite(slack_s):
            return False
        most = _MOST_LISTED // len(blocks) + 1

        def listed(row: int, block: SparseBlock) -> list[int] | None:
            limit = (least[row] + max(0.0, slack_s) / bits[row]) * (1.0 + margin)
            return block.sets_within(rent, self._allowed[row], limit, most)

        found = self._rates.each(listed, lambda: not self._context.must_stop)
        if found is None or any(sets is None for sets in found):
            return False
        self.add((row, mask) for row, sets in enumerate(found) for mask in sets or ())
        self.beyond_s = cutoff_s
        return True

    def by_bounds(self, fallback_s: NDArray[np.float64] | None = None) -> Knapsack:
        """With delays by proved rate bounds; ``fallback_s`` (R,) adds a column without storage to every block."""
        blocks = self._rates.blocks
        return self._knapsack([blocks[row].delay(mask) for row, mask in self._columns], fallback_s)

    def by_beams(self) -> Knapsack:
        """With delays of the known beams."""
        blocks = self._rates.blocks
        return self._knapsack([blocks[row].reached(mask)[0] for row, mask in self._columns], None)

    def participating(self, caching: NDArray[np.int64]) -> NDArray[np.int64]:
        """(R,) the sets S of the known beams for the caching sets C (R,)."""
        blocks = self._rates.blocks
        used = [block.reached(mask)[1] for block, mask in zip(blocks, caching.tolist(), strict=True)]
        return caching | np.array(used, np.int64)

    def tighten(self, searches: Sequence[KnapsackSearch], number: int) -> bool:
        """Work harder on the node sets that the choices rest on, by their bounds and by their beams."""
        caching: dict[int, set[int]] = {}
        for search in searches:
            used = search.reduced_s <= 0.0
            if search.columns is not None:
                used[search.columns] = True
            chosen = zip(
                search.knapsack.block[used].tolist(), search.knapsack.mask[used].tolist(), strict=True
            )
            for row, mask in chosen:
                caching.setdefault(row, set()).add(mask)
        wanted: dict[int, set[int]] = {}
        for row in self._rows_that_matter(caching):
            block = self._rates.blocks[row]
            sets = ((block.participating(mask), block.reached(mask)[1]) for mask in caching[row])
            wanted[row] = set(chain.from_iterable(sets)) - {0}
        harder = BeamformingSettings(
            rounds=4 * (number + 1) + self._settings.rounds,
            tolerance=self._settings.tolerance,
            seed=self._context.seed,
        )

        def work(row: int, block: SparseBlock) -> None:
            for mask in sorted(wanted.get(row, ())):
                if mask not in block.solved:
                    block.solve(mask, self._settings)
                elif block.is_open(mask, self._settings.tolerance):
                    block.solve(mask, harder)

        before = self._rates.solved
        self._rates.each(work, lambda: not self._context.must_stop)
        return self._rates.solved > before

    def _rows_that_matter(self, caching: Mapping[int, set[int]]) -> list[int]:
        """The rows of the given caching sets but for those that hold next to nothing of the gap open."""
        blocks, bits = self._rates.blocks, 8.0 * self.size_bytes
        least = {row: min(map(blocks[row].delay, masks)) * bits[row] for row, masks in caching.items()}
        lost = {
            row: max(blocks[row].reached(mask)[0] - blocks[row].delay(mask) for mask in masks) * bits[row]
            for row, masks in caching.items()
        }
        allowance = _IDLE_SHARE * self._context.limits.gap * sum(least.values())
        rows = sorted(lost, key=lambda row: (lost[row], row))
        idle = np.searchsorted(np.cumsum([lost[row] for row in rows]), allowance, side="right")
        return rows[idle:]

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
