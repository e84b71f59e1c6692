"""`hybrid`: the reference solver's caching and migration; blocks with many users are broadcast, the others unicast."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from fgamcd_opt.io.errors import UsageError
from fgamcd_opt.problem.decision import Decision
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.problem.variants import Delivery
from fgamcd_opt.solvers.base_solver import BaseSolver
from fgamcd_opt.solvers.exact.exact import ExactSolver
from fgamcd_opt.solvers.rivals.imposed_variant import impose, supported_besides
from fgamcd_opt.solvers.rivals.redelivery import redeliver, reference_solution
from fgamcd_opt.solving.context import SolveContext
from fgamcd_opt.solving.solver import Outcome, Role

BEST = -1
"""Value of the option ``threshold`` that tries all of them."""


class HybridSolver(BaseSolver):
    """P1's caching and migration by `exact` with delivery=hybrid(threshold)."""

    name: ClassVar[str] = "hybrid"
    summary: ClassVar[str] = (
        "caching and migration of exact, delivery=hybrid(threshold), by default the best threshold; no bound"
    )
    role: ClassVar[Role] = Role.RIVAL
    proves_bounds: ClassVar[bool] = False
    finds_solutions: ClassVar[bool] = True
    variants: ClassVar[Mapping[str, frozenset[str]]] = supported_besides("delivery")
    options: ClassVar[Mapping[str, Any]] = {**ExactSolver.options, "threshold": BEST}
    option_backends: ClassVar[tuple[str, ...]] = ExactSolver.option_backends

    def solve(self, problem: P1, context: SolveContext, options: Mapping[str, Any]) -> Outcome:
        """Solve P1, then broadcast the blocks that more than ``threshold`` users want and unicast the others.

        Parameters
        ----------
        problem
            P1; ``delivery`` has its default.
        context
            Limits, seed, clock.
        options
            Those of ``exact``, and ``threshold``: a number of users, or -1 for the threshold of least delay (the lowest
            of several), from broadcasting everything (0) to broadcasting nothing.

        Raises
        ------
        UsageError
            A threshold below -1.
        """
        asked = options["threshold"]
        if asked < BEST:
            raise UsageError(
                f"option threshold: {asked} is below -1; expected a number of users, or -1 for the best"
            )
        most = int(np.bincount(problem.data.pair_block).max())
        thresholds = range(most + 1) if asked == BEST else [asked]
        variants = [
            impose(problem, delivery=Delivery.HYBRID, hybrid_threshold=number) for number in thresholds
        ]
        of_exact = {k: v for k, v in options.items() if k != "threshold"}
        found = reference_solution(problem, variants[0], context, of_exact)
        if found.decision is None:
            return dataclasses.replace(found, variant=variants[0].variant)
        with context.stage("rates"):
            decision, chosen = best_delivery(variants, found.decision)
        faults = chosen.evaluate(decision).faults
        return dataclasses.replace(
            found,
            decision=None if faults else decision,
            variant=chosen.variant,
            message=f"{chosen.variant}: {faults[0]}; try another threshold" if faults else found.message,
        )


def best_delivery(variants: list[P1], reference: Decision) -> tuple[Decision, P1]:
    """The feasible delivery of least delay for one caching and migration; the first one if none is feasible."""
    tried = [(redeliver(variant, reference), variant) for variant in variants]
    judged = [variant.evaluate(decision) for decision, variant in tried]
    best = min(range(len(tried)), key=lambda i: (not judged[i].feasible, judged[i].delay_s, i))
    return tried[best]
