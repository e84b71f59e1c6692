"""Certified SNR bounds of a node set S from what is known of larger sets, without solving S itself (compiled).

Two bounds cost a few microseconds each. A lone user's closed form (F3) holds for every S. And the multipliers
that prove F6 for a set prove it for all of its subsets S: errors, y and mu restricted to S stay admissible, so

    sum_u y_u SNR_u  <=  lambda_max( sqrt(Y) [ sum_{n in S} A~_n / mu_n ] sqrt(Y) ) * sum_{n in S} mu_n,

where only the m x m eigenvalue changes with S. That is far tighter than monotonicity (F4), which would keep the
bound of the larger set, and exact for one user. Every eigenvalue is proved by a Cholesky factorisation.
"""

from __future__ import annotations

import numpy as np

from fgamcd_opt.beamforming.dense import cholesky
from fgamcd_opt.beamforming.dual_bound import ROUNDING
from fgamcd_opt.beamforming.kernel import Array, kernel
from fgamcd_opt.beamforming.lone_user import lone_user
from fgamcd_opt.beamforming.qos_floors import level_bound
from fgamcd_opt.beamforming.worst_errors import shifted_gram

_POWER_STEPS = 30
"""Steps of the power method between two attempts to prove its estimate with ever more margin."""


@kernel
def lone_users_bound(gram: Array, radius2: Array, balls: bool, floors: Array, mask: int) -> float:
    """Least bound of all users served alone by the nodes in ``mask``; negative if one misses its QoS floor."""
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
        _, bound = lone_user(diagonal[:size], radii[:size], balls, 0, share[:size])
        if bound < floors[u]:
            return -1.0
        least = min(least, bound * bound)
    return least


@kernel
def whiten_evidence(gram: Array, mask: int, mix: Array, y: Array, mu: Array, parts: Array) -> None:
    """Summands of the eigenvalue condition, ``parts[n]`` = sqrt(Y) A~_n sqrt(Y) / mu_n for the nodes of ``mask``.

    ``mu`` is scaled so that the largest eigenvalue of their sum is proved to be at most 1; both ``mu`` and
    ``parts`` are zero for other nodes.
    """
    n_nodes, n_users = gram.shape[0], gram.shape[1]
    shifted_gram(gram, mix, parts)
    for n in range(n_nodes):
        inside = (mask >> n) & 1 == 1
        for u in range(n_users):
            for v in range(n_users):
                parts[n, u, v] *= np.sqrt(y[u] * y[v]) / mu[n] if inside else 0.0
        if not inside:
            mu[n] = 0.0
    matrix = np.zeros((n_users, n_users), np.complex128)
    for n in range(n_nodes):
        for u in range(n_users):
            for v in range(n_users):
                matrix[u, v] += parts[n, u, v]
    largest = _largest_eigenvalue(matrix, np.inf)
    for n in range(n_nodes):
        mu[n] *= largest
        for u in range(n_users):
            for v in range(n_users):
                parts[n, u, v] /= largest


@kernel
def inherited_bound(parts: Array, y: Array, mu: Array, floors: Array, mask: int, known: float) -> float:
    """SNR bound for the subset ``mask`` from the evidence of a set around it; negative if it cannot meet the floors.

    Infinite if it is clear without the eigenvalue that the bound is not below ``known``.

    Parameters
    ----------
    parts, y, mu
        (N, m, m), (m,), (N,) as :func:`whiten_evidence` leaves them.
    floors
        (m,) QoS amplitudes.
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
