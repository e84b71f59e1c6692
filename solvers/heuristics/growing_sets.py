"""Caching sets that grow within the storage (1): blocks get copies where T falls most per byte (T_k(C) of F5)."""

from __future__ import annotations

import heapq
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray


class GrowingSets:
    """One caching set per requested block as a bit mask, and the room that they leave.

    A block without a place has a stand-in for its delay, whether or not a cloud would deliver it: its own slowest
    finite delay from a place, plus as many seconds per byte as the slowest delivery of any block takes. With the second
    term few copies per block come first.

    Parameters
    ----------
    delay_s
        (R, 2^N) T_k(C) by bit mask of C, infinite where nothing can be delivered.
    size_bytes
        (R,) sizes of the blocks.
    storage_bytes
        (N,) storage of the nodes.
    masks
        (R,) caching sets to start from, which must fit; empty ones by default.
    """

    def __init__(
        self,
        delay_s: NDArray[np.float64],
        size_bytes: NDArray[np.int64],
        storage_bytes: NDArray[np.int64],
        masks: NDArray[np.int64] | None = None,
    ) -> None:
        self.delay_s, self.size_bytes = delay_s, size_bytes
        self.masks = np.zeros(size_bytes.size, np.int64) if masks is None else masks.copy()
        slowest = np.where(np.isfinite(delay_s[:, 1:]), delay_s[:, 1:], 0.0).max(axis=1)
        self._stand_in_s = slowest + self.size_bytes * (slowest / self.size_bytes).max()
        self._sets = np.arange(delay_s.shape[1])
        self._nodes = 1 << np.arange(storage_bytes.size)
        self._count = ((self._sets[:, None] & self._nodes) > 0).sum(axis=1)
        stored = (self.masks[:, None] & self._nodes) > 0
        self.free_bytes = storage_bytes - self.size_bytes @ stored

    @property
    def block_delay_s(self) -> NDArray[np.float64]:
        """(R,) T_k(C) of the caching sets as they are."""
        return np.asarray(self.delay_s[np.arange(self.masks.size), self.masks])

    @property
    def undeliverable(self) -> NDArray[np.int64]:
        """Rows of the blocks that cannot be delivered from where they are."""
        return np.flatnonzero(np.isinf(self.block_delay_s))

    @property
    def fault(self) -> str:
        """Says in words that blocks found no room."""
        return (
            f"{self.undeliverable.size} of {self.masks.size} requested blocks found no room where they can be "
            "delivered from; unserved=cloud(rate) lets such blocks come from the cloud"
        )

    def cover(self, rows: NDArray[np.int64]) -> None:
        """Enlarge the caching set of each of these blocks once, where there is room, by the largest decrease per byte.

        If a block is left out, other orders are tried: the largest blocks first, since what is large finds no room at
        the end; and, as it matters with a cloud, the decrease from the delay without a place instead of the stand-in.
        The order counts with which the most blocks can be delivered, and of several the one with the smallest T.
        """
        start = self.masks, self.free_bytes
        found: list[tuple[tuple[int, float], int, NDArray[np.int64], NDArray[np.int64]]] = []
        for enlarge in (self._by_stand_in, self._by_size, self._by_delay):
            self.masks, self.free_bytes = start[0].copy(), start[1]
            enlarge(rows)
            found.append((self._value, len(found), self.masks, self.free_bytes))
            if (self.masks[rows] != start[0][rows]).all():
                break
        _, _, self.masks, self.free_bytes = min(found, key=lambda entry: entry[:2])

    def grow(self) -> None:
        """Enlarge caching sets by the largest decrease per byte, until nothing that fits decreases T."""
        self._enlarge_in_turn(range(self.masks.size), self._counted_s, once=False)

    @property
    def _value(self) -> tuple[int, float]:
        """Number of blocks that cannot be delivered, and the sum of the delays of the others in s."""
        delay = self.block_delay_s
        return self.undeliverable.size, float(delay[np.isfinite(delay)].sum())

    @property
    def _counted_s(self) -> NDArray[np.float64]:
        """(R,) delays of the caching sets as they are, the stand-in where nothing is delivered."""
        return np.where(np.isinf(self.block_delay_s), self._stand_in_s, self.block_delay_s)

    def _by_stand_in(self, rows: NDArray[np.int64]) -> None:
        self._enlarge_in_turn(rows.tolist(), self._stand_in_s)

    def _by_delay(self, rows: NDArray[np.int64]) -> None:
        self._enlarge_in_turn(rows.tolist(), self._counted_s)

    def _by_size(self, rows: NDArray[np.int64]) -> None:
        for row in sorted(rows.tolist(), key=lambda r: (-self.size_bytes[r], r)):
            self._enlarge_in_turn([row], self._stand_in_s)

    def _enlarge_in_turn(
        self, rows: Iterable[int], counted_s: NDArray[np.float64], *, once: bool = True
    ) -> None:
        """The enlargement with the largest decrease per byte, again and again, at most ``once`` per block.

        A block's best enlargement depends on its own set and on the room alone, and room only shrinks: a stored best
        that still fits is still the best, so only what is on top of the heap is looked at again. ``counted_s`` (R,) are
        the delays of the sets as they are, from which decreases are counted.
        """
        counted = counted_s.copy()
        heap = [best for row in rows if (best := self._best(row, counted))]
        heapq.heapify(heap)
        while heap:
            _, row, enlarged = heapq.heappop(heap)
            fits = bool(self._fits(row, np.array([enlarged]))[0])
            if fits:
                self._enlarge(row, enlarged)
                counted[row] = self.delay_s[row, enlarged]
            if not (fits and once) and (best := self._best(row, counted)):
                heapq.heappush(heap, best)

    def _best(self, row: int, counted_s: NDArray[np.float64]) -> tuple[float, int, int] | None:
        """(minus the decrease in s per byte, row, set) of the block's best enlargement; None if none helps."""
        sets = self._enlargements(row)
        sets = sets[self.delay_s[row, sets] < self.delay_s[row, self.masks[row]]]
        if sets.size == 0:
            return None
        copies = self._count[sets] - self._count[self.masks[row]]
        rate = (counted_s[row] - self.delay_s[row, sets]) / (copies * float(self.size_bytes[row]))
        first = int(rate.argmax())
        return -float(rate[first]), row, int(sets[first])

    def _enlargements(self, row: int) -> NDArray[np.int64]:
        """Proper supersets of the block's caching set for which there is room."""
        held = self.masks[row]
        sets = self._sets[((self._sets & held) == held) & (self._sets != held)]
        return np.asarray(sets[self._fits(row, sets)])

    def _fits(self, row: int, sets: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether there is room for the further copies."""
        full = int(self._nodes[self.free_bytes < self.size_bytes[row]].sum())
        return np.asarray((sets & ~self.masks[row] & full) == 0)

    def _enlarge(self, row: int, enlarged: int) -> None:
        added = (enlarged & ~int(self.masks[row]) & self._nodes) > 0
        self.free_bytes = self.free_bytes - added * self.size_bytes[row]
        self.masks[row] = enlarged
