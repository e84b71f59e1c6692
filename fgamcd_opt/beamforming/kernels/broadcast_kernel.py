"""rho_k(S) for many node sets S of one block: beam, worst-case SNR and certified bound (compiled driver).

Per set: local search from warm starts (the beams of the sets with one node more) and fresh ones, then the bound
F6 at the worst errors of the best beam; while a gap is left, starts sampled from the semidefinite solution and
errors refined against it. QoS floors are handled as in P1: the unconstrained max-min beam if it meets them, else
a weighted max-min problem whose weights follow the worst user.
"""

from __future__ import annotations

import numpy as np

from fgamcd_opt.beamforming.kernels.kernel import Array, inlined_kernel, kernel
from fgamcd_opt.beamforming.kernels.lone_user import lone_user
from fgamcd_opt.beamforming.kernels.max_min import maximise_min
from fgamcd_opt.beamforming.kernels.qos_floors import solve_with_floors
from fgamcd_opt.beamforming.kernels.qos_status import FEASIBLE, INFEASIBLE, UNKNOWN


@kernel
def select_nodes(gram: Array, radius2: Array, members: Array) -> tuple[Array, Array]:
    """Gram matrices and radii of some nodes, copied by loops (fancy indexing compiles ten times slower)."""
    n_users = gram.shape[1]
    sub_gram = np.empty((members.size, n_users, n_users), np.complex128)
    sub_radius2 = np.empty((members.size, n_users))
    for i in range(members.size):
        for u in range(n_users):
            sub_radius2[i, u] = radius2[members[i], u]
            for v in range(n_users):
                sub_gram[i, u, v] = gram[members[i], u, v]
    return sub_gram, sub_radius2


@inlined_kernel
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
    y: Array,
    mu: Array,
    mix: Array,
) -> tuple[int, float, float]:
    """One (block, S): QoS status, worst-case SNR reached (0 without a beam), bound on it.

    ``ceiling`` is a bound for a larger set (F4). (x, share) receive the beam, (y, mu, mix) the evidence of F6 behind
    status and bound; y stays 0 where the bound is that of a lone user (F3).
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
    best, upper = maximise_min(
        gram, radius2, ranks, balls, starts, noise, rounds, tolerance, 0.0, x, share, y, mu, mix
    )
    upper = min(upper, ceiling)
    if best >= highest_floor and best > 0.0:
        return FEASIBLE, best * best, upper
    if highest_floor <= 0.0:  # no beam in hand survives the worst error
        return UNKNOWN, 0.0, upper
    return solve_with_floors(
        gram, radius2, ranks, balls, floors, starts, noise, rounds, tolerance, upper, x, share, y, mu, mix
    )


@kernel
def solve_sets(
    gram: Array,
    radius2: Array,
    ranks: Array,
    balls: bool,
    floors: Array,
    masks: Array,
    noise: Array,
    rounds: int,
    tolerance: float,
    status: Array,
    lower: Array,
    upper: Array,
    x: Array,
    share: Array,
    y: Array,
    mu: Array,
    mix: Array,
) -> None:
    """Solve the sets ``masks`` (largest first) of one block, reading and writing the rows of its table.

    What it writes are findings, not proofs: status and bound hold once the evidence was checked from the channels
    (`evidence_check`), a rate once it was recomputed from the beam (`worst_case`).

    Parameters
    ----------
    gram, radius2, ranks
        All nodes: (N, m, m) complex, (N, m), (N,).
    masks
        Node sets as bit masks, in order of falling size, so that larger sets give warm starts and bounds.
    noise
        (r, m) complex standard normal numbers, the only randomness.
    status, lower, upper, x, share
        Rows by mask: QoS status, SNR reached, SNR bound (infinite if not solved yet), beam coordinates (2^N, m) and
        (2^N, N). A row that holds a beam already is improved, never made worse.
    y, mu, mix
        (s, m), (s, N), (s, N, m, m), zero: receive the evidence of ``masks[i]`` in row i; y stays 0 without any.
    """
    n_nodes, n_users = gram.shape[0], gram.shape[1]
    fresh = min(n_users, 3)
    heard = np.zeros(n_nodes, np.bool_)  # a node that no user hears takes no part
    for n in range(n_nodes):
        for u in range(n_users):
            heard[n] = heard[n] or gram[n, u, u].real > 0.0
    for index in range(masks.shape[0]):
        mask = masks[index]
        members = np.empty(n_nodes, np.int64)
        size = 0
        for n in range(n_nodes):
            if (mask >> n) & 1 and heard[n]:
                members[size] = n
                size += 1
        members = members[:size]
        ceiling = upper[mask]
        blocked = status[mask] == INFEASIBLE
        starts = np.empty((n_nodes + 1 + fresh, n_users), np.complex128)
        count = 0
        if lower[mask] > 0.0:
            starts[count] = x[mask]
            count += 1
        for n in range(n_nodes):
            if (mask >> n) & 1:
                continue
            parent = mask | (1 << n)
            blocked = blocked or status[parent] == INFEASIBLE
            ceiling = min(ceiling, upper[parent])
            if lower[parent] > 0.0:
                starts[count] = x[parent]
                count += 1
        if blocked:
            status[mask], lower[mask], upper[mask] = INFEASIBLE, 0.0, 0.0
            continue
        if size == 0:
            upper[mask] = 0.0
            continue
        sub_gram, sub_radius2 = select_nodes(gram, radius2, members)
        sub_ranks = np.empty(size)
        for i in range(size):
            sub_ranks[i] = ranks[members[i]]
        if count < 2:  # no relatives: the phases seen by single users' matched beams
            for v in range(fresh):
                for u in range(n_users):
                    value = 0.0j
                    for n in range(size):
                        value += sub_gram[n, u, v]
                    magnitude = np.abs(value)
                    starts[count, u] = value * (1.0 / magnitude) if magnitude > 0.0 else 1.0
                count += 1
        new_x = np.ones(n_users, np.complex128)
        new_share = np.ones(size)
        new_y = np.zeros(n_users)
        new_mu = np.zeros(size)
        new_mix = np.zeros((size, n_users, n_users), np.complex128)
        found, reached, proved = solve_set(
            sub_gram,
            sub_radius2,
            sub_ranks,
            balls,
            floors,
            starts[:count],
            noise,
            rounds,
            tolerance,
            ceiling,
            new_x,
            new_share,
            new_y,
            new_mu,
            new_mix,
        )
        y[index] = new_y
        for n in range(size):
            mu[index, members[n]] = new_mu[n]
            mix[index, members[n]] = new_mix[n]
        if found == INFEASIBLE:
            status[mask], lower[mask], upper[mask] = INFEASIBLE, 0.0, 0.0
            continue
        upper[mask] = min(ceiling, proved)
        if reached > lower[mask]:
            lower[mask] = reached
            status[mask] = FEASIBLE
            x[mask] = new_x
            for n in range(n_nodes):
                share[mask, n] = 0.0
            for n in range(size):
                share[mask, members[n]] = new_share[n]


@kernel
def screen_sets(gram: Array, radius2: Array, balls: bool, floors: Array, status: Array, upper: Array) -> None:
    """Proved bounds from lone users for every set of a block: rho(S) <= min_u rho of user u alone (closed form).

    Parameters
    ----------
    floors
        (m,) amplitudes below which the checker rejects a beam.
    """
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
        sub_gram, sub_radius2 = select_nodes(gram, radius2, members)
        for u in range(n_users):
            _, bound = lone_user(sub_gram, sub_radius2, balls, u, share[:size])
            upper[mask] = min(upper[mask], bound * bound)
            if bound < floors[u] or bound <= 0.0:
                status[mask] = INFEASIBLE
                upper[mask] = 0.0
                break
