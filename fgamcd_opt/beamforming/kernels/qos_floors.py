"""Max-min beam when a QoS floor lies above the common level: the level by a bracketing secant (compiled).

With weights v_u = max(level, s_u) the weighted max-min ratio min_u amplitude_u / v_u falls as the level rises, and
the best level is where it is 1 (P1, "QoS inside rho_k(S)"). Multipliers y of the weighted bound prove a bound on
the level, or that even level 0 is out of reach (infeasible).
"""

from __future__ import annotations

import numpy as np

from fgamcd_opt.beamforming.kernels.beam_search import error_terms, received, worst_amplitude
from fgamcd_opt.beamforming.kernels.dual_bound import ROUNDING
from fgamcd_opt.beamforming.kernels.kernel import Array, inlined_kernel, kernel
from fgamcd_opt.beamforming.kernels.max_min import maximise_min, search
from fgamcd_opt.beamforming.kernels.qos_status import FEASIBLE, INFEASIBLE, UNKNOWN


@kernel
def level_bound(y: Array, weights: Array, floors: Array, bound: float) -> float:
    """Largest t with sum_u y_u max(t, s_u^2) / v_u^2 <= bound; negative if even t = 0 exceeds it (infeasible)."""
    if not bound < np.inf:
        return np.inf
    total = 0.0
    for u in range(y.shape[0]):
        total += y[u] * floors[u] ** 2 / weights[u] ** 2
    if total > bound:
        return -1.0
    low, high = 0.0, bound * np.max(weights) ** 2 / y.sum() * y.shape[0] + 1.0
    while True:
        total = 0.0
        for u in range(y.shape[0]):
            total += y[u] * max(high, floors[u] ** 2) / weights[u] ** 2
        if total > bound:
            break
        high *= 2.0
    for _ in range(200):
        middle = 0.5 * (low + high)
        total = 0.0
        for u in range(y.shape[0]):
            total += y[u] * max(middle, floors[u] ** 2) / weights[u] ** 2
        if total > bound:
            high = middle
        else:
            low = middle
        if high - low <= 1e-13 * high:
            break
    return high


@kernel
def weighted(gram: Array, radius2: Array, weights: Array, gram_out: Array, radius2_out: Array) -> None:
    """Channels and radii divided by the users' weights v_u."""
    for n in range(gram.shape[0]):
        for u in range(gram.shape[1]):
            radius2_out[n, u] = radius2[n, u] / weights[u] ** 2
            for v in range(gram.shape[1]):
                gram_out[n, u, v] = gram[n, u, v] * (1.0 / (weights[u] * weights[v]))


@kernel
def unweigh(y: Array, mix: Array, weights: Array) -> None:
    """Turn evidence for the channels divided by v_u into evidence for the channels themselves, in place."""
    for u in range(y.size):
        y[u] /= weights[u] ** 2
        for n in range(mix.shape[0]):
            for k in range(y.size):
                mix[n, k, u] *= weights[u] / weights[k]


@inlined_kernel
def solve_with_floors(
    gram: Array,
    radius2: Array,
    ranks: Array,
    balls: bool,
    floors: Array,
    starts: Array,
    noise: Array,
    rounds: int,
    tolerance: float,
    upper: float,
    x: Array,
    share: Array,
    y: Array,
    mu: Array,
    mix: Array,
) -> tuple[int, float, float]:
    """QoS status, worst-case SNR reached (0 without a beam) and bound on it; (x, share) receive the beam.

    ``upper`` is a bound on the SNR found without floors and (y, mu, mix) its evidence, which better evidence replaces.
    Some floor must be positive.
    """
    n_nodes, n_users = gram.shape[0], gram.shape[1]
    highest_floor = floors.max()
    new_y = np.empty(n_users)
    new_mu = np.empty(n_nodes)
    new_mix = np.empty_like(mix)
    weights = np.empty(n_users)
    scaled_gram = np.empty_like(gram)
    scaled_radius2 = np.empty_like(radius2)
    scaled_x = np.empty_like(x)
    trial_share = np.empty_like(share)
    signal = np.empty(n_users, np.complex128)
    q = np.empty(n_users)
    projected = np.empty((n_nodes, n_users), np.complex128)
    norms = np.empty(n_nodes)
    level, high = 0.0, np.sqrt(upper)  # the best level lies between them
    target = 1e-3 * highest_floor
    last, last_excess, high_excess = 0.0, 0.0, 0.0
    bracketed = False
    status = UNKNOWN
    warm = starts.copy()
    for step in range(40):
        for u in range(n_users):
            weights[u] = max(target, floors[u])
        weighted(gram, radius2, weights, scaled_gram, scaled_radius2)
        if step == 0:
            ratio, bound = maximise_min(
                scaled_gram,
                scaled_radius2,
                ranks,
                balls,
                warm,
                noise,
                rounds,
                tolerance,
                1.0 - 1e-9,
                scaled_x,
                trial_share,
                new_y,
                new_mu,
                new_mix,
            )
            if level_bound(new_y, weights, floors, bound) < 0.0:
                unweigh(new_y, new_mix, weights)
                y[:] = new_y
                mu[:] = new_mu
                mix[:] = new_mix
                return INFEASIBLE, 0.0, 0.0
            if ratio < 1.0:
                return UNKNOWN, 0.0, upper
            warm = np.empty((1, n_users), np.complex128)
        else:
            for u in range(n_users):
                warm[0, u] = x[u] * weights[u]
            ratio = search(
                scaled_gram, scaled_radius2, balls, warm, scaled_x, trial_share, -np.inf, 0.1 * tolerance
            )
        slope = 0.0
        if ratio >= 1.0:
            for u in range(n_users):
                scaled_x[u] /= weights[u]
            error_terms(radius2, trial_share, balls, q)
            received(gram, scaled_x, trial_share, projected, norms, signal)
            reached = worst_amplitude(signal, q)
            if status != FEASIBLE or reached > level:
                status = FEASIBLE
                level = reached
                x[:] = scaled_x
                share[:] = trial_share
            if bracketed:
                high_excess *= 0.5  # Illinois: keeps the upper end moving
            elif step > 1:
                slope = (last_excess - (ratio - 1.0)) / (target - last)
            last, last_excess = target, ratio - 1.0
        else:
            high, high_excess, bracketed = target, ratio - 1.0, True
        if last_excess <= 0.02 * tolerance or high <= level * (1.0 + 0.1 * tolerance):
            break
        # the ratio falls as the level rises: next where it would be 1 on a straight line, within the interval
        target = 0.5 * (level + high)
        if bracketed:
            target = last + (high - last) * last_excess / (last_excess - high_excess)
        elif slope > 0.0:
            target = min(target, last + last_excess / slope)
        target = max(target, level + 0.02 * (high - level))
    for u in range(n_users):
        weights[u] = max(level, floors[u])
        warm[0, u] = x[u] * weights[u]
    weighted(gram, radius2, weights, scaled_gram, scaled_radius2)
    ratio, bound = maximise_min(
        scaled_gram,
        scaled_radius2,
        ranks,
        balls,
        warm,
        noise,
        rounds,
        tolerance,
        0.0,
        scaled_x,
        trial_share,
        new_y,
        new_mu,
        new_mix,
    )
    found = level_bound(new_y, weights, floors, bound) * (1.0 + ROUNDING)
    if 0.0 <= found < upper:
        upper = found
        unweigh(new_y, new_mix, weights)
        y[:] = new_y
        mu[:] = new_mu
        mix[:] = new_mix
    if ratio >= 1.0:
        for u in range(n_users):
            scaled_x[u] /= weights[u]
        error_terms(radius2, trial_share, balls, q)
        received(gram, scaled_x, trial_share, projected, norms, signal)
        reached = worst_amplitude(signal, q)
        if reached > level:
            level = reached
            x[:] = scaled_x
            share[:] = trial_share
    return FEASIBLE, level * level, upper
