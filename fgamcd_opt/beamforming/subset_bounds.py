"""Certified SNR bounds of a node set S from what is known of larger sets, without solving S itself.

Two bounds of :mod:`fgamcd_opt.core` cost a few microseconds each. A lone user's closed form (F3) holds for every S
(`lone_users_bound`). And the multipliers that prove F6 for a set prove it for all of its subsets S: errors, y and mu
restricted to S stay admissible (`inherited_bound`), so

    sum_u y_u SNR_u  <=  lambda_max( sqrt(Y) [ sum_{n in S} A~_n / mu_n ] sqrt(Y) ) * sum_{n in S} mu_n,

where only the m x m eigenvalue changes with S. That is far tighter than monotonicity (F4), which would keep the
bound of the larger set, and exact for one user. The summands come from the channels with room for all rounding
errors (:func:`fgamcd_opt.certificates.evidence_check.proved_parts`), and every eigenvalue is proved by a Cholesky
factorisation: with m users and N nodes its own rounding is below m (N + 8 m + 16) 2^-53 of it, far less than
``ROUNDING``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.beamforming.broadcast import Broadcast
from fgamcd_opt.beamforming.rate_evidence import RateEvidence
from fgamcd_opt.certificates.evidence_check import admissible_errors, proved_parts


def whitened(
    broadcast: Broadcast, evidence: RateEvidence
) -> tuple[NDArray[np.complex128], NDArray[np.float64]]:
    """Summands of the eigenvalue condition and the multipliers that belong to them.

    Parameters
    ----------
    broadcast
        The reduced block.
    evidence
        Evidence that proves something.

    Returns
    -------
    parts, mu
        (N, m, m) and (N,): for every subset S of the evidence's set, sum_u y_u SNR_u is at most
        lambda_max(sum_{n in S} parts_n) sum_{n in S} mu_n; 0 outside the set. The factor of the whole set is near 1.
    """
    mu = evidence.mu.copy()
    errors = admissible_errors(
        broadcast.channels[None], broadcast.radii, broadcast.error_set, evidence.mix[None]
    )[0]
    return proved_parts(broadcast.channels, errors, evidence.y, mu), mu
