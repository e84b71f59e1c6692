"""What a scenario shows at each step, before the room that is left is filled in: rows of the state vector."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.learning.environment.layout import StateLayout

NEIGHBOUR_M = 500.0
"""Nodes at most this far apart observe each other (I_{n,m})."""


LEAST_QUALITY = 0.05
"""What a channel of no use is shown as, apart from no request at all."""


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
    shown = (wanted[:, users] & (users >= 0))[:, None, :].astype(np.float32)
    if layout.channels:
        shown = shown * channel_quality(instance, blocks)[:, :, users]
    rows[:-1, layout.requests] = shown.reshape(blocks.size, -1)
    rows[:-1, layout.backhaul] = rates_to_others(instance, blocks, layout).reshape(blocks.size, -1) / max(
        float(instance.backhaul_bps.max()), 1.0
    )
    apart = instance.node_xy_m[:, None, :] - instance.node_xy_m[layout.others]
    rows[:, layout.neighbours] = ((apart**2).sum(axis=2) <= NEIGHBOUR_M**2).ravel()
    return rows


def channel_quality(instance: Instance, blocks: NDArray[np.int64]) -> NDArray[np.float32]:
    """(B, N, U) how far each node's own channel goes towards the QoS of each user that requests the block.

    (||h_n|| - epsilon_n) sqrt(P_n) / sigma over the amplitude sqrt(2^(rate / W) - 1) that the QoS needs: the amplitudes
    of cooperating nodes add up (exactly with errors in independent balls, to a little more in the joint ellipsoid), so
    that a node sees what it can contribute. Cut to ``LEAST_QUALITY`` to 1; 0 where the user does not request the block.
    """
    amplitude = np.maximum(np.linalg.norm(instance.channel, axis=2) - instance.csi_radius, 0.0)
    amplitude *= np.sqrt(instance.power_w / instance.noise_w)
    needed = np.sqrt(np.expm1(instance.qos_bps / instance.bandwidth_hz * np.log(2.0)))
    place = np.full(instance.n_blocks, -1)
    place[blocks] = np.arange(blocks.size)
    pair = np.flatnonzero(place[instance.pair_block] >= 0)
    user = instance.pair_user[pair]
    with np.errstate(divide="ignore", invalid="ignore"):
        share = amplitude[instance.pair_channel[pair]] / needed[user, None]
    quality = np.zeros((blocks.size, instance.n_nodes, instance.n_users), np.float32)
    quality[place[instance.pair_block[pair]], :, user] = np.clip(
        np.nan_to_num(share, nan=1.0), LEAST_QUALITY, 1.0
    )
    return quality


def rates_to_others(
    instance: Instance, blocks: NDArray[np.int64], layout: StateLayout
) -> NDArray[np.float64]:
    """(B, N, N - 1) backhaul rates R_{n,m,k} of blocks, in bit/s, from each node to the others in increasing order."""
    backhaul = instance.backhaul_bps
    per_block = backhaul[blocks if backhaul.shape[0] > 1 else np.zeros_like(blocks)]
    return np.asarray(per_block[:, np.arange(layout.n_nodes)[:, None], layout.others])
