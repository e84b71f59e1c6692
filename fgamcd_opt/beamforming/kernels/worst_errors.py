"""Admissible channel errors that make the bound F6 small: worst against a beam or the relaxation (compiled).

Errors are kept as mixing matrices, e_{n,u} = G_n mix[n, :, u]: some worst error always lies in the span of the
channels, so everything stays in Gram coordinates.
"""

from __future__ import annotations

import numpy as np

from fgamcd_opt.beamforming.kernels.dense import cholesky, solve_cholesky
from fgamcd_opt.beamforming.kernels.dual_bound import minimise_bound
from fgamcd_opt.beamforming.kernels.kernel import Array, kernel

_BALL_STEPS = 60

_GRAM_ROUNDING = 1e-13
"""What ||G_n m||^2 may err by, relative to m sum_v |m_v|^2 ||g_v||^2: (N_t + m + 8) 2^-53 for hundreds of antennas.
The proof (`evidence_check`) scales errors once more, in antenna space."""

_TRUSTED = 0.5
"""A refined error that has to be shrunk more than this was mostly rounding; the one before is kept."""


@kernel
def shifted_gram(gram: Array, mix: Array, shifted: Array) -> None:
    """Gram matrices of g~ = g + e for errors e_n = G_n mix_n: A~_n = (I + mix_n)^H A_n (I + mix_n)."""
    columns = mix.copy()
    for n in range(gram.shape[0]):
        for u in range(gram.shape[1]):
            columns[n, u, u] += 1.0
    congruence(gram, columns, shifted)


@kernel
def congruence(gram: Array, columns: Array, result: Array) -> None:
    """``result[n] = columns[n]^H gram[n] columns[n]``, (n, m, m) and (n, m, r) to (n, r, r), exactly Hermitian."""
    n_nodes, n_users, width = columns.shape
    half = np.empty((n_users, width), np.complex128)
    for n in range(n_nodes):
        for u in range(n_users):
            for v in range(width):
                value = 0.0j
                for k in range(n_users):
                    value += gram[n, u, k] * columns[n, k, v]
                half[u, v] = value
        for u in range(width):
            for v in range(u + 1):
                value = 0.0j
                for k in range(n_users):
                    value += np.conj(columns[n, k, u]) * half[k, v]
                if u == v:
                    result[n, u, u] = value.real
                else:
                    result[n, u, v] = value
                    result[n, v, u] = np.conj(value)


@kernel
def pull_inside(gram: Array, radius2: Array, balls: bool, mix: Array, user: int) -> float:
    """Scale one user's error into its set, rounding of the Gram matrices included; the least scale used (1 or below).

    The square of ||G_n m|| is computed with an error of up to ``_GRAM_ROUNDING`` times m sum_v |m_v|^2 ||g_v||^2, which
    counts as used. So an error that lives of cancellation is shrunk, and one that is not a number is given up.
    """
    n_nodes, n_users = gram.shape[0], gram.shape[1]
    used, least = 0.0, 1.0
    for n in range(n_nodes):
        square, largest = 0.0, 0.0
        for u in range(n_users):
            value = 0.0j
            for v in range(n_users):
                value += gram[n, u, v] * mix[n, v, user]
            entry = mix[n, u, user]
            square += entry.real * value.real + entry.imag * value.imag
            largest += (entry.real * entry.real + entry.imag * entry.imag) * gram[n, u, u].real
        if largest == 0.0:
            continue
        square = max(square, 0.0) + _GRAM_ROUNDING * n_users * largest
        if radius2[n, user] <= 0.0:
            for u in range(n_users):
                mix[n, u, user] = 0.0
        elif not balls:
            used += square / radius2[n, user]
        elif not square <= radius2[n, user]:
            scale = np.sqrt(radius2[n, user] / square)
            least = min(least, scale) if scale > 0.0 else 0.0
            for u in range(n_users):
                mix[n, u, user] *= scale
    if not used <= 1.0:
        scale = 1.0 / np.sqrt(used)
        least = scale if scale > 0.0 else 0.0
        for n in range(n_nodes):
            for u in range(n_users):
                mix[n, u, user] *= scale
    return least


@kernel
def beam_errors(
    gram: Array,
    radius2: Array,
    balls: bool,
    x: Array,
    share: Array,
    norms: Array,
    signal: Array,
    q: Array,
    mix: Array,
) -> None:
    """Worst errors against one beam (F1), as mixing matrices: e_{n,u} = G_n mix[n, :, u]; 0 at silent nodes."""
    n_nodes, n_users = radius2.shape
    for u in range(n_users):
        magnitude = np.abs(signal[u])
        turn = np.conj(signal[u]) * (1.0 / magnitude) if magnitude > 0.0 else 1.0 + 0.0j
        for n in range(n_nodes):
            weight = 0.0  # also where a node sends nothing
            if norms[n] > 0.0 and share[n] > 0.0 and magnitude > 0.0:
                if balls:
                    weight = np.sqrt(radius2[n, u]) / norms[n]
                elif q[u] > 0.0:
                    weight = radius2[n, u] / q[u] * share[n] / norms[n]
            for v in range(n_users):
                mix[n, v, u] = -weight * x[v] * turn
        pull_inside(gram, radius2, balls, mix, u)


@kernel
def relaxation_errors(
    gram: Array, radius2: Array, balls: bool, mix: Array, mu: Array, factor: Array, new_mix: Array
) -> None:
    """Worst errors against the semidefinite solution W = Z Z^H, Z_n = (G_n + E_n) L / mu_n, to ``new_mix``.

    Ellipsoid: min_e (g_u + e)^H W (g_u + e) over e^H C e <= 1 is attained at e_n = -eps_n^2 Z_n z with
    z = (nu I + S_u)^{-1} Z^H g_u, S_u = sum_n eps_n^2 Z_n^H Z_n and nu > 0 such that z^H S_u z = 1.
    Balls: the same convex problem by projected gradient steps from ``mix``.
    """
    n_nodes, n_users = gram.shape[0], gram.shape[1]
    basis = np.empty((n_nodes, n_users, n_users), np.complex128)  # Z_n = G_n basis_n
    image = np.empty((n_nodes, n_users, n_users), np.complex128)  # A_n basis_n
    squares = np.empty((n_nodes, n_users, n_users), np.complex128)  # Z_n^H Z_n
    for n in range(n_nodes):
        for u in range(n_users):
            for v in range(n_users):
                value = factor[u, v]
                for k in range(n_users):
                    value += mix[n, u, k] * factor[k, v]
                basis[n, u, v] = value * (1.0 / mu[n])
        for u in range(n_users):
            for v in range(n_users):
                value = 0.0j
                for k in range(n_users):
                    value += gram[n, u, k] * basis[n, k, v]
                image[n, u, v] = value
        for u in range(n_users):
            for v in range(n_users):
                value = 0.0j
                for k in range(n_users):
                    value += np.conj(basis[n, k, u]) * image[n, k, v]
                squares[n, u, v] = value
    for user in range(n_users):
        if balls:
            _ball_error(gram, radius2, basis, image, squares, user, mix, new_mix)
        else:
            _ellipsoid_error(gram, radius2, basis, image, squares, user, mix, new_mix)


@kernel
def _ellipsoid_error(
    gram: Array,
    radius2: Array,
    basis: Array,
    image: Array,
    squares: Array,
    user: int,
    mix: Array,
    new_mix: Array,
) -> None:
    """Worst error of one user in the ellipsoid: secular equation in nu by bisection."""
    n_nodes, n_users = gram.shape[0], gram.shape[1]
    matrix = np.empty((n_users, n_users), np.complex128)
    spread = np.empty((n_users, n_users), np.complex128)
    lower = np.zeros((n_users, n_users), np.complex128)
    z = np.empty(n_users, np.complex128)
    target = np.empty(n_users, np.complex128)
    largest = 0.0
    for u in range(n_users):
        target[u] = 0.0
        for n in range(n_nodes):
            target[u] += np.conj(image[n, user, u])
        for v in range(n_users):
            value = 0.0j
            for n in range(n_nodes):
                value += radius2[n, user] * squares[n, u, v]
            spread[u, v] = value
        largest += spread[u, u].real
    low, high = 1e-12 * largest, 1e12 * largest
    length = 0.0
    for _ in range(60):
        nu = np.sqrt(low * high)
        for u in range(n_users):
            for v in range(n_users):
                matrix[u, v] = spread[u, v]
            matrix[u, u] += nu
            z[u] = target[u]
        if not cholesky(matrix, lower):
            low = nu
            continue
        solve_cholesky(lower, z)
        length = 0.0
        for u in range(n_users):
            value = 0.0j
            for v in range(n_users):
                value += spread[u, v] * z[v]
            length += (np.conj(z[u]) * value).real
        if length > 1.0:
            low = nu
        else:
            high = nu
            if length > 1.0 - 1e-9:
                break
    shrink = 1.0 / np.sqrt(max(length, 1.0))
    for n in range(n_nodes):
        for u in range(n_users):
            value = 0.0j
            for v in range(n_users):
                value += basis[n, u, v] * z[v]
            new_mix[n, u, user] = -shrink * radius2[n, user] * value
    # judged anew: where the error cancels the whole channel the numbers above may lose all their digits
    if not pull_inside(gram, radius2, False, new_mix, user) > _TRUSTED:
        new_mix[:, :, user] = mix[:, :, user]


@kernel
def _ball_error(
    gram: Array,
    radius2: Array,
    basis: Array,
    image: Array,
    squares: Array,
    user: int,
    mix: Array,
    new_mix: Array,
) -> None:
    """Better error of one user in independent balls: accelerated projected gradient steps on ||Z^H (g_u + e)||^2."""
    n_nodes, n_users = gram.shape[0], gram.shape[1]
    curvature = 0.0
    for u in range(n_users):
        for v in range(n_users):
            entry = 0.0j
            for n in range(n_nodes):
                entry += squares[n, u, v]
            curvature += entry.real**2 + entry.imag**2
    step = 1.0 / np.sqrt(max(curvature, 1e-300))
    trial = mix[:, :, user].copy()
    last = trial.copy()
    residual = np.empty(n_users, np.complex128)
    for iteration in range(_BALL_STEPS):
        for k in range(n_users):
            total = 0.0j
            for n in range(n_nodes):
                total += np.conj(image[n, user, k])
                for v in range(n_users):
                    total += np.conj(image[n, v, k]) * trial[n, v]
            residual[k] = total
        momentum = iteration / (iteration + 3.0)
        for n in range(n_nodes):
            for u in range(n_users):
                for k in range(n_users):
                    trial[n, u] -= step * basis[n, u, k] * residual[k]
            square = 0.0
            for u in range(n_users):
                for v in range(n_users):
                    square += (np.conj(trial[n, u]) * gram[n, u, v] * trial[n, v]).real
            shrink = 1.0 if square <= radius2[n, user] else np.sqrt(radius2[n, user] / square)
            for u in range(n_users):
                moved = shrink * trial[n, u]
                new_mix[n, u, user] = moved
                trial[n, u] = moved + momentum * (moved - last[n, u])
                last[n, u] = moved
    if not pull_inside(gram, radius2, True, new_mix, user) > _TRUSTED:
        new_mix[:, :, user] = mix[:, :, user]


@kernel
def merge_errors(
    gram: Array,
    radius2: Array,
    balls: bool,
    ranks: Array,
    mix: Array,
    new_mix: Array,
    y: Array,
    mu: Array,
    tolerance: float,
) -> None:
    """Best mixture of two admissible errors per user, to ``mix``; (y, mu) become its multipliers.

    The bound F6 holds with several errors per user, each with a multiplier of its own: both errors enter as 2 m
    users. Their average weighted by the multipliers is admissible, and it proves at least as much, because
    (y h)(y h)^H / y is convex in (y, y h). So errors never get worse by merging, and the weights are optimal.
    """
    n_nodes, n_users = gram.shape[0], gram.shape[1]
    columns = np.empty((n_nodes, n_users, 2 * n_users), np.complex128)
    for n in range(n_nodes):
        for u in range(n_users):
            for v in range(n_users):
                own = 1.0 if u == v else 0.0
                columns[n, u, v] = own + mix[n, u, v]
                columns[n, u, n_users + v] = own + new_mix[n, u, v]
    paired = np.empty((n_nodes, 2 * n_users, 2 * n_users), np.complex128)
    congruence(gram, columns, paired)
    factor = np.empty((2 * n_users, 2 * n_users), np.complex128)
    weight = np.empty(2 * n_users)
    for u in range(n_users):
        weight[u] = 0.7 * y[u]
        weight[n_users + u] = 0.3 * y[u]
    minimise_bound(paired, ranks, weight, mu, factor, tolerance, 0.0)
    for u in range(n_users):
        y[u] = weight[u] + weight[n_users + u]
        share = weight[n_users + u] / y[u]
        for n in range(n_nodes):
            for k in range(n_users):
                mix[n, k, u] += share * (new_mix[n, k, u] - mix[n, k, u])
        pull_inside(gram, radius2, balls, mix, u)
