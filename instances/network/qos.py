"""QoS rates that are feasible by construction whenever the caches together hold every requested PB.

The paper draws R_u from [5, 7] Gbit/s, which a lone user at the preset's geometry and power may not reach.
Here R_u = min(draw, qos_cap x the user's worst PB), where a PB's rate is the worst-case rate of one multicast
beam that serves all users of the PB from all nodes. That beam is an admissible point of P1 if every requested
PB is cached somewhere and the backhaul is connected, so that qos_cap <= 1 makes P1 feasible then.

The digests of generated instances depend on this beam: `reference_rates` is pinned and must never change.
It is close to the best known (mean 0.5 % of the rate or less, at worst 2 %, in comparisons with many random
starts up to 12 users), but it is a reference for QoS, not the toolkit's beamforming.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.instances.instance import Instance

ITERATIONS = 300
STEP = 2.0
_COLUMN_STARTS = 4
_ROUND_BPS = 1000.0
TINY = 1e-300

_ROUNDING = 1e-11
"""Rates of two ascents that are equal but for rounding differ by less than this share; the most seen was 4e-16."""

Ascent = Callable[[NDArray[np.complex128], NDArray[np.complex128], NDArray[np.float64]], NDArray[np.float64]]
"""What :func:`multiplicative_weights` is."""


def capped_qos(
    instance: Instance, draw_bps: NDArray[np.float64], qos_cap: float, ascent: Ascent | None = None
) -> NDArray[np.float64]:
    """(U,) rates min(draw, qos_cap x worst PB of the user), in bit/s, rounded down to 1 kbit/s.

    Parameters
    ----------
    instance
        Its channels, powers, requests and error set are used; its ``qos_bps`` is not.
    draw_bps
        (U,) wanted rates in bit/s.
    qos_cap
        Share of the rate under full cooperation.
    ascent
        A faster :func:`multiplicative_weights`, equal but for rounding. The result is the same: where rounding might
        decide a kbit/s, the pinned one is asked.
    """
    rates = np.empty(instance.n_blocks)
    rates[instance.requested_blocks] = reference_rates(instance, ascent)
    worst = np.full(instance.n_users, np.inf)
    np.minimum.at(worst, instance.pair_user, rates[instance.pair_block])
    units = np.minimum(draw_bps, qos_cap * worst) / _ROUND_BPS
    if ascent is not None and (np.abs(units - np.rint(units)) < _ROUNDING * units).any():
        return capped_qos(instance, draw_bps, qos_cap)
    return np.asarray(np.floor(units) * _ROUND_BPS)


def reference_rates(instance: Instance, ascent: Ascent | None = None) -> NDArray[np.float64]:
    """(R,) worst-case rates of the requested PBs in bit/s, each broadcast by all nodes (pinned beam).

    Parameters
    ----------
    instance
        As in :func:`capped_qos`.
    ascent
        A faster :func:`multiplicative_weights`, equal but for rounding.
    """
    blocks = instance.requested_blocks
    users = np.array([len(instance.pair_user[instance.block_pairs(k)]) for k in blocks.tolist()])
    scale = np.sqrt(instance.power_w / instance.noise_w)
    amplitude = np.empty(len(blocks))
    for count in np.unique(users).tolist():
        members = np.flatnonzero(users == count)
        channel = np.stack([instance.block_channels(k) for k in blocks[members].tolist()])
        radius = np.stack([instance.block_radii(k) for k in blocks[members].tolist()])
        scaled = channel * scale[:, None]
        gram = np.einsum("bunt,bvnt->bnuv", scaled.conj(), scaled)
        loss = instance.error_set.loss(radius * scale)
        best = (ascent or multiplicative_weights)(gram, _start_phases(gram.sum(axis=1)), loss)
        amplitude[members] = best.max(axis=1)
    rates: NDArray[np.float64] = instance.bandwidth_hz * np.log2(1.0 + amplitude**2)
    return rates


def multiplicative_weights(
    gram: NDArray[np.complex128], phase: NDArray[np.complex128], loss: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(B, S) max-min worst-case amplitudes of B PBs with m users each from S starts, by multiplicative weights.

    Every node sends with unit norm in the direction w_n = sum_u y_u phi_u g_{n,u}. The phases phi follow
    those of the received signals; the weights y move to the users that receive least. The best of all
    iterations counts.

    Parameters
    ----------
    gram
        (B, N, m, m) Gram matrices of the channels g, scaled by sqrt(P_n) / sigma.
    phase
        (B, S, m) phases of the starts.
    loss
        (B, m) loss q of F1.
    """
    weight = np.full(phase.shape, 1.0 / phase.shape[2])
    best = np.zeros(phase.shape[:2])
    for iteration in range(ITERATIONS):
        mixed = weight * phase
        parts = np.einsum("bnuv,bsv->bsnu", gram, mixed)
        norm = np.sqrt(np.maximum(np.einsum("bsu,bsnu->bsn", mixed.conj(), parts).real, TINY))
        signal = (parts / norm[..., None]).sum(axis=2)
        magnitude = np.abs(signal)
        amplitude = np.maximum(0.0, magnitude - loss[:, None, :])
        best = np.maximum(best, amplitude.min(axis=2))
        phase = signal / np.maximum(magnitude, TINY)
        mean = amplitude.mean(axis=2, keepdims=True)
        step = STEP / np.sqrt(1.0 + iteration)
        weight = weight * np.exp(-step * (amplitude - mean) / np.maximum(mean, TINY))
        weight /= weight.sum(axis=2, keepdims=True)
    return best


def _start_phases(gram: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """(B, S, m) phases of the two principal eigenvectors and of the first columns of (B, m, m) matrices."""
    vectors = np.linalg.eigh(gram)[1]
    starts = np.concatenate([vectors[:, :, -2:], gram[:, :, :_COLUMN_STARTS]], axis=2).swapaxes(1, 2)
    magnitude = np.abs(starts)
    phases: NDArray[np.complex128] = np.where(magnitude > 0, starts / np.maximum(magnitude, TINY), 1.0)
    return phases
