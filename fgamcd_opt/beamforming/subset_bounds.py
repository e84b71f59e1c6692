"""Certified SNR bounds of a node set S from what is known of larger sets, without solving S itself (compiled).

Two bounds cost a few microseconds each. A lone user's closed form (F3) holds for every S. And the multipliers
that prove F6 for a set prove it for all of its subsets S: errors, y and mu restricted to S stay admissible, so

    sum_u y_u SNR_u  <=  lambda_max( sqrt(Y) [ sum_{n in S} A~_n / mu_n ] sqrt(Y) ) * sum_{n in S} mu_n,

where only the m x m eigenvalue changes with S. That is far tighter than monotonicity (F4), which would keep the
bound of the larger set, and exact for one user. The summands come from the channels with room for all rounding
errors (:func:`fgamcd_opt.certificates.evidence_check.proved_parts`), and every eigenvalue is proved by a Cholesky
factorisation: with m users and N nodes its own rounding is below m (N + 8 m + 16) 2^-53 of it, far less than
``ROUNDING``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.beamforming.broadcast import Broadcast
from fgamcd_opt.beamforming.kernels.dense import cholesky
from fgamcd_opt.beamforming.kernels.dual_bound import ROUNDING
from fgamcd_opt.beamforming.kernels.kernel import Array, kernel
from fgamcd_opt.beamforming.kernels.lone_user import lone_user
from fgamcd_opt.beamforming.kernels.qos_floors import level_bound
from fgamcd_opt.beamforming.rate_evidence import RateEvidence
from fgamcd_opt.certificates.evidence_check import admissible_errors, proved_parts

_POWER_STEPS = 30
"""Steps of the power method between two attempts to prove its estimate with ever more margin."""


@kernel
def lone_users_bound(gram: Array, radius2: Array, error_code: bool, floors: Array, mask: int) -> float:
    """Least bound of all users served alone by the nodes in ``mask``; negative if one cannot be served.

    ``floors`` (m,) are the amplitudes below which the checker rejects a beam.
    """
    n_nodes, n_users = radius2.shape
    diagonal = np.empty((n_nodes, 1, 1), np.complex128)
    radii = np.empty((n_nodes, 1))
    share = np.empty(n_nodes)
    least = np.inf
    for u in range(n_users):
        size = 0
        for n in range(n_nodes):
            if (mask >> n) & 1:
                diagonal[size, 0, 0] = gram[n, u, u]
                radii[size, 0] = radius2[n, u]
                size += 1
        _, bound = lone_user(diagonal[:size], radii[:size], error_code, 0, share[:size])
        if bound < floors[u] or bound <= 0.0:
            return -1.0
        least = min(least, bound * bound)
    return least


def whitened(
    broadcast: Broadcast, evidence: RateEvidence
) -> tuple[NDArray[np.complex128], NDArray[np.float64]]:
    """Summands of the eigenvalue condition and the multipliers that belong to them.

    Parameters
    ----------
    broadcast
        The reduced block.
    evidence
        Evidence that proves something.

    Returns
    -------
    parts, mu
        (N, m, m) and (N,): for every subset S of the evidence's set, sum_u y_u SNR_u is at most
        lambda_max(sum_{n in S} parts_n) sum_{n in S} mu_n; 0 outside the set. The factor of the whole set is near 1.
    """
    mu = evidence.mu.copy()
    errors = admissible_errors(
        broadcast.channels[None], broadcast.radii, broadcast.error_set, evidence.mix[None]
    )[0]
    return proved_parts(broadcast.channels, errors, evidence.y, mu), mu


@kernel
def inherited_bound(parts: Array, y: Array, mu: Array, floors: Array, mask: int, known: float) -> float:
    """SNR bound for the subset ``mask`` from the evidence of a set around it; negative if it cannot meet the floors.

    Infinite if it is clear without the eigenvalue that the bound is not below ``known``.

    Parameters
    ----------
    parts, y, mu
        (N, m, m), (m,), (N,) as :func:`whitened` makes them.
    floors
        (m,) amplitudes below which the checker rejects a beam.
    mask
        Any subset of the set that the evidence is for.
    known
        A bound on the SNR that is proved already.
    """
    n_users = y.size
    matrix = np.zeros((n_users, n_users), np.complex128)
    total = 0.0
    for n in range(mu.size):
        if (mask >> n) & 1:
            total += mu[n]
            for u in range(n_users):
                for v in range(n_users):
                    matrix[u, v] += parts[n, u, v]
    weight = y.sum()
    highest = floors.max()
    trace, square = 0.0, 0.0
    for u in range(n_users):
        trace += matrix[u, u].real
        for v in range(n_users):
            square += matrix[u, v].real ** 2 + matrix[u, v].imag ** 2
    if (
        total * square > weight * max(known, highest * highest) * trace
    ):  # square / trace <= largest eigenvalue
        return np.inf
    total *= _largest_eigenvalue(matrix, 1.0) * (1.0 + ROUNDING)
    if total >= weight * highest * highest:
        return total / weight
    return level_bound(y, np.ones(y.size), floors, total)


@kernel
def _largest_eigenvalue(matrix: Array, ceiling: float) -> float:
    """Proved upper bound near the largest eigenvalue of a positive semidefinite matrix; at most ``ceiling``."""
    n_users = matrix.shape[0]
    if n_users == 1:
        return min(ceiling, matrix[0, 0].real)
    vector = np.empty(n_users, np.complex128)
    image = np.empty(n_users, np.complex128)
    largest = 0.0
    for u in range(n_users):
        if matrix[u, u].real >= largest:
            largest = matrix[u, u].real
            vector[:] = matrix[:, u]
    if largest <= 0.0:
        return min(ceiling, 1e-300)
    lower = np.zeros((n_users, n_users), np.complex128)
    trial = np.empty((n_users, n_users), np.complex128)
    estimate, excess = 0.0, 1e-6
    while True:
        for _ in range(_POWER_STEPS):
            norm, length = 0.0, 0.0
            for u in range(n_users):
                value = 0.0j
                for v in range(n_users):
                    value += matrix[u, v] * vector[v]
                image[u] = value
                norm += value.real**2 + value.imag**2
                length += vector[u].real ** 2 + vector[u].imag ** 2
            before = estimate
            estimate = np.sqrt(norm / length)
            for u in range(n_users):
                vector[u] = image[u] / np.sqrt(norm)
            if estimate <= before * (1.0 + 1e-7):
                break
        candidate = estimate * (1.0 + excess)
        if candidate >= ceiling:
            return ceiling
        for u in range(n_users):
            for v in range(n_users):
                trial[u, v] = -matrix[u, v]
            trial[u, u] += candidate
        if cholesky(trial, lower):
            return candidate
        excess *= 4.0
