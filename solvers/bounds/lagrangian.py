"""`lagrangian`: storage relaxed with the multipliers that the dual simplex method finds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.solvers.base_solver import EVERY_VARIANT, BaseSolver
from fgamcd_opt.solvers.bounds.storage_relaxation import StorageRelaxation, bound_over_certified_rates
from fgamcd_opt.solving.context import SolveContext
from fgamcd_opt.solving.solver import Outcome, Role

BOUND_KIND = "Lagrangian knapsack bound, certified rates (F5, F6, F7)"


class LagrangianSolver(BaseSolver):
    """The Lagrangian dual of storage (1) in the knapsack of F5; needs no backend."""

    name: ClassVar[str] = "lagrangian"
    summary: ClassVar[str] = "bound: Lagrangian relaxation of storage over certified rates, by dual simplex"
    role: ClassVar[Role] = Role.BOUND
    proves_bounds: ClassVar[bool] = True
    finds_solutions: ClassVar[bool] = False
    variants: ClassVar[Mapping[str, frozenset[str]]] = EVERY_VARIANT

    def solve(self, problem: P1, context: SolveContext, options: Mapping[str, Any]) -> Outcome:
        """Bound P1 from below.

        Parameters
        ----------
        problem
            P1 or a variant.
        context
            Limits, seed, clock.
        options
            ``rounds``: beamforming effort per set.
        """
        return bound_over_certified_rates(
            problem, context, options["rounds"], BOUND_KIND, StorageRelaxation.ascend
        )
