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

from fgamcd_opt.beamforming.dual_bound import ROUNDING
from fgamcd_opt.formulations.node_subspace import NodeSubspace
from fgamcd_opt.formulations.robust_sdp import RobustSdp, SdpDual
from fgamcd_opt.weighted_snr import worst_snr_bound

_LEAST = 1e-9
"""Multipliers are taken to be at least this share of their mean: F6 needs them positive."""

_INSIDE = 1e-12
"""Relative margin by which an error is kept inside its set."""


@dataclass(frozen=True, eq=False)
class SdrProof:
    """Proof of sum_u y_u SNR_u <= sum_{n sending} mu_n for all beams of S.

    Parameters
    ----------
    y
        (m,) weights of the users, > 0, of sum 1.
    mu
        (N,) multipliers of the nodes, 0 outside S; rounding is in them.
    nodes
        (N,) whether a node belongs to S.
    floors2
        (m,) SNR floors s_u^2 of (9b).
    """

    y: NDArray[np.float64]
    mu: NDArray[np.float64]
    nodes: NDArray[np.bool_]
    floors2: NDArray[np.float64]

    def snr_bounds(self, masks: NDArray[np.int64]) -> NDArray[np.float64]:
        """Proved bounds on the worst-case SNR under QoS for node sets (bit masks); infinite if not within S.

        0 means that the set is proved unable to meet the QoS.
        """
        sending = (masks[..., None] >> np.arange(self.mu.size)) & 1
        bound = worst_snr_bound((sending @ self.mu) * (1.0 + ROUNDING), self.y, self.floors2)
        return np.where((sending & ~self.nodes).any(axis=-1), np.inf, bound)


def prove(space: NodeSubspace, dual: SdpDual) -> SdrProof:
    """The best proof by F6 that the multipliers give; valid for any multipliers."""
    broadcast = space.broadcast
    ends = np.cumsum(space.shape.sizes)[:-1]
    y, mu = _positive(dual.users), _positive(dual.nodes)
    parts = np.split(dual.errors, ends, axis=1)
    square = np.stack([(np.abs(part) ** 2).sum(axis=1) for part in parts], axis=1)
    if not broadcast.balls:
        square = np.repeat(square.sum(axis=1, keepdims=True), len(parts), axis=1)
    inside = space.radii / np.maximum(1.0, np.sqrt(square) * (1.0 + _INSIDE))
    matrix = np.zeros((y.size, y.size), complex)
    for n, (channels, part) in enumerate(zip(np.split(space.channels, ends, axis=1), parts, strict=True)):
        shifted = np.sqrt(y)[:, None] * (channels + inside[:, n : n + 1] * part)
        matrix += shifted.conj() @ shifted.T / mu[n]
    largest = float(np.linalg.eigvalsh(matrix)[-1])
    all_mu = np.zeros(broadcast.power_w.size)
    members = np.zeros(all_mu.size, bool)
    all_mu[list(space.nodes)], members[list(space.nodes)] = mu * largest, True
    return SdrProof(y, all_mu, members, broadcast.floors**2)


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
    if point.dual is None and space.broadcast.floors.any():
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
