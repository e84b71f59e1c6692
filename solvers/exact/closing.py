"""Closes the gap of P1 over a list of caching sets: a knapsack of known beams gives T, one of rate bounds gives L (F7).

The two take turns with tighter rates for the few sets that the gap rests on. Where the list comes from, a table of all
sets or column generation, is the caller's matter; it says what a choice outside the list costs at least.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.formulations.knapsack.multiple_choice import Knapsack
from fgamcd_opt.io.errors import BackendError, SolverError
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.problem.tolerances import CLAIM_TOLERANCE
from fgamcd_opt.problem.variants import Csi
from fgamcd_opt.solvers.exact.knapsack_search import FIRST_NODES, MORE_NODES, KnapsackSearch
from fgamcd_opt.solving.context import SolveContext
from fgamcd_opt.solving.rate_tables import NO_PLACEMENT
from fgamcd_opt.solving.status import StopReason, relative_gap

_BEAM_SHARE = 0.3
"""Beams are tightened before MILPs are run as long as they hold more than this share of the gap asked for."""

_STALLED = 0.9
"""Tightening that leaves more than this share of the beams' gap is not repeated."""

_PLACEMENT_SHARE = 0.5
"""Share of the time that is left for the placement, in every round; the bound may take the rest."""

_LEAST_GAP = 1e-7
"""Smallest relative gap that is asked of a MILP backend."""


class Columns(Protocol):
    """Caching sets of every caching unit, with what is known of their delays."""

    @property
    def beyond_s(self) -> float:
        """No choice with a set that is not listed costs less, in s; infinite if all sets are listed."""
        ...

    @property
    def all_solved(self) -> bool:
        """Whether the beamforming has worked on every node set already."""
        ...

    def by_beams(self) -> Knapsack:
        """With delays of the known beams."""
        ...

    def by_bounds(self) -> Knapsack:
        """With delays by proved rate bounds."""
        ...

    def participating(self, caching: NDArray[np.int64]) -> NDArray[np.int64]:
        """(units,) the sets S of the known beams for the caching sets C (units,)."""
        ...

    def tighten(self, searches: Sequence[KnapsackSearch], number: int) -> bool:
        """Work on the node sets that the choices rest on, by their bounds and by their beams.

        Returns
        -------
        bool
            Whether some of them had never been solved; a pass that finds such sets is not counted.
        """
        ...


@dataclass(eq=False)
class Closing:
    """State of one search.

    Attributes
    ----------
    best_masks
        Caching and participating set of every unit in the best choice.
    combinatorial_s
        Least delay that any placement has with the known beams.
    refusal
        What a MILP backend said that could not take a model.
    """

    problem: P1
    context: SolveContext
    columns: Columns
    passes: int
    backend: str
    best_masks: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None
    delay_s: float = math.inf
    bound_s: float = -math.inf
    combinatorial_s: float = -math.inf
    multipliers: NDArray[np.float64] | None = None
    nodes: int = 0
    refusal: str = ""

    @property
    def gap(self) -> float:
        """Certified relative gap; infinite without a choice."""
        return relative_gap(self.delay_s, self.bound_s) if math.isfinite(self.delay_s) else math.inf

    def search(self) -> str | None:
        """Alternate knapsacks and tightening of rates; returns a proof of infeasibility or None."""
        last_beams, number, fresh, ending = math.inf, 0, False, False
        while True:
            with self.context.stage("search"):
                hand, bound = self._relax()
            if bound.infeasible:
                return NO_PLACEMENT
            if self._done() or ending:
                return None
            beams = 1.0 if hand.infeasible else max(0.0, relative_gap(hand.bound_s, bound.bound_s))
            last = number >= self.passes or (not fresh and beams > _STALLED * last_beams)
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
                if self._done() or (last and self.columns.all_solved):
                    return None
            last_beams = beams
            with self.context.stage("rates"):
                fresh = self.columns.tighten((hand, bound), number)
            ending = last and not fresh  # but for the rates that were tightened now
            number += not fresh

    def _done(self) -> bool:
        """Report where the solve is; True if the gap is reached or the time is up."""
        self.context.progress(
            f"delay {self.delay_s:.6f} s, certified bound {self.bound_s:.6f} s, gap {100 * self.gap:.4f} %",
            now=True,
        )
        return self.gap <= self.context.limits.gap or self.context.must_stop

    def _relax(self) -> tuple[KnapsackSearch, KnapsackSearch]:
        """The knapsacks of F7 for the current rates, with their relaxations and heuristic choices."""
        hand = KnapsackSearch(self.columns.by_beams(), "placement", self.backend, self._watch_delay)
        bound = KnapsackSearch(self.columns.by_bounds(), "lower bound", self.backend, self._watch_bound)
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
        self.bound_s = max(self.bound_s, min(bound_s, self.columns.beyond_s, self.delay_s))
        self.context.record(lower_bound_s=self.bound_s)

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
            self.best_masks = caching, self.columns.participating(caching)
            self.delay_s = hand.delay_s
            self.combinatorial_s = min(hand.bound_s, self.columns.beyond_s, self.delay_s)
        proved_s = min(bound.bound_s, self.columns.beyond_s)
        if proved_s > self.delay_s * (1.0 + CLAIM_TOLERANCE):
            raise SolverError(f"proved bound {proved_s!r} s above a feasible delay {self.delay_s!r} s")
        self._watch_delay(self.delay_s, self.bound_s)
        self._watch_bound(self.delay_s, bound.bound_s)

    def stop_reason(self) -> StopReason:
        """Why the search ended, unless it proved that no placement fits."""
        if self.gap <= self.context.limits.gap:
            return StopReason.GAP_REACHED
        return StopReason.BACKEND_LIMIT if self.refusal else self.context.stop_reason()
