"""The paper's beams: rank one by a difference-of-convex penalty on the semidefinite relaxation, (35)-(37).

W >= 0 has rank one exactly where tr W = lambda_max(W). The penalised problem

    maximise  t - rho (tr W - lambda_max(W))   over the feasible set of the relaxation

is a difference of convex functions. With v the principal eigenvector of the previous W, v^H W v is a lower bound on
lambda_max(W) that is exact there, so maximising t - rho (tr W - v^H W v), a semidefinite program again, never lowers
the penalised objective. Once it stalls, the result is of rank one, or rho grows and the iteration goes on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.formulations.semidefinite.node_subspace import NodeSubspace
from fgamcd_opt.formulations.semidefinite.rank_relaxation import Beam, SdrResult, principal_beam, solve_sdr
from fgamcd_opt.formulations.semidefinite.robust_sdp import RobustSdp, SdpStatus
from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.short_repr import short_repr


@dataclass(frozen=True)
class DcSettings:
    """Course of the iteration.

    Parameters
    ----------
    penalty
        First rho, as a multiple of the relaxation's t per unit of tr W.
    growth
        Factor on rho whenever the iteration stalls above rank one.
    rank_tolerance
        Ratio of the second to the first eigenvalue of W that counts as rank one.
    improvement
        Relative gain of the penalised objective below which an iteration has stalled.
    max_iterations
        Semidefinite programs after the relaxation.

    Raises
    ------
    InputError
        If a value is out of range.
    """

    penalty: float = 0.1
    growth: float = 3.0
    rank_tolerance: float = 1e-5
    improvement: float = 1e-5
    max_iterations: int = 40

    __repr__ = short_repr

    def __post_init__(self) -> None:
        positive = min(self.penalty, self.rank_tolerance, self.improvement) > 0.0
        if not positive or self.growth <= 1.0 or self.max_iterations < 1:
            raise InputError(f"{self}: expected growth > 1, max_iterations >= 1 and the other values > 0")


@dataclass(frozen=True, eq=False)
class DcResult:
    """Answer of the iteration.

    Parameters
    ----------
    relaxation
        The semidefinite relaxation that it started from.
    status
        Of the last semidefinite program.
    best
        Best of the beams read off the iterates, those that meet the QoS first; its SNR is the worst case of F1 and
        thus a proved lower bound on rho_k(S) if ``qos_met``. None without a point.
    rank_ratio
        Second over first eigenvalue of the last W.
    rank_one
        Whether that is within the tolerance.
    iterations
        Semidefinite programs after the relaxation.
    time_s
        Of all solves, the relaxation's included, in s.
    """

    relaxation: SdrResult
    status: SdpStatus
    best: Beam | None
    rank_ratio: float | None
    rank_one: bool
    iterations: int
    time_s: float

    __repr__ = short_repr


def solve_dc(space: NodeSubspace, program: RobustSdp, settings: DcSettings | None = None) -> DcResult:
    """Iterate from the semidefinite relaxation to a covariance of rank one.

    Parameters
    ----------
    space
        The broadcast.
    program
        ``RobustSdp(space.shape, backend)``, or one that served another broadcast of this shape.
    settings
        Course of the iteration.

    Raises
    ------
    InputError
        If ``program`` is for another shape.
    """
    chosen = settings or DcSettings()
    relaxation = solve_sdr(space, program)
    covariance, best = relaxation.covariance, relaxation.principal
    status, time_s, done = relaxation.status, relaxation.time_s, 0
    if relaxation.snr is None or covariance is None or best is None:
        return DcResult(relaxation, status, None, None, False, done, time_s)
    ratio = best.rank_ratio
    rho = chosen.penalty * relaxation.snr / program.unit_snr / float(np.trace(covariance).real)
    merit = -np.inf
    moving = ratio > chosen.rank_tolerance
    while moving and done < chosen.max_iterations:
        program.penalise(_linearised(covariance, rho))
        point = program.solve(warm=True)
        status, time_s, done = point.status, time_s + point.time_s, done + 1
        if point.covariance is None or point.snr is None:
            break
        covariance = point.covariance
        beam = principal_beam(space, covariance)
        best, ratio = max(best, beam, key=lambda b: (b.qos_met, b.snr)), beam.rank_ratio
        previous, merit = merit, point.snr / program.unit_snr - rho * _distance(covariance)
        if merit - previous <= chosen.improvement * abs(merit):
            moving = ratio > chosen.rank_tolerance
            rho, merit = rho * chosen.growth, -np.inf
    return DcResult(relaxation, status, best, ratio, ratio <= chosen.rank_tolerance, done, time_s)


def _linearised(covariance: NDArray[np.complex128], rho: float) -> NDArray[np.complex128]:
    """rho (I - v v^H), v the principal eigenvector of W: the penalty with lambda_max linearised (36)."""
    v = np.linalg.eigh(covariance)[1][:, -1]
    return np.asarray(rho * (np.eye(v.size) - np.outer(v, v.conj())), np.complex128)


def _distance(covariance: NDArray[np.complex128]) -> float:
    """tr W - lambda_max(W), zero exactly at rank one."""
    values = np.linalg.eigvalsh(covariance)
    return float(values[:-1].sum())
