"""Global max-min beam of one broadcast: branch and bound on the phases of the received amplitudes (F8, compiled).

A node of the search restricts arg(g_u^H w) to [low_u, high_u] for some users (width below pi). For a constrained
user, |g_u^H w| >= tau + q_u then relaxes to the convex hull of that arc: g_u^H w lies in the sector and beyond the
chord. Lagrangian duality turns the relaxation into a small problem in the Gram coordinates of the module,

    B = min  sum_n max(0, ||G_n x|| - sum_u a_u t_{n,u})
    s.t.     0 <= a_u <= Re(conj(x_u) e^{j low_u}),  a_u <= Re(conj(x_u) e^{j high_u}),  sum_u a_u = 1,

where t_{n,u} = eps_{n,u}^2 s_n / q_u(s) for the node amplitudes s of the beam in hand (eps_{n,u} for balls). Since
q_u is convex, q_u(w) >= sum_n t_{n,u} ||w_n|| for every beam, so per-node power and the robust term stay inside. EVERY
feasible (x, a) proves tau <= B for all beams of the node, so the bound is proved wherever the barrier Newton method
stops, and a child starts from its parent's point, which stays feasible. The phase of one user is fixed at 0 (global
rotation). Best-first search, split at the relaxed phase.
"""

from __future__ import annotations

import numpy as np

from fgamcd_opt.beamforming.kernels.beam_search import ascend
from fgamcd_opt.beamforming.kernels.dense import cholesky, solve_cholesky_pair
from fgamcd_opt.beamforming.kernels.dual_bound import ROUNDING
from fgamcd_opt.beamforming.kernels.kernel import Array, kernel

_NEWTON_STEPS = 60

_ANGLE_ROUNDING = 1e-11
"""Angle in rad by which every arc is widened where a bound is taken: far more than rounding in its ends."""

_CENTRING = 0.2
"""Share of the central point in the start of a node."""


@kernel
def error_prices(radius2: Array, balls: bool, share: Array, price: Array) -> None:
    """t_{n,u}: linear lower bound q_u >= sum_n t_{n,u} ||w_n||, exact for node amplitudes ``share`` (convexity)."""
    n_nodes, n_users = radius2.shape
    for u in range(n_users):
        total = 0.0
        for n in range(n_nodes):
            total += radius2[n, u] * share[n] * share[n]
        for n in range(n_nodes):
            if balls:
                price[n, u] = np.sqrt(radius2[n, u])
            else:
                price[n, u] = radius2[n, u] * share[n] / np.sqrt(total) if total > 0.0 else 0.0


@kernel
def relaxation_value(
    gram: Array,
    price: Array,
    edge: Array,
    x: Array,
    a: Array,
    rounding: float,
    projected: Array,
    norms: Array,
    safe: Array,
) -> float:
    """B at (x, a) up to the scale of a, all rounding upwards: sum_n max(0, ||G_n x|| - sum_u a_u t_{n,u}) / sum(a).

    ``safe`` (m,) receives what is left of a when every arc is widened by ``_ANGLE_ROUNDING``, so that (x, safe) is
    feasible whatever rounding did to the ends of the arcs. The square of ||G_n x|| errs by at most ``rounding`` times
    (sum_u |x_u| ||g_{n,u}||)^2, the prices t by a few units in the last place. Infinite where nothing is left of a.
    """
    n_nodes, n_users = gram.shape[0], gram.shape[1]
    total = 0.0
    for u in range(n_users):
        size = np.sqrt(x[u].real * x[u].real + x[u].imag * x[u].imag)
        safe[u] = a[u]
        for side in range(2):
            room = x[u].real * edge[side, u].real + x[u].imag * edge[side, u].imag
            safe[u] = min(safe[u], room - _ANGLE_ROUNDING * size)
        if not safe[u] >= 0.0:
            return np.inf
        total += safe[u]
    value = 0.0
    for n in range(n_nodes):
        square, rent, largest = 0.0, 0.0, 0.0
        for u in range(n_users):
            entry = 0.0j
            for v in range(n_users):
                entry += gram[n, u, v] * x[v]
            projected[n, u] = entry
            square += x[u].real * entry.real + x[u].imag * entry.imag
            rent += safe[u] * price[n, u]
            size2 = x[u].real * x[u].real + x[u].imag * x[u].imag
            largest += np.sqrt(size2 * gram[n, u, u].real)
        margin = rounding * largest * largest
        norms[n] = np.sqrt(max(square, margin, 1e-300))
        value += max(np.sqrt(max(square, 0.0) + margin) - rent * (1.0 - 1e-12), 0.0)
    return value / total * (1.0 + ROUNDING) if total > 0.0 else np.inf


@kernel
def relax(
    gram: Array,
    price: Array,
    low: Array,
    high: Array,
    x: Array,
    a: Array,
    signal: Array,
    goal: float,
    accuracy: float,
    rounding: float,
) -> float:
    """Proved bound of one node; improves the strictly feasible point (x, a) in place.

    Parameters
    ----------
    gram, price
        (n, m, m) and (n, m) of the constrained users only.
    low, high
        (m,) phase intervals.
    x, a
        (m,) strictly feasible start.
    signal
        (m,) complex; overwritten by g_u^H w of the relaxed beam w_n = G_n x / ||G_n x||.
    goal
        Stop once the bound is below this value (the node is pruned).
    accuracy
        Relative accuracy of the minimum.
    rounding
        Relative rounding error of ||G_n x||^2; see :func:`relaxation_value`.
    """
    n_nodes, n_users = gram.shape[0], gram.shape[1]
    size = 3 * n_users
    projected = np.empty((n_nodes, n_users), np.complex128)
    norms = np.empty(n_nodes)
    weighted = np.empty((n_users, n_users), np.complex128)
    hessian = np.empty((size, size))
    lower = np.zeros((size, size))
    step = np.empty(size)
    normal = np.empty(size)
    q = np.empty(n_users)
    slack = np.empty((2, n_users))
    edge = np.empty((2, n_users), np.complex128)
    safe = np.empty(n_users)
    for u in range(n_users):
        edge[0, u] = np.exp(1j * low[u])
        edge[1, u] = np.exp(1j * high[u])
        q[u] = 0.0
        for n in range(n_nodes):
            q[u] += price[n, u]
    bound = np.inf
    barrier = 0.0
    for iteration in range(_NEWTON_STEPS):
        value = relaxation_value(gram, price, edge, x, a, rounding, projected, norms, safe)
        if not value < np.inf:
            break
        bound = min(bound, value)
        if iteration == 0:
            barrier = 0.3 * max(value, 1e-9) / size
        done = size * barrier <= accuracy * value
        if bound <= goal or done:
            break
        for u in range(n_users):
            for v in range(u + 1):
                entry = 0.0j
                for n in range(n_nodes):
                    entry += gram[n, u, v] * (1.0 / norms[n])
                weighted[u, v] = entry
                weighted[v, u] = np.conj(entry)
        for i in range(size):
            for j in range(size):
                hessian[i, j] = 0.0
        for u in range(n_users):
            for v in range(n_users):
                re, im = weighted[u, v].real, weighted[u, v].imag
                for n in range(n_nodes):
                    cube = norms[n] ** 3
                    hessian[3 * u, 3 * v] -= projected[n, u].real * projected[n, v].real / cube
                    hessian[3 * u, 3 * v + 1] -= projected[n, u].real * projected[n, v].imag / cube
                    hessian[3 * u + 1, 3 * v] -= projected[n, u].imag * projected[n, v].real / cube
                    hessian[3 * u + 1, 3 * v + 1] -= projected[n, u].imag * projected[n, v].imag / cube
                hessian[3 * u, 3 * v] += re
                hessian[3 * u, 3 * v + 1] -= im
                hessian[3 * u + 1, 3 * v] += im
                hessian[3 * u + 1, 3 * v + 1] += re
        for u in range(n_users):
            total = 0.0j
            for n in range(n_nodes):
                total += projected[n, u] * (1.0 / norms[n])
            signal[u] = total
            step[3 * u] = -total.real
            step[3 * u + 1] = -total.imag
            step[3 * u + 2] = q[u] + barrier / a[u]
            hessian[3 * u + 2, 3 * u + 2] += barrier / (a[u] * a[u])
            for side in range(2):
                c, s = edge[side, u].real, edge[side, u].imag
                room = x[u].real * c + x[u].imag * s - a[u]
                slack[side, u] = room
                curvature = barrier / (room * room)
                push = barrier / room
                step[3 * u] += push * c
                step[3 * u + 1] += push * s
                step[3 * u + 2] -= push
                hessian[3 * u, 3 * u] += curvature * c * c
                hessian[3 * u, 3 * u + 1] += curvature * c * s
                hessian[3 * u + 1, 3 * u] += curvature * c * s
                hessian[3 * u + 1, 3 * u + 1] += curvature * s * s
                hessian[3 * u, 3 * u + 2] -= curvature * c
                hessian[3 * u + 2, 3 * u] -= curvature * c
                hessian[3 * u + 1, 3 * u + 2] -= curvature * s
                hessian[3 * u + 2, 3 * u + 1] -= curvature * s
                hessian[3 * u + 2, 3 * u + 2] += curvature
        for i in range(size):
            hessian[i, i] *= 1.0 + 1e-12
            hessian[i, i] += 1e-14 * value
            normal[i] = 1.0 if i % 3 == 2 else 0.0
        if not cholesky(hessian, lower):
            break
        gradient = step.copy()
        solve_cholesky_pair(lower, step, normal)
        numerator, denominator = 0.0, 0.0
        for u in range(n_users):
            numerator += step[3 * u + 2]
            denominator += normal[3 * u + 2]
        decrement = 0.0
        for i in range(size):
            step[i] -= numerator / denominator * normal[i]
            decrement += step[i] * gradient[i]
        length = 1.0
        for u in range(n_users):
            if step[3 * u + 2] < 0.0:
                length = min(length, -0.9 * a[u] / step[3 * u + 2])
            for side in range(2):
                change = (
                    step[3 * u] * edge[side, u].real + step[3 * u + 1] * edge[side, u].imag - step[3 * u + 2]
                )
                if change < 0.0:
                    length = min(length, -0.9 * slack[side, u] / change)
        for u in range(n_users):
            x[u] += length * (step[3 * u] + 1j * step[3 * u + 1])
            a[u] += length * step[3 * u + 2]
        if decrement < 4.0 * barrier * size and length > 0.2:
            barrier *= 0.2 if decrement < barrier * size else 0.5
    return bound


@kernel
def _sift_up(heap: Array, keys: Array, position: int) -> None:
    while position > 0:
        parent = (position - 1) // 2
        if keys[heap[parent]] >= keys[heap[position]]:
            break
        heap[parent], heap[position] = heap[position], heap[parent]
        position = parent


@kernel
def _sift_down(heap: Array, keys: Array, count: int) -> None:
    position = 0
    while True:
        child = 2 * position + 1
        if child >= count:
            break
        if child + 1 < count and keys[heap[child + 1]] > keys[heap[child]]:
            child += 1
        if keys[heap[child]] <= keys[heap[position]]:
            break
        heap[child], heap[position] = heap[position], heap[child]
        position = child


@kernel
def branch_and_bound(
    gram: Array,
    radius2: Array,
    balls: bool,
    tolerance: float,
    max_nodes: int,
    ceiling: float,
    best: float,
    x: Array,
    share: Array,
    rounding: float = 1e-12,
) -> tuple[float, float, int]:
    """Global optimum of min_u |g_u^H w| - q_u over unit-power nodes.

    Parameters
    ----------
    gram, radius2, balls
        The problem, as in :func:`fgamcd_opt.beamforming.kernels.beam_search.ascend`.
    tolerance
        Relative gap in amplitude at which to stop.
    max_nodes
        Nodes to look at before giving up; the interval is proved all the same.
    ceiling
        A bound on the amplitude that is already proved (F6).
    best, x, share
        Beam in hand and its amplitude; (x, share) are overwritten by a better one.
    rounding
        Relative rounding error of ||G_n x||^2 for the matrices given; the default is right up to 1000 antennas.

    Returns
    -------
    best, upper, nodes
        Amplitude reached, proved upper bound, nodes used.
    """
    n_nodes, n_users = gram.shape[0], gram.shape[1]
    capacity = 3 * max_nodes + 8
    low = np.zeros((capacity, n_users))
    high = np.zeros((capacity, n_users))
    constrained = np.zeros((capacity, n_users), np.bool_)
    point = np.zeros((capacity, n_users), np.complex128)
    weight = np.zeros((capacity, n_users))
    keys = np.empty(capacity)
    heap = np.empty(capacity, np.int64)
    price = np.empty((n_nodes, n_users))
    error_prices(radius2, balls, share, price)
    q = np.zeros(n_users)
    for u in range(n_users):
        for n in range(n_nodes):
            q[u] += price[n, u]
    start_phase = np.empty(n_users)
    received = np.zeros(n_users, np.complex128)
    trial = np.empty(n_users, np.complex128)
    trial_share = np.empty(n_nodes)
    first = int(np.argmax(np.abs(x)))
    for u in range(n_users):
        start_phase[u] = np.angle(x[u] * np.conj(x[first])) if np.abs(x[u]) > 0.0 else 0.0
    constrained[0, first] = True
    point[0, first] = 1.5
    weight[0, first] = 1.0
    keys[0] = ceiling
    heap[0] = 0
    count, used, looked = 1, 1, 0
    closed = -np.inf  # largest bound among nodes that were closed without pruning
    while count > 0 and looked < max_nodes:
        node = heap[0]
        if keys[node] <= best * (1.0 + tolerance):
            break
        count -= 1
        heap[0] = heap[count]
        _sift_down(heap, keys, count)
        looked += 1
        # relaxation of the node over its constrained users
        members = np.nonzero(constrained[node])[0]
        sub_gram = np.empty((n_nodes, members.size, members.size), np.complex128)
        sub_price = np.empty((n_nodes, members.size))
        for n in range(n_nodes):
            for i in range(members.size):
                sub_price[n, i] = price[n, members[i]]
                for j in range(members.size):
                    sub_gram[n, i, j] = gram[n, members[i], members[j]]
        sub_x, sub_a = np.empty(members.size, np.complex128), np.empty(members.size)
        sub_low, sub_high = np.empty(members.size), np.empty(members.size)
        for i in range(members.size):
            sub_low[i], sub_high[i] = low[node, members[i]], high[node, members[i]]
            # the parent's point lies at the edge of the child's domain: mixed with a central one
            middle = 0.5 * (sub_low[i] + sub_high[i])
            spread = np.cos(0.5 * (sub_high[i] - sub_low[i]))
            centre = 2.0 / (members.size * spread) * np.exp(1j * middle)
            sub_x[i] = (1.0 - _CENTRING) * point[node, members[i]] + _CENTRING * centre
            sub_a[i] = (1.0 - _CENTRING) * weight[node, members[i]] + _CENTRING / members.size
        sub_signal = np.empty(members.size, np.complex128)
        bound = relax(
            sub_gram,
            sub_price,
            sub_low,
            sub_high,
            sub_x,
            sub_a,
            sub_signal,
            best * (1.0 + tolerance),
            0.2 * tolerance,
            rounding,
        )
        bound = min(bound, keys[node])
        if bound <= best * (1.0 + tolerance):
            continue
        for i in range(members.size):
            point[node, members[i]] = sub_x[i]
            weight[node, members[i]] = sub_a[i]
        # the relaxed beam, at full power, judged for all users
        for u in range(n_users):
            received[u] = 0.0
        for n in range(n_nodes):
            square = 0.0
            for i in range(members.size):
                for j in range(members.size):
                    square += (np.conj(sub_x[i]) * sub_gram[n, i, j] * sub_x[j]).real
            norm = np.sqrt(max(square, 1e-300))
            for u in range(n_users):
                for i in range(members.size):
                    received[u] += gram[n, u, members[i]] * sub_x[i] * (1.0 / norm)
        worst, chosen = np.inf, -1
        for u in range(n_users):
            reached = np.abs(received[u]) - q[u]
            free = not constrained[node, u] or high[node, u] - low[node, u] > 1e-7
            if free and reached < worst:
                worst, chosen = reached, u
        if looked <= 20 or looked % 16 == 0:
            for u in range(n_users):
                magnitude = np.abs(received[u])
                trial[u] = received[u] * (1.0 / magnitude) if magnitude > 0.0 else 1.0
            value = ascend(gram, radius2, balls, trial, trial_share, 300, 0.05 * tolerance)
            if value > best:
                best = value
                x[:] = trial
                share[:] = trial_share
        if chosen < 0:
            closed = max(closed, bound)
            continue
        # split the user whose amplitude falls shortest of the bound
        if constrained[node, chosen]:
            left, right = low[node, chosen], high[node, chosen]
            middle = 0.5 * (left + right)
            turn = np.angle(received[chosen] * np.exp(-1j * middle))
            reach = 0.3 * (right - left)
            cut = middle + min(max(turn, -reach), reach)
            arcs = 2
        else:
            arcs = 3
            left = start_phase[chosen] - np.pi
            right = start_phase[chosen] + np.pi
            cut = 0.0
        for arc in range(arcs):
            child = used
            used += 1
            low[child] = low[node]
            high[child] = high[node]
            constrained[child] = constrained[node]
            point[child] = point[node]
            weight[child] = weight[node]
            if arcs == 2:
                low[child, chosen] = left if arc == 0 else cut
                high[child, chosen] = cut if arc == 0 else right
            else:
                low[child, chosen] = left + arc * (right - left) / 3.0
                high[child, chosen] = left + (arc + 1) * (right - left) / 3.0
                constrained[child, chosen] = True
                fresh = 0.1
                for u in range(n_users):
                    weight[child, u] *= 1.0 - fresh
                weight[child, chosen] = fresh
                centre = 0.5 * (low[child, chosen] + high[child, chosen])
                point[child, chosen] = 3.0 * fresh * np.exp(1j * centre)
            keys[child] = bound
            heap[count] = child
            count += 1
            _sift_up(heap, keys, count - 1)
    upper = max(best * (1.0 + tolerance), closed)
    if count > 0:
        upper = max(upper, keys[heap[0]])
    return best, min(upper, ceiling), looked
