"""`exact`: P1 solved as the knapsack of F5, once with the known beams and once with certified rate bounds (F7)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.beamforming.broadcast import BeamformingSettings
from fgamcd_opt.beamforming.rate_oracle import RateOracle
from fgamcd_opt.formulations.knapsack.configuration_delays import caching_units, configuration_delays
from fgamcd_opt.formulations.knapsack.multiple_choice import build_knapsack
from fgamcd_opt.io.errors import BackendError, SolverError
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.problem.tolerances import CLAIM_TOLERANCE
from fgamcd_opt.problem.variants import Csi
from fgamcd_opt.solvers.compiled_solver import EVERY_VARIANT_AND_SENDERS, CompiledSolver
from fgamcd_opt.solvers.decisions import decision_from_masks
from fgamcd_opt.solvers.exact.knapsack_search import FIRST_NODES, MORE_NODES, KnapsackSearch
from fgamcd_opt.solvers.milp_backends.registry import require_milp_backend
from fgamcd_opt.solving.context import SolveContext
from fgamcd_opt.solving.rate_tables import NO_PLACEMENT, rate_table, reporter, search_again
from fgamcd_opt.solving.solver import Outcome, Role
from fgamcd_opt.solving.status import StopReason, relative_gap

BOUND_KIND = "knapsack with certified rate bounds (F5, F6, F7)"

_BEAM_SHARE = 0.3
"""Beams are tightened before MILPs are run as long as they hold more than this share of the gap asked for."""

_STALLED = 0.9
"""Tightening that leaves more than this share of the beams' gap is not repeated."""

_PLACEMENT_SHARE = 0.5
"""Share of the time that is left for the placement, in every round; the bound may take the rest."""

_LEAST_GAP = 1e-7
"""Smallest relative gap that is asked of a MILP backend."""


class ExactSolver(CompiledSolver):
    """The knapsack of F5 with a certificate: beams give T, certified rate bounds give L, MILPs close the rest."""

    name: ClassVar[str] = "exact"
    summary: ClassVar[str] = (
        "knapsack over caching sets (F5) by branch and bound, with certified bounds (F6, F7)"
    )
    role: ClassVar[Role] = Role.EXACT
    proves_bounds: ClassVar[bool] = True
    finds_solutions: ClassVar[bool] = True
    variants: ClassVar[Mapping[str, frozenset[str]]] = EVERY_VARIANT_AND_SENDERS
    options: ClassVar[Mapping[str, Any]] = {"rounds": 2, "passes": 10, "max_nodes": 0, "backend": "tree"}
    option_backends: ClassVar[tuple[str, ...]] = ("highspy", "pyscipopt", "gurobipy", "scipy", "pyomo")

    def solve(self, problem: P1, context: SolveContext, options: Mapping[str, Any]) -> Outcome:
        """Solve P1.

        Parameters
        ----------
        problem
            P1 or a variant.
        context
            Limits, seed, clock.
        options
            ``rounds``: beamforming effort per set in the first pass. ``passes``: at most so many passes that
            tighten the rates that hold the gap open. ``max_nodes``: nodes of branch and bound (F8) per set that is
            tightened; off by default, since merged errors close most of the gap and the search takes another
            quarter of a minute to compile when it is first used. ``backend``: MILP backend, see
            :mod:`fgamcd_opt.solvers.milp_backends.registry`.

        Raises
        ------
        UsageError, BackendError
            The MILP backend is unknown, not installed or without a licence. A licence that is too small for a model
            that comes up later ends the solve with what was found until then.
        """
        require_milp_backend(options["backend"])
        oracle = rate_table(problem, context, options["rounds"])
        if isinstance(oracle, Outcome):
            return oracle
        run = _ExactRun(problem, context, options, oracle)
        proof = run.search()
        if proof is None and run.best_masks is None and not context.must_stop:
            with context.stage("rates"):
                found = search_again(oracle, context)
            proof = run.search() if found else None
        return run.outcome(proof)


@dataclass(eq=False)
class _ExactRun:
    """State of one solve."""

    problem: P1
    context: SolveContext
    options: Mapping[str, Any]
    oracle: RateOracle
    best_masks: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None
    """Caching and participating set per requested block of the best choice."""
    delay_s: float = math.inf
    bound_s: float = -math.inf
    combinatorial_s: float = -math.inf
    multipliers: NDArray[np.float64] | None = None
    nodes: int = 0
    refusal: str = ""
    """What a MILP backend said that could not take a model."""

    @property
    def gap(self) -> float:
        return relative_gap(self.delay_s, self.bound_s) if math.isfinite(self.delay_s) else math.inf

    def search(self) -> str | None:
        """Alternate knapsacks and tightening of rates; returns a proof of infeasibility or None."""
        last_beams = math.inf
        for number in range(self.options["passes"] + 1):
            with self.context.stage("search"):
                hand, bound = self._relax()
            if bound.infeasible:
                return NO_PLACEMENT
            if self._done():
                return None
            beams = 1.0 if hand.infeasible else max(0.0, relative_gap(hand.bound_s, bound.bound_s))
            last = number == self.options["passes"] or beams > _STALLED * last_beams
            if last or beams <= _BEAM_SHARE * self.context.limits.gap:
                try:
                    with self.context.stage("search"):
                        fits = self._close(hand, bound, beams)
                except BackendError as error:
                    self._keep(hand, bound)
                    self.refusal = str(error)
                    return None
                if not fits:
                    return NO_PLACEMENT
                if self._done() or last:
                    return None
            last_beams = beams
            with self.context.stage("rates"):
                self._tighten(hand, bound, number)
        return None

    def _done(self) -> bool:
        """Report where the solve is; True if the gap is reached or the time is up."""
        self.context.progress(
            f"delay {self.delay_s:.6f} s, certified bound {self.bound_s:.6f} s, gap {100 * self.gap:.4f} %",
            now=True,
        )
        return self.gap <= self.context.limits.gap or self.context.must_stop

    def _relax(self) -> tuple[KnapsackSearch, KnapsackSearch]:
        """The knapsacks of F7 for the current rates, with their relaxations and heuristic choices."""
        backend = self.options["backend"]
        hand = KnapsackSearch(
            build_knapsack(self.problem, self.oracle.lower_bps()), "placement", backend, self._watch_delay
        )
        bound = KnapsackSearch(
            build_knapsack(self.problem, self.oracle.upper_bps()), "lower bound", backend, self._watch_bound
        )
        bound.relax()
        self.multipliers = bound.multipliers
        if not bound.infeasible:
            hand.relax()
            if self.best_masks is not None:
                hand.offer(hand.knapsack.columns_of(self.best_masks[0]))
            self._keep(hand, bound)
        return hand, bound

    def _watch_delay(self, delay_s: float, bound_s: float) -> None:
        """The knapsack of the known beams tells delays of points of P1; its bound is none of P1.

        With csi=nominal its delays are those without channel errors, which no point has.
        """
        if self.problem.variant.csi is not Csi.NOMINAL:
            self.context.record(delay_s=delay_s)

    def _watch_bound(self, delay_s: float, bound_s: float) -> None:
        """The knapsack of the rate bounds tells bounds on P1; its delay is none of P1."""
        self.bound_s = max(self.bound_s, min(bound_s, self.delay_s))
        self.context.record(bound_s=self.bound_s)

    def _close(self, hand: KnapsackSearch, bound: KnapsackSearch, beams: float) -> bool:
        """MILPs: a better placement with the known beams, then a better bound where that is not enough.

        They take turns, in rounds that grow: whenever the time is up or the user stops, both have had their share.

        Returns
        -------
        bool
            False if it is proved that no placement fits.
        """
        target = self.context.limits.gap
        nodes, placed, proved = FIRST_NODES, False, False
        while not bound.infeasible and not (placed and proved):
            placed = hand.advance(
                self.context,
                target_s=math.inf,
                good_s=bound.bound_s / (1.0 - target),
                gap=max(0.5 * (target - beams), 0.1 * target, _LEAST_GAP),
                time_s=_PLACEMENT_SHARE * self.context.remaining_s,
                nodes=nodes,
                note=self._certified,
            )
            self._keep(hand, bound)
            if self.gap <= target and not hand.infeasible:
                break
            proved = bound.advance(
                self.context,
                target_s=self.delay_s * (1.0 - target) if math.isfinite(self.delay_s) else math.inf,
                good_s=-math.inf,
                gap=max(0.1 * target, _LEAST_GAP),
                time_s=self.context.remaining_s,
                nodes=nodes,
                note=self._certified,
            )
            self._offer_bound_choice(hand, bound)
            self._keep(hand, bound)
            if self.gap <= target:
                break
            nodes *= MORE_NODES
        self.nodes += hand.nodes + bound.nodes
        return not bound.infeasible

    def _certified(self) -> str:
        """End of a line of progress: what is known of P1 itself, whichever knapsack is worked on."""
        return f"; P1: delay {self.delay_s:.6f} s, certified bound {self.bound_s:.6f} s"

    def _offer_bound_choice(self, hand: KnapsackSearch, bound: KnapsackSearch) -> None:
        """The best placement for the bound is a placement, too: judge it with the known beams."""
        if bound.columns is not None and not hand.infeasible:
            hand.offer(hand.knapsack.columns_of(bound.knapsack.mask[bound.columns]))

    def _keep(self, hand: KnapsackSearch, bound: KnapsackSearch) -> None:
        if hand.columns is not None and hand.delay_s <= self.delay_s:
            caching = hand.knapsack.mask[hand.columns]
            _, participating = configuration_delays(self.problem, self.oracle.lower_bps())
            self.best_masks = caching, participating[np.arange(caching.size), caching]
            self.delay_s = hand.delay_s
            self.combinatorial_s = min(hand.bound_s, self.delay_s)
        if bound.bound_s > self.delay_s * (1.0 + CLAIM_TOLERANCE):
            raise SolverError(
                f"solver exact: proved bound {bound.bound_s!r} s above a feasible delay {self.delay_s!r} s"
            )
        self.bound_s = max(self.bound_s, min(bound.bound_s, self.delay_s))
        self._watch_delay(self.delay_s, self.bound_s)
        self._watch_bound(self.delay_s, self.bound_s)

    def _tighten(self, hand: KnapsackSearch, bound: KnapsackSearch, number: int) -> None:
        """Work harder on the (transmission, S) that the current choices rest on, by their bounds or by their beams."""
        _, by_bound = configuration_delays(self.problem, self.oracle.upper_bps())
        _, by_beam = configuration_delays(self.problem, self.oracle.lower_bps())
        wanted = np.zeros(by_bound.shape, bool)
        for search in (hand, bound):
            used = search.reduced_s <= 0.0
            if search.columns is not None:
                used[search.columns] = True
            block, mask = search.knapsack.block[used], search.knapsack.mask[used]
            wanted[block, by_bound[block, mask]] = True
            wanted[block, by_beam[block, mask]] = True
        tolerance = self.oracle.settings.tolerance
        settings = BeamformingSettings(
            rounds=4 * (number + 1) + self.oracle.settings.rounds,
            tolerance=tolerance,
            max_nodes=self.options["max_nodes"],
            seed=self.context.seed,
        )
        self.oracle.compute(
            self.oracle.open_masks(self._by_transmission(wanted)),
            settings,
            reporter(self.context, "tighter beams"),
        )

    def _by_transmission(self, wanted: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """(T, 2^N) from (units, 2^N): the sets wanted for each transmission's caching unit."""
        blocks = self.problem.data.requested_blocks
        return np.asarray(wanted[caching_units(self.problem)[np.searchsorted(blocks, self.oracle.blocks)]])

    def outcome(self, infeasibility: str | None) -> Outcome:
        """What the solver returns."""
        counts = {
            "rate_problems": self.oracle.solved,
            "rate_problems_total": self.oracle.size,
            "nodes": self.nodes,
        }
        if infeasibility:
            return Outcome(stop_reason=StopReason.INFEASIBLE, infeasibility=infeasibility, counts=counts)
        decision = None
        if self.best_masks is not None:
            decision = decision_from_masks(self.problem, self.oracle, *self.best_masks)
        proved = math.isfinite(self.bound_s)
        stopped = StopReason.BACKEND_LIMIT if self.refusal else self.context.stop_reason()
        return Outcome(
            stop_reason=StopReason.GAP_REACHED if self.gap <= self.context.limits.gap else stopped,
            decision=decision,
            bound_s=self.bound_s if proved else None,
            bound_kind=BOUND_KIND if proved else None,
            combinatorial_bound_s=self.combinatorial_s if math.isfinite(self.combinatorial_s) else None,
            multipliers=self.multipliers if proved else None,
            counts=counts,
            message=self.refusal,
        )
