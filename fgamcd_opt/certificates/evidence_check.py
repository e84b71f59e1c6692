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

from fgamcd_opt.instances.error_sets import ErrorSet
from fgamcd_opt.io.errors import InputError
from fgamcd_opt.problem.tolerances import MARGIN

_UNIT = 2.0**-53
_ENTRY = 1e-14
"""Relative error of an entry of B; about ten operations, each of which errs by 2^-53."""
_LIFT = 1e-11
"""By how much the factor t that is tried exceeds the computed eigenvalue."""
_SHARE = 1e-10
"""By how much parts of the matrix exceed the computed ones, so that the rounding of their entries counts little."""
_RANGE = (1e-100, 1e100)
"""Where the trace of B^H B must lie, so that underflow is far below the margins and nothing overflows."""


def admissible_errors(
    channels: NDArray[np.complex128],
    radii: NDArray[np.float64],
    error_set: ErrorSet,
    mix: NDArray[np.complex128],
) -> NDArray[np.complex128]:
    """(r, m, N, N_t) errors e_{n,u} = G_n mix[n, :, u], scaled down where they would leave the error set.

    Parameters
    ----------
    channels, radii
        (r, m, N, N_t) and (r, m, N), scaled.
    error_set
        The set of errors.
    mix
        (r, N, m, m) mixing matrices.
    """
    return pulled_inside(np.einsum("rvna,rnvu->runa", channels, mix, optimize=True), radii, error_set)


def pulled_inside(
    errors: NDArray[np.complex128], radii: NDArray[np.float64], error_set: ErrorSet
) -> NDArray[np.complex128]:
    """(r, m, N, N_t) errors, scaled down where they would leave the error set; radii (r, m, N)."""
    errors = np.where((radii > 0.0)[..., None], errors, 0.0)
    share = np.linalg.norm(errors, axis=3) / np.where(radii > 0.0, radii, 1.0)
    return np.asarray(errors / np.maximum(1.0, error_set.gauge(share) * (1.0 + MARGIN))[..., None])


def proved_multipliers(
    channels: NDArray[np.complex128],
    radii: NDArray[np.float64],
    error_set: ErrorSet,
    y: NDArray[np.float64],
    mu: NDArray[np.float64],
    mix: NDArray[np.complex128],
) -> NDArray[np.float64]:
    """(r, N) multipliers t mu_n that are proved for r pieces of evidence with the same number of users.

    Parameters
    ----------
    channels, radii, error_set, mix
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
    with np.errstate(over="ignore", invalid="ignore"):
        errors = admissible_errors(channels, radii, error_set, mix)
    factor = proved_factors(channels, errors, y, mu)
    if not np.isfinite(factor).all():
        raise InputError(
            "evidence: y and mu must be positive, all numbers finite and none too extreme to bound rounding errors"
        )
    return np.asarray(mu * factor[:, None] * (1.0 + MARGIN))


def proved_factors(
    channels: NDArray[np.complex128],
    errors: NDArray[np.complex128],
    y: NDArray[np.float64],
    mu: NDArray[np.float64],
) -> NDArray[np.float64]:
    """(r,) factors t that are proved for r pieces of evidence, infinite where nothing is.

    Parameters
    ----------
    channels
        (r, m, N, N_t) or (1, m, N, N_t), scaled.
    errors
        (r, m, N, N_t) admissible errors.
    y, mu
        As in :func:`proved_multipliers`.
    """
    with np.errstate(all="ignore"):
        whole = np.isfinite(y).all(axis=1) & np.isfinite(mu).all(axis=1)
        good = np.asarray(whole & (y > 0.0).all(axis=1) & (mu >= 0.0).all(axis=1) & (mu > 0.0).any(axis=1))
        inverse = np.divide(1.0, mu, out=np.zeros_like(mu), where=mu > 0.0)
        weight = np.sqrt(y[:, :, None] * inverse[:, None, :])[..., None]
        columns = (channels + errors) * weight
        size = np.sqrt((np.abs(channels) ** 2).sum(axis=-1, keepdims=True)) * weight
        unshifted = np.sqrt((size**2).sum(axis=(1, 2, 3)))
        return _largest_squares(columns, unshifted, good)


def proved_parts(
    channels: NDArray[np.complex128],
    errors: NDArray[np.complex128],
    y: NDArray[np.float64],
    mu: NDArray[np.float64],
) -> NDArray[np.complex128]:
    """(N, m, m) Hermitian M_n such that lambda_max(sum_{n in S} M_n) is a proved factor t for every subset S.

    M_n is the computed B_n^H B_n with room for its rounding errors. With B_n = C + E, C the computed matrix and
    ||E|| <= e, B_n^H B_n <= (1 + d) C^H C + (1 + 1/d) e^2 I for every d > 0.

    Parameters
    ----------
    channels, errors
        (m, N, N_t), as in :func:`proved_factors`.
    y, mu
        (m,) weights > 0 and (N,) multipliers > 0 in the set, 0 elsewhere.
    """
    with np.errstate(all="ignore"):
        inverse = np.divide(1.0, mu, out=np.zeros_like(mu), where=mu > 0.0)
        weight = np.sqrt(y[:, None] * inverse)[..., None]
        columns = ((channels + errors) * weight).transpose(1, 0, 2)
        parts = np.conj(columns) @ columns.swapaxes(1, 2)
        trace = np.einsum("nuu->n", parts).real
        unshifted = ((np.abs(channels) * weight) ** 2).sum(axis=(0, 2))
        moved2 = 2.0 * _ENTRY**2 * (trace + unshifted)
        room = 8.0 * (channels.shape[2] + 8) * _UNIT * trace + 2.0 / _SHARE * moved2
        parts *= 1.0 + 2.0 * _SHARE
        users = np.arange(y.size)
        parts[:, users, users] += room[:, None]
    return parts


def _largest_squares(
    columns: NDArray[np.complex128], unshifted: NDArray[np.float64], good: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """(r,) proved bounds on the squared largest singular value of the m columns (r, m, N, N_t) of B.

    ``unshifted`` (r,) is the Frobenius norm of B without the errors; rows that are not ``good`` (r,) get infinity.
    """
    rows, users = columns.shape[:2]
    flat = columns.reshape(rows, users, -1)
    length = flat.shape[2]
    gram = np.conj(flat) @ flat.swapaxes(1, 2)
    diagonal = np.einsum("ruu->ru", gram).real
    trace = diagonal.sum(axis=1)
    good = good & (trace >= _RANGE[0]) & (trace <= _RANGE[1]) & (unshifted <= _RANGE[1])
    gram[~good] = np.eye(users)  # anything that can be factorised
    diagonal = np.einsum("ruu->ru", gram).real
    lifted = np.linalg.eigvalsh(gram)[:, -1] * (1.0 + _LIFT)
    rest = -gram
    rest[:, np.arange(users), np.arange(users)] = lifted[:, None] - diagonal
    good &= _factorised(rest)
    proved = lifted * (1.0 + 8.0 * (users + 2) * users * _UNIT) + 8.0 * (length + 8) * _UNIT * trace
    moved = _ENTRY * (np.sqrt(trace) + unshifted)
    return np.where(good, (np.sqrt(proved) + moved) ** 2 * (1.0 + MARGIN), np.inf)


def _factorised(matrices: NDArray[np.complex128]) -> NDArray[np.bool_]:
    """(r,) whether the Cholesky factorisations of matrices (r, m, m) run to their end."""
    try:
        np.linalg.cholesky(matrices)
    except np.linalg.LinAlgError:
        if len(matrices) == 1:
            return np.zeros(1, np.bool_)
        return np.concatenate([_factorised(matrices[i : i + 1]) for i in range(len(matrices))])
    return np.ones(len(matrices), np.bool_)
