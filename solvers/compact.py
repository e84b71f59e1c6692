"""`compact`: P1 as a mixed-integer program in a and b with the rates of only the largest node sets; for comparison."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.context import SolveContext
from fgamcd_opt.decision import Decision
from fgamcd_opt.errors import UsageError
from fgamcd_opt.formulations.compact import CompactRelaxation, compact_relaxation
from fgamcd_opt.formulations.configuration_delays import configuration_delays
from fgamcd_opt.formulations.knapsack import build_knapsack
from fgamcd_opt.problem import P1
from fgamcd_opt.rate_oracle import RateOracle
from fgamcd_opt.solvers.compiled_solver import CompiledSolver
from fgamcd_opt.solvers.decisions import decision_from_masks
from fgamcd_opt.solvers.highs import HighsLimits, HighsPoint, load_highs, search_highs
from fgamcd_opt.solvers.knapsack_search import search
from fgamcd_opt.solvers.protocol import Outcome
from fgamcd_opt.solvers.rate_tables import NO_PLACEMENT, rate_table
from fgamcd_opt.status import StopReason

BOUND_KIND = "compact MILP relaxation over certified rates (F6, weaker than F5)"

_LEAST_GAP = 1e-7


class CompactSolver(CompiledSolver):
    """The compact relaxation by HiGHS; its caching is judged with the beams in hand."""

    name: ClassVar[str] = "compact"
    summary: ClassVar[str] = "compact MILP in a, b and outer-approximated rates by HiGHS; weaker than F5"
    proves_bounds: ClassVar[bool] = True
    finds_solutions: ClassVar[bool] = True
    options: ClassVar[Mapping[str, Any]] = {"rounds": 2, "depth": 2}
    backends: ClassVar[tuple[str, ...]] = ("highspy",)

    def solve(self, problem: P1, context: SolveContext, options: Mapping[str, Any]) -> Outcome:
        """Solve P1 heuristically, with the bound of the relaxation.

        Parameters
        ----------
        problem
            P1, default variant.
        context
            Limits, seed, clock.
        options
            ``rounds``: beamforming effort per set. ``depth``: the relaxation knows the rates of the node sets that lack
            at most so many nodes; more make it stronger and larger.

        Raises
        ------
        UsageError
            ``depth`` is negative.
        """
        if options["depth"] < 0:
            raise UsageError(f"option depth: {options['depth']} is negative")
        oracle = rate_table(problem, context, options["rounds"])
        if isinstance(oracle, Outcome):
            return oracle
        with context.stage("search"):
            return _Run(problem, context, oracle).outcome(options["depth"])


@dataclass(eq=False)
class _Run:
    """Placements judged with the beams in hand, beside the search for the bound."""

    problem: P1
    context: SolveContext
    oracle: RateOracle
    columns: NDArray[np.int64] | None = None
    """Best placement, as columns of the knapsack of F5 with the beams in hand."""
    delay_s: float = math.inf
    bound_s: float = -math.inf
    counts: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.hand = build_knapsack(self.problem, self.oracle.lower_bps())
        self.counts |= {"rate_problems": self.oracle.solved, "rate_problems_total": self.oracle.size}

    def outcome(self, depth: int) -> Outcome:
        """Search, and what the solver returns."""
        if np.unique(self.hand.block).size == self.hand.n_blocks:
            self._offer(search(self.hand, np.zeros(self.hand.storage_bytes.size)))
        relaxation = compact_relaxation(self.problem, self.oracle.upper_bps(), depth)
        self.counts |= {"variables": relaxation.milp.n_columns, "constraints": relaxation.milp.n_rows}
        found = self._solve(relaxation)
        if found.bound_s == math.inf:
            return Outcome(stop_reason=StopReason.INFEASIBLE, infeasibility=NO_PLACEMENT, counts=self.counts)
        return Outcome(
            stop_reason=self.context.stop_reason(),
            decision=self._decision(),
            bound_s=self.bound_s,
            bound_kind=BOUND_KIND,
            counts=self.counts,
        )

    def _solve(self, relaxation: CompactRelaxation) -> HighsPoint:
        """The MILP: its bound, and its caching as a placement."""
        limits = HighsLimits(
            max(0.5 * self.context.limits.gap, _LEAST_GAP), math.inf, "compact", relaxation.per_second
        )
        found = search_highs(load_highs(relaxation.milp, self.context), self.context, limits)
        self.counts["nodes"] = found.nodes
        if found.values is not None:
            self._offer(self.hand.columns_of(relaxation.caching_masks(found.values)))
        self.bound_s = min(max(found.bound_s, relaxation.least_s), self.delay_s)
        return found

    def _offer(self, columns: NDArray[np.int64] | None) -> None:
        """Keep a placement that fits if it is the best so far."""
        if columns is not None and self.hand.fits(columns):
            delay = self.hand.total_delay_s(columns)
            if delay < self.delay_s:
                self.columns, self.delay_s = columns, delay

    def _decision(self) -> Decision | None:
        if self.columns is None:
            return None
        caching = self.hand.mask[self.columns]
        _, participating = configuration_delays(self.problem, self.oracle.lower_bps())
        chosen = participating[np.arange(caching.size), caching]
        return decision_from_masks(self.problem, self.oracle, caching, chosen)
