"""Max-min beam of one node set without floors: local search and bound in turns until the gap closes (compiled)."""

from __future__ import annotations

import numpy as np

from fgamcd_opt.beamforming.kernels.beam_search import ascend, error_terms, received
from fgamcd_opt.beamforming.kernels.dual_bound import minimise_bound
from fgamcd_opt.beamforming.kernels.kernel import Array, kernel
from fgamcd_opt.beamforming.kernels.worst_errors import (
    beam_errors,
    merge_errors,
    relaxation_errors,
    shifted_gram,
)


@kernel
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


@kernel
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
    mu: Array,
    mix: Array,
) -> tuple[float, float]:
    """Max-min of the (weighted) problem: amplitude reached and a bound on its square, with its evidence (y, mu, mix).

    The bound is F6 as computed here; it counts only once the evidence was checked from the channels
    (:mod:`fgamcd_opt.certificates.evidence_check`). It is infinite, and the evidence unchanged, if nothing was found.
    Stops when the gap is below ``tolerance`` (of the square), when the bound falls below ``enough``, or after
    ``rounds`` rounds of starts and error refinement.
    """
    n_nodes, n_users = gram.shape[0], gram.shape[1]
    best = search(gram, radius2, balls, starts, x, share, -np.inf, 0.1 * tolerance)
    trial_mix = np.zeros((n_nodes, n_users, n_users), np.complex128)
    new_mix = np.zeros((n_nodes, n_users, n_users), np.complex128)
    shifted = np.empty_like(gram)
    factor = np.zeros((n_users, n_users), np.complex128)
    projected = np.empty((n_nodes, n_users), np.complex128)
    norms = np.empty(n_nodes)
    signal = np.empty(n_users, np.complex128)
    q = np.empty(n_users)
    trial_mu = np.empty(n_nodes)
    trial_y = np.empty(n_users)
    sampled = np.empty((4, n_users), np.complex128)
    upper = np.inf
    used = 0
    improved = True
    for done in range(rounds + 1):
        if improved:
            error_terms(radius2, share, balls, q)
            received(gram, x, share, projected, norms, signal)
            beam_errors(gram, radius2, balls, x, share, norms, signal, q, trial_mix)
            total = 0.0
            for u in range(n_users):
                total += np.abs(x[u])
            for u in range(n_users):
                trial_y[u] = np.abs(x[u]) / total
            for n in range(n_nodes):
                trial_mu[n] = norms[n]
        else:
            relaxation_errors(gram, radius2, balls, trial_mix, trial_mu, factor, new_mix)
            merge_errors(gram, radius2, balls, ranks, trial_mix, new_mix, trial_y, trial_mu, 0.1 * tolerance)
        shifted_gram(gram, trial_mix, shifted)
        goal = max(best, 0.0) ** 2 * (1.0 + 0.3 * tolerance)
        bound = minimise_bound(shifted, ranks, trial_y, trial_mu, factor, 0.1 * tolerance, max(goal, enough))
        if bound < upper:
            upper = bound
            y[:] = trial_y
            mu[:] = trial_mu
            mix[:] = trial_mix
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
                            entry += shifted[n, u, j] * (1.0 / trial_mu[n])
                        cross += entry * factor[j, k]
                    value += cross * noise[used % noise.shape[0], k]
                magnitude = np.abs(value)
                sampled[row, u] = value * (1.0 / magnitude) if magnitude > 0.0 else 1.0
            used += 1
        before = best
        best = search(gram, radius2, balls, sampled, x, share, best, 0.1 * tolerance)
        # a marginally better beam is no reason to give up the errors found so far
        improved = best > before * (1.0 + 0.2 * tolerance)
    return best, upper
