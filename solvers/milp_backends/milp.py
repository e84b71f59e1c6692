"""The knapsack of F5 by a MILP backend chosen by name: one task, one result, the same meaning on every backend.

A floating-point backend is not believed in what bytes decide. It gets storage in small whole numbers
(:mod:`fgamcd_opt.formulations.knapsack.storage_rows`); its choice counts if it fits in whole bytes, and where it does
not, rows that cut it off are added and the search goes on. "Infeasible" counts if the tree proves it
(:mod:`fgamcd_opt.solvers.exact.tree`, in whole bytes), and a bound is lowered by :data:`BOUND_MARGIN`.

A backend of another package (:mod:`fgamcd_opt.solvers.milp_backends.plug_in`) is not believed in bounds at all: the
tree proves them, starting from its choice.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.formulations.knapsack.knapsack_matrix import rows_of
from fgamcd_opt.formulations.knapsack.multiple_choice import Knapsack
from fgamcd_opt.formulations.knapsack.storage_rows import StorageRow, cover_row
from fgamcd_opt.solvers.heuristics.exchanges import polish
from fgamcd_opt.solvers.milp_backends.milp_task import BOUND_MARGIN, ROUNDING, MilpResult, MilpTask, Watch
from fgamcd_opt.solvers.milp_backends.plug_in import PlugIn
from fgamcd_opt.solvers.milp_backends.registry import (
    RunMilp,
    is_plug_in,
    load_milp_backend,
    require_milp_backend,
)
from fgamcd_opt.solving.context import SolveContext

_CONTRADICTION = 1e-9
"""A backend whose bound exceeds a known delay by more than this share has erred; nothing it says is used."""


_MOST_ROWS_PER_BLOCK = 20
"""Rows of storage, per block and node, from which the tree takes over: byte by byte, a backend would not end."""


_PROPOSAL_SHARE = 0.5
"""Share of the time that a backend of another package gets; the rest is for the proof."""


def solve_milp(
    knapsack: Knapsack,
    context: SolveContext,
    *,
    gap: float,
    good_s: float,
    time_s: float,
    start: NDArray[np.int64] | None = None,
    label: str = "milp",
    target_s: float = math.inf,
    backend: str = "tree",
    watch: Watch | None = None,
    most_nodes: float = math.inf,
    note: Callable[[], str] = str,
) -> MilpResult:
    """Solve the knapsack to a relative gap.

    Parameters
    ----------
    knapsack
        Columns; every block needs at least one.
    context
        Threads, seed, clock, stop flag.
    gap
        Relative gap at which to stop.
    good_s
        Delay in s at which to stop whatever the bound; -infinite if there is none.
    time_s
        Time limit in s for this call.
    start
        One column per block that fits, as a first incumbent.
    label
        Name of the problem in the progress lines.
    target_s
        Bound in s at which to stop whatever the delay; infinite if there is none.
    backend
        One of :func:`fgamcd_opt.solvers.milp_backends.registry.milp_backend_names`.
    watch
        Called with progress, by those backends that prove their bounds (``tree``).
    most_nodes
        Nodes of branch and bound after which to stop.
    note
        Gives the end of every progress line.

    Returns
    -------
    MilpResult
        With an infinite bound if the knapsack is proved infeasible.

    Raises
    ------
    UsageError, BackendError
        See :func:`fgamcd_opt.solvers.milp_backends.registry.require_milp_backend`; also if the licence of the
        backend is too small for the model.
    SolverError
        A plug-in returned what is no result or what a choice that fits refutes; names it.
    """
    require_milp_backend(backend)
    task = MilpTask(knapsack, gap, good_s, time_s, start, label, target_s, watch, most_nodes, note=note)
    if backend == "tree":
        found = load_milp_backend(backend)(task, context)
        return replace(found, finished=found.finished or found.bound_s >= target_s * (1.0 - ROUNDING))
    if is_plug_in(backend):
        return _Proposed(task, context, PlugIn(backend)).run()
    return _Confirmed(task, context, load_milp_backend(backend)).run()


class _Confirmed:
    """A floating-point backend, asked again with further rows until its choice fits in whole bytes."""

    def __init__(
        self,
        task: MilpTask,
        context: SolveContext,
        backend: RunMilp,
    ) -> None:
        self.task, self.context, self.backend = task, context, backend
        self.knapsack = task.knapsack
        self.end = context.elapsed_s + task.time_s
        self.columns: NDArray[np.int64] | None = None
        self.delay_s = math.inf
        self.bound_s = -math.inf
        self.nodes = 0
        self._offer(task.start)

    @property
    def left_s(self) -> float:
        return min(self.end - self.context.elapsed_s, self.context.remaining_s)

    def run(self) -> MilpResult:
        """Ask until an answer counts."""
        rows = list(rows_of(self.knapsack))
        most = len(rows) * (1 + _MOST_ROWS_PER_BLOCK * self.knapsack.n_blocks)
        while True:
            found = self.backend(self._asked(tuple(rows)), self.context)
            self.nodes += found.nodes
            if found.bound_s == math.inf or self._errs(found):
                return self._by_tree()
            self.bound_s = max(self.bound_s, found.bound_s - BOUND_MARGIN * abs(found.bound_s))
            if found.columns is None or self.knapsack.fits(found.columns):
                self._offer(found.columns)
                return self._result()
            rows += self._covers(found.columns)
            self._offer(polish(self.knapsack, found.columns))
            if self.task.met(self.delay_s, self.bound_s) or self.left_s <= 0.0 or self._nodes_left <= 0:
                return self._result()
            if len(rows) > most:
                return self._by_tree()

    @property
    def _nodes_left(self) -> float:
        return self.task.most_nodes - self.nodes

    def _asked(self, rows: tuple[StorageRow, ...]) -> MilpTask:
        """The task for a backend: a little more than is wanted of it, for its bound is lowered afterwards."""
        return replace(
            self.task,
            rows=rows,
            time_s=self.left_s,
            start=self.columns,
            most_nodes=self._nodes_left,
            gap=max(0.0, self.task.gap - 2.0 * BOUND_MARGIN),
            target_s=self.task.target_s * (1.0 + 2.0 * BOUND_MARGIN),
        )

    def _errs(self, found: MilpResult) -> bool:
        """Whether the bound is refuted by a choice that fits."""
        delay = self.delay_s
        if found.columns is not None and self.knapsack.fits(found.columns):
            delay = min(delay, self.knapsack.total_delay_s(found.columns))
        return found.bound_s > delay * (1.0 + _CONTRADICTION)

    def _covers(self, columns: NDArray[np.int64]) -> list[StorageRow]:
        """A row for every node whose storage the choice exceeds."""
        stored = self.knapsack.membership()[columns]
        used = self.knapsack.used_bytes(columns)
        return [
            cover_row(n, self.knapsack.size_bytes, stored[:, n], int(self.knapsack.storage_bytes[n]))
            for n in np.flatnonzero(used > self.knapsack.storage_bytes).tolist()
        ]

    def _by_tree(self) -> MilpResult:
        """What bytes decide, by the tree; nothing that the backend said of bounds is used."""
        found = load_milp_backend("tree")(self._asked(()), self.context)
        self.nodes += found.nodes
        self._offer(found.columns)
        self.bound_s = found.bound_s
        return self._result()

    def _offer(self, columns: NDArray[np.int64] | None) -> None:
        if columns is not None and self.knapsack.fits(columns):
            delay = self.knapsack.total_delay_s(columns)
            if delay < self.delay_s:
                self.columns, self.delay_s = columns, delay

    def _result(self) -> MilpResult:
        enough = self.bound_s == math.inf or self.task.met(self.delay_s, self.bound_s)
        return MilpResult(self.columns, min(self.bound_s, self.delay_s), enough, self.nodes)


class _Proposed(_Confirmed):
    """A backend of another package. It proposes choices; the tree starts from them and proves every bound."""

    def __init__(self, task: MilpTask, context: SolveContext, backend: PlugIn) -> None:
        super().__init__(task, context, backend)
        self.plug_in = backend

    def run(self) -> MilpResult:
        """Ask it, then prove; what it claims is held against the best choice known."""
        rows, claim_s, nodes = list(rows_of(self.knapsack)), -math.inf, 0
        most = len(rows) * (1 + _MOST_ROWS_PER_BLOCK * self.knapsack.n_blocks)
        while True:
            found = self.plug_in(self._proposed(tuple(rows)), self.context)
            claim_s, nodes = max(claim_s, found.bound_s), nodes + found.nodes
            if found.columns is None or self.knapsack.fits(found.columns):
                self._offer(found.columns)
                break
            rows += self._covers(found.columns)
            self._offer(polish(self.knapsack, found.columns))
            if len(rows) > most or self.left_s <= 0.0:
                break
        proved = self._by_tree()
        self.plug_in.require_true(claim_s, self.delay_s)
        return replace(proved, nodes=proved.nodes + nodes)

    def _proposed(self, rows: tuple[StorageRow, ...]) -> MilpTask:
        """The task for the plug-in; the rest of the time is for the proof."""
        share = self.left_s if math.isinf(self.left_s) else _PROPOSAL_SHARE * self.left_s
        label = f"{self.task.label}, {self.plug_in.name} claims"
        return replace(self._asked(rows), time_s=share, label=label, watch=None, note=str)
