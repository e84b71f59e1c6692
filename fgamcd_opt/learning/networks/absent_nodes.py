"""A game with few nodes as a policy for more of them sees it: as the same game with absent nodes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.learning.environment.layout import StateLayout


def with_absent_nodes(
    state: NDArray[np.float32], admissible: NDArray[np.bool_], large: StateLayout
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """States and masks in a larger layout of the same slots, with zeros for the nodes that are not there.

    Parameters
    ----------
    state, admissible
        (E, S) and (E, n) of a game with n nodes.
    large
        Layout with N >= n nodes.

    Returns
    -------
    state, admissible
        (E, large.size) and (E, N).
    """
    copies, n_nodes = admissible.shape
    shown = np.zeros((copies, large.size), np.float32)
    shown[:, positions(StateLayout(n_nodes, large.slots, large.channels), large)] = state
    fits = np.zeros((copies, large.n_nodes), np.bool_)
    fits[:, :n_nodes] = admissible
    return shown, fits


def positions(small: StateLayout, large: StateLayout) -> NDArray[np.int64]:
    """(small.size,) where the entries of a state stand in that of a layout with more nodes and the same slots.

    The nodes keep their numbers, so that the others of each are the first ones among its others there, too.
    """
    n, others = np.arange(small.n_nodes)[:, None], np.arange(small.n_others)
    wants = large.request_index[: small.viewers, : small.n_nodes]
    links = large.backhaul.start + n * large.n_others + others
    near = large.neighbours.start + n * large.n_others + others
    room = large.room.start + np.arange(small.n_nodes)
    return np.concatenate([[0, 1], wants.ravel(), room, links.ravel(), near.ravel()])
