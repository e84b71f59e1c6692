"""`lp`: the linear relaxation of the knapsack of F5 by HiGHS, its bound recomputed exactly from the multipliers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from fgamcd_opt.formulations.knapsack.multiple_choice import Knapsack
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.solvers.base_solver import EVERY_VARIANT, BaseSolver
from fgamcd_opt.solvers.bounds.storage_relaxation import StorageRelaxation, bound_over_certified_rates
from fgamcd_opt.solvers.milp_backends.highs import solve_relaxation
from fgamcd_opt.solving.context import SolveContext
from fgamcd_opt.solving.solver import Outcome, Role

BOUND_KIND = "LP of the knapsack, certified rates (F5, F6, F7)"


class LpSolver(BaseSolver):
    """The linear program of the knapsack of F5."""

    name: ClassVar[str] = "lp"
    summary: ClassVar[str] = "bound: LP of the knapsack (F5) over certified rates, by HiGHS"
    role: ClassVar[Role] = Role.BOUND
    proves_bounds: ClassVar[bool] = True
    finds_solutions: ClassVar[bool] = False
    variants: ClassVar[Mapping[str, frozenset[str]]] = EVERY_VARIANT
    backends: ClassVar[tuple[str, ...]] = ("highspy",)

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
        return bound_over_certified_rates(problem, context, options["rounds"], BOUND_KIND, _improve)


def _improve(relaxation: StorageRelaxation, knapsack: Knapsack) -> None:
    """Evaluate the multipliers of the linear program.

    HiGHS has none where the time is up, and its word for infeasible is no proof: the dual simplex has both.
    """
    found = solve_relaxation(knapsack, relaxation.context)
    if found is not None and found[1]:
        relaxation.evaluate(knapsack, found[0])
    else:
        relaxation.ascend(knapsack)
