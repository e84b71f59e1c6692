"""Worst case of a rank-one beam over the CSI error set, in closed form (facts F1 and F3).

The true channel is ``h = h^ + e`` with ``e`` in a set around the estimate ``h^``
(:mod:`fgamcd_opt.instances.error_sets`).

Everything is vectorised over leading axes, which broadcast. Only numpy is needed, so that the independent
checker can rest on this module.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.instances.error_sets import ErrorSet

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]

NOISE_SHARE = 1e-11
"""A worst-case amplitude up to this share of ``sum_n ||h_n|| ||w_n||`` is taken for 0: rounding noise is no rate.

It is far above what rounding can do (:func:`worst_case_amplitude` takes that off first, about 1e-14 of the sum), so
that bounds can prove an amplitude to be 0 in floating point, too."""

_UNIT = 2.0**-53
"""Largest relative error of one floating-point operation."""


def received_amplitude(h: ComplexArray, w: ComplexArray) -> ComplexArray:
    """Complex amplitude ``h^H w = sum_n h_n^H w_n`` at the user, over the *estimated* channel.

    Parameters
    ----------
    h, w
        Channels and beams, shape (..., N, N_t); beams in sqrt(W).

    Returns
    -------
        Shape (...), in sqrt(W).
    """
    return np.asarray(np.einsum("...nt,...nt->...", h.conj(), w))


def uncertainty(w: ComplexArray, radius: FloatArray, error_set: ErrorSet) -> FloatArray:
    """Largest amplitude ``q`` that an admissible error can take away from a beam (F1).

    Parameters
    ----------
    w
        Beams in sqrt(W), shape (..., N, N_t).
    radius
        Error radii eps_n, shape (..., N), unit of the channel.
    error_set
        The set of errors.

    Returns
    -------
        Shape (...), in sqrt(W).
    """
    return error_set.loss(radius * np.linalg.norm(w, axis=-1))


def worst_case_amplitude(
    h: ComplexArray, w: ComplexArray, radius: FloatArray, error_set: ErrorSet
) -> FloatArray:
    """Smallest ``|(h^ + e)^H w|`` over the error set: ``max(0, |h^^H w| - q)`` (F1, equation (6)), rounded down.

    What rounding may have added is taken off, and what is left is 0 unless it exceeds the share
    :data:`NOISE_SHARE` of ``sum_n ||h_n|| ||w_n||``. So the amplitude is never above the true one of the beam: with l
    products in ``h^^H w``, the computed ``|h^^H w| - q`` errs by less than 4 (l + 8) 2^-53 times that sum (or is
    negative anyway, where q is larger than it).

    Parameters
    ----------
    h, w
        Estimated channels and beams, shape (..., N, N_t); beams in sqrt(W).
    radius
        Error radii eps_n, shape (..., N), unit of the channel.
    error_set
        The set of errors.

    Returns
    -------
        Shape (...), in sqrt(W).
    """
    scale = (np.linalg.norm(h, axis=-1) * np.linalg.norm(w, axis=-1)).sum(axis=-1)
    rounding = 4.0 * (np.shape(h)[-2] * np.shape(h)[-1] + 8) * _UNIT
    left = np.abs(received_amplitude(h, w)) - uncertainty(w, radius, error_set) - rounding * scale
    return np.where(left > NOISE_SHARE * scale, left, 0.0)


def worst_error(h: ComplexArray, w: ComplexArray, radius: FloatArray, error_set: ErrorSet) -> ComplexArray:
    """Admissible error that attains :func:`worst_case_amplitude`.

    With ``phi`` the phase of ``h^^H w`` it is ``-exp(-j phi)`` times the worst direction of the set, shortened where
    less than ``q`` already brings the amplitude to zero.

    Parameters
    ----------
    h, w, radius, error_set
        As in :func:`worst_case_amplitude`.

    Returns
    -------
        Errors e, shape (..., N, N_t), unit of the channel.
    """
    estimate = received_amplitude(h, w)
    q = uncertainty(w, radius, error_set)
    magnitude = np.abs(estimate)
    phase = np.where(magnitude > 0.0, estimate / _nonzero(magnitude), 1.0)
    scale = magnitude / _nonzero(np.maximum(magnitude, q))
    return np.asarray(-(scale * phase.conj())[..., None, None] * error_set.worst_direction(w, radius))


def single_user_amplitude(
    h: ComplexArray, radius: FloatArray, power_w: FloatArray, error_set: ErrorSet
) -> FloatArray:
    """Best worst-case amplitude of a lone user (F3): full power, every beam along its own channel.

    ``sum_n sqrt(P_n) ||h_n|| - q`` with ``q`` of :func:`uncertainty` at full power, or zero if negative.
    This is optimal when ``eps_n <= ||h_n||`` at every node, because the derivative by ``||w_n||`` is at
    least ``||h_n|| - eps_n``. With a larger radius at some node it is the amplitude of one feasible beam,
    except for a single node, where it stays optimal.

    Parameters
    ----------
    h
        Estimated channels of the participating nodes, shape (..., N, N_t).
    radius
        Error radii eps_n, shape (..., N), unit of the channel.
    power_w
        Power budgets P_n in W, shape (..., N).
    error_set
        The set of errors.

    Returns
    -------
        Shape (...), in sqrt(W).
    """
    root_power = np.sqrt(power_w)
    gain = (root_power * np.linalg.norm(h, axis=-1)).sum(axis=-1)
    lost = uncertainty((root_power + 0.0j)[..., None], radius, error_set)
    return np.where(gain - lost > NOISE_SHARE * gain, gain - lost, 0.0)


def rate_from_amplitude(amplitude: FloatArray, bandwidth_hz: float, noise_w: float) -> FloatArray:
    """Rate ``B log2(1 + |amplitude|^2 / sigma^2)`` in bit/s (6); same shape as the amplitude in sqrt(W)."""
    return np.asarray(bandwidth_hz * np.log1p(amplitude**2 / noise_w) / np.log(2.0))


def amplitude_from_rate(rate_bps: FloatArray, bandwidth_hz: float, noise_w: float) -> FloatArray:
    """Amplitude ``s = sqrt(2^(R/B) - 1) sigma`` in sqrt(W) at which a rate in bit/s is just reached."""
    return np.asarray(np.sqrt(np.expm1(rate_bps * (np.log(2.0) / bandwidth_hz)) * noise_w))


def worst_case_rate_bps(
    h: ComplexArray,
    w: ComplexArray,
    radius: FloatArray,
    error_set: ErrorSet,
    *,
    bandwidth_hz: float,
    noise_w: float,
) -> FloatArray:
    """Worst-case rate of a beam (6) in bit/s, shape (...); arguments of :func:`worst_case_amplitude`."""
    amplitude = worst_case_amplitude(h, w, radius, error_set)
    return rate_from_amplitude(amplitude, bandwidth_hz, noise_w)


def _nonzero(x: FloatArray) -> FloatArray:
    """``x`` with zeros replaced by one, for divisions whose numerator is zero there."""
    return np.where(x > 0.0, x, 1.0)
