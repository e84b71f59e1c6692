"""`greedy`: quickest caching set of every block, then the least costly retreats until everything fits, then moves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.solvers.base_solver import EVERY_VARIANT_AND_SENDERS, BaseSolver
from fgamcd_opt.solvers.heuristics.exchanges import search
from fgamcd_opt.solvers.heuristics.placement_heuristic import place
from fgamcd_opt.solving.context import SolveContext
from fgamcd_opt.solving.solver import Outcome, Role


class GreedySolver(BaseSolver):
    """Fast primal heuristic on the knapsack of F5; proves nothing about the delay."""

    name: ClassVar[str] = "greedy"
    summary: ClassVar[str] = "greedy placement by delay per byte with local moves; no bound"
    role: ClassVar[Role] = Role.HEURISTIC
    proves_bounds: ClassVar[bool] = False
    finds_solutions: ClassVar[bool] = True
    variants: ClassVar[Mapping[str, frozenset[str]]] = EVERY_VARIANT_AND_SENDERS
    options: ClassVar[Mapping[str, Any]] = {"rounds": 0}

    def solve(self, problem: P1, context: SolveContext, options: Mapping[str, Any]) -> Outcome:
        """Solve P1 heuristically.

        Parameters
        ----------
        problem
            P1 or a variant.
        context
            Limits, seed, clock.
        options
            ``rounds``: beamforming effort per set.
        """
        free = np.zeros(problem.instance.n_nodes)
        return place(problem, context, options["rounds"], lambda knapsack: search(knapsack, free))
