"""Local search for the robust max-min beam of one broadcast, in Gram coordinates (compiled).

Everything lives in the m x m Gram matrices A_n = G_n^H G_n of the scaled channels (unit noise, unit node
power; see :mod:`fgamcd_opt.beamforming.gram`), the dimension reduction F2 taken to its end. Stationary beams
have the form w_n = s_n G_n x / ||G_n x|| with one complex vector x = y * exp(j phi): y in the simplex are the
multipliers of the users, phi the phases of the received amplitudes, s_n <= 1 the used share of amplitude.

For fixed phases the problem is convex and its dual is a smooth problem in y,

    min_{y in simplex}  sum_n s_n ||G_n (y * exp(j phi))|| - sum_u y_u q_u(s),

solved by a Newton method on the log barrier. Each Newton step is followed by the exact phase update
phi_u = arg(g_u^H w), which never lowers the worst user, while the barrier is lowered.
"""

from __future__ import annotations

import numpy as np

from fgamcd_opt.beamforming.kernels.dense import cholesky, solve_cholesky_pair
from fgamcd_opt.beamforming.kernels.kernel import Array, kernel

NUMERICALLY_ZERO = 1e-12
"""||G_n x||^2 below this share of m sum_u |x_u|^2 ||g_{n,u}||^2 is rounding: Gram matrices leave it few digits (their
entries err by about (N_t + m) 2^-53 of that sum). The node has no direction of its own then, and sends nothing."""


@kernel
def error_terms(radius2: Array, share: Array, balls: bool, q: Array) -> None:
    """q_u of F1 for node amplitudes ``share``: sqrt(sum_n eps^2 s^2), or sum_n eps s for balls."""
    n_nodes, n_users = radius2.shape
    for u in range(n_users):
        total = 0.0
        for n in range(n_nodes):
            if balls:
                total += np.sqrt(radius2[n, u]) * share[n]
            else:
                total += radius2[n, u] * share[n] * share[n]
        q[u] = total if balls else np.sqrt(total)


@kernel
def received(gram: Array, x: Array, share: Array, projected: Array, norms: Array, signal: Array) -> None:
    """``projected[n] = A_n x``, ``norms[n] = ||G_n x||``, ``signal[u] = g_u^H w`` of the beam of (x, share).

    A node where G_n x is numerically zero sends nothing and has the norm 0.
    """
    n_nodes, n_users = gram.shape[0], gram.shape[1]
    for u in range(n_users):
        signal[u] = 0.0
    for n in range(n_nodes):
        square, largest = 0.0, 0.0
        for u in range(n_users):
            value = 0.0j
            for v in range(n_users):
                value += gram[n, u, v] * x[v]
            projected[n, u] = value
            square += x[u].real * value.real + x[u].imag * value.imag
            largest += (x[u].real * x[u].real + x[u].imag * x[u].imag) * gram[n, u, u].real
        if square > NUMERICALLY_ZERO * n_users * largest:
            norms[n] = np.sqrt(square)
            factor = share[n] / norms[n]
            for u in range(n_users):
                signal[u] += factor * projected[n, u]
        else:
            norms[n] = 0.0


@kernel
def worst_amplitude(signal: Array, q: Array) -> float:
    """min_u |g_u^H w| - q_u (F1), possibly negative."""
    worst = np.inf
    for u in range(signal.shape[0]):
        worst = min(worst, np.abs(signal[u]) - q[u])
    return worst


@kernel
def update_shares(
    radius2: Array, y: Array, norms: Array, q: Array, balls: bool, share: Array, rate: Array
) -> None:
    """Used amplitude of each node: full, unless the robust term outweighs the node's signal (KKT in s_n).

    ``rate`` (m,) is room for what a unit of error costs each user.
    """
    n_nodes, n_users = radius2.shape
    for u in range(n_users):
        rate[u] = y[u]
        if not balls:
            rate[u] = y[u] / q[u] if q[u] > 0.0 else 0.0
    for n in range(n_nodes):
        price = 0.0
        for u in range(n_users):
            if balls:
                price += rate[u] * np.sqrt(radius2[n, u])
            else:
                price += rate[u] * radius2[n, u]
        if balls:
            share[n] = 1.0 if norms[n] >= price else 0.5 * share[n]
        else:
            share[n] = 1.0 if norms[n] >= price else norms[n] / price


@kernel
def ascend(
    gram: Array,
    radius2: Array,
    balls: bool,
    x: Array,
    share: Array,
    iterations: int,
    tolerance: float,
) -> float:
    """Improve (x, share) in place from the phases of ``x``; returns min_u |g_u^H w| - q_u of the result.

    Parameters
    ----------
    gram
        (n, m, m) complex, A_n = G_n^H G_n.
    radius2
        (n, m) squared error radii, scaled as the channels.
    balls
        Independent balls instead of the ellipsoid.
    x
        (m,) complex; only its phases are read as a start (magnitudes if positive).
    share
        (n,) amplitudes in [0, 1]; overwritten.
    iterations, tolerance
        At most so many Newton steps; ends when the barrier gap and the gain are below ``tolerance`` (relative).
    """
    n_nodes, n_users = gram.shape[0], gram.shape[1]
    y = np.empty(n_users)
    phase = np.empty(n_users, np.complex128)
    point = np.empty(n_users, np.complex128)
    projected = np.empty((n_nodes, n_users), np.complex128)
    rotated = np.empty((n_nodes, n_users))
    norms = np.empty(n_nodes)
    bend = np.empty(n_nodes)
    signal = np.empty(n_users, np.complex128)
    magnitudes = np.empty(n_users)
    q = np.empty(n_users)
    rate = np.empty(n_users)
    weighted_re, weighted_im = np.empty((n_users, n_users)), np.empty((n_users, n_users))
    hessian = np.empty((n_users, n_users))
    lower = np.zeros((n_users, n_users))
    step = np.empty(n_users)
    ones = np.empty(n_users)
    best_share = np.ones(n_nodes)
    total = 0.0
    for u in range(n_users):
        total += np.abs(x[u])
    for u in range(n_users):
        magnitude = np.abs(x[u])
        phase[u] = x[u] * (1.0 / magnitude) if magnitude > 0.0 else 1.0
        y[u] = 0.9 * magnitude / total + 0.1 / n_users if total > 0.0 else 1.0 / n_users
    for n in range(n_nodes):
        share[n] = 1.0
    best = -np.inf
    last_best = -np.inf
    barrier = 0.0
    stalled = 0
    for iteration in range(iterations):
        for u in range(n_users):
            point[u] = y[u] * phase[u]
        error_terms(radius2, share, balls, q)
        received(gram, point, share, projected, norms, signal)
        # the dual value of the phases at hand: f(y) = sum_u y_u (|g_u^H w| - q_u) at matching phases
        value, dual = np.inf, 0.0
        for u in range(n_users):
            magnitude = np.sqrt(signal[u].real * signal[u].real + signal[u].imag * signal[u].imag)
            if magnitude > 0.0:
                phase[u] = signal[u] * (1.0 / magnitude)
            magnitudes[u] = magnitude
            value = min(value, magnitude - q[u])
            dual += y[u] * (magnitude - q[u])
        if value > best:
            best = value
            for u in range(n_users):
                x[u] = point[u]
            for n in range(n_nodes):
                best_share[n] = share[n]
        scale = max(np.abs(dual), 1e-12)
        if iteration == 0:
            barrier = 0.3 * scale / n_users
        else:
            barrier = max(
                min(0.5 * barrier, 0.5 * max(dual - value, 0.0) / n_users), 0.05 * tolerance * scale / n_users
            )
        if iteration % 4 == 3:
            if best - last_best <= 0.1 * tolerance * scale and dual - value <= 2.0 * tolerance * scale:
                stalled += 1
                if stalled >= 2:
                    break
            else:
                stalled = 0
            last_best = best
        if iteration > 3:
            update_shares(radius2, y, norms, q, balls, share, rate)
        # Newton step in y on the barrier problem with the new phases
        for u in range(n_users):
            for v in range(u + 1):
                weighted_re[u, v], weighted_im[u, v] = 0.0, 0.0
        for n in range(n_nodes):
            factor = share[n] / norms[n] if norms[n] > 0.0 else 0.0
            bend[n] = factor / (norms[n] * norms[n]) if norms[n] > 0.0 else 0.0
            for u in range(n_users):
                rotated[n, u] = phase[u].real * projected[n, u].real + phase[u].imag * projected[n, u].imag
                for v in range(u + 1):
                    weighted_re[u, v] += factor * gram[n, u, v].real
                    weighted_im[u, v] += factor * gram[n, u, v].imag
        for u in range(n_users):
            for v in range(u + 1):
                turn = np.conj(phase[u]) * phase[v]
                curvature = turn.real * weighted_re[u, v] - turn.imag * weighted_im[u, v]
                for n in range(n_nodes):
                    curvature -= bend[n] * rotated[n, u] * rotated[n, v]
                hessian[u, v] = curvature
                hessian[v, u] = curvature
        for u in range(n_users):
            hessian[u, u] += barrier / (y[u] * y[u]) + 1e-12 * scale
            step[u] = barrier / y[u] - (magnitudes[u] - q[u])
            ones[u] = 1.0
        if not cholesky(hessian, lower):
            for u in range(n_users):
                hessian[u, u] += barrier / (y[u] * y[u]) + scale
            if not cholesky(hessian, lower):
                break
        solve_cholesky_pair(lower, step, ones)
        numerator = 0.0
        denominator = 0.0
        for u in range(n_users):
            numerator += step[u]
            denominator += ones[u]
        shift = numerator / denominator
        longest = 1.0
        for u in range(n_users):
            step[u] -= shift * ones[u]
            if step[u] < 0.0:
                longest = min(longest, -0.9 * y[u] / step[u])
        total = 0.0
        for u in range(n_users):
            y[u] += longest * step[u]
            total += y[u]
        for u in range(n_users):
            y[u] /= total
    for n in range(n_nodes):
        share[n] = best_share[n]
    return best
