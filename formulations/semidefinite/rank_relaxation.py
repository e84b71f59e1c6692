"""The paper's semidefinite relaxation of one broadcast: rank one dropped, the S-procedure for the worst case."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.formulations.semidefinite.node_subspace import NodeSubspace
from fgamcd_opt.formulations.semidefinite.robust_sdp import RobustSdp, SdpStatus
from fgamcd_opt.io.short_repr import short_repr


@dataclass(frozen=True, eq=False)
class Beam:
    """A beam read off a covariance matrix.

    Parameters
    ----------
    beam
        (N, N_t), scaled to unit node power; ``Broadcast.power_w`` scales it to sqrt(W).
    snr
        Worst user's worst-case SNR (F1).
    qos_met
        Whether every user's floor is met.
    rank_ratio
        Second over first eigenvalue of W: 0 for rank one.
    """

    beam: NDArray[np.complex128]
    snr: float
    qos_met: bool
    rank_ratio: float

    __repr__ = short_repr


@dataclass(frozen=True, eq=False)
class SdrResult:
    """Answer of the semidefinite relaxation.

    Parameters
    ----------
    status
        The conic solver's word. ``infeasible`` says that S cannot meet the QoS; it is not a proof.
    snr
        Optimum of the relaxation as a worst-case SNR. A *solver value*: within the solver's tolerance of an upper
        bound on rho_k(S), but not a proved bound. None without a point.
    covariance
        (d, d) W in the coordinates of the `NodeSubspace`; None without a point.
    principal
        Beam of the principal eigenvector, the optimum where W has rank one; None without a point.
    backend, backend_version
        Conic solver.
    iterations
        Of the conic solver.
    time_s
        Of the solve in s, without building the program (``RobustSdp.build_s``).
    """

    status: SdpStatus
    snr: float | None
    covariance: NDArray[np.complex128] | None
    principal: Beam | None
    backend: str
    backend_version: str | None
    iterations: int
    time_s: float

    __repr__ = short_repr


def solve_sdr(space: NodeSubspace, program: RobustSdp) -> SdrResult:
    """Maximise the worst-case SNR over covariance matrices W of any rank.

    Parameters
    ----------
    space
        The broadcast.
    program
        ``RobustSdp(space.shape, backend)``, or one that served another broadcast of this shape; it keeps the numbers.

    Raises
    ------
    InputError
        If ``program`` is for another shape.
    """
    program.load(space)
    point = program.solve()
    return SdrResult(
        status=point.status,
        snr=point.snr,
        covariance=point.covariance,
        principal=None if point.covariance is None else principal_beam(space, point.covariance),
        backend=program.backend,
        backend_version=program.backend_version,
        iterations=point.iterations,
        time_s=point.time_s,
    )


def principal_beam(space: NodeSubspace, covariance: NDArray[np.complex128]) -> Beam:
    """Beam sqrt(lambda_1) v_1 of the eigenvalue decomposition of W (d, d)."""
    values, vectors = np.linalg.eigh(covariance)
    beam = space.lift(np.sqrt(max(values[-1], 0.0)) * vectors[:, -1])
    snr, qos_met = space.worst_snr(beam)
    second = max(float(values[-2]), 0.0) if values.size > 1 else 0.0
    return Beam(beam, snr, qos_met, second / float(values[-1]) if values[-1] > 0.0 else 0.0)
