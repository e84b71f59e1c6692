"""A knapsack whose items share parts, by dynamic programming over the combinations of shared parts.

It is the problem of one node in TrimCaching Spec (Qu et al., arXiv 2405.03990): items are models, parts are blocks, and
a block that several chosen models contain takes room once. Blocks that the same models contain are one part. Items
without a common part, directly or over others, do not influence each other: combinations are enumerated within every
connected component, and the components are joined by their least bytes per value.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.io.errors import UsageError

MAX_SHARED_PARTS = 14
"""Shared parts of one component up to which their combinations, 2^14, are enumerated."""


_NEVER = np.int64(2**60)
"""More bytes than all blocks together, which an instance limits to 2^53, and twice this still fits into 64 bits."""


@dataclass(frozen=True, eq=False)
class _Component:
    """Items (c,) that hang together, the bytes that each has for itself, and the shared parts (p,) that each needs."""

    items: NDArray[np.int64]
    own_bytes: NDArray[np.int64]
    part_bytes: NDArray[np.int64]
    needs: NDArray[np.bool_]


def best_items(
    block_bytes: NDArray[np.int64],
    item_blocks: NDArray[np.bool_],
    values: NDArray[np.int64],
    capacity_bytes: int,
    eps: float,
) -> NDArray[np.int64]:
    """Items whose blocks fit together and whose value is at least 1 - ``eps`` times the largest possible.

    Values are divided by ``max(1, eps x largest value / number of items)`` and rounded down, which loses at most
    ``eps`` times the largest value in all; with ``eps = 0`` nothing is rounded.

    Parameters
    ----------
    block_bytes
        (K,) sizes.
    item_blocks
        (M, K) bool, blocks of each item.
    values
        (M,) values >= 0.
    capacity_bytes
        Room for the union of the chosen items' blocks.
    eps
        Accuracy, 0 <= eps < 1.

    Returns
    -------
        Indices of the chosen items, ascending.

    Raises
    ------
    UsageError
        More than :data:`MAX_SHARED_PARTS` shared parts in one component.
    """
    useful = np.flatnonzero((values > 0) & (item_blocks @ block_bytes <= capacity_bytes))
    if useful.size == 0:
        return useful
    step = max(1, int(eps * int(values[useful].max()) / useful.size))
    scaled = values // step
    tables = []
    joined = np.zeros(1, np.int64)
    splits = []
    for component in _components(block_bytes, item_blocks, useful):
        table = _Table(component, scaled[component.items])
        joined, split = _join(joined, table.least_bytes)
        tables.append(table)
        splits.append(split)
    value = int(np.flatnonzero(joined <= min(capacity_bytes, int(block_bytes.sum())))[-1])
    chosen: list[int] = []
    for table, split in zip(reversed(tables), reversed(splits), strict=True):
        part = int(split[value])
        chosen += table.items_of(part)
        value -= part
    return np.array(sorted(chosen), np.int64)


def _components(
    block_bytes: NDArray[np.int64], item_blocks: NDArray[np.bool_], useful: NDArray[np.int64]
) -> list[_Component]:
    """The useful items split into components, with the blocks that the same items contain taken together."""
    signatures, part_of = np.unique(item_blocks[useful], axis=1, return_inverse=True)
    sizes = np.bincount(part_of.ravel(), weights=block_bytes, minlength=signatures.shape[1]).astype(np.int64)
    count = signatures.sum(axis=0)
    own = signatures[:, count == 1] @ sizes[count == 1]
    shared, shared_bytes = signatures[:, count > 1], sizes[count > 1]
    left = np.ones(useful.size, np.bool_)
    components = []
    while left.any():
        members = np.arange(useful.size) == np.argmax(left)
        while True:
            parts = shared[members].any(axis=0)
            reached = members | shared[:, parts].any(axis=1)
            if (reached == members).all():
                break
            members = reached
        left &= ~members
        if parts.sum() > MAX_SHARED_PARTS:
            raise UsageError(
                f"{int(members.sum())} models share {int(parts.sum())} different sets of blocks, and trimcaching-spec "
                f"goes through all combinations of up to {MAX_SHARED_PARTS}; use --solver trimcaching"
            )
        components.append(
            _Component(useful[members], own[members], shared_bytes[parts], shared[members][:, parts])
        )
    return components


class _Table:
    """Least bytes for every value of one component, and the items that attain them."""

    def __init__(self, component: _Component, values: NDArray[np.int64]) -> None:
        self._component, self._values = component, values
        n_parts = component.part_bytes.size
        self._combinations = (np.arange(1 << n_parts)[:, None] >> np.arange(n_parts)) & 1 == 1
        least = self._fill(self._combinations)
        self._best = least.argmin(axis=0)
        self.least_bytes = least.min(axis=0)

    def _fill(
        self, combinations: NDArray[np.bool_], taken: list[NDArray[np.bool_]] | None = None
    ) -> NDArray[np.int64]:
        """(c, V + 1) least bytes by value for each combination (c, p) of shared parts; ``taken`` gets the steps."""
        least = np.full((combinations.shape[0], int(self._values.sum()) + 1), _NEVER)
        least[:, 0] = combinations @ self._component.part_bytes
        allowed = ~(~combinations @ self._component.needs.T)
        for item, value in enumerate(self._values.tolist()):
            with_item = np.full_like(least, _NEVER)
            with_item[:, value:] = least[:, : least.shape[1] - value] + self._component.own_bytes[item]
            better = (with_item < least) & allowed[:, item, None]
            least = np.where(better, with_item, least)
            if taken is not None:
                taken.append(better)
        return least

    def items_of(self, value: int) -> list[int]:
        """The items with this value and the least bytes."""
        row = self._best[value]
        taken: list[NDArray[np.bool_]] = []
        self._fill(self._combinations[row : row + 1], taken)
        chosen = []
        for item in reversed(range(self._values.size)):
            if taken[item][0, value]:
                chosen.append(int(self._component.items[item]))
                value -= int(self._values[item])
        return chosen


def _join(first: NDArray[np.int64], second: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Least bytes by value of two independent tables, and the value that falls to the second one."""
    least = np.full(first.size + second.size - 1, _NEVER)
    split = np.zeros(least.size, np.int64)
    for value, taken in enumerate(second.tolist()):
        window = slice(value, value + first.size)
        better = first + taken < least[window]
        least[window][better] = (first + taken)[better]
        split[window][better] = value
    return least, split
