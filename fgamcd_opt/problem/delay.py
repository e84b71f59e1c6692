"""Worst-case rates, migration and air times: equations (6), (7) and (8), with numpy alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.problem.transmissions import Transmissions
from fgamcd_opt.problem.worst_case import worst_case_rate_bps

BITS_PER_BYTE = 8


def pair_rates_bps(
    instance: Instance, beams: NDArray[np.complex128], of_pair: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Worst-case rate of every requested pair (6) in bit/s, shape (P,); 0 where a huge beam overflows.

    Parameters
    ----------
    instance
        The data as the variant sees them.
    beams
        (T, N, N_t) beams of the transmissions, in sqrt(W).
    of_pair
        (P,) transmission of each pair.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        rate = worst_case_rate_bps(
            instance.channel[instance.pair_channel],
            beams[of_pair],
            instance.csi_radius[instance.pair_channel],
            instance.error_set,
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
    return _divide(bits(instance, blocks), slowest)


def air_times_s(
    instance: Instance,
    sent: Transmissions,
    pair_rate_bps: NDArray[np.float64],
    from_cloud: NDArray[np.bool_],
    cloud_rate_bps: float | None,
) -> NDArray[np.float64]:
    """Air time of each requested block, shape (R,): sum over its transmissions of ``max_u D_k / rate_{u,k}`` (8).

    Parameters
    ----------
    instance, sent
        The data and the T transmissions of the variant.
    pair_rate_bps
        (P,) worst-case rates.
    from_cloud
        (T,) transmissions that the cloud makes instead: D_k / ``cloud_rate_bps`` per user.
    cloud_rate_bps
        Rate from the cloud in bit/s, or None if there is none.
    """
    slowest = np.full(sent.count, np.inf)
    np.minimum.at(slowest, sent.of_pair, pair_rate_bps)
    size = bits(instance, sent.block)
    time_s = _divide(size, slowest)
    if cloud_rate_bps is not None:
        time_s = np.where(from_cloud, sent.users() * (size / cloud_rate_bps), time_s)
    return np.asarray(np.add.reduceat(time_s, np.searchsorted(sent.block, instance.requested_blocks)))


def bits(instance: Instance, blocks: NDArray[np.int64]) -> NDArray[np.float64]:
    """Sizes of blocks in bits, in the shape of ``blocks``."""
    return instance.block_bytes[blocks].astype(np.float64) * BITS_PER_BYTE


def _divide(size_bits: NDArray[np.float64], rate_bps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Time in seconds, infinite at rate zero."""
    time_s = np.full(size_bits.shape, np.inf)
    with np.errstate(over="ignore"):
        np.divide(size_bits, rate_bps, out=time_s, where=rate_bps > 0.0)
    return time_s
