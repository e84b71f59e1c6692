"""`sdr`: the knapsack of F5 with storage relaxed and rates bounded by the paper's robust semidefinite relaxation.

Rates are bounded one (block, S) at a time, and only where the relaxation of storage rests on them: at first every rate
has the bound of lone users (F3); the sets that the cheapest caching sets use are relaxed by a conic solver, what its
multipliers prove replaces the bounds of S and of all its subsets, and storage is relaxed again. The bound is
valid at any moment. Once no set in use is left, further programs would not change it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.beamforming.broadcast import SetTable
from fgamcd_opt.beamforming.rate_oracle import RateOracle
from fgamcd_opt.formulations.knapsack.configuration_delays import configuration_delays
from fgamcd_opt.formulations.knapsack.multiple_choice import Knapsack
from fgamcd_opt.formulations.semidefinite.conic_backends import CONIC_BACKENDS, require_backend
from fgamcd_opt.formulations.semidefinite.node_subspace import NodeSubspace, SubspaceShape
from fgamcd_opt.formulations.semidefinite.robust_sdp import SEMIDEFINITE, RobustSdp
from fgamcd_opt.formulations.semidefinite.sdr_proof import prove_by_relaxation
from fgamcd_opt.problem.constraints.formulation import Formulation
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.solvers.base_solver import BaseSolver
from fgamcd_opt.solvers.bounds.storage_relaxation import StorageRelaxation
from fgamcd_opt.solving.context import SolveContext
from fgamcd_opt.solving.rate_tables import unservable_block
from fgamcd_opt.solving.solver import Outcome, Role
from fgamcd_opt.solving.status import StopReason

BOUND_KIND = "Lagrangian knapsack bound, semidefinite rates (F5, F6, F7)"

_IN_USE = 1e-6
"""A column whose reduced cost is below this share of the bound counts as in use."""


class SdrSolver(BaseSolver):
    """Bounds from semidefinite programs; meant for small instances."""

    name: ClassVar[str] = "sdr"
    formulation: ClassVar[Formulation] = SEMIDEFINITE
    summary: ClassVar[str] = (
        "bound: Lagrangian relaxation of storage over semidefinite rate bounds; small instances"
    )
    role: ClassVar[Role] = Role.BOUND
    proves_bounds: ClassVar[bool] = True
    finds_solutions: ClassVar[bool] = False
    options: ClassVar[Mapping[str, Any]] = {"backend": "scs", "max_users": 8}
    backends: ClassVar[tuple[str, ...]] = ("cvxpy", "scs")
    option_backends: ClassVar[tuple[str, ...]] = ("clarabel", "mosek")

    def prepare(self) -> None:
        """Load the modelling language."""
        import cvxpy  # noqa: F401

    def solve(self, problem: P1, context: SolveContext, options: Mapping[str, Any]) -> Outcome:
        """Bound P1 from below.

        Parameters
        ----------
        problem
            P1, default variant.
        context
            Clock, stop flag.
        options
            ``backend``: conic solver, ``scs``, ``clarabel`` or ``mosek``. ``max_users``: blocks with more users keep
            the bounds of lone users.
        """
        require_backend(options["backend"])
        reason = problem.infeasibility_reason()
        if reason:
            return Outcome(stop_reason=StopReason.INFEASIBLE, infeasibility=reason)
        return _SdrRun(problem, context, options["backend"], options["max_users"]).bound()


@dataclass(eq=False)
class _SdrRun:
    """State of one solve."""

    problem: P1
    context: SolveContext
    backend: str
    max_users: int
    oracle: RateOracle = field(init=False)
    programs: dict[SubspaceShape, RobustSdp] = field(default_factory=dict)
    tried: set[tuple[int, int]] = field(default_factory=set)
    """(row, S) that need no program any more: solved, in vain, or too large."""
    solved: int = 0
    left_out: int = 0
    """Programs with too many users or too large for the backend."""

    def __post_init__(self) -> None:
        self.oracle = RateOracle(self.problem)

    def bound(self) -> Outcome:
        """Alternate the relaxation of storage and semidefinite programs where it rests on unproved rates."""
        relaxation = StorageRelaxation(self.problem, self.context)
        while True:
            bad = unservable_block(self.oracle)
            if bad:
                return Outcome(stop_reason=StopReason.INFEASIBLE, infeasibility=bad, counts=self._counts())
            with self.context.stage("search"):
                knapsack = relaxation.knapsack(self.oracle.upper_bps())
                if knapsack is None:
                    break
                reduced = relaxation.ascend(knapsack)
                wanted = self._in_use(knapsack, reduced <= _IN_USE * abs(relaxation.bound_s))
            if relaxation.infeasible or not wanted or self.context.must_stop:
                break
            with self.context.stage("rates"):
                self._relax_rates(wanted, relaxation.bound_s)
        return relaxation.outcome(BOUND_KIND, self._counts())

    def _in_use(self, knapsack: Knapsack, columns: NDArray[np.bool_]) -> list[tuple[int, int]]:
        """(row, S) without a program yet on which the columns rest, largest sets first."""
        _, participating = configuration_delays(self.problem, self.oracle.upper_bps())
        rows = knapsack.block[columns]
        pairs = set(zip(rows.tolist(), participating[rows, knapsack.mask[columns]].tolist(), strict=True))
        return sorted(pairs - self.tried, key=lambda pair: (-pair[1].bit_count(), *pair))

    def _relax_rates(self, wanted: list[tuple[int, int]], bound_s: float) -> None:
        """Solve programs one after the other until all are done or the time is up."""
        for done, (row, mask) in enumerate(wanted):
            if self.context.must_stop:
                return
            self.context.progress(
                f"bound {bound_s:.6f} s; semidefinite programs: {done} of {len(wanted)} in use, {self.solved} in all"
            )
            self._relax_rate(self.oracle.tables[row], mask)
            self.tried.add((row, mask))

    def _relax_rate(self, table: SetTable, mask: int) -> None:
        """Bound one (block, S) and all subsets of S by a semidefinite program."""
        broadcast = table.broadcast
        if broadcast.floors.size == 1:  # the bound of a lone user is exact (F3)
            return
        space = NodeSubspace.of(broadcast, [n for n in range(broadcast.power_w.size) if (mask >> n) & 1])
        shape = space.shape
        too_large = shape.cone_entries > CONIC_BACKENDS[self.backend].max_cone_entries
        if too_large or broadcast.floors.size > self.max_users:
            self.left_out += 1
            return
        if shape not in self.programs:
            self.programs[shape] = RobustSdp(shape, self.backend)
        proof = prove_by_relaxation(space, self.programs[shape], self.context.remaining_s)
        self.solved += 1
        if proof is not None:
            masks = np.arange(table.upper.size)
            np.minimum(table.upper, proof.snr_bounds(masks), out=table.upper)
            table.status[table.upper <= 0.0] = -1
            table.close()

    def _counts(self) -> dict[str, int]:
        return {
            "semidefinite_programs": self.solved,
            "programs_left_out": self.left_out,
            "rate_problems_total": self.oracle.size,
        }
