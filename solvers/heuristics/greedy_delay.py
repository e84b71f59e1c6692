"""`greedy-delay`: from empty caches, the copies that take the most off T per byte, one enlargement after the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.formulations.knapsack.configuration_delays import configuration_delays, unit_bytes
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.solvers.base_solver import EVERY_VARIANT_AND_SENDERS, BaseSolver
from fgamcd_opt.solvers.heuristics.growing_sets import GrowingSets
from fgamcd_opt.solvers.heuristics.placement_heuristic import Choice, place_sets
from fgamcd_opt.solving.context import SolveContext
from fgamcd_opt.solving.solver import Outcome, Role


class GreedyDelaySolver(BaseSolver):
    """Marginal gain in T itself; proves nothing about the delay.

    It starts from nothing and only ever adds, whereas `greedy` starts from the quickest caching set of every block,
    retreats until everything fits, and moves afterwards.
    """

    name: ClassVar[str] = "greedy-delay"
    summary: ClassVar[str] = "from empty caches, adds the copies that take the most off T per byte; no bound"
    role: ClassVar[Role] = Role.HEURISTIC
    proves_bounds: ClassVar[bool] = False
    finds_solutions: ClassVar[bool] = True
    variants: ClassVar[Mapping[str, frozenset[str]]] = EVERY_VARIANT_AND_SENDERS

    def solve(self, problem: P1, context: SolveContext, options: Mapping[str, Any]) -> Outcome:
        """Solve P1 heuristically.

        First every block gets a place, see :class:`GrowingSets` for what stands in for the delay of a block that has
        none; then caching sets grow as long as T decreases.

        Parameters
        ----------
        problem
            P1 or a variant.
        context
            Limits, seed, clock.
        options
            ``rounds``: beamforming effort per set.
        """

        def choose(rate_bps: NDArray[np.float64]) -> Choice:
            delay, _ = configuration_delays(problem, rate_bps)
            sets = GrowingSets(delay, unit_bytes(problem), problem.data.storage_bytes)
            sets.cover(np.arange(sets.masks.size))
            if sets.undeliverable.size:
                return Choice(None, message=sets.fault)
            sets.grow()
            copies = np.bitwise_count(sets.masks)
            return Choice(sets.masks, {"copies": int(copies.sum())})

        return place_sets(problem, context, options["rounds"], choose)
