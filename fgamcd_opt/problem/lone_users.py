"""Users served alone (F3): proved bounds on their SNR, in the scale and with the QoS floors that proofs use.

Channels are scaled to unit noise and to the node power that the checker allows. Numpy alone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.instances.error_sets import ErrorSet
from fgamcd_opt.problem.tolerances import MARGIN, allowed_power_w, owed_rate_bps
from fgamcd_opt.problem.worst_case import NOISE_SHARE

_TINY = 1e-150
"""Absolute margin of an amplitude, for squares that underflow."""


def scaled_channels(
    channels: NDArray[np.complex128],
    radii: NDArray[np.float64],
    power_w: NDArray[np.float64],
    noise_w: float,
) -> tuple[NDArray[np.complex128], NDArray[np.float64]]:
    """Channels (..., N, N_t) and radii (..., N) scaled to unit noise and the node power that the checker allows."""
    scale = np.sqrt(allowed_power_w(power_w) / noise_w)
    return channels * scale[:, None], radii * scale


def owed_snr(qos_bps: NDArray[np.float64], bandwidth_hz: float) -> NDArray[np.float64]:
    """SNR floors of (9b), rounded down, below which the checker rejects a beam; infinite where no SNR is enough."""
    with np.errstate(over="ignore"):
        return np.asarray(
            np.expm1(owed_rate_bps(qos_bps) / bandwidth_hz * np.log(2.0)) * (1.0 - 4.0 * MARGIN)
        )


def lone_users_snr(
    norms: NDArray[np.float64], radii: NDArray[np.float64], error_set: ErrorSet, sending: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """(s, m) proved bounds on the SNR of users that are served alone (F3), whatever the beam.

    Against one user with ||g_n|| and radii eps_n the error -t_n g_n / ||g_n|| is admissible for the cuts t_n of the
    error set, so its amplitude is at most sum_n max(||g_n|| - t_n, 0). Where no node keeps more of its channel than
    rounding is worth, the checker takes the amplitude of any beam for 0.

    Parameters
    ----------
    norms, radii
        (m, N) ||g_n|| and eps_n, scaled to unit noise and unit node power.
    error_set
        The set of errors.
    sending
        (s, N) whether a node belongs to the set.
    """
    shape = (len(sending), len(norms))
    amplitude, audible = np.full(shape, _TINY), np.zeros(shape, np.bool_)
    for n, cut in enumerate(error_set.lone_cuts(radii, sending, MARGIN)):
        amplitude += sending[:, n, None] * np.maximum(norms[:, n] * (1.0 + MARGIN) - cut, 0.0)
        audible |= sending[:, n, None] & (norms[:, n] * (1.0 - 0.5 * NOISE_SHARE) > cut)
    return np.where(audible, amplitude**2 * (1.0 + 2.0 * MARGIN), 0.0)
