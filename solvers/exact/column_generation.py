"""Rates on demand: the knapsack of F5 where neither its columns nor its rates can be enumerated.

The LP of F5 over the caching sets found so far (restricted master) proposes storage multipliers; pricing finds the
best caching set of every block at such multipliers, solves only the beamforming problems that this depends on, and
so gives the Lagrangian bound L(lambda), which is proved at every iteration. The multipliers that are priced lie
between the best ones so far and those of the master (Wentges smoothing), which saves iterations. The same columns
with the known beams make a small knapsack, whose choices are the incumbents.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.beamforming.broadcast import BeamformingSettings
from fgamcd_opt.beamforming.sparse_block import SparseBlock
from fgamcd_opt.beamforming.sparse_rates import SparseRates
from fgamcd_opt.formulations.knapsack.dual_function import lagrangian_bound, rounding_share
from fgamcd_opt.formulations.knapsack.dual_simplex import solve_storage_lp
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.solvers.base_solver import BaseSolver
from fgamcd_opt.solvers.decisions import decision_from_masks
from fgamcd_opt.solvers.exact.closing import Closing
from fgamcd_opt.solvers.exact.column_pool import ColumnPool
from fgamcd_opt.solvers.exact.knapsack_search import KnapsackSearch
from fgamcd_opt.solving.context import SolveContext
from fgamcd_opt.solving.rate_tables import NO_PLACEMENT, unservable
from fgamcd_opt.solving.solver import Outcome, Role
from fgamcd_opt.solving.status import StopReason, relative_gap

BOUND_KIND = "Lagrangian bound of the knapsack by column generation (F5, F6, F7)"

_SMOOTHING = 0.5
"""Share of the best multipliers so far in those that are priced."""

_PLACE_EVERY = 10
"""Iterations from one incumbent to the next."""

_FIRST_TOLERANCE = 0.02
"""Relative tolerance of the first pricing."""

_FIRST_PATIENCE = 50
"""Bounds tightened per block and pricing at first; raised when nothing else keeps the gap open."""

_LONG = 100.0
"""A block of users without QoS may take any time; this many times the mean delay is a first price for it."""

_DEAREST = 1e6
"""Up to this multiple of the longest possible delay, missing storage is bought by blocks without a caching set."""

_PRICING_SHARE = 0.1
"""Sets are priced to this share of the gap that is left, or of the gap asked for once that is smaller."""

_PLACEMENT_SHARE = 0.1
"""The last placement is sought to this share of the gap asked for, against its own columns."""

_BEYOND_TOLERANCE = 1.0 + 4e-6
"""A bound proves that nothing is feasible only beyond what the checker lets pass of the QoS, 1e-6, and rounding."""

_MOST_SETS = 64
"""Where nothing else can be packed, the smallest caching sets are tried, up to so many per block."""

_ATTEMPTS = 2
"""Attempts to find a beam for a set that has to have one; the second is from many starts."""

_LP_SHARE = 0.2
"""The LP is solved to this share of the gap asked for."""


class ColumnGenerationSolver(BaseSolver):
    """The former name of ``exact`` with rates on demand; it goes with the next release."""

    name: ClassVar[str] = "column-generation"
    summary: ClassVar[str] = "former name of exact with rates=demand; goes with the next release"
    role: ClassVar[Role] = Role.EXACT
    proves_bounds: ClassVar[bool] = True
    finds_solutions: ClassVar[bool] = True
    options: ClassVar[Mapping[str, Any]] = {"rounds": 2, "passes": 10, "iterations": 200, "backend": "tree"}

    def solve(self, problem: P1, context: SolveContext, options: Mapping[str, Any]) -> Outcome:
        """See :meth:`fgamcd_opt.solvers.exact.exact.ExactSolver.solve`."""
        context.progress("column-generation is now exact with --option rates=demand", now=True)
        return solve_on_demand(problem, context, options)


def solve_on_demand(problem: P1, context: SolveContext, options: Mapping[str, Any]) -> Outcome:
    """Solve P1 itself by column generation, and close what its relaxation leaves open.

    Parameters
    ----------
    problem
        P1, default variant.
    context
        Limits, seed, clock.
    options
        ``rounds``, ``passes``, ``iterations``, ``backend`` of :class:`fgamcd_opt.solvers.exact.exact.ExactSolver`.

    Raises
    ------
    UsageError
        The instance has too many nodes for bounds by bit mask.
    """
    reason = problem.infeasibility_reason()
    if reason:
        return Outcome(stop_reason=StopReason.INFEASIBLE, infeasibility=reason)
    return _ColumnGenerationRun(problem, context, options).run()


@dataclass(eq=False)
class _ColumnGenerationRun:
    """State of one solve."""

    problem: P1
    context: SolveContext
    options: Mapping[str, Any]
    delay_s: float = math.inf
    best: NDArray[np.int64] | None = None
    """Caching set per requested block of the incumbent."""
    bound_s: float = 0.0
    refuted: bool = False
    """Whether it is proved that the blocks cannot be packed."""
    iteration: int = 0
    nodes: int = 0
    refusal: str = ""
    combinatorial_s: float = -math.inf
    """Least delay of any placement with the known beams, once all sets that matter are listed."""

    def __post_init__(self) -> None:
        data = self.problem.instance
        self.settings = BeamformingSettings(rounds=self.options["rounds"], seed=self.context.seed)
        self.rates = SparseRates(self.problem, self.context.limits.threads)
        size_bytes = data.block_bytes[data.requested_blocks]
        fits = size_bytes[:, None] <= data.storage_bytes
        self.allowed: list[int] = (fits << np.arange(data.n_nodes)).sum(axis=1).tolist()
        self.pool = ColumnPool(data, self.rates, self.allowed, self.context, self.settings)
        self.bits = 8.0 * size_bytes
        self.multipliers = np.zeros(data.n_nodes)
        """Storage multipliers in s per byte that prove the bound."""

    @property
    def gap(self) -> float:
        return relative_gap(self.delay_s, self.bound_s) if math.isfinite(self.delay_s) else math.inf

    def run(self) -> Outcome:
        infeasibility = self._begin() or self._generate()
        if infeasibility:
            return self._infeasible(infeasibility)
        if self.gap > self.context.limits.gap:
            self._place(close=True)
        nodes, largest = self.problem.instance.n_nodes, 0
        while self.best is None and not self.refuted and self._may_go_on() and largest < nodes:
            largest += 1
            if sum(math.comb(nodes, size) for size in range(largest + 1)) > _MOST_SETS:
                break
            self._widen(largest)
            self._place(close=True)
        if self.refuted:
            return self._infeasible(NO_PLACEMENT)
        return self._close() if self.gap > self.context.limits.gap and self._may_go_on() else self._outcome()

    def _close(self) -> Outcome:
        """List all caching sets that can matter, and close the gap over them."""
        known = math.isfinite(self.delay_s)
        cutoff_s = self.delay_s * (1.0 - self.context.limits.gap) if known else float(self._longest_s().sum())
        with self.context.stage("search"):
            listed = self.pool.list_all(self.multipliers, cutoff_s * _BEYOND_TOLERANCE)
        if not listed:
            return self._outcome()
        closing = Closing(
            self.problem, self.context, self.pool, self.options["passes"], self.options["backend"]
        )
        closing.bound_s = self.bound_s
        if self.best is not None:
            closing.best_masks = self.best, self.pool.participating(self.best)
            closing.delay_s = self.delay_s
        infeasibility = closing.search()
        self.nodes, self.refusal = closing.nodes, closing.refusal
        self.combinatorial_s = closing.combinatorial_s
        if infeasibility:
            return self._infeasible(infeasibility)
        self.delay_s, self.bound_s = closing.delay_s, closing.bound_s
        if closing.best_masks is not None:
            self.best = closing.best_masks[0]
        return self._outcome()

    def _infeasible(self, reason: str) -> Outcome:
        return Outcome(stop_reason=StopReason.INFEASIBLE, infeasibility=reason, counts=self._counts())

    def _undeliverable(self, row: int) -> str:
        """Why no (C, S) is left for a block."""
        if math.isinf(self.rates.blocks[row].least_delay()):
            return unservable(self.problem, int(self.problem.data.requested_blocks[row]))
        block = self.problem.instance.requested_blocks[row]
        return f"{NO_PLACEMENT}: no node that has room for block {block} can deliver it"

    def _begin(self) -> str | None:
        """Full cooperation and one node alone for every block; a proof of infeasibility or None."""
        with self.context.stage("rates"):
            shortest = [block.least_delay() for block in self.rates.blocks]
            if math.inf in shortest:
                return unservable(
                    self.problem, int(self.problem.data.requested_blocks[shortest.index(math.inf)])
                )
            self.bound_s = float(self.bits @ shortest) * (1.0 - rounding_share(len(shortest)))
            self.context.record(lower_bound_s=self.bound_s)
            everything = (1 << self.problem.instance.n_nodes) - 1

            def solve(_: int, block: SparseBlock) -> None:
                for _again in range(_ATTEMPTS):
                    if math.isinf(block.reached(everything)[0]) and self._may_go_on():
                        block.solve(everything, self.settings)

            self.rates.each(solve, self._may_go_on)
        for row, allowed in enumerate(self.allowed):
            alone = [1 << n for n in range(allowed.bit_length()) if (allowed >> n) & 1]
            self.pool.add((row, mask) for mask in [*alone, allowed])
        return None

    def _widen(self, largest: int) -> None:
        """Columns and beams of all caching sets of up to ``largest`` nodes: what was priced cannot be packed.

        Without links, or where bytes decide, a placement may need sets that no multipliers make the cheapest.
        """
        sizes = range(1, min(largest, self.problem.instance.n_nodes) + 1)

        def sets(row: int) -> list[int]:
            nodes = [1 << n for n in range(self.allowed[row].bit_length()) if (self.allowed[row] >> n) & 1]
            return [sum(chosen) for size in sizes for chosen in combinations(nodes, size)]

        def solve(row: int, block: SparseBlock) -> None:
            for mask in sets(row):
                for _again in range(_ATTEMPTS):
                    if math.isinf(block.reached(mask)[0]) and self._may_go_on():
                        block.solve(mask, self.settings)

        with self.context.stage("rates"):
            self.rates.each(solve, self._may_go_on)
        for row in range(len(self.allowed)):
            self.pool.add((row, mask) for mask in sets(row))

    def _may_go_on(self) -> bool:
        return not self.context.must_stop

    def _generate(self) -> str | None:
        """Alternate master and pricing until the gap is reached; a proof of infeasibility or None."""
        longest = self._longest_s()
        missing = np.where(np.isfinite(longest), longest, _LONG * self.bound_s / self.bits.sum() * self.bits)
        price_of_missing, tolerance, patience, smoothing = 2.0, _FIRST_TOLERANCE, _FIRST_PATIENCE, 1.0
        while self.iteration < self.options["iterations"] and self._may_go_on():
            with self.context.stage("search"):
                objective_s, proposal, fits = self._master(price_of_missing * missing)
            if self.iteration == 0:  # the first columns know little about single nodes
                centre = np.full(proposal.size, self._mean_price(proposal))
            trial = smoothing * centre + (1.0 - smoothing) * proposal
            with self.context.stage("rates"):
                found = self._price(trial, tolerance, patience)
            if found is None:
                break
            self.iteration += 1
            costs, caching, reached, settled = zip(*found, strict=True)
            if 0 in caching:
                return self._undeliverable(caching.index(0))
            better = self._raise_bound(trial, float(self.bits @ costs))
            centre = self.multipliers
            if self.bound_s > longest.sum() * _BEYOND_TOLERANCE:
                return f"{NO_PLACEMENT}: the Lagrangian bound exceeds every possible delay"
            new = self.pool.add(enumerate(caching)) + self.pool.add(enumerate(reached))
            open_gap = relative_gap(objective_s, self.bound_s)
            closed = open_gap <= _LP_SHARE * self.context.limits.gap or not (new or better or smoothing)
            if closed or self.iteration % _PLACE_EVERY == 1:
                self._place(close=closed)
            self.context.progress(
                f"iteration {self.iteration}: delay {self.delay_s:.6f} s, bound {self.bound_s:.6f} s, "
                f"LP {objective_s:.6f} s, {self.rates.solved} rate problems",
                now=True,
            )
            if self.refuted:
                return NO_PLACEMENT
            if self.gap <= self.context.limits.gap:
                break
            if closed and not fits and price_of_missing < _DEAREST:
                price_of_missing *= 8.0
            elif closed and all(settled):
                break
            elif closed:
                patience *= 4
            tolerance = _PRICING_SHARE * max(open_gap, self.context.limits.gap)
            smoothing = _SMOOTHING if new or better else 0.0
        return None

    def _master(self, missing_s: NDArray[np.float64]) -> tuple[float, NDArray[np.float64], bool]:
        """LP over the columns so far: value in s, multipliers (N,), and whether the columns fit by themselves."""
        knapsack = self.pool.by_bounds()
        complete = np.unique(knapsack.block).size == knapsack.n_blocks
        multipliers, fits = solve_storage_lp(knapsack) if complete else (self.multipliers, False)
        if not fits:
            knapsack = self.pool.by_bounds(missing_s)
            multipliers, _ = solve_storage_lp(knapsack)
        return lagrangian_bound(knapsack, multipliers)[0], multipliers, fits

    def _price(
        self, multipliers: NDArray[np.float64], tolerance: float, patience: int
    ) -> list[tuple[float, int, int, bool]] | None:
        """What :meth:`SparseBlock.cheapest` says of every block; None if stopped."""
        rent = multipliers / 8.0

        def price(row: int, block: SparseBlock) -> tuple[float, int, int, bool]:
            return block.cheapest(rent, self.allowed[row], tolerance, patience, self.settings)

        return self.rates.each(price, self._may_go_on)

    def _mean_price(self, multipliers: NDArray[np.float64]) -> float:
        """One price for all nodes, as dear in all as the multipliers given."""
        storage = self.pool.storage_bytes.astype(np.float64)
        return float(multipliers @ storage) / max(1.0, float(storage.sum()))

    def _raise_bound(self, multipliers: NDArray[np.float64], priced_s: float) -> bool:
        """L(lambda) for the sum of least priced delays, rounding taken off; whether it is the best so far."""
        rent = float(multipliers @ self.pool.storage_bytes)
        value = priced_s - rent - rounding_share(self.bits.size) * (priced_s + rent)
        if value <= self.bound_s:
            return False
        self.bound_s, self.multipliers = value, multipliers
        self.context.record(lower_bound_s=value)
        return True

    def _longest_s(self) -> NDArray[np.float64]:
        """(R,) no feasible point takes longer: every link that is used exists, every rate meets its QoS (9b)."""
        data = self.problem.instance
        links = [np.max(b.data.link, where=np.isfinite(b.data.link), initial=0.0) for b in self.rates.blocks]
        qos = [
            data.qos_bps[data.pair_user[data.block_pairs(k)]].min() for k in data.requested_blocks.tolist()
        ]
        with np.errstate(divide="ignore"):
            return np.asarray(self.bits * (np.array(links) + 1.0 / np.array(qos)))

    def _place(self, *, close: bool) -> None:
        """Incumbent: the knapsack of the columns so far with the delays of the known beams."""
        with self.context.stage("search"):
            search = KnapsackSearch(
                self.pool.by_beams(), "placement", watch=lambda delay, _: self.context.record(delay_s=delay)
            )
            search.relax()
            if self.best is not None:
                search.offer(search.knapsack.columns_of(self.best))
            if close:
                target = self.context.limits.gap
                search.close(
                    self.context,
                    target_s=math.inf,
                    good_s=self.bound_s / (1.0 - target),
                    gap=_PLACEMENT_SHARE * target,
                    time_s=self.context.remaining_s,
                )
            # any placement shrinks to one node per block, and those columns are all at hand if each is deliverable
            self.refuted = search.infeasible and self._all_single_nodes_deliver()
            if search.columns is not None and search.delay_s < self.delay_s:
                self.delay_s, self.best = search.delay_s, search.knapsack.mask[search.columns]
                self.context.record(delay_s=self.delay_s)

    def _all_single_nodes_deliver(self) -> bool:
        return all(
            math.isfinite(block.reached(1 << n)[0])
            for block, allowed in zip(self.rates.blocks, self.allowed, strict=True)
            for n in range(allowed.bit_length())
            if (allowed >> n) & 1
        )

    def _counts(self) -> dict[str, int]:
        return {
            "rate_problems": self.rates.solved,
            "rate_problems_total": self.rates.size,
            "rate_bounds": self.rates.bounded,
            "columns": len(self.pool),
            "iterations": self.iteration,
            "nodes": self.nodes,
        }

    def _bound_with_beams(self) -> float:
        """V: the Lagrangian bound of all placements with the known beams, -infinite where some block has none."""
        rent = self.multipliers / 8.0
        least = [
            block.least_reached(rent, allowed)
            for block, allowed in zip(self.rates.blocks, self.allowed, strict=True)
        ]
        priced, paid = float(self.bits @ least), float(self.multipliers @ self.pool.storage_bytes)
        if math.isinf(priced):
            return -math.inf
        return priced - paid - rounding_share(self.bits.size) * (priced + paid)

    def _outcome(self) -> Outcome:
        decision = None
        if self.best is not None:
            used = self.pool.participating(self.best)
            decision = decision_from_masks(self.problem, self.rates, self.best, used)
        combinatorial_s = max(self.combinatorial_s, self._bound_with_beams())
        stopped = StopReason.BACKEND_LIMIT if self.refusal else self.context.stop_reason()
        return Outcome(
            stop_reason=StopReason.GAP_REACHED if self.gap <= self.context.limits.gap else stopped,
            decision=decision,
            lower_bound_s=self.bound_s,
            bound_kind=BOUND_KIND,
            combinatorial_bound_s=combinatorial_s if math.isfinite(combinatorial_s) else None,
            multipliers=self.multipliers,
            counts=self._counts(),
            message=self.refusal,
        )
