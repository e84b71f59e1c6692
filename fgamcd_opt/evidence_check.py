"""Rounding-safe check of evidence for rate bounds (F6), with numpy alone: from raw channels to proved multipliers.

Evidence is (y, mu, errors) over the nodes of a set S. Whatever its numbers are, a factor t with

    G~ diag(y) G~^H  <=  t blkdiag(mu_n I)        (G~ = G + E, E admissible, scaled to unit noise and node power)

makes sum_u y_u SNR_u(w) <= sum_{n sending} t mu_n true for every beam and every subset of S. The factor is the
largest eigenvalue of B^H B with B_n = G~_n diag(sqrt y) / sqrt(mu_n). It is proved by a Cholesky factorisation of
t I - B^H B, and every rounding error on the way is bounded from above:

* B is computed with a relative error of a few units per entry, which moves its largest singular value by no more
  than that share of its Frobenius norm;
* an inner product of length l errs by at most 8 (l + 8) u times the sum of the absolute products (u = 2^-53);
* a Cholesky factorisation that runs to its end proves the matrix positive definite up to 8 (m + 2) u times its
  trace (Rump, BIT 46, 2006, with room for complex arithmetic).

The stored errors are a proposal: they are scaled into the error set before use, hence always admissible.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.errors import InputError
from fgamcd_opt.weighted_snr import MARGIN

_UNIT = 2.0**-53
_ENTRY = 1e-14
"""Relative error of an entry of B; about ten operations, each of which errs by 2^-53."""
_LIFT = 1e-11
"""By how much the factor t that is tried exceeds the computed eigenvalue."""
_RANGE = (1e-100, 1e100)
"""Where the trace of B^H B must lie, so that underflow is far below the margins and nothing overflows."""


def scaled_channels(
    channels: NDArray[np.complex128],
    radii: NDArray[np.float64],
    power_w: NDArray[np.float64],
    noise_w: float,
) -> tuple[NDArray[np.complex128], NDArray[np.float64]]:
    """Channels (..., N, N_t) and radii (..., N) scaled to unit noise and unit node power."""
    scale = np.sqrt(power_w / noise_w)
    return channels * scale[:, None], radii * scale


def admissible_errors(
    channels: NDArray[np.complex128],
    radii: NDArray[np.float64],
    balls: bool,
    mix: NDArray[np.complex128],
) -> NDArray[np.complex128]:
    """(r, m, N, N_t) errors e_{n,u} = G_n mix[n, :, u], scaled down where they would leave the error set.

    Parameters
    ----------
    channels, radii
        (r, m, N, N_t) and (r, m, N), scaled.
    balls
        Independent balls instead of one ellipsoid.
    mix
        (r, N, m, m) mixing matrices.
    """
    errors = np.einsum("rvna,rnvu->runa", channels, mix, optimize=True)
    errors[radii == 0.0] = 0.0
    share = np.linalg.norm(errors, axis=3) / np.where(radii > 0.0, radii, 1.0)
    used = share if balls else np.linalg.norm(share, axis=2, keepdims=True)
    return np.asarray(errors / np.maximum(1.0, used * (1.0 + MARGIN))[..., None])


def proved_multipliers(
    channels: NDArray[np.complex128],
    radii: NDArray[np.float64],
    balls: bool,
    y: NDArray[np.float64],
    mu: NDArray[np.float64],
    mix: NDArray[np.complex128],
) -> NDArray[np.float64]:
    """(r, N) multipliers t mu_n that are proved for r pieces of evidence with the same number of users.

    Parameters
    ----------
    channels, radii, balls, mix
        As in :func:`admissible_errors`.
    y
        (r, m) weights > 0.
    mu
        (r, N) multipliers > 0 in S, 0 elsewhere.

    Raises
    ------
    InputError
        Numbers that are not finite or not positive, or so extreme that rounding cannot be bounded.
    """
    inside = mu > 0.0
    finite = all(np.isfinite(array).all() for array in (y, mu, mix))
    if not finite or (y <= 0.0).any() or (mu < 0.0).any() or not inside.any(axis=1).all():
        raise InputError("evidence: y and mu must be positive and all numbers finite")
    with np.errstate(over="ignore", invalid="ignore"):
        shifted = channels + admissible_errors(channels, radii, balls, mix)
        inverse = np.divide(1.0, mu, out=np.zeros_like(mu), where=inside)
        weight = np.sqrt(y[:, :, None] * inverse[:, None, :])[..., None]
        factor = _largest_square(
            shifted * weight, np.linalg.norm((channels * weight).reshape(len(y), -1), axis=1)
        )
    return np.asarray(mu * factor[:, None] * (1.0 + MARGIN))


def _largest_square(columns: NDArray[np.complex128], unshifted: NDArray[np.float64]) -> NDArray[np.float64]:
    """(r,) proved bounds on the squared largest singular value of the m columns (r, m, N, N_t) of B.

    ``unshifted`` (r,) is the Frobenius norm of B without the errors.
    """
    rows, users = columns.shape[:2]
    flat = columns.reshape(rows, users, -1)
    length = flat.shape[2]
    gram = np.conj(flat) @ flat.swapaxes(1, 2)
    diagonal = np.einsum("ruu->ru", gram).real
    trace = diagonal.sum(axis=1)
    if not ((trace >= _RANGE[0]) & (trace <= _RANGE[1])).all():
        raise InputError("evidence: its numbers are too extreme to bound the rounding errors")
    lifted = np.linalg.eigvalsh(gram)[:, -1] * (1.0 + _LIFT)
    rest = -gram
    rest[:, np.arange(users), np.arange(users)] = lifted[:, None] - diagonal
    try:
        np.linalg.cholesky(rest)
    except np.linalg.LinAlgError as error:
        raise InputError("evidence: its eigenvalue bound could not be proved") from error
    proved = lifted * (1.0 + 8.0 * (users + 2) * users * _UNIT) + 8.0 * (length + 8) * _UNIT * trace
    moved = _ENTRY * (np.sqrt(trace) + unshifted)
    return np.asarray((np.sqrt(proved) + moved) ** 2 * (1.0 + MARGIN))
