"""The knapsack of F5 by a MILP backend chosen by name: one task, one result, the same meaning on every backend.

A floating-point backend is not believed in what bytes decide. It gets storage in small whole numbers
(:mod:`fgamcd_opt.formulations.knapsack.storage_rows`); its choice counts if it fits in whole bytes, and where it does
not, rows that cut it off are added and the search goes on. "Infeasible" counts if the tree proves it
(:mod:`fgamcd_opt.solvers.exact.tree`, in whole bytes), and a bound is lowered by :data:`BOUND_MARGIN`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib import import_module

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.formulations.knapsack.knapsack_matrix import rows_of
from fgamcd_opt.formulations.knapsack.multiple_choice import Knapsack
from fgamcd_opt.formulations.knapsack.storage_rows import StorageRow, cover_row
from fgamcd_opt.io.errors import BackendError, UsageError
from fgamcd_opt.io.licences import state
from fgamcd_opt.io.optional import Availability
from fgamcd_opt.io.short_repr import short_repr
from fgamcd_opt.solvers.heuristics.exchanges import polish
from fgamcd_opt.solving.context import SolveContext

TOLERANCE = 1e-9
"""Tolerance on rows, integrality and reduced costs; half a unit of a row of storage is at least 50 times that."""


BOUND_MARGIN = 1e-8
"""Share by which the bound of a floating-point backend is lowered, for what its tolerances are worth.

The columns of a block sum up to 1, so reduced costs that are off by 1e-9 move the value of an LP by at most R x 1e-9;
the cost of R blocks is near 10 R, which makes 1e-10 of it. Shares that are off by 1e-9 move the cost by 1e-9 of it,
and nodes are cut off at an incumbent with a relative tolerance of at most 1e-9 (SCIP's epsilon). A choice that fits
keeps half a unit in every row of storage, and shares that are off by 1e-9 move a row by a tenth of a unit at most. The
sum, 2.1e-9, is taken five times.
"""


_CONTRADICTION = 1e-9
"""A backend whose bound exceeds a known delay by more than this share has erred; nothing it says is used."""


_MOST_ROWS_PER_BLOCK = 20
"""Rows of storage, per block and node, from which the tree takes over: byte by byte, a backend would not end."""


_ROUNDING = 1e-12
"""A bound that is short of the target by less than this, relatively, is enough: backends have their own units."""


Watch = Callable[[float, float], None]
"""Told (delay, bound) in s, both of a knapsack, whenever one of them may have improved."""


@dataclass(frozen=True)
class MilpBackend:
    """One backend: the function that runs it, as ``module:function``, and the distributions that it needs."""

    target: str
    needs: tuple[str, ...]

    __repr__ = short_repr


MILP_BACKENDS: Mapping[str, MilpBackend] = {
    "tree": MilpBackend("fgamcd_opt.solvers.exact.tree:run_milp", ()),
    "highs": MilpBackend("fgamcd_opt.solvers.milp_backends.highs:run_milp", ("highspy",)),
    "scip": MilpBackend("fgamcd_opt.solvers.milp_backends.scip:run_milp", ("pyscipopt",)),
    "gurobi": MilpBackend("fgamcd_opt.solvers.milp_backends.gurobi:run_milp", ("gurobipy", "scipy")),
}
"""Every backend by name."""


@dataclass(frozen=True, eq=False)
class MilpTask:
    """One MILP to be solved; the fields are the arguments of :func:`solve_milp`.

    ``rows`` are the rows of storage for backends that need some; ``note`` is the end of every progress line.
    """

    knapsack: Knapsack
    gap: float
    good_s: float
    time_s: float
    start: NDArray[np.int64] | None
    label: str
    target_s: float = math.inf
    watch: Watch | None = None
    most_nodes: float = math.inf
    rows: tuple[StorageRow, ...] = ()
    note: Callable[[], str] = str

    __repr__ = short_repr

    def report(self, context: SolveContext, delay_s: float, bound_s: float, nodes: int) -> None:
        """Tell where a backend is: the watch, and a line of progress that says whose bound it is."""
        context.progress(
            f"{self.label}: delay {delay_s:.6f} s, bound of this knapsack {bound_s:.6f} s, {nodes} nodes{self.note()}"
        )

    def met(self, delay_s: float, bound_s: float) -> bool:
        """Whether a delay and a bound are enough: gap, target or good delay."""
        return (
            delay_s <= self.good_s
            or bound_s >= self.target_s * (1.0 - _ROUNDING)
            or bound_s >= delay_s * (1.0 - self.gap) * (1.0 - 2.0 * BOUND_MARGIN)
        )


@dataclass(frozen=True, eq=False)
class MilpResult:
    """Outcome of one MILP: chosen columns (one per block) or None, bound in s, whether gap or target is met.

    From :func:`solve_milp` the columns fit and the bound is proved; from a backend the columns obey the task's rows.
    """

    columns: NDArray[np.int64] | None
    bound_s: float
    finished: bool
    nodes: int

    __repr__ = short_repr


def require_milp_backend(name: str) -> None:
    """Refuse a backend that does not exist or cannot be used here.

    Raises
    ------
    UsageError
        Unknown name; says which are known.
    BackendError
        Not installed, or without a licence; says the remedy.
    """
    if name not in MILP_BACKENDS:
        raise UsageError(f"MILP backend {name!r} is unknown; expected one of {', '.join(MILP_BACKENDS)}")
    for backend in map(state, MILP_BACKENDS[name].needs):
        if backend.availability in (Availability.MISSING, Availability.UNLICENSED):
            raise BackendError(f"MILP backend {name} cannot use {backend.name}: {backend.remedy}")


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
        One of :data:`MILP_BACKENDS`.
    watch
        Told of progress, by those backends that prove their bounds (``tree``).
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
        See :func:`require_milp_backend`; also if the licence of the backend is too small for the model.
    """
    require_milp_backend(backend)
    task = MilpTask(knapsack, gap, good_s, time_s, start, label, target_s, watch, most_nodes, note=note)
    if backend == "tree":
        found = _function(backend)(task, context)
        return replace(found, finished=found.finished or found.bound_s >= target_s * (1.0 - _ROUNDING))
    return _Confirmed(task, context, _function(backend)).run()


def _function(backend: str) -> Callable[[MilpTask, SolveContext], MilpResult]:
    module, _, function = MILP_BACKENDS[backend].target.partition(":")
    run: Callable[[MilpTask, SolveContext], MilpResult] = getattr(import_module(module), function)
    return run


class _Confirmed:
    """A floating-point backend, asked again with further rows until its choice fits in whole bytes."""

    def __init__(
        self,
        task: MilpTask,
        context: SolveContext,
        backend: Callable[[MilpTask, SolveContext], MilpResult],
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
        found = _function("tree")(self._asked(()), self.context)
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


def chosen(knapsack: Knapsack, values: NDArray[np.float64]) -> NDArray[np.int64]:
    """The column of largest value of every block; together they need not fit.

    Parameters
    ----------
    knapsack
        Columns.
    values
        (c,) values of the variables as a backend returned them.
    """
    order = np.lexsort((-values, knapsack.block))
    return np.asarray(order[np.searchsorted(knapsack.block[order], np.arange(knapsack.n_blocks))])
