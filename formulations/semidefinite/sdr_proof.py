"""From a conic solver's multipliers to a proved bound on the rate: F6 evaluated exactly, weak duality.

The dual of the S-procedure program holds weights y_u of the users, multipliers mu_n of the power budgets and, in
the last column of each user's matrix divided by its corner, an error e_u. Whatever the solver's accuracy, errors
pulled into their set are admissible, and for the largest eigenvalue of

    M = diag(sqrt y) [ sum_n G~_n^H G~_n / mu_n ] diag(sqrt y),    g~_u = g_u + e_u,

every beam w of unit node power has sum_u y_u SNR_u(w) <= lambda_max(M) sum_{n sending} mu_n, so for every subset of
S, too. At the solver's optimum this is the value of the program: where the matrix of a user is not of rank one, e_u
is the mean of several errors, which proves no less, since v v^H is convex in v.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.certificates.evidence_check import proved_factors, pulled_inside
from fgamcd_opt.certificates.weighted_snr import worst_snr_bound
from fgamcd_opt.formulations.semidefinite.node_subspace import NodeSubspace
from fgamcd_opt.formulations.semidefinite.robust_sdp import RobustSdp, SdpDual
from fgamcd_opt.io.short_repr import short_repr
from fgamcd_opt.problem.tolerances import MARGIN

_LEAST = 1e-9
"""Multipliers are taken to be at least this share of their mean: F6 needs them positive."""


@dataclass(frozen=True, eq=False)
class SdrProof:
    """Proof of sum_u y_u SNR_u <= sum_{n sending} mu_n for all beams of S.

    Parameters
    ----------
    y
        (m,) weights of the users, > 0, of sum 1.
    mu
        (N,) multipliers of the nodes, 0 outside S, with room for all rounding; infinite in S if nothing is proved.
    nodes
        (N,) whether a node belongs to S.
    floors2
        (m,) SNR below which the checker rejects a beam (9b).
    """

    y: NDArray[np.float64]
    mu: NDArray[np.float64]
    nodes: NDArray[np.bool_]
    floors2: NDArray[np.float64]

    __repr__ = short_repr

    def snr_bounds(self, masks: NDArray[np.int64]) -> NDArray[np.float64]:
        """Proved bounds on the worst-case SNR under QoS for node sets (bit masks); infinite if not within S.

        0 means that the set is proved unable to meet the QoS.
        """
        if not np.isfinite(self.mu).all():
            return np.full(masks.shape, np.inf)
        sending = (masks[..., None] >> np.arange(self.mu.size)) & 1
        bound = worst_snr_bound((sending @ self.mu) * (1.0 + MARGIN), self.y, self.floors2)
        return np.where((sending & ~self.nodes).any(axis=-1), np.inf, bound)


def prove(space: NodeSubspace, dual: SdpDual) -> SdrProof:
    """The best proof by F6 that the multipliers give; valid for any multipliers."""
    broadcast = space.broadcast
    ends = np.cumsum(space.shape.sizes)[:-1]
    y, mu = _positive(dual.users), _positive(dual.nodes)
    nodes = list(space.nodes)
    errors = np.zeros((1, *broadcast.channels.shape), np.complex128)
    for n, basis, part in zip(nodes, space.bases, np.split(dual.errors, ends, axis=1), strict=True):
        errors[0, :, n] = broadcast.radii[:, n, None] * (part @ basis.T)
    all_mu = np.zeros(broadcast.power_w.size)
    all_mu[nodes] = mu
    with np.errstate(all="ignore"):
        errors = pulled_inside(errors, broadcast.radii, broadcast.error_set)
    factor = float(proved_factors(broadcast.channels[None], errors, y[None], all_mu[None])[0])
    members = all_mu > 0.0
    all_mu[members] *= factor * (1.0 + MARGIN)
    return SdrProof(y, all_mu, members, broadcast.floors2)


def prove_by_relaxation(space: NodeSubspace, program: RobustSdp, time_s: float) -> SdrProof | None:
    """Solve the semidefinite relaxation and prove what its multipliers prove.

    Where the solver has no answer, the QoS floors may be out of reach: the relaxation is solved once more for the
    ratios to the floors, since the multipliers of an infeasible program are not told.

    Parameters
    ----------
    space
        The broadcast.
    program
        Program of its shape.
    time_s
        Time limit in s of each solve.

    Returns
    -------
    SdrProof | None
        None if the solver has no answer.
    """
    program.load(space)
    point = program.solve(time_s=time_s)
    if point.dual is None and space.broadcast.floors2.any():
        program.load(space, for_qos=True)
        point = program.solve(time_s=time_s)
    return None if point.dual is None else prove(space, point.dual)


def _positive(multipliers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Multipliers of sum 1, all positive; equal ones if they hold nothing."""
    kept = np.where(np.isfinite(multipliers), np.maximum(multipliers, 0.0), 0.0)
    if not kept.sum() > 0.0:
        kept = np.ones(kept.size)
    kept = np.maximum(kept, _LEAST * kept.mean())
    return np.asarray(kept / kept.sum())
