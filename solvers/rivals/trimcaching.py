"""`trimcaching`: whole models by marginal cache hits, shared blocks stored once (Qu et al., arXiv 2405.03990, Gen)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.solvers.base_solver import BaseSolver
from fgamcd_opt.solvers.rivals.imposed_variant import supported_besides
from fgamcd_opt.solvers.rivals.model_hits import greedy_models
from fgamcd_opt.solvers.rivals.model_placement import PLACEMENT_OPTIONS, place_models
from fgamcd_opt.solving.context import SolveContext
from fgamcd_opt.solving.solver import Outcome, Role


class TrimCachingSolver(BaseSolver):
    """Greedy of the general case; proves nothing about the delay."""

    name: ClassVar[str] = "trimcaching"
    summary: ClassVar[str] = "TrimCaching, general case: greedy by cache hits of whole models; no bound"
    role: ClassVar[Role] = Role.RIVAL
    proves_bounds: ClassVar[bool] = False
    finds_solutions: ClassVar[bool] = True
    variants: ClassVar[Mapping[str, frozenset[str]]] = supported_besides("granularity", "cooperation")

    options: ClassVar[Mapping[str, Any]] = PLACEMENT_OPTIONS

    def solve(self, problem: P1, context: SolveContext, options: Mapping[str, Any]) -> Outcome:
        """Solve P1 with the placement of :func:`greedy_models`, completed as :func:`place_models` says.

        Parameters
        ----------
        problem
            P1 or a variant in which blocks are shared and migrate.
        context
            Limits, seed, clock.
        options
            See :func:`place_models`.
        """
        return place_models(problem, context, options, greedy_models)
