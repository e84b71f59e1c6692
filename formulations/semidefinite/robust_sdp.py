"""The robust semidefinite program of one broadcast, parametrised in cvxpy: (27), (33), (34) and the penalty of (36).

    maximise   t - Re tr(M W)
    subject to W >= 0,  tr(W_nn) <= 1 for every node n of S                                          (9d)
               worst-case SNR_u(W) >= max(t, s_u^2) for every user u                                 (6), (9b)

The worst case over all errors is a linear matrix inequality by the S-procedure. With e_n = eps_{n,u} z_n, so that
z runs over the unit ball, and E_u the diagonal matrix of the radii, it reads for user u and its level l_u

    [[ E W E + D(nu), E W g ], [ g^H W E, g^H W g - l_u - sum nu ]] >= 0  for some nu >= 0,

which is the P1 form after a congruence with diag(E, 1), but holds for zero radii as well. D(nu) = nu I for the
ellipsoid, where the S-procedure loses nothing. Independent balls have one multiplier per node, D(nu) = nu_n on the
rows of node n. That loses nothing either: as W >= 0, the worst error minimises a convex function over a convex set
with interior points, so that multipliers certify the minimum exactly. (Rank one by hand: with r_n = eps_n ||w_n|| and
a = |g^H w| > r = sum_n r_n, nu_n = r_n (a - r) certifies (a - r)^2.) A user without errors needs only g^H W g >= l_u.

Each user's row is divided by its largest possible SNR and levels by the smallest of these, so that t <= 1. Channels,
radii, floors and the penalty M are parameters (products of two channels are one parameter each, which keeps the
program affine in its parameters): another block of the same shape is solved without building anything again.
"""

from __future__ import annotations

import math
import time
import warnings
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.formulations.semidefinite.conic_backends import CONIC_BACKENDS, check_size, require_backend
from fgamcd_opt.formulations.semidefinite.node_subspace import NodeSubspace, SubspaceShape
from fgamcd_opt.io.backend_output import backend_output_logged
from fgamcd_opt.io.errors import InputError
from fgamcd_opt.problem.constraints.beams import MaxSenders, Power, Qos, Sender, Silence
from fgamcd_opt.problem.constraints.formulation import Formulation
from fgamcd_opt.problem.constraints.placement import Binary, Coverage, Link, MigrationSource, Storage
from fgamcd_opt.problem.constraints.planning import Cooperation, OwnUsers, WholeModel


class SdpStatus(StrEnum):
    """What the conic solver says about its answer; none of it is a proof."""

    OPTIMAL = "optimal"
    INACCURATE = "inaccurate"
    """Stopped near an optimum: its tolerances, or its limit of iterations, were not reached cleanly."""
    INFEASIBLE = "infeasible"
    FAILED = "failed"
    """Numerical trouble, no answer."""


_STATUS = {
    "optimal": SdpStatus.OPTIMAL,
    "optimal_inaccurate": SdpStatus.INACCURATE,
    "infeasible": SdpStatus.INFEASIBLE,
}

_NOTHING = 1e-9
"""Corner of a dual matrix, relative to its largest entry, at which the user counts for nothing: any error will do."""


@dataclass(frozen=True, eq=False)
class SdpDual:
    """Multipliers of the program: a proposal for a proof by F6 (module `sdr_proof`).

    Parameters
    ----------
    users
        (m,) multipliers of the users' SNRs, >= 0 but for the solver's accuracy.
    nodes
        (|S|,) multipliers of the power budgets, likewise.
    errors
        (m, d) errors z_u on the scale of the unit ball (or of one unit ball per node), likewise.
    """

    users: NDArray[np.float64]
    nodes: NDArray[np.float64]
    errors: NDArray[np.complex128]


@dataclass(frozen=True, eq=False)
class SdpPoint:
    """One answer of a conic solver.

    Parameters
    ----------
    status
        The solver's word.
    snr
        t as an SNR (solver value, not a proved bound); None without a point.
    covariance
        (d, d) Hermitian W; None without a point.
    dual
        Multipliers; None without a point.
    iterations
        Of the solver.
    time_s
        Of the call, in s; compiling the program is not in it (`RobustSdp.build_s`).
    """

    status: SdpStatus
    snr: float | None
    covariance: NDArray[np.complex128] | None
    dual: SdpDual | None
    iterations: int
    time_s: float


class RobustSdp:
    """The program of one shape; `load` puts in the numbers of a broadcast, `solve` may then be called repeatedly.

    Parameters
    ----------
    shape
        Of the broadcasts to be solved.
    backend
        ``clarabel``, ``scs`` or ``mosek``.

    Attributes
    ----------
    build_s
        Time of building the program and, with the first numbers, compiling it for the backend, in s.
    unit_snr
        SNR that is t = 1 in the program, of the numbers loaded last.

    Raises
    ------
    UsageError, BackendError
        If the backend is unknown, cannot be used here, or does not take a program of this size.
    """

    def __init__(self, shape: SubspaceShape, backend: str) -> None:
        state = require_backend(backend)
        check_size(backend, shape.cone_entries, str(shape))
        self.shape = shape
        self.backend = backend
        self.backend_version = state.version
        started = time.perf_counter()
        self._build()
        self._compiled = False
        self.unit_snr = np.nan
        self.build_s = time.perf_counter() - started

    def _build(self) -> None:
        import cvxpy as cp

        d, users = sum(self.shape.sizes), len(self.shape.robust)
        self._w = cp.Variable((d, d), hermitian=True)
        self._t = cp.Variable()
        level = cp.Variable(users)
        self._share = cp.Parameter(users, nonneg=True)  # smallest of the largest SNRs over the user's own
        self._floor = cp.Parameter(users, nonneg=True)
        self._penalty = cp.Parameter((d, d), hermitian=True)
        self._terms = [_UserTerms(d, robust) for robust in self.shape.robust]
        self._levels = [level >= cp.multiply(self._share, self._t), level >= self._floor]
        self._budgets = []
        ends = np.cumsum(self.shape.sizes)
        for first, last in zip(ends - self.shape.sizes, ends, strict=True):
            self._budgets.append(cp.real(cp.trace(self._w[first:last, first:last])) <= 1)
        self._served = [
            terms.constraint(self._w, level[user], self.shape) for user, terms in enumerate(self._terms)
        ]
        constraints = [self._w >> 0, *self._levels, *self._budgets, *self._served]
        # an array's sum of products, not a trace of a matrix product, keeps the compiled program sparse
        objective = self._t - cp.real(cp.sum(cp.multiply(self._penalty, self._w)))
        self._problem = cp.Problem(cp.Maximize(objective), constraints)

    def load(self, space: NodeSubspace, *, for_qos: bool = False) -> None:
        """Set the channels, radii and QoS floors of a broadcast, without penalty.

        Parameters
        ----------
        space
            The broadcast.
        for_qos
            Maximise the smallest SNR_u / s_u^2 instead, without floors: below 1 the QoS is out of reach. Some floor
            must be positive.

        Raises
        ------
        InputError
            If it has another shape.
        """
        if space.shape != self.shape:
            raise InputError(f"a program built for {self.shape} cannot take a {space.shape}")
        ends = np.cumsum(self.shape.sizes)[:-1]
        largest = sum(np.linalg.norm(part, axis=1) for part in np.split(space.channels, ends, axis=1))
        floors = (space.broadcast.owed / largest) ** 2
        self.unit_snr = float(1.0 / floors.max() if for_qos else largest.min() ** 2)
        self._share.value = self.unit_snr * (floors if for_qos else 1.0 / largest**2)
        self._floor.value = np.zeros_like(floors) if for_qos else floors
        self._largest = largest
        for user, terms in enumerate(self._terms):
            radii = np.repeat(space.radii[user], self.shape.sizes)
            terms.load(space.channels[user] / largest[user], radii / largest[user])
        self.penalise(None)
        if not self._compiled:
            started = time.perf_counter()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # cvxpy's own 1 x 1 parameters
                self._problem.get_problem_data(CONIC_BACKENDS[self.backend].cvxpy_name)
            self._compiled = True
            self.build_s += time.perf_counter() - started

    def penalise(self, matrix: NDArray[np.complex128] | None) -> None:
        """Set the Hermitian penalty M (d, d) in units of `unit_snr`; None for none."""
        d = sum(self.shape.sizes)
        # Re tr(M W) is the sum of conj(M) * W entry by entry
        self._penalty.value = np.zeros((d, d), complex) if matrix is None else matrix.conj()

    def solve(self, *, warm: bool = False, time_s: float = math.inf) -> SdpPoint:
        """Solve with the numbers loaded last.

        Parameters
        ----------
        warm
            Start from the previous answer, where the backend can (SCS).
        time_s
            Time limit in s.
        """
        import cvxpy as cp

        backend = CONIC_BACKENDS[self.backend]
        started = time.perf_counter()
        with warnings.catch_warnings(), backend_output_logged():
            warnings.simplefilter("ignore", UserWarning)  # inaccurate answers are reported by the status
            try:
                # Clarabel updated in place has failed on data that it solves from scratch
                warm_start = warm and self.backend == "scs"
                self._problem.solve(
                    solver=backend.cvxpy_name, warm_start=warm_start, **backend.limited(time_s)
                )
            except cp.error.SolverError:
                return SdpPoint(SdpStatus.FAILED, None, None, None, 0, time.perf_counter() - started)
        elapsed = time.perf_counter() - started
        status = _STATUS.get(self._problem.status, SdpStatus.FAILED)
        iterations = int(self._problem.solver_stats.num_iters or 0)
        if self._w.value is None or status not in (SdpStatus.OPTIMAL, SdpStatus.INACCURATE):
            return SdpPoint(status, None, None, None, iterations, elapsed)
        covariance = np.asarray(self._w.value, complex)
        snr = float(self._t.value) * self.unit_snr
        hermitian = 0.5 * (covariance + covariance.conj().T)
        return SdpPoint(status, snr, hermitian, self._dual(), iterations, elapsed)

    def _dual(self) -> SdpDual:
        """Multipliers that the backend gave. The users' come from the levels: the matrices' corners are less exact."""
        users = np.sum([constraint.dual_value for constraint in self._levels], axis=0) / self._largest**2
        errors = np.zeros((users.size, sum(self.shape.sizes)), complex)
        for user, constraint in enumerate(self._served):
            if self.shape.robust[user]:
                matrix = np.asarray(constraint.dual_value)
                corner = float(matrix[-1, -1].real)
                if corner > _NOTHING * np.abs(matrix).max():
                    errors[user] = matrix[:-1, -1] / corner
        return SdpDual(users, np.array([float(budget.dual_value) for budget in self._budgets]), errors)


class _UserTerms:
    """Parameters and constraint of one user."""

    def __init__(self, d: int, robust: bool) -> None:
        import cvxpy as cp

        self.robust = robust
        self.channel_channel = cp.Parameter((d, d), hermitian=True)  # conj(g) g^T
        if robust:
            self.radius_radius = cp.Parameter((d, d), symmetric=True)  # eps eps^T
            self.radius_channel = cp.Parameter((d, d), complex=True)  # eps g^T

    def load(self, channel: NDArray[np.complex128], radii: NDArray[np.float64]) -> None:
        """Channel and radii (d,), scaled."""
        self.channel_channel.value = np.outer(channel.conj(), channel)
        if self.robust:
            self.radius_radius.value = np.outer(radii, radii)
            self.radius_channel.value = np.outer(radii, channel)

    def constraint(self, w: Any, level: Any, shape: SubspaceShape) -> Any:
        """Worst-case SNR of the covariance W at least ``level``: (33), (34)."""
        import cvxpy as cp

        d = sum(shape.sizes)
        received = cp.real(cp.sum(cp.multiply(self.channel_channel, w)))
        if not self.robust:
            return received >= level
        nu = cp.Variable(len(shape.sizes) if shape.balls else 1, nonneg=True)
        rows = np.repeat(np.eye(len(shape.sizes)), shape.sizes, axis=0) if shape.balls else np.ones((d, 1))
        block = cp.multiply(self.radius_radius, w) + cp.diag(rows @ nu)
        column = cp.reshape(cp.sum(cp.multiply(self.radius_channel, w), axis=1), (d, 1), order="F")
        corner = cp.reshape(received - level - cp.sum(nu), (1, 1), order="F")
        return cp.bmat([[block, column], [column.H, corner]]) >> 0


_AROUND = "of placement, which the knapsack around the broadcast writes: exact"
_JOINT = "the program is the joint broadcast of one node set"

SEMIDEFINITE = Formulation(
    name="robust semidefinite program of one broadcast (S-procedure)",
    builders={Qos: RobustSdp, Power: RobustSdp},
    dropped={
        Silence: "only the nodes of the set have beams: exact",
        Storage: _AROUND,
        MigrationSource: _AROUND,
        Link: _AROUND,
        Coverage: _AROUND,
        Binary: _AROUND,
    },
    refused={
        Sender: _JOINT,
        MaxSenders: _JOINT,
        WholeModel: _JOINT,
        Cooperation: _JOINT,
        OwnUsers: _JOINT,
    },
)
