"""`column-generation`: the knapsack of F5 where neither its columns nor its rates can be enumerated.

The LP of F5 over the caching sets found so far (restricted master) proposes storage multipliers; pricing finds the
best caching set of every block at such multipliers, solves only the beamforming problems that this hangs on, and
so gives the Lagrangian bound L(lambda), which is proved at every iteration. The multipliers that are priced lie
between the best ones so far and those of the master (Wentges smoothing), which saves most iterations. The columns
with the beams in hand make a small knapsack, whose choices are the incumbents.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.beamforming.broadcast import BeamformingSettings
from fgamcd_opt.context import SolveContext
from fgamcd_opt.formulations.knapsack import Knapsack
from fgamcd_opt.problem import P1
from fgamcd_opt.solvers.decisions import decision_from_masks
from fgamcd_opt.solvers.knapsack_milp import KnapsackSearch
from fgamcd_opt.solvers.lagrangian import ROUNDING
from fgamcd_opt.solvers.protocol import Outcome
from fgamcd_opt.solvers.rate_tables import toy_problem, unservable
from fgamcd_opt.solvers.restricted_master import RestrictedMaster
from fgamcd_opt.sparse_rates import SparseBlock, SparseRates
from fgamcd_opt.status import StopReason, relative_gap

BOUND_KIND = "Lagrangian bound of the knapsack by column generation (F5, F6, F7)"

_SMOOTHING = 0.5
"""Share of the best multipliers so far in those that are priced."""

_PLACE_EVERY = 10
"""Iterations from one incumbent to the next."""

_FIRST_TOLERANCE = 0.02

_PRICING_SHARE = 0.1
"""Sets are priced to this share of the gap that is left, or of the gap asked for once that is smaller."""

_LP_SHARE = 0.2
"""The LP is solved to this share of the gap asked for."""


class ColumnGenerationSolver:
    """Storage duals price caching sets block by block; scales to 16 nodes and thousands of blocks."""

    name: ClassVar[str] = "column-generation"
    summary: ClassVar[str] = "knapsack (F5) by column generation, rates solved on demand; certified bound"
    proves_bounds: ClassVar[bool] = True
    finds_solutions: ClassVar[bool] = True
    variants: ClassVar[Mapping[str, frozenset[str]]] = {}
    options: ClassVar[Mapping[str, Any]] = {"rounds": 2, "iterations": 200}
    backends: ClassVar[tuple[str, ...]] = ("highspy",)
    option_backends: ClassVar[tuple[str, ...]] = ()

    def prepare(self) -> None:
        """Compile the kernels, or load them from disk, on a toy problem."""
        self.solve(toy_problem(), SolveContext(silent=True), self.options)

    def solve(self, problem: P1, context: SolveContext, options: Mapping[str, Any]) -> Outcome:
        """Solve P1.

        Parameters
        ----------
        problem
            P1, default variant.
        context
            Limits, seed, clock.
        options
            ``rounds``: beamforming effort per set that is solved. ``iterations``: of pricing, at most.

        Raises
        ------
        UsageError
            The instance has too many nodes for bounds by bit mask.
        """
        reason = problem.infeasibility_reason()
        if reason:
            return Outcome(stop_reason=StopReason.INFEASIBLE, infeasibility=reason)
        return _Run(problem, context, options).run()


@dataclass(eq=False)
class _Run:
    """State of one solve."""

    problem: P1
    context: SolveContext
    options: Mapping[str, Any]
    rates: SparseRates = field(init=False)
    settings: BeamformingSettings = field(init=False)
    columns: list[tuple[int, int]] = field(default_factory=list)
    """Row of the block and caching set of every column."""
    known: set[tuple[int, int]] = field(default_factory=set)
    delay_s: float = math.inf
    best: NDArray[np.int64] | None = None
    """Caching set per requested block of the incumbent."""
    bound_s: float = 0.0
    multipliers: NDArray[np.float64] = field(init=False)
    """Storage multipliers in s per byte that prove the bound."""
    iteration: int = 0

    def __post_init__(self) -> None:
        data = self.problem.instance
        self.settings = BeamformingSettings(rounds=self.options["rounds"], seed=self.context.seed)
        self.rates = SparseRates(self.problem, self.context.limits.threads)
        self.bytes = data.block_bytes[data.requested_blocks]
        self.bits = 8.0 * self.bytes
        self.multipliers = np.zeros(data.n_nodes)
        fits = self.bytes[:, None] <= data.storage_bytes
        self.allowed = (fits << np.arange(data.n_nodes)).sum(axis=1)

    @property
    def gap(self) -> float:
        return relative_gap(self.delay_s, self.bound_s) if math.isfinite(self.delay_s) else math.inf

    def run(self) -> Outcome:
        with self.context.stage("rates"):
            bad = self._begin()
        if bad:
            return Outcome(stop_reason=StopReason.INFEASIBLE, infeasibility=bad, counts=self._counts())
        bad = self._generate()
        if bad:
            return Outcome(stop_reason=StopReason.INFEASIBLE, infeasibility=bad, counts=self._counts())
        with self.context.stage("search"):
            self._place(close=True)
        return self._outcome()

    def _begin(self) -> str | None:
        """Full cooperation for every block, which makes caching sets deliverable; a proof of infeasibility or None."""
        everything = (1 << self.problem.instance.n_nodes) - 1
        shortest = [block.least_delay() for block in self.rates.blocks]
        if math.inf in shortest:
            return unservable(self.problem, shortest.index(math.inf))
        self.bound_s = float(self.bits @ shortest) * (1.0 - ROUNDING)
        self.rates.each(
            lambda row, block: block.solve(everything, self.settings), lambda: not self.context.must_stop
        )
        return None

    def _generate(self) -> str | None:
        """Alternate master and pricing until the LP is solved well enough; a proof of infeasibility or None."""
        data = self.problem.instance
        self._add(
            [
                (row, mask)
                for row, allowed in enumerate(self.allowed.tolist())
                for mask in [*(1 << n for n in range(data.n_nodes) if (allowed >> n) & 1), allowed]
            ]
        )
        self.master = RestrictedMaster(
            self.bytes, data.storage_bytes, self.bound_s / self.bits.size, self.context
        )
        priced = 0  # columns that the master knows
        longest = self._longest_s()
        smoothing, tolerance = 0.0, _FIRST_TOLERANCE
        while self.iteration < self.options["iterations"] and not self.context.must_stop:
            with self.context.stage("search"):
                delays = self._bound_delays()
                self.master.reprice(np.arange(priced), delays[:priced])
                self.master.add(*_rows(self.columns[priced:]), delays[priced:])
                priced = len(self.columns)
                proposal = self.master.solve()
            if proposal is None:
                break
            objective, multipliers = proposal
            trial = smoothing * self.multipliers + (1.0 - smoothing) * multipliers
            with self.context.stage("rates"):
                answers = self._price(trial, tolerance)
            if answers is None:
                break
            self.iteration += 1
            costs, caching = np.array([a[0] for a in answers]), [a[1] for a in answers]
            if 0 in caching:
                return unservable(self.problem, caching.index(0))
            rent = float(trial @ data.storage_bytes)
            total = float(self.bits @ costs)
            value = total - rent - ROUNDING * (total + rent)
            if value > self.bound_s:
                self.bound_s, self.multipliers = value, trial
            tolerance = _PRICING_SHARE * max(relative_gap(objective, self.bound_s), self.context.limits.gap)
            new = self._add(list(enumerate(caching))) + self._add([(r, a[2]) for r, a in enumerate(answers)])
            smoothing = _SMOOTHING if value >= self.bound_s or new else 0.0
            if self.bound_s > longest:
                return (
                    "no caching placement fits into the storage (1): its Lagrangian bound exceeds every delay"
                )
            if self.iteration % _PLACE_EVERY == 1:
                with self.context.stage("search"):
                    self._place(close=False)
            self.context.progress(
                f"iteration {self.iteration}: delay {self.delay_s:.6f} s, bound {self.bound_s:.6f} s, "
                f"LP {objective:.6f} s, {self.rates.solved} rate problems",
                now=True,
            )
            if relative_gap(objective, self.bound_s) <= _LP_SHARE * self.context.limits.gap:
                break
        return None

    def _price(
        self, multipliers: NDArray[np.float64], tolerance: float
    ) -> list[tuple[float, int, int]] | None:
        rent = multipliers / 8.0

        def price(row: int, block: SparseBlock) -> tuple[float, int, int]:
            return block.cheapest(rent, int(self.allowed[row]), tolerance, self.settings)

        return self.rates.each(price, lambda: not self.context.must_stop)

    def _add(self, pairs: list[tuple[int, int]]) -> int:
        """Append columns that are new; returns how many."""
        new = [pair for pair in pairs if pair not in self.known and pair[1]]
        self.known.update(new)
        self.columns += new
        return len(new)

    def _bound_delays(self) -> NDArray[np.float64]:
        """T_k(C) of all columns by the rate bounds at hand, in s."""
        blocks = self.rates.blocks
        return np.array([self.bits[row] * blocks[row].delay(mask) for row, mask in self.columns])

    def _longest_s(self) -> float:
        """No feasible point takes longer: every link that is used exists, every rate meets its QoS (9b)."""
        links = [np.max(b.data.link, where=np.isfinite(b.data.link), initial=0.0) for b in self.rates.blocks]
        data = self.problem.instance
        qos = [data.qos_bps[data.pair_user[data.block_pairs(int(k))]].min() for k in data.requested_blocks]
        with np.errstate(divide="ignore"):
            return float(self.bits @ (np.array(links) + 1.0 / np.array(qos)))

    def _place(self, *, close: bool) -> None:
        """Incumbent: the knapsack of the columns at hand with the delays of the beams in hand."""
        row, mask = _rows(self.columns)
        delay = np.array([self.bits[r] * self.rates.blocks[r].reached(m)[0] for r, m in self.columns])
        keep = np.isfinite(delay)
        row, mask, delay = row[keep], mask[keep], delay[keep]
        order = np.lexsort((delay, row))
        knapsack = Knapsack(
            row[order], mask[order], delay[order], self.bytes, self.problem.instance.storage_bytes
        )
        search = KnapsackSearch(knapsack, "placement")
        search.relax(self.context)
        if self.best is not None:
            search.offer(knapsack.columns_of(self.best))
        if close and not search.infeasible:
            target = self.context.limits.gap
            search.close(
                self.context,
                target_s=math.inf,
                good_s=self.bound_s / (1.0 - target),
                gap=0.1 * target,
                time_s=self.context.remaining_s,
            )
        if search.columns is not None and search.delay_s < self.delay_s:
            self.delay_s, self.best = search.delay_s, knapsack.mask[search.columns]

    def _counts(self) -> dict[str, int]:
        return {
            "rate_problems": self.rates.solved,
            "rate_problems_total": self.rates.size,
            "rate_bounds": self.rates.bounded,
            "columns": len(self.columns),
            "iterations": self.iteration,
        }

    def _outcome(self) -> Outcome:
        decision = None
        if self.best is not None:
            used = [b.reached(int(c))[1] for b, c in zip(self.rates.blocks, self.best, strict=True)]
            decision = decision_from_masks(self.problem, self.rates, self.best, self.best | np.array(used))
        reached = self.gap <= self.context.limits.gap
        return Outcome(
            stop_reason=StopReason.GAP_REACHED if reached else self.context.stop_reason(),
            decision=decision,
            bound_s=self.bound_s,
            bound_kind=BOUND_KIND,
            multipliers=self.multipliers,
            counts=self._counts(),
        )


def _rows(pairs: list[tuple[int, int]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    array = np.array(pairs, np.int64).reshape(-1, 2)
    return array[:, 0], array[:, 1]
