"""What is put right in decisions before they are executed, for all copies of the game at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

REPAIRS = ("none", "caching", "delivery")
"""What is put right before a decision is executed; each includes the one before."""


def place_orphans(
    taken: NDArray[np.bool_], requested: NDArray[np.bool_], room: NDArray[np.int64], fits: NDArray[np.bool_]
) -> None:
    """Give requested blocks that no node takes to the node with most room, if they fit there.

    Parameters
    ----------
    taken
        (E, N) nodes that take the block of this step; changed in place.
    requested
        (E,) whether anybody wants it.
    room, fits
        (E, N) bytes left before the step, and whether the block fits into them.
    """
    orphan = requested & ~taken.any(axis=1)
    if orphan.any():
        each, roomiest = np.arange(orphan.size), room.argmax(axis=1)
        taken[each, roomiest] |= orphan & fits[each, roomiest]


def drop_needless_links(
    chosen: NDArray[np.bool_], others: NDArray[np.int64], link_s: NDArray[np.float64]
) -> None:
    """Drop migration to nodes that cache the block, and all but the fastest link to each other node.

    Parameters
    ----------
    chosen
        (E, N, N) decisions; changed in place.
    others
        (N, N - 1) the other nodes of each, in increasing order.
    link_s
        (E, N, N - 1) time in s over each link.
    """
    n_nodes = chosen.shape[1]
    used = chosen[:, :, 1:] & ~chosen[:, :, 0][:, others]
    arrival = np.full(chosen.shape, np.inf)
    sender = np.arange(n_nodes)[:, None]
    arrival[:, sender, others] = np.where(used, link_s, np.inf)
    chosen[:, :, 1:] = used & (arrival[:, sender, others] == arrival.min(axis=1)[:, others])
