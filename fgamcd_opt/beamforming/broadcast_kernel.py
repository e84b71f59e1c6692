"""rho_k(S) for many node sets S of one block: beam, worst-case SNR and certified bound (compiled driver).

Per set: local search from warm starts (the beams of the sets with one node more) and fresh ones, then the bound
F6 at the worst errors of the best beam; while a gap is left, starts sampled from the semidefinite solution and
errors refined against it. QoS floors are handled as in P1: the unconstrained max-min beam if it meets them, else
a weighted max-min problem whose weights follow the worst user.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from fgamcd_opt.beamforming.dense import KERNEL, Array
from fgamcd_opt.beamforming.dual_bound import (
    ROUNDING,
    beam_errors,
    minimise_bound,
    relaxation_errors,
    shifted_gram,
)
from fgamcd_opt.beamforming.local_search import ascend, error_terms, received, worst_amplitude

FEASIBLE, UNKNOWN, INFEASIBLE = 1, 0, -1
"""QoS status of a set: a beam in hand meets every floor; open; proved that no beam can."""


@njit(**KERNEL)
def lone_user(gram: Array, radius2: Array, balls: bool, user: int, share: Array) -> tuple[float, float]:
    """Amplitude and proved amplitude bound for one user alone (F3 for any radii and powers); fills ``share``."""
    n_nodes = gram.shape[0]
    # best shares: s_n = min(1, ||g_n|| q / eps_n^2) at the largest q with sum_n eps_n^2 s_n^2 >= q^2; balls: 0 or 1
    low, high = 0.0, np.sqrt(radius2[:, user].sum())
    trial = high
    for _ in range(100):
        square = 0.0
        for n in range(n_nodes):
            norm = np.sqrt(gram[n, user, user].real)
            if balls:
                share[n] = 1.0 if norm >= np.sqrt(radius2[n, user]) else 0.0
            else:
                share[n] = 1.0 if norm * trial >= radius2[n, user] else norm * trial / radius2[n, user]
            square += radius2[n, user] * share[n] ** 2
        if square >= trial * trial * (1.0 - 1e-14):
            low = trial
        else:
            high = trial
        if balls or high - low <= 1e-15 * high:
            break
        trial = 0.5 * (low + high)
    amplitude, bound = 0.0, 0.0
    square, linear = 0.0, 0.0
    for n in range(n_nodes):
        norm = np.sqrt(gram[n, user, user].real)
        amplitude += share[n] * norm
        square += radius2[n, user] * share[n] ** 2
        linear += np.sqrt(radius2[n, user]) * share[n]
    q = linear if balls else np.sqrt(square)
    for n in range(n_nodes):
        norm = np.sqrt(gram[n, user, user].real)
        if balls:
            bound += max(norm - np.sqrt(radius2[n, user]), 0.0)
        else:
            bound += max(norm - (radius2[n, user] * share[n] / q if q > 0.0 else 0.0), 0.0)
    return amplitude - q, bound * (1.0 + ROUNDING)


@njit(**KERNEL)
def search(
    gram: Array,
    radius2: Array,
    balls: bool,
    starts: Array,
    x: Array,
    share: Array,
    best: float,
    tolerance: float,
) -> float:
    """Ascend from every row of ``starts``; keeps the best beam in (x, share) and returns its amplitude."""
    trial = np.empty_like(x)
    trial_share = np.empty_like(share)
    for row in range(starts.shape[0]):
        for u in range(x.shape[0]):
            trial[u] = starts[row, u]
        value = ascend(gram, radius2, balls, trial, trial_share, 300, tolerance)
        if value > best:
            best = value
            x[:] = trial
            share[:] = trial_share
    return best


@njit(**KERNEL)
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


@njit(**KERNEL)
def weighted(gram: Array, radius2: Array, weights: Array, gram_out: Array, radius2_out: Array) -> None:
    """Channels and radii divided by the users' weights v_u."""
    for n in range(gram.shape[0]):
        for u in range(gram.shape[1]):
            radius2_out[n, u] = radius2[n, u] / weights[u] ** 2
            for v in range(gram.shape[1]):
                gram_out[n, u, v] = gram[n, u, v] / (weights[u] * weights[v])


@njit(**KERNEL)
def maximise_min(
    gram: Array,
    radius2: Array,
    ranks: Array,
    balls: bool,
    starts: Array,
    noise: Array,
    rounds: int,
    tolerance: float,
    enough: float,
    x: Array,
    share: Array,
    y: Array,
) -> tuple[float, float]:
    """Max-min of the (weighted) problem: amplitude reached and proved bound on its square, with multipliers y.

    Stops when the gap is below ``tolerance`` (of the square), when the bound falls below ``enough``, or after
    ``rounds`` rounds of starts and error refinement.
    """
    n_nodes, n_users = gram.shape[0], gram.shape[1]
    best = search(gram, radius2, balls, starts, x, share, -np.inf, 0.1 * tolerance)
    mix = np.zeros((n_nodes, n_users, n_users), np.complex128)
    new_mix = np.zeros((n_nodes, n_users, n_users), np.complex128)
    shifted = np.empty_like(gram)
    factor = np.zeros((n_users, n_users), np.complex128)
    projected = np.empty((n_nodes, n_users), np.complex128)
    norms = np.empty(n_nodes)
    signal = np.empty(n_users, np.complex128)
    q = np.empty(n_users)
    mu = np.empty(n_nodes)
    trial_y = np.empty(n_users)
    sampled = np.empty((4, n_users), np.complex128)
    upper = np.inf
    used = 0
    improved = True
    since = 0
    for done in range(rounds + 1):
        if improved:
            error_terms(radius2, share, balls, q)
            received(gram, x, share, projected, norms, signal)
            beam_errors(radius2, balls, x, share, norms, signal, q, mix)
            total = 0.0
            for u in range(n_users):
                total += np.abs(x[u])
            for u in range(n_users):
                trial_y[u] = np.abs(x[u]) / total
            for n in range(n_nodes):
                mu[n] = norms[n]
            since = 0
        else:
            since += 1
            relaxation_errors(gram, radius2, mix, mu, factor, 1.0 / (1.0 + since), new_mix)
            mix[:] = new_mix
        shifted_gram(gram, mix, shifted)
        goal = max(best, 0.0) ** 2 * (1.0 + 0.3 * tolerance)
        bound = minimise_bound(shifted, ranks, trial_y, mu, factor, 0.1 * tolerance, max(goal, enough))
        if bound < upper:
            upper = bound
            for u in range(n_users):
                y[u] = trial_y[u]
        if upper <= max(best, 0.0) ** 2 * (1.0 + tolerance) or upper <= enough or done == rounds:
            break
        # starts: signs of the received amplitudes of beams drawn from the semidefinite solution
        for row in range(sampled.shape[0]):
            for u in range(n_users):
                value = 0.0j
                for k in range(n_users):
                    cross = 0.0j
                    for j in range(n_users):
                        entry = 0.0j
                        for n in range(n_nodes):
                            entry += shifted[n, u, j] / mu[n]
                        cross += entry * factor[j, k]
                    value += cross * noise[used % noise.shape[0], k]
                magnitude = np.abs(value)
                sampled[row, u] = value / magnitude if magnitude > 0.0 else 1.0
            used += 1
        before = best
        best = search(gram, radius2, balls, sampled, x, share, best, 0.1 * tolerance)
        # a marginally better beam is no reason to restart the errors, unless a plain bound is the better one
        improved = best > before * (1.0 + 0.2 * tolerance) and (not balls)
        if balls:
            if best <= before * (1.0 + 0.05 * tolerance):
                break
            improved = True
    return best, upper


@njit(**KERNEL)
def solve_set(
    gram: Array,
    radius2: Array,
    ranks: Array,
    balls: bool,
    floors: Array,
    starts: Array,
    noise: Array,
    rounds: int,
    tolerance: float,
    ceiling: float,
    x: Array,
    share: Array,
) -> tuple[int, float, float]:
    """One (block, S): QoS status, worst-case SNR reached (0 without a beam), proved bound on it.

    ``ceiling`` is a bound already proved for a larger set (F4). (x, share) receive the beam.
    """
    n_nodes, n_users = gram.shape[0], gram.shape[1]
    highest_floor = floors.max()
    alone = np.empty(n_nodes)
    lone = np.inf
    for u in range(n_users):
        amplitude, bound = lone_user(gram, radius2, balls, u, alone)
        lone = min(lone, bound)
        if bound < floors[u]:
            return INFEASIBLE, 0.0, 0.0
        if n_users == 1:
            x[0] = 1.0
            share[:] = alone
            status = FEASIBLE if amplitude >= floors[0] and amplitude > 0.0 else UNKNOWN
            return status, max(amplitude, 0.0) ** 2 if status == FEASIBLE else 0.0, min(bound**2, ceiling)
    ceiling = min(ceiling, lone**2)
    if ceiling <= 0.0:  # some user hears nothing
        return UNKNOWN, 0.0, 0.0
    y = np.empty(n_users)
    best, upper = maximise_min(
        gram, radius2, ranks, balls, starts, noise, rounds, tolerance, 0.0, x, share, y
    )
    upper = min(upper, ceiling)
    if best >= highest_floor and best > 0.0:
        return FEASIBLE, best * best, upper
    if highest_floor <= 0.0:  # no beam in hand survives the worst error
        return UNKNOWN, 0.0, upper
    # some user needs more than the common level: weights v_u = max(level, s_u)
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
                y,
            )
            if level_bound(y, weights, floors, bound) < 0.0:
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
        y,
    )
    proved = level_bound(y, weights, floors, bound)
    if proved >= 0.0:
        upper = min(upper, proved * (1.0 + ROUNDING))
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


@njit(**KERNEL)
def solve_sets(
    gram: Array,
    radius2: Array,
    ranks: Array,
    balls: bool,
    floors: Array,
    masks: Array,
    row_of_mask: Array,
    noise: Array,
    rounds: int,
    tolerance: float,
    status: Array,
    lower: Array,
    upper: Array,
    x: Array,
    share: Array,
) -> None:
    """Solve the sets ``masks`` (largest first) of one block, reading and writing the rows of its table.

    Parameters
    ----------
    gram, radius2, ranks
        All nodes: (N, m, m) complex, (N, m), (N,).
    masks
        Node sets as bit masks, in order of falling size, so that larger sets give warm starts and bounds.
    row_of_mask
        Row of each mask in the arrays below, -1 where it has none.
    noise
        (r, m) complex standard normal numbers, the only randomness.
    status, lower, upper, x, share
        Rows: QoS status, SNR reached, proved SNR bound (infinite if not solved yet), beam coordinates (rows, m)
        and (rows, N). A row that holds a beam already is improved, never made worse.
    """
    n_nodes, n_users = gram.shape[0], gram.shape[1]
    fresh = min(n_users, 3)
    heard = np.zeros(n_nodes, np.bool_)  # a node that no user hears takes no part
    for n in range(n_nodes):
        for u in range(n_users):
            heard[n] = heard[n] or gram[n, u, u].real > 0.0
    for index in range(masks.shape[0]):
        mask = masks[index]
        row = row_of_mask[mask]
        members = np.empty(n_nodes, np.int64)
        size = 0
        for n in range(n_nodes):
            if (mask >> n) & 1 and heard[n]:
                members[size] = n
                size += 1
        members = members[:size]
        ceiling = upper[row]
        blocked = status[row] == INFEASIBLE
        starts = np.empty((n_nodes + 1 + fresh, n_users), np.complex128)
        count = 0
        if lower[row] > 0.0:
            starts[count] = x[row]
            count += 1
        for n in range(n_nodes):
            parent = row_of_mask[mask | (1 << n)]
            if (mask >> n) & 1 or parent < 0:
                continue
            blocked = blocked or status[parent] == INFEASIBLE
            ceiling = min(ceiling, upper[parent])
            if lower[parent] > 0.0:
                starts[count] = x[parent]
                count += 1
        if blocked:
            status[row], lower[row], upper[row] = INFEASIBLE, 0.0, 0.0
            continue
        if size == 0:
            upper[row] = 0.0
            continue
        sub_gram = gram[members]
        sub_radius2 = radius2[members]
        if count < 2:  # no relatives: the phases seen by single users' matched beams
            for v in range(fresh):
                for u in range(n_users):
                    value = 0.0j
                    for n in range(size):
                        value += sub_gram[n, u, v]
                    starts[count, u] = value / max(np.abs(value), 1e-300)
                count += 1
        new_x = np.ones(n_users, np.complex128)
        new_share = np.ones(size)
        found, reached, proved = solve_set(
            sub_gram,
            sub_radius2,
            ranks[members],
            balls,
            floors,
            starts[:count],
            noise,
            rounds,
            tolerance,
            ceiling,
            new_x,
            new_share,
        )
        if found == INFEASIBLE:
            status[row], lower[row], upper[row] = INFEASIBLE, 0.0, 0.0
            continue
        upper[row] = min(ceiling, proved)
        if reached > lower[row]:
            lower[row] = reached
            status[row] = FEASIBLE
            x[row] = new_x
            for n in range(n_nodes):
                share[row, n] = 0.0
            for n in range(size):
                share[row, members[n]] = new_share[n]


@njit(**KERNEL)
def screen_sets(gram: Array, radius2: Array, balls: bool, floors: Array, status: Array, upper: Array) -> None:
    """Bounds from lone users for every set of a block: rho(S) <= min_u rho of user u alone (closed form)."""
    n_nodes, n_users = gram.shape[0], gram.shape[1]
    share = np.empty(n_nodes)
    for mask in range(1, upper.shape[0]):
        size = 0
        for n in range(n_nodes):
            size += (mask >> n) & 1
        members = np.empty(size, np.int64)
        position = 0
        for n in range(n_nodes):
            if (mask >> n) & 1:
                members[position] = n
                position += 1
        sub_gram = gram[members]
        sub_radius2 = radius2[members]
        for u in range(n_users):
            _, bound = lone_user(sub_gram, sub_radius2, balls, u, share[:size])
            upper[mask] = min(upper[mask], bound * bound)
            if bound < floors[u]:
                status[mask] = INFEASIBLE
                upper[mask] = 0.0
                break
