"""`compact`: P1 as a mixed-integer program in a and b with the rates of only the largest node sets; for comparison."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.beamforming.rate_oracle import RateOracle
from fgamcd_opt.formulations.knapsack.compact_model import COMPACT, CompactRelaxation, compact_relaxation
from fgamcd_opt.formulations.knapsack.configuration_delays import configuration_delays
from fgamcd_opt.formulations.knapsack.multiple_choice import build_knapsack
from fgamcd_opt.formulations.knapsack.storage_rows import StorageRow, cover_row
from fgamcd_opt.io.errors import UsageError
from fgamcd_opt.problem.constraints.formulation import Formulation
from fgamcd_opt.problem.decision import Decision
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.solvers.base_solver import BaseSolver
from fgamcd_opt.solvers.decisions import decision_from_masks
from fgamcd_opt.solvers.exact.exact import BOUND_KIND as KNAPSACK_KIND
from fgamcd_opt.solvers.exact.knapsack_search import KnapsackSearch
from fgamcd_opt.solvers.heuristics.exchanges import polish, search
from fgamcd_opt.solvers.milp_backends.highs import HighsLimits, load_highs, search_highs
from fgamcd_opt.solvers.milp_backends.milp_task import BOUND_MARGIN, TOLERANCE
from fgamcd_opt.solving.context import SolveContext
from fgamcd_opt.solving.rate_tables import NO_PLACEMENT, rate_table, search_again
from fgamcd_opt.solving.solver import Outcome, Role
from fgamcd_opt.solving.status import StopReason

BOUND_KIND = "compact MILP relaxation over certified rates (F6), weaker than the knapsack (F5)"

_LEAST_GAP = 1e-7

_MOST_ROWS = 1000
"""Further rows of storage from which the knapsack of F5 takes over."""

_EPSILON = 2.0**-52


class CompactSolver(BaseSolver):
    """The compact relaxation by HiGHS; its caching is judged with the known beams."""

    name: ClassVar[str] = "compact"
    formulation: ClassVar[Formulation] = COMPACT
    summary: ClassVar[str] = (
        "compact MILP in a, b and outer-approximated rates by HiGHS; weaker than the knapsack (F5)"
    )
    role: ClassVar[Role] = Role.EXACT
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
            outcome = _CompactRun(problem, context, oracle).outcome(options["depth"])
        if outcome.decision is not None or outcome.infeasibility or context.must_stop:
            return outcome
        with context.stage("rates"):
            found = search_again(oracle, context)
        if not found:
            return outcome
        with context.stage("search"):
            return _CompactRun(problem, context, oracle).outcome(options["depth"])


@dataclass(eq=False)
class _CompactRun:
    """Placements judged with the known beams, beside the search for the bound."""

    problem: P1
    context: SolveContext
    oracle: RateOracle
    columns: NDArray[np.int64] | None = None
    """Best placement, as columns of the knapsack of F5 with the known beams."""
    delay_s: float = math.inf
    bound_s: float = -math.inf
    kind: str = BOUND_KIND
    counts: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.hand = build_knapsack(self.problem, self.oracle.lower_bps())
        self.counts |= {
            "rate_problems": self.oracle.solved,
            "rate_problems_total": self.oracle.size,
            "nodes": 0,
        }

    def outcome(self, depth: int) -> Outcome:
        """Search, and what the solver returns."""
        if np.unique(self.hand.block).size == self.hand.n_blocks:
            self._offer(search(self.hand, np.zeros(self.hand.storage_bytes.size)))
        served = bool((self.oracle.upper_bps()[:, -1] > 0.0).all())  # else the program has no finite cost
        if not served or not self._solve(depth):
            self._by_knapsack()
        if self.bound_s == math.inf:
            return Outcome(stop_reason=StopReason.INFEASIBLE, infeasibility=NO_PLACEMENT, counts=self.counts)
        if self.columns is None and not self.context.must_stop:
            self._place()
        return Outcome(
            stop_reason=self.context.stop_reason(),
            decision=self._decision(),
            lower_bound_s=min(self.bound_s, self.delay_s),
            bound_kind=self.kind,
            counts=self.counts,
        )

    def _solve(self, depth: int) -> bool:
        """The MILP until its caching fits in whole bytes: its bound, and its caching as a placement.

        Returns
        -------
        bool
            False if HiGHS says what nobody but the bytes can decide: that nothing fits, or less than an incumbent.
        """
        further: list[StorageRow] = []
        while True:
            relaxation = compact_relaxation(
                self.problem, self.oracle.upper_bps(), depth, ceiling_s=self.delay_s, further=further
            )
            self.counts |= {"variables": relaxation.milp.n_columns, "constraints": relaxation.milp.n_rows}
            limits = HighsLimits(
                max(0.5 * self.context.limits.gap, _LEAST_GAP),
                self.context.remaining_s,
                relaxation.per_second,
                self._report,
            )
            found = search_highs(load_highs(relaxation.milp, self.context), self.context, limits)
            self.counts["nodes"] += found.nodes
            self.bound_s = max(self.bound_s, relaxation.least_s)
            lowered_s = found.bound_s - tolerance_margin_s(relaxation, found.bound_s)
            if lowered_s > self.delay_s or found.bound_s == math.inf:
                return False
            self.bound_s = max(self.bound_s, lowered_s)
            if found.values is None:
                return True
            masks = relaxation.caching_masks(found.values)
            columns = self.hand.columns_of(masks)
            covers = self._covers(masks)
            if columns is not None:
                self._offer(polish(self.hand, columns) if covers else columns)
            if not covers or self.context.must_stop:
                return True
            further += covers
            if len(further) > _MOST_ROWS:
                return False

    def _covers(self, masks: NDArray[np.int64]) -> list[StorageRow]:
        """A row for every node on which the caching (R,) exceeds the storage."""
        size, rows = self.hand.size_bytes, []
        for node, storage in enumerate(self.hand.storage_bytes.tolist()):
            stored = (masks >> node) & 1 == 1
            if sum(size[stored].tolist()) > storage:
                rows.append(cover_row(node, size, stored, storage))
        return rows

    def _by_knapsack(self) -> None:
        """Bound by the knapsack of F5 over the same rates, in whole bytes."""
        bound = KnapsackSearch(build_knapsack(self.problem, self.oracle.upper_bps()), "lower bound")
        bound.relax()
        bound.close(
            self.context,
            target_s=self.delay_s,
            good_s=-math.inf,
            gap=max(0.5 * self.context.limits.gap, _LEAST_GAP),
            time_s=self.context.remaining_s,
        )
        self.counts["nodes"] += bound.nodes
        if bound.bound_s > self.bound_s:
            self.bound_s, self.kind = bound.bound_s, KNAPSACK_KIND
        if bound.columns is not None:
            self._offer(self.hand.columns_of(bound.knapsack.mask[bound.columns]))

    def _place(self) -> None:
        """A placement by the knapsack of F5 with the known beams, where the caching of HiGHS is none for them."""
        placement = KnapsackSearch(self.hand, "placement")
        placement.relax()
        placement.close(
            self.context,
            target_s=math.inf,
            good_s=-math.inf,
            gap=max(self.context.limits.gap, _LEAST_GAP),
            time_s=self.context.remaining_s,
        )
        self._offer(placement.columns)

    def _report(self, delay_s: float, bound_s: float, nodes: int) -> None:
        self.context.progress(
            f"relaxation: delay {delay_s:.6f} s, its bound {bound_s:.6f} s, {nodes} nodes; "
            f"P1: delay {self.delay_s:.6f} s, certified bound {self.bound_s:.6f} s",
            nodes=nodes,
        )

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


def tolerance_margin_s(relaxation: CompactRelaxation, bound_s: float) -> float:
    """What is taken off HiGHS' bound, in s.

    Reduced costs off by the tolerance move the value by at most that times the sum of the variables: binaries, and the
    delays, which sum up to the value itself. A point of P1 obeys the rows but for the rounding of their coefficients;
    with every delay shifted by that and by the tolerance it does. :data:`BOUND_MARGIN` covers the rest.

    Parameters
    ----------
    relaxation
        The program.
    bound_s
        HiGHS' bound.
    """
    if not math.isfinite(bound_s):
        return 0.0
    blocks, nodes = relaxation.caching.shape
    binaries = blocks * nodes * (nodes + 1)
    shift = 2 * blocks * (TOLERANCE + _EPSILON * nodes * nodes * relaxation.largest)
    return float((TOLERANCE * binaries + shift) / relaxation.per_second + BOUND_MARGIN * abs(bound_s))
