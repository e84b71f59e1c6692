"""`greedy`: quickest caching set of every block, then the least costly retreats until everything fits, then moves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from fgamcd_opt.beamforming.broadcast import BeamformingSettings
from fgamcd_opt.context import SolveContext
from fgamcd_opt.formulations.configuration_delays import configuration_delays
from fgamcd_opt.formulations.knapsack import build_knapsack
from fgamcd_opt.problem import P1
from fgamcd_opt.rate_oracle import RateOracle
from fgamcd_opt.solvers.decisions import decision_from_masks
from fgamcd_opt.solvers.knapsack_search import search
from fgamcd_opt.solvers.protocol import Outcome
from fgamcd_opt.solvers.rate_tables import complete_table, toy_problem, unservable_block
from fgamcd_opt.status import StopReason


class GreedySolver:
    """Fast primal heuristic on the knapsack of F5; proves nothing about the delay."""

    name: ClassVar[str] = "greedy"
    summary: ClassVar[str] = "greedy placement by delay per byte with local moves; no bound"
    proves_bounds: ClassVar[bool] = False
    finds_solutions: ClassVar[bool] = True
    variants: ClassVar[Mapping[str, frozenset[str]]] = {}
    options: ClassVar[Mapping[str, Any]] = {"rounds": 0}
    backends: ClassVar[tuple[str, ...]] = ()
    option_backends: ClassVar[tuple[str, ...]] = ()

    def prepare(self) -> None:
        """Compile the kernels, or load them from disk, on a toy problem."""
        self.solve(toy_problem(), SolveContext(silent=True), self.options)

    def solve(self, problem: P1, context: SolveContext, options: Mapping[str, Any]) -> Outcome:
        """Solve P1 heuristically.

        Parameters
        ----------
        problem
            P1, default variant.
        context
            Limits, seed, clock.
        options
            ``rounds``: beamforming effort per set.
        """
        reason = problem.infeasibility_reason()
        if reason:
            return Outcome(stop_reason=StopReason.INFEASIBLE, infeasibility=reason)
        settings = BeamformingSettings(rounds=options["rounds"], seed=context.seed)
        with context.stage("rates"):
            oracle = RateOracle(problem, settings, context.limits.threads)
            complete_table(oracle, context)
        bad = unservable_block(oracle)
        if bad:
            return Outcome(stop_reason=StopReason.INFEASIBLE, infeasibility=bad)
        counts = {"rate_problems": oracle.solved, "rate_problems_total": oracle.size}
        with context.stage("search"):
            rates = oracle.lower_bps()
            knapsack = build_knapsack(problem, rates)
            columns = None
            if np.unique(knapsack.block).size == knapsack.n_blocks:
                columns = search(knapsack, np.zeros(problem.instance.n_nodes))
            if columns is None:
                return Outcome(stop_reason=context.stop_reason(), counts=counts)
            caching = knapsack.mask[columns]
            _, participating = configuration_delays(problem, rates)
            chosen = participating[np.arange(caching.size), caching]
            decision = decision_from_masks(problem, oracle, caching, chosen)
        return Outcome(stop_reason=context.stop_reason(), decision=decision, counts=counts)
