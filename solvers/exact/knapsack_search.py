"""The knapsack of F5: relaxation, local search and a MILP backend, with a bound that is proved at every moment.

The Lagrangian bound V and the reduced costs r_C of its multipliers show which columns matter: a choice that holds
a column with r_C > r costs more than V + r. So a MILP on the columns with r_C <= r alone and min(its bound, V + r)
bound the whole knapsack. With an incumbent of delay T and a gap g, no column with V + r_C > T (1 - g) is of use.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.formulations.knapsack.dual_function import lagrangian_bound
from fgamcd_opt.formulations.knapsack.dual_simplex import solve_storage_lp
from fgamcd_opt.formulations.knapsack.multiple_choice import Knapsack
from fgamcd_opt.solvers.heuristics.exchanges import search
from fgamcd_opt.solvers.heuristics.lp_rounding import round_relaxation
from fgamcd_opt.solvers.milp_backends.milp import solve_milp
from fgamcd_opt.solvers.milp_backends.milp_task import Watch
from fgamcd_opt.solving.context import SolveContext
from fgamcd_opt.solving.status import relative_gap

FIRST_NODES, MORE_NODES = 1000, 4
"""Nodes of the tree in the first round of a search, and how many times more in every further one.

Rounds are counted in nodes, not in seconds, so that the same seed gives the same result.
"""

_SECOND, _TREE_SHARE, _LARGER_NODES = "highs", 0.5, 4
"""Backend that tries what the tree leaves open; the tree's share of the time; nodes of the tree to one of a backend."""

_MARGIN = 1e-12
"""Relative margin for the rounding of the reduced costs of the columns that are left out."""


@dataclass(eq=False)
class KnapsackSearch:
    """A knapsack, the best choice found and the best bound proved so far.

    Parameters
    ----------
    knapsack
        Columns.
    label
        Name in progress lines.
    backend
        MILP backend, see :mod:`fgamcd_opt.solvers.milp_backends.milp`.
    watch
        Called with the best delay and the best proved bound in s while a MILP runs.

    Attributes
    ----------
    columns, delay_s
        Best choice (one column per block) and its delay; None and infinite at first.
    bound_s
        Proved lower bound, infinite if the knapsack is proved infeasible.
    reduced_s
        Reduced costs of the columns for the multipliers of the relaxation; empty before :meth:`relax`.
    relaxed_s
        Lagrangian bound V at these multipliers, in s.
    multipliers
        (N,) storage multipliers of the relaxation, in s per byte; None before :meth:`relax`.
    """

    knapsack: Knapsack
    label: str
    backend: str = "tree"
    watch: Watch | None = None
    columns: NDArray[np.int64] | None = None
    delay_s: float = math.inf
    bound_s: float = -math.inf
    reduced_s: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    multipliers: NDArray[np.float64] | None = None
    nodes: int = 0
    relaxed_s: float = -math.inf
    _rounded: bool = False

    @property
    def infeasible(self) -> bool:
        """Whether it is proved that no choice fits."""
        return self.bound_s == math.inf

    @property
    def gap(self) -> float:
        """Relative gap between choice and bound; infinite without a choice."""
        return relative_gap(self.delay_s, self.bound_s) if math.isfinite(self.delay_s) else math.inf

    def offer(self, columns: NDArray[np.int64] | None) -> None:
        """Keep a choice if it fits and is the best so far."""
        if columns is not None and self.knapsack.fits(columns):
            delay = self.knapsack.total_delay_s(columns)
            if delay < self.delay_s:
                self.columns, self.delay_s = columns, delay

    def relax(self) -> None:
        """Bound by the Lagrangian value at the multipliers of the LP relaxation, choice by local search from it."""
        if np.unique(self.knapsack.block).size < self.knapsack.n_blocks:
            self.bound_s = math.inf
            return
        multipliers, feasible = solve_storage_lp(self.knapsack)
        self.multipliers = multipliers
        self.relaxed_s, self.reduced_s = lagrangian_bound(self.knapsack, multipliers)
        self.bound_s = self.relaxed_s if feasible else math.inf
        if feasible:
            self.offer(search(self.knapsack, multipliers))

    def close(
        self, context: SolveContext, *, target_s: float, good_s: float, gap: float, time_s: float
    ) -> None:
        """Run MILPs until the bound, the choice or the gap between them is good enough, or the time is up.

        Parameters
        ----------
        context
            Threads, seed, clock.
        target_s
            A bound that would be enough, in s; infinite if there is none.
        good_s
            A delay of the choice that would be enough, in s; -infinite if there is none.
        gap
            Relative gap between choice and bound that is enough.
        time_s
            Time for this call, in s.
        """
        end, nodes = context.elapsed_s + time_s, FIRST_NODES
        while not self.advance(
            context,
            target_s=target_s,
            good_s=good_s,
            gap=gap,
            time_s=end - context.elapsed_s,
            nodes=nodes,
        ):
            nodes *= MORE_NODES

    def advance(
        self,
        context: SolveContext,
        *,
        target_s: float,
        good_s: float,
        gap: float,
        time_s: float,
        nodes: int,
        note: Callable[[], str] = str,
    ) -> bool:
        """One round of :meth:`close`: a MILP from the start, of so many nodes at most.

        Where that is not enough for the tree, HiGHS tries the same: on many nearly equal blocks, whose exchanges the
        tree goes through one by one, it is far quicker. A better first choice leaves fewer columns of use, so that
        general backends get one by rounding.

        Parameters
        ----------
        context, target_s, good_s, gap, time_s
            See :meth:`close`.
        nodes
            Nodes of the tree; general backends, whose nodes are larger, get fewer.
        note
            Gives the end of every progress line.

        Returns
        -------
        bool
            Whether there is nothing more to do: enough, infeasible, or the time is up.
        """
        limits = {"target_s": target_s, "good_s": good_s, "gap": gap}
        end = context.elapsed_s + time_s

        def left_s() -> float:
            return min(end - context.elapsed_s, context.remaining_s)

        def settled() -> bool:
            return self.infeasible or self._enough(**limits) or left_s() <= 0.0

        if settled():
            return True
        if self.backend != "tree" and not self._rounded:  # the tree rounds in its branches
            self._rounded = True
            self.offer(round_relaxation(self.knapsack, context))
        backends = ("tree", _SECOND) if self.backend == "tree" else (self.backend,)
        for backend in backends:
            if settled():
                return True
            share = 1.0 if backend == backends[-1] else _TREE_SHARE
            most = nodes if backend == "tree" else max(1, nodes // _LARGER_NODES)
            ended = self._solve(
                context, backend, time_s=share * left_s(), most_nodes=most, note=note, **limits
            )
            if ended:
                return True
        return settled()

    def _enough(self, target_s: float, good_s: float, gap: float) -> bool:
        return self.bound_s >= target_s or self.delay_s <= good_s or self.gap <= gap

    def _solve(
        self,
        context: SolveContext,
        backend: str,
        *,
        target_s: float,
        good_s: float,
        gap: float,
        time_s: float,
        most_nodes: int,
        note: Callable[[], str],
    ) -> bool:
        """Solve the MILP on the columns that may be of use; whether it came to its end."""
        cutoff = min(self.delay_s * (1.0 - gap), target_s) * (1.0 + 2.0 * _MARGIN)
        keep = self.reduced_s <= cutoff - self.relaxed_s
        if self.columns is not None:
            keep[self.columns] = True
        position = np.cumsum(keep) - 1
        excluded = math.inf if keep.all() else self.relaxed_s + float(self.reduced_s[~keep].min())
        excluded -= _MARGIN * abs(excluded) if math.isfinite(excluded) else 0.0

        def watch(delay_s: float, bound_s: float) -> None:
            if self.watch is not None:
                self.watch(min(delay_s, self.delay_s), max(self.bound_s, min(bound_s, excluded)))

        outcome = solve_milp(
            self.knapsack.restrict(keep),
            context,
            gap=0.99 * gap,
            good_s=good_s,
            time_s=time_s,
            start=None if self.columns is None else position[self.columns],
            label=self.label,
            target_s=target_s,
            backend=backend,
            watch=watch,
            most_nodes=most_nodes,
            note=note,
        )
        self.nodes += outcome.nodes
        if outcome.columns is not None:
            self.offer(np.nonzero(keep)[0][outcome.columns])
        self.bound_s = max(self.bound_s, min(outcome.bound_s, excluded, self.delay_s))
        return outcome.finished
