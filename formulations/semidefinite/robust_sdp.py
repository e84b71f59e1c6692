"""The robust semidefinite program of one broadcast solved by a conic backend; its multipliers."""

from __future__ import annotations

import math
import time
import warnings
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.formulations.semidefinite.conic_backends import CONIC_BACKENDS, check_size, require_backend
from fgamcd_opt.formulations.semidefinite.node_subspace import NodeSubspace, SubspaceShape
from fgamcd_opt.formulations.semidefinite.sdp_program import SdpProgram
from fgamcd_opt.io.backend_output import backend_output_logged
from fgamcd_opt.io.short_repr import short_repr
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

    __repr__ = short_repr


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

    __repr__ = short_repr


class RobustSdp(SdpProgram):
    """The program of one shape for one backend: `load` puts in a broadcast, `solve` may then be called repeatedly.

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

    Raises
    ------
    UsageError, BackendError
        If the backend is unknown, cannot be used here, or does not take a program of this size.
    """

    __repr__ = short_repr

    def __init__(self, shape: SubspaceShape, backend: str) -> None:
        state = require_backend(backend)
        check_size(backend, shape.cone_entries, str(shape))
        self.backend = backend
        self.backend_version = state.version
        started = time.perf_counter()
        super().__init__(shape)
        self._compiled = False
        self.build_s = time.perf_counter() - started

    def load(self, space: NodeSubspace, *, for_qos: bool = False) -> None:
        """Set the numbers of a broadcast, see :meth:`SdpProgram.load`; the first ones are compiled for the backend."""
        super().load(space, for_qos=for_qos)
        if not self._compiled:
            started = time.perf_counter()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # cvxpy's own 1 x 1 parameters
                self.problem.get_problem_data(CONIC_BACKENDS[self.backend].cvxpy_name)
            self._compiled = True
            self.build_s += time.perf_counter() - started

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
                self.problem.solve(
                    solver=backend.cvxpy_name, warm_start=warm_start, **backend.limited(time_s)
                )
            except cp.error.SolverError:
                return SdpPoint(SdpStatus.FAILED, None, None, None, 0, time.perf_counter() - started)
        elapsed = time.perf_counter() - started
        status = _STATUS.get(self.problem.status, SdpStatus.FAILED)
        iterations = int(self.problem.solver_stats.num_iters or 0)
        if self.w.value is None or status not in (SdpStatus.OPTIMAL, SdpStatus.INACCURATE):
            return SdpPoint(status, None, None, None, iterations, elapsed)
        covariance = np.asarray(self.w.value, complex)
        snr = float(self.t.value) * self.unit_snr
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
