"""Room for the blocks to come: how many nodes may take a block without crowding out a later one (compiled)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

Array = np.ndarray[Any, Any]


@njit(nogil=True, cache=True)
def keep_reserve(
    taken: Array, room: Array, row: Array, end: Array, block_bytes: Array, requested: Array
) -> None:
    """Let nodes drop out of ``taken``, those with least room first, until every requested block to come has a place.

    The blocks to come have a place if each, one after the other, fits once into the node that then has most room.
    Where even one taker crowds them out, none is left: the block then goes to the roomiest node as well.

    Parameters
    ----------
    taken
        (E, N) bool, nodes that take the block of this step; changed in place.
    room
        (E, N) bytes left before the step.
    row, end
        (E,) row of this step and of the end of the episode.
    block_bytes, requested
        (rows,) of all steps.
    """
    copies, n_nodes = taken.shape
    left = np.empty(n_nodes, np.int64)
    for e in range(copies):
        count = 0
        for n in range(n_nodes):
            count += taken[e, n]
        while count > 0:
            for n in range(n_nodes):
                left[n] = room[e, n] - (block_bytes[row[e]] if taken[e, n] else 0)
            if _all_placed(left, row[e] + 1, end[e], block_bytes, requested):
                break
            least = -1
            for n in range(n_nodes):
                if taken[e, n] and (least < 0 or room[e, n] <= room[e, least]):
                    least = n
            taken[e, least] = False
            count -= 1


@njit(nogil=True, cache=True)
def _all_placed(left: Array, first: int, end: int, block_bytes: Array, requested: Array) -> bool:
    """Whether the blocks fit, each into the roomiest node; ``left`` (N,) is used up."""
    for row in range(first, end):
        if requested[row]:
            node = np.argmax(left)
            if left[node] < block_bytes[row]:
                return False
            left[node] -= block_bytes[row]
    return True
