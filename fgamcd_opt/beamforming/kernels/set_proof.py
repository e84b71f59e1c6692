"""Closing the gap of one (block, S) by branch and bound, with or without binding QoS floors (compiled driver)."""

from __future__ import annotations

import numpy as np

from fgamcd_opt.beamforming.kernels.beam_search import error_terms, received, worst_amplitude
from fgamcd_opt.beamforming.kernels.global_search import branch_and_bound
from fgamcd_opt.beamforming.kernels.kernel import Array, kernel
from fgamcd_opt.beamforming.kernels.qos_floors import weighted
from fgamcd_opt.beamforming.kernels.qos_status import FEASIBLE, INFEASIBLE

_ALMOST = 1.0 - 1e-8
"""Ratio that counts as missed: far enough below 1 for a bound below 1 to be more than rounding."""


@kernel
def prove_set(
    gram: Array,
    radius2: Array,
    balls: bool,
    floors: Array,
    tolerance: float,
    max_nodes: int,
    status: int,
    lower: float,
    upper: float,
    x: Array,
    share: Array,
) -> tuple[int, float, float, int]:
    """Tighten (status, lower, upper) of one set by branch and bound; (x, share) hold its beam.

    Without binding floors the max-min amplitude itself is searched. Where a floor lies above the common level, the
    question is put at the level that would have to be refuted: with weights v_u = max(level, s_u), a beam that
    reaches ratio 1 for all users is better than the one in hand, and a bound below 1 proves that there is none.

    Parameters
    ----------
    gram, radius2, balls
        The problem over the nodes of S.
    floors
        (m,) amplitudes below which the checker rejects a beam.
    tolerance
        Relative gap in amplitude to reach.
    max_nodes
        Nodes of the search at most.
    status, lower, upper
        QoS status and bounds on the worst-case SNR so far.
    x, share
        (m,) and (n,) beam so far; overwritten by a better one.

    Returns
    -------
    status, lower, upper, nodes
        Never worse than before.
    """
    n_users = x.size
    level = np.sqrt(lower)
    if status == INFEASIBLE or n_users == 1:
        return status, lower, upper, 0
    highest = floors.max()
    if level >= highest and (status == FEASIBLE or highest == 0.0):
        best, bound, nodes = branch_and_bound(
            gram, radius2, balls, tolerance, max_nodes, np.sqrt(upper), level, x, share
        )
        return FEASIBLE if best > 0.0 else status, max(lower, best * best), min(upper, bound * bound), nodes
    scaled_gram = np.empty_like(gram)
    scaled_radius2 = np.empty_like(radius2)
    weights = np.empty(n_users)
    trial, trial_share = np.empty_like(x), np.empty_like(share)
    nodes = 0
    while nodes < max_nodes:
        target = level * (1.0 + tolerance) if status == FEASIBLE else 1e-3 * highest
        for u in range(n_users):
            weights[u] = max(target, floors[u])
            trial[u] = x[u] * weights[u]
        weighted(gram, radius2, weights, scaled_gram, scaled_radius2)
        ratio, bound, more = branch_and_bound(
            scaled_gram, scaled_radius2, balls, 1e-9, max_nodes - nodes, np.inf, _ALMOST, trial, trial_share
        )
        nodes += max(more, 1)
        if ratio <= _ALMOST:  # no better beam
            if bound >= 1.0:
                return status, lower, upper, nodes
            if status != FEASIBLE and floors.min() >= target:
                return INFEASIBLE, 0.0, 0.0, nodes
            return status, lower, min(upper, target * target), nodes
        if ratio < 1.0:
            return status, lower, upper, nodes
        for u in range(n_users):
            x[u] = trial[u] / weights[u]
        share[:] = trial_share
        status = FEASIBLE
        level = _level(gram, radius2, balls, x, share)
        lower = level * level
    return status, lower, upper, nodes


@kernel
def _level(gram: Array, radius2: Array, balls: bool, x: Array, share: Array) -> float:
    """min_u |g_u^H w| - q_u of the beam (x, share)."""
    n_nodes, n_users = gram.shape[0], gram.shape[1]
    projected = np.empty((n_nodes, n_users), np.complex128)
    norms = np.empty(n_nodes)
    signal = np.empty(n_users, np.complex128)
    q = np.empty(n_users)
    error_terms(radius2, share, balls, q)
    received(gram, x, share, projected, norms, signal)
    return worst_amplitude(signal, q)
