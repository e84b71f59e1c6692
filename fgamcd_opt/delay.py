"""Worst-case rates, migration and broadcast times: equations (6), (7) and (8), with numpy alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.beamforming.worst_case import worst_case_rate_bps
from fgamcd_opt.decision import Decision
from fgamcd_opt.instances.instance import Instance

BITS_PER_BYTE = 8


def pair_rates_bps(instance: Instance, decision: Decision) -> NDArray[np.float64]:
    """Worst-case rate of every requested pair (6) in bit/s, shape (P,); 0 where a huge beam overflows."""
    beam_of_pair = np.searchsorted(instance.requested_blocks, instance.pair_block)
    with np.errstate(over="ignore", invalid="ignore"):
        rate = worst_case_rate_bps(
            instance.channel[instance.pair_channel],
            decision.beams[beam_of_pair],
            instance.csi_radius[instance.pair_channel],
            instance.csi_set,
            bandwidth_hz=instance.bandwidth_hz,
            noise_w=instance.noise_w,
        )
    return np.where(np.isfinite(rate), rate, 0.0)


def migration_times_s(instance: Instance, migration: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Slowest migration ``max D_k / R_{n,m,k}`` of each requested block (8), shape (R,); 0 without one.

    The links of one block work in parallel. A link of rate zero takes forever.
    """
    blocks = instance.requested_blocks
    used = np.moveaxis(migration[:, :, blocks], -1, 0)
    rates = instance.backhaul_bps[blocks] if instance.backhaul_bps.shape[0] > 1 else instance.backhaul_bps
    slowest = np.where(used, rates, np.inf).min(axis=(1, 2))
    return _divide(_bits(instance), slowest)


def broadcast_times_s(instance: Instance, pair_rate_bps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Broadcast ``max_u D_k / rate_{u,k}`` of each requested block (8), shape (R,), from the pairs' rates."""
    starts = np.searchsorted(instance.pair_block, instance.requested_blocks)
    return _divide(_bits(instance), np.minimum.reduceat(pair_rate_bps, starts))


def _bits(instance: Instance) -> NDArray[np.float64]:
    """Sizes of the requested blocks in bits, shape (R,)."""
    return instance.block_bytes[instance.requested_blocks].astype(np.float64) * BITS_PER_BYTE


def _divide(bits: NDArray[np.float64], rate_bps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Time in seconds, infinite at rate zero."""
    time_s = np.full(bits.shape, np.inf)
    with np.errstate(over="ignore"):
        np.divide(bits, rate_bps, out=time_s, where=rate_bps > 0.0)
    return time_s
