"""Storage (1) in whole numbers small enough that no tolerance of a floating-point backend decides a byte.

A row says sum_k w_k a_k <= l for the blocks on one node, with whole weights w and a whole limit l. A backend gets it
with l + 1/2 on the right: whoever respects l has half a unit to spare, and whoever breaks it misses by half a unit,
which is far above every tolerance as long as the weights sum up to at most :data:`LARGEST_SUM`. Sizes are divided by
what they have in common. Where that leaves larger numbers, they are divided by more and rounded down, as is the
storage: sum floor(D_k / g) <= floor(sum D_k / g) <= floor(Q / g), so that every choice that fits obeys the row, and the
bound of the program is one. A choice that obeys it need not fit, and is told apart in whole bytes; then rows for the
blocks that are too many together (:func:`cover_row`), whose weights are 0 and 1, cut it off.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LARGEST_SUM = 10**8
"""Weights of a row sum up to this at most. Shares of choices that are off by 1e-9 then move it by a tenth of a unit."""

EXACT_SUM = 2**51
"""Whole numbers up to here and half a unit are exact in double precision. With this as the largest sum rows are in
whole bytes, or in what all sizes have in common, and the tolerance of the solver decides what passes."""

MOST_SUMS = 1 << 12
"""Up to so many different sums of sizes are listed to find the largest one that fits."""

_LARGEST_COEFFICIENT = 8.0
"""Coefficients are scaled by a power of two (exactly) to at most twice this, for tolerances are absolute."""


@dataclass(frozen=True, eq=False)
class StorageRow:
    """sum_k weights[k] a_k <= limit on one node, in whole numbers.

    Parameters
    ----------
    node
        The node.
    weights
        (R,) whole numbers >= 0, one per block.
    limit
        Whole number >= 0.
    unit_bytes
        Bytes that one unit of weight stands for; 0 for a row that counts blocks.
    """

    node: int
    weights: NDArray[np.int64]
    limit: int
    unit_bytes: int

    @property
    def scale(self) -> float:
        """Power of two by which a backend's row is multiplied."""
        largest = float(self.weights.max(initial=1))
        return 2.0 ** math.floor(math.log2(2.0 * _LARGEST_COEFFICIENT / max(largest, 1.0)))

    @property
    def coefficients(self) -> NDArray[np.float64]:
        """(R,) what a backend gets."""
        return np.asarray(self.weights * self.scale)

    @property
    def right_side(self) -> float:
        """What a backend gets: half a unit above the limit."""
        return (self.limit + 0.5) * self.scale


def usable_bytes(size_bytes: NDArray[np.int64], storage_bytes: int) -> int:
    """The largest sum of some of the sizes that the storage holds; a larger number where there are too many sums.

    Parameters
    ----------
    size_bytes
        (R,) sizes > 0.
    storage_bytes
        Storage >= 0.

    Returns
    -------
    int
        At most ``storage_bytes`` and the sum of all sizes. The same choices fit.
    """
    sizes: list[int] = sorted(size for size in size_bytes.tolist() if size <= storage_bytes)
    total = sum(sizes)
    if total <= storage_bytes:
        return total
    common = math.gcd(*sizes)
    sums = {0}
    for size in reversed(sizes):
        sums |= {s + size for s in sums if s + size <= storage_bytes}
        if len(sums) > MOST_SUMS:
            return storage_bytes // common * common
    return max(sums)


def storage_rows(
    size_bytes: NDArray[np.int64],
    storage_bytes: NDArray[np.int64],
    cached: NDArray[np.bool_],
    largest_sum: int = LARGEST_SUM,
) -> tuple[StorageRow, ...]:
    """One row per node.

    Parameters
    ----------
    size_bytes
        (R,) sizes > 0.
    storage_bytes
        (N,) storage >= 0.
    cached
        (R, N) whether a block may lie on a node at all; other weights are 0. A block larger than the storage weighs
        more than the limit.
    largest_sum
        What the weights of a row sum up to at most, about.
    """
    return tuple(
        _row(node, np.where(cached[:, node], size_bytes, 0), int(storage), largest_sum)
        for node, storage in enumerate(storage_bytes)
    )


def _row(node: int, sizes: NDArray[np.int64], storage_bytes: int, largest_sum: int) -> StorageRow:
    oversized = sizes > storage_bytes
    counted = [size for size in sizes[~oversized].tolist() if size]
    if not counted:
        return StorageRow(node, oversized.astype(np.int64), 0, 1)
    limit = usable_bytes(np.array(counted), storage_bytes)
    unit = math.gcd(*counted)
    heaviest = sum(counted) + int(oversized.sum()) * (limit + unit)
    unit *= max(1, -(-heaviest // (unit * largest_sum)))
    return StorageRow(node, np.where(oversized, limit // unit + 1, sizes // unit), limit // unit, unit)


def cover_row(
    node: int, size_bytes: NDArray[np.int64], stored: NDArray[np.bool_], storage_bytes: int
) -> StorageRow:
    """The row that forbids blocks that together exceed the storage of a node, and larger ones in their place.

    Of the ``stored`` blocks the largest that together exceed the storage are m blocks; any m blocks at least as large
    as these, one by one, do so too. So at most m - 1 of all blocks that are as large as the largest of them, or among
    them, fit together.

    Parameters
    ----------
    node
        The node.
    size_bytes
        (R,) sizes.
    stored
        (R,) blocks that exceed the storage together.
    storage_bytes
        Storage of the node.

    Raises
    ------
    ValueError
        The blocks fit.
    """
    cover: list[int] = []
    total = 0
    for block in sorted(np.flatnonzero(stored).tolist(), key=lambda k: -int(size_bytes[k])):
        cover.append(block)
        total += int(size_bytes[block])
        if total > storage_bytes:
            break
    else:
        raise ValueError(f"the blocks take {total} bytes, and node {node} holds {storage_bytes}")
    for block in sorted(cover, key=lambda k: int(size_bytes[k])):  # smallest first: what is left is minimal
        if total - int(size_bytes[block]) > storage_bytes:
            cover.remove(block)
            total -= int(size_bytes[block])
    weights = (size_bytes >= max(int(size_bytes[k]) for k in cover)).astype(np.int64)
    weights[cover] = 1
    return StorageRow(node, weights, len(cover) - 1, 0)
