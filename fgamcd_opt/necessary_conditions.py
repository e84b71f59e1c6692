"""Quick proofs that an instance has no feasible decision at all."""

from __future__ import annotations

import numpy as np

from fgamcd_opt.beamforming.worst_case import rate_from_amplitude, single_user_amplitude
from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.violations import TOLERANCE


def storage_fault(instance: Instance) -> str | None:
    """Why the caches cannot hold the requested blocks (1), or None: total size, then the largest block."""
    size = instance.block_bytes[instance.requested_blocks]
    room = int(instance.storage_bytes.max())
    needed, total = (
        sum(size.tolist()),
        sum(instance.storage_bytes.tolist()),
    )  # Python's numbers: may pass 2^63
    if needed > total:
        return f"the requested blocks take {needed} bytes, but all caches together hold {total} bytes (1)"
    largest = int(size.argmax())
    if size[largest] > room:
        name = instance.block_names[instance.requested_blocks[largest]]
        return f"block {name!r} takes {size[largest]} bytes, but the largest cache holds {room} bytes (1)"
    return None


def qos_fault(instance: Instance) -> str | None:
    """Which user cannot reach its QoS (9b) even alone and served by all nodes (F3), or None.

    Radii are cut at ``||h_n||``, where F3 is exact; a smaller error set only raises the rate.
    """
    channel = instance.channel[instance.pair_channel]
    radius = np.minimum(instance.csi_radius[instance.pair_channel], np.linalg.norm(channel, axis=-1))
    amplitude = single_user_amplitude(channel, radius, instance.power_w, instance.csi_set)
    reachable = rate_from_amplitude(amplitude, instance.bandwidth_hz, instance.noise_w)
    qos = instance.qos_bps[instance.pair_user]
    short = qos * (1.0 - TOLERANCE) - reachable
    worst = int(short.argmax())
    if short[worst] <= 0.0:
        return None
    name = instance.block_names[instance.pair_block[worst]]
    return (
        f"user {instance.pair_user[worst]} needs {qos[worst]:.6g} bit/s, but alone, with all nodes, "
        f"it reaches {reachable[worst]:.6g} bit/s for {name!r} (9b)"
    )
