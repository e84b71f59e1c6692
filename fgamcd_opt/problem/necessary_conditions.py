"""Quick proofs that an instance has no feasible decision at all."""

from __future__ import annotations

import numpy as np

from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.problem.lone_users import lone_users_snr, owed_snr, scaled_channels
from fgamcd_opt.problem.worst_case import rate_from_amplitude


def storage_fault(instance: Instance) -> str | None:
    """Why the caches cannot hold the requested blocks (1), or None: total size, then the largest block."""
    size = instance.block_bytes[instance.requested_blocks]
    room = int(instance.storage_bytes.max())
    needed = sum(size.tolist())
    total = sum(instance.storage_bytes.tolist())  # in Python's numbers: it may pass 2^63
    if needed > total:
        return f"the requested blocks take {needed} bytes, but all caches together hold {total} bytes (storage, eq. 1)"
    largest = int(size.argmax())
    if size[largest] > room:
        name = instance.block_names[instance.requested_blocks[largest]]
        return f"block {name!r} takes {size[largest]} bytes, but the largest cache holds {room} bytes (storage, eq. 1)"
    return None


def qos_fault(instance: Instance) -> str | None:
    """Which user cannot reach its QoS (9b) even alone and served by all nodes (F3), or None.

    A user whom no beam reaches at all has no feasible decision either, whatever its QoS.
    """
    channels, radii = scaled_channels(
        instance.channel, instance.csi_radius, instance.power_w, instance.noise_w
    )
    everyone = np.ones((1, instance.n_nodes), np.bool_)
    alone = lone_users_snr(np.linalg.norm(channels, axis=2), radii, instance.error_set, everyone)
    snr, qos = alone[0, instance.pair_channel], instance.qos_bps[instance.pair_user]
    missed = (snr <= 0.0) | (snr < owed_snr(qos, instance.bandwidth_hz))
    if not missed.any():
        return None
    reachable = rate_from_amplitude(np.sqrt(snr), instance.bandwidth_hz, 1.0)
    worst = int(np.where(missed, qos - reachable, -np.inf).argmax())
    name = instance.block_names[instance.pair_block[worst]]
    user = instance.pair_user[worst]
    if qos[worst] <= 0.0:
        return (
            f"no beam reaches user {user} for {name!r}, even alone and with all nodes: the rate is 0 (eq. 6)"
        )
    return (
        f"user {user} needs {qos[worst]:.6g} bit/s, but alone, with all nodes, "
        f"it reaches {reachable[worst]:.6g} bit/s for {name!r} (QoS, eq. 9b)"
    )
