"""The knapsack of F5 by a MILP backend chosen by name: one task, one result, the same meaning on every backend."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib import import_module

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.context import SolveContext
from fgamcd_opt.errors import BackendError, UsageError
from fgamcd_opt.formulations.knapsack import Knapsack
from fgamcd_opt.solvers.backends import Availability, state

TOLERANCE = 1e-9
"""Tolerance on rows and integrality. The usual 1e-6 lets choices pass that need some bytes more than there are."""


_ROUNDING = 1e-12
"""A bound that is short of the target by less than this, relatively, is enough: backends have units of their own."""


Watch = Callable[[float, float], None]
"""Told (delay, bound) in s, both of a knapsack, whenever one of them may have improved."""


@dataclass(frozen=True)
class MilpBackend:
    """One backend: the function that runs it, as ``module:function``, and the distributions that it needs."""

    target: str
    needs: tuple[str, ...]


MILP_BACKENDS: Mapping[str, MilpBackend] = {
    "tree": MilpBackend("fgamcd_opt.solvers.tree:run_milp", ()),
    "highs": MilpBackend("fgamcd_opt.solvers.highs:run_milp", ("highspy",)),
    "scip": MilpBackend("fgamcd_opt.solvers.scip:run_milp", ("pyscipopt",)),
    "gurobi": MilpBackend("fgamcd_opt.solvers.gurobi:run_milp", ("gurobipy", "scipy")),
    "pyomo-highs": MilpBackend("fgamcd_opt.solvers.pyomo_milp:run_highs", ("pyomo", "highspy")),
    "pyomo-scip": MilpBackend("fgamcd_opt.solvers.pyomo_milp:run_scip", ("pyomo", "pyscipopt")),
    "pyomo-gurobi": MilpBackend("fgamcd_opt.solvers.pyomo_milp:run_gurobi", ("pyomo", "gurobipy")),
}
"""Every backend by name. Those named ``pyomo-...`` solve the Pyomo model, the others take the matrix directly."""


@dataclass(frozen=True, eq=False)
class MilpTask:
    """One MILP to be solved; the fields are the arguments of :func:`solve_milp`."""

    knapsack: Knapsack
    gap: float
    good_s: float
    time_s: float
    start: NDArray[np.int64] | None
    label: str
    target_s: float = math.inf
    watch: Watch | None = None


@dataclass(frozen=True, eq=False)
class MilpResult:
    """Outcome of one MILP: chosen columns (one per block) or None, proved bound in s, whether gap or target is met."""

    columns: NDArray[np.int64] | None
    bound_s: float
    finished: bool
    nodes: int


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
        Told of progress, by those backends that tell it (``tree``).

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
    module, _, function = MILP_BACKENDS[backend].target.partition(":")
    run: Callable[[MilpTask, SolveContext], MilpResult] = getattr(import_module(module), function)
    found = run(MilpTask(knapsack, gap, good_s, time_s, start, label, target_s, watch), context)
    enough = found.bound_s >= target_s * (1.0 - _ROUNDING)
    found = replace(found, finished=found.finished or enough)
    return found if start is None else _with_start(knapsack, found, start)


def _with_start(knapsack: Knapsack, found: MilpResult, start: NDArray[np.int64]) -> MilpResult:
    """The result with the start as its choice where the backend, cut short, has nothing better."""
    kept = knapsack.total_delay_s(start)
    better = found.columns is not None and knapsack.total_delay_s(found.columns) <= kept
    return found if better else replace(found, columns=start)


def rounded(knapsack: Knapsack, values: NDArray[np.float64]) -> NDArray[np.int64] | None:
    """The largest column of every block; None if that breaks the storage, counted in whole bytes.

    Parameters
    ----------
    knapsack
        Columns.
    values
        (c,) values of the variables as a backend returned them.
    """
    order = np.lexsort((-values, knapsack.block))
    columns = order[np.searchsorted(knapsack.block[order], np.arange(knapsack.n_blocks))]
    return columns if knapsack.fits(columns) else None
