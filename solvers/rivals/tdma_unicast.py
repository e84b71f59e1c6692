"""`tdma-unicast`: the reference solver's caching and migration, delivered to one user after the other."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.problem.variants import Delivery
from fgamcd_opt.solvers.base_solver import BaseSolver
from fgamcd_opt.solvers.exact.exact import ExactSolver
from fgamcd_opt.solvers.rivals.imposed_variant import impose, supported_besides
from fgamcd_opt.solvers.rivals.redelivery import redeliver, reference_solution
from fgamcd_opt.solving.context import SolveContext
from fgamcd_opt.solving.solver import Outcome, Role


class TdmaUnicastSolver(BaseSolver):
    """P1's caching and migration by `exact` with delivery=unicast_tdma: maximum-ratio transmission, user by user."""

    name: ClassVar[str] = "tdma-unicast"
    summary: ClassVar[str] = "caching and migration of exact, delivery=unicast_tdma; no bound"
    role: ClassVar[Role] = Role.RIVAL
    proves_bounds: ClassVar[bool] = False
    finds_solutions: ClassVar[bool] = True
    variants: ClassVar[Mapping[str, frozenset[str]]] = supported_besides("delivery")
    options: ClassVar[Mapping[str, Any]] = ExactSolver.options
    option_backends: ClassVar[tuple[str, ...]] = ExactSolver.option_backends

    def solve(self, problem: P1, context: SolveContext, options: Mapping[str, Any]) -> Outcome:
        """Solve P1, then deliver the blocks user by user.

        Parameters
        ----------
        problem
            P1; ``delivery`` has its default.
        context
            Limits, seed, clock.
        options
            Those of ``exact``.
        """
        unicast = impose(problem, delivery=Delivery.UNICAST_TDMA)
        found = reference_solution(problem, unicast, context, options)
        if found.decision is None:
            return dataclasses.replace(found, variant=unicast.variant)
        with context.stage("rates"):
            decision = redeliver(unicast, found.decision)
        return dataclasses.replace(found, decision=decision, variant=unicast.variant)
