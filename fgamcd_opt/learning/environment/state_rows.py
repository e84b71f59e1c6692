"""What a scenario shows at each step, before the room that is left is filled in: rows of the state vector."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.learning.environment.layout import StateLayout

NEIGHBOUR_M = 500.0
"""Nodes at most this far apart observe each other (I_{n,m})."""


def slot_users(instance: Instance, slots: int) -> NDArray[np.int64]:
    """(N, W) users associated with each node, nearest first, cut at W of them; -1 where there is none."""
    offset = instance.user_xy_m - instance.node_xy_m[instance.association]
    order = np.argsort((offset**2).sum(axis=1), kind="stable")
    users = np.full((instance.n_nodes, slots), -1)
    for node in range(instance.n_nodes):
        mine = order[instance.association[order] == node][:slots]
        users[node, : mine.size] = mine
    return users


def widest_association(instance: Instance) -> int:
    """Largest number of users associated with one node."""
    return int(np.bincount(instance.association).max())


def state_rows(instance: Instance, blocks: NDArray[np.int64], layout: StateLayout) -> NDArray[np.float32]:
    """(B + 1, S) states while block ``blocks[i]`` is decided on, with no room; the last one is after the end.

    Parameters
    ----------
    instance
        Data of the problem.
    blocks
        (B,) blocks in the order in which they are walked through.
    layout
        Of the state.
    """
    rows = np.zeros((blocks.size + 1, layout.size), np.float32)
    size = instance.block_bytes.astype(np.float64)
    wanted = instance.model_blocks[instance.requests].T[blocks]
    still = np.where(wanted.any(axis=1), size[blocks], 0.0)[::-1].cumsum()[::-1]
    rows[:-1, 0] = size[blocks] / size.max()
    rows[:-1, 1] = still / size[instance.requested_blocks].sum()
    users = slot_users(instance, layout.slots).ravel()
    rows[:-1, layout.requests] = wanted[:, users] & (users >= 0)
    rows[:-1, layout.backhaul] = rates_to_others(instance, blocks, layout).reshape(blocks.size, -1) / max(
        float(instance.backhaul_bps.max()), 1.0
    )
    apart = instance.node_xy_m[:, None, :] - instance.node_xy_m[layout.others]
    rows[:, layout.neighbours] = ((apart**2).sum(axis=2) <= NEIGHBOUR_M**2).ravel()
    return rows


def rates_to_others(
    instance: Instance, blocks: NDArray[np.int64], layout: StateLayout
) -> NDArray[np.float64]:
    """(B, N, N - 1) backhaul rates R_{n,m,k} of blocks, in bit/s, from each node to the others in increasing order."""
    backhaul = instance.backhaul_bps
    per_block = backhaul[blocks if backhaul.shape[0] > 1 else np.zeros_like(blocks)]
    return np.asarray(per_block[:, np.arange(layout.n_nodes)[:, None], layout.others])
