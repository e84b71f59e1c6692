"""Certified upper bound on the worst-case SNR of one broadcast (F6), minimised by an interior-point method (compiled).

For any admissible errors e_u, any y >= 0 and mu > 0 with  G~ diag(y) G~^H <= blkdiag(mu_n I)  (g~_u = g_u + e_u),

    min_u SNR_u(w) * sum_u y_u  <=  sum_u y_u |g~_u^H w|^2  <=  sum_n mu_n ||w_n||^2  <=  sum_n mu_n

for every admissible beam w (unit node power). In Gram coordinates the matrix condition is the m x m condition
P = diag(1/y) - sum_n A~_n / mu_n >= 0, so the semidefinite bound is a problem in m + |S| real variables:
minimise sum_n mu_n subject to sum_u y_u = 1, P >= 0. A bound is reported only from a point whose P passed a
Cholesky factorisation, hence it is proved (up to ``ROUNDING``, which is added) wherever the iteration stops.

At the optimum the semidefinite solution is W = Z Z^H with Z_n = G~_n K^(1/2) / mu_n, K = P^(-1) up to scale: it
yields starts for the local search and the worst errors against W, with which the bound is minimised again (see
:mod:`fgamcd_opt.beamforming.kernels.worst_errors`). That is the S-procedure bound of the paper without its solver.
"""

from __future__ import annotations

import numpy as np

from fgamcd_opt.beamforming.kernels.dense import cholesky, invert_cholesky, solve_cholesky_pair
from fgamcd_opt.beamforming.kernels.kernel import Array, kernel

ROUNDING = 1e-9
"""Relative margin added to every bound for floating-point rounding."""


@kernel
def scale_to_interior(gram: Array, y: Array, mu: Array, matrix: Array, lower: Array, margin: float) -> None:
    """Scale mu so that P = diag(1/y) - sum_n A_n/mu_n is positive definite with room ``margin``."""
    n_nodes, n_users = gram.shape[0], gram.shape[1]
    bound = 0.0
    for u in range(n_users):
        row = 0.0
        for v in range(n_users):
            value = 0.0j
            for n in range(n_nodes):
                value += gram[n, u, v] * (1.0 / mu[n])
            row += np.abs(value) * np.sqrt(y[u] * y[v])
        bound = max(bound, row)  # Gershgorin bound on the largest eigenvalue of sqrt(Y) B sqrt(Y)
    low, high = 0.0, bound * (1.0 + 1e-12) + 1e-300
    for _ in range(40):
        if high - low <= 0.02 * high:
            break
        middle = 0.5 * (low + high)
        fill_p(gram, y, mu, middle, matrix)
        if cholesky(matrix, lower):
            high = middle
        else:
            low = middle
    for n in range(n_nodes):
        mu[n] *= high * (1.0 + margin)


@kernel
def fill_p(gram: Array, y: Array, mu: Array, scale: float, matrix: Array) -> None:
    """matrix = diag(1/y) - sum_n A_n / (scale mu_n)."""
    n_nodes, n_users = gram.shape[0], gram.shape[1]
    inverse = np.empty(n_nodes)
    for n in range(n_nodes):
        inverse[n] = 1.0 / (scale * mu[n])
    for u in range(n_users):
        for v in range(u + 1):
            value = 0.0j
            for n in range(n_nodes):
                value -= gram[n, u, v] * inverse[n]
            if u == v:
                matrix[u, u] = 1.0 / y[u] + value.real
            else:
                matrix[u, v] = value
                matrix[v, u] = np.conj(value)


@kernel
def minimise_bound(
    gram: Array, ranks: Array, y: Array, mu: Array, factor: Array, tolerance: float, goal: float
) -> float:
    """Minimise F6 over (y, mu) for fixed errors; the proved bound on the worst SNR.

    Parameters
    ----------
    gram
        (n, m, m) complex Gram matrices of the shifted channels.
    ranks
        (n,) rank bounds min(N_t, m) of the Gram matrices.
    y, mu
        (m,), (n,) start, any positive numbers; overwritten by the multipliers of the bound.
    factor
        (m, m) complex; overwritten by L with K = L L^H ~ P^(-1), the semidefinite solution in Gram coordinates.
    tolerance
        Relative accuracy of the bound against the semidefinite optimum.
    goal
        Stop early once the bound is below this value.
    """
    n_nodes, n_users = gram.shape[0], gram.shape[1]
    size = n_users + n_nodes
    matrix = np.empty((n_users, n_users), np.complex128)
    lower = np.zeros((n_users, n_users), np.complex128)
    inverse = np.empty((n_users, n_users), np.complex128)
    product = np.empty((n_nodes, n_users, n_users), np.complex128)
    traces = np.empty(n_nodes)
    y_inv2, mu_inv2 = np.empty(n_users), np.empty(n_nodes)
    hessian = np.zeros((size, size))
    h_lower = np.zeros((size, size))
    step = np.empty(size)
    normal = np.empty(size)
    trial_y = np.empty(n_users)
    trial_mu = np.empty(n_nodes)
    total = y.sum()
    for u in range(n_users):
        y[u] = 0.95 * y[u] / total + 0.05 / n_users
    if not mu.max() > 0.0:  # a start that says nothing, as where no node of the beam at hand sends
        mu[:] = 1.0
    floor = mu.max() * 1e-4
    for n in range(n_nodes):
        mu[n] = max(mu[n], floor)
    scale_to_interior(gram, y, mu, matrix, lower, 0.05)
    degree = 1.0 * n_users
    for n in range(n_nodes):
        degree += ranks[n]
    weight = degree / (0.2 * mu.sum())
    best = np.inf
    best_y = y.copy()
    best_mu = mu.copy()
    for _outer in range(60):
        decrement = 0.0
        for _inner in range(25):
            fill_p(gram, y, mu, 1.0, matrix)
            if not cholesky(matrix, lower):
                break
            if mu.sum() * (1.0 + ROUNDING) < best:
                best = mu.sum() * (1.0 + ROUNDING)
                best_y[:] = y
                best_mu[:] = mu
            invert_cholesky(lower, inverse)
            for n in range(n_nodes):
                trace = 0.0
                for u in range(n_users):
                    for v in range(n_users):
                        value = 0.0j
                        for k in range(n_users):
                            value += inverse[u, k] * gram[n, k, v]
                        product[n, u, v] = value
                    trace += product[n, u, u].real
                traces[n] = trace
            for u in range(n_users):
                inv2 = 1.0 / (y[u] * y[u])
                y_inv2[u] = inv2
                step[u] = -(inverse[u, u].real * inv2 - 2.0 / y[u])
                normal[u] = 1.0
                for v in range(u + 1):
                    square = inverse[u, v].real ** 2 + inverse[u, v].imag ** 2
                    hessian[u, v] = square * inv2 * y_inv2[v]
                hessian[u, u] += -2.0 * inverse[u, u].real * inv2 / y[u] + 2.0 * inv2
            for n in range(n_nodes):
                row = n_users + n
                inv2 = 1.0 / (mu[n] * mu[n])
                mu_inv2[n] = inv2
                step[row] = -(weight - ranks[n] / mu[n] - traces[n] * inv2)
                normal[row] = 0.0
                for u in range(n_users):
                    value = 0.0
                    for k in range(n_users):
                        value += (product[n, u, k] * inverse[k, u]).real
                    hessian[row, u] = -value * inv2 * y_inv2[u]
                for other in range(n + 1):
                    value = 0.0
                    for u in range(n_users):
                        for k in range(n_users):
                            value += (product[n, u, k] * product[other, k, u]).real
                    hessian[row, n_users + other] = value * inv2 * mu_inv2[other]
                hessian[row, row] += 2.0 * traces[n] * inv2 / mu[n] + ranks[n] * inv2
            for i in range(size):
                for j in range(i):
                    hessian[j, i] = hessian[i, j]
            if not cholesky(hessian, h_lower):
                break
            for i in range(size):
                normal[i] = 1.0 if i < n_users else 0.0
            gradient_free = step.copy()
            solve_cholesky_pair(h_lower, step, normal)
            numerator = 0.0
            denominator = 0.0
            for u in range(n_users):
                numerator += step[u]
                denominator += normal[u]
            shift = numerator / denominator
            decrement = 0.0
            for i in range(size):
                step[i] -= shift * normal[i]
                decrement += step[i] * gradient_free[i]
            decrement = np.sqrt(max(decrement, 0.0))
            length = 1.0 if decrement < 0.25 else 1.0 / (1.0 + decrement)
            if decrement > 1.0:  # try longer steps than the guaranteed one, halving until inside
                length = 1.0
                for _ in range(30):
                    inside = True
                    for u in range(n_users):
                        trial_y[u] = y[u] + length * step[u]
                        inside = inside and trial_y[u] > 0.05 * y[u]
                    for n in range(n_nodes):
                        trial_mu[n] = mu[n] + length * step[n_users + n]
                        inside = inside and trial_mu[n] > 0.05 * mu[n]
                    if inside:
                        fill_p(gram, trial_y, trial_mu, 1.0, matrix)
                        inside = cholesky(matrix, lower)
                    if inside:
                        break
                    length *= 0.6
                length *= 0.9 if length < 1.0 else 1.0
            for u in range(n_users):
                y[u] += length * step[u]
            for n in range(n_nodes):
                mu[n] += length * step[n_users + n]
            if decrement < 0.3:
                break
        if best <= goal or degree / weight <= tolerance * mu.sum():
            break
        weight *= 8.0
    fill_p(gram, y, mu, 1.0, matrix)
    if mu.sum() * (1.0 + ROUNDING) < best and cholesky(matrix, lower):
        best = mu.sum() * (1.0 + ROUNDING)
    else:
        y[:] = best_y
        mu[:] = best_mu
        fill_p(gram, y, mu, 1.0, matrix)
        cholesky(matrix, lower)
    invert_cholesky(lower, inverse)
    cholesky(inverse, factor)
    return best
