"""The knapsack of F5 by a MILP backend chosen by name: one task, one result, the same meaning on every backend."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.context import SolveContext
from fgamcd_opt.errors import BackendError, UsageError
from fgamcd_opt.formulations.knapsack import Knapsack
from fgamcd_opt.solvers.backends import Availability, probe

MILP_BACKENDS: Mapping[str, str] = {"highs": "highspy"}
"""Name of every backend and the distribution that it needs; the module of the same name holds its ``run_milp``."""


@dataclass(frozen=True, eq=False)
class MilpTask:
    """One MILP to be solved; the fields are the arguments of :func:`solve_milp`."""

    knapsack: Knapsack
    gap: float
    good_s: float
    time_s: float
    start: NDArray[np.int64] | None
    label: str


@dataclass(frozen=True, eq=False)
class MilpResult:
    """Outcome of one MILP: chosen columns (one per block) or None, proved bound in s, whether it ran to its gap."""

    columns: NDArray[np.int64] | None
    bound_s: float
    finished: bool
    nodes: int


class MilpBackend(Protocol):
    """What the module of a backend offers."""

    def run_milp(self, task: MilpTask, context: SolveContext) -> MilpResult:
        """Solve the task; silent, and served by the stop flag of the context at all times."""
        ...


def require_milp_backend(name: str) -> None:
    """Refuse a backend that does not exist or is not installed.

    Raises
    ------
    UsageError
        Unknown name; says which are known.
    BackendError
        Not installed; says the remedy.
    """
    if name not in MILP_BACKENDS:
        raise UsageError(f"MILP backend {name!r} is unknown; expected one of {', '.join(MILP_BACKENDS)}")
    backend = probe(MILP_BACKENDS[name])
    if backend.availability is Availability.MISSING:
        raise BackendError(f"MILP backend {name} needs {backend.name}: {backend.remedy}")


def solve_milp(
    knapsack: Knapsack,
    context: SolveContext,
    *,
    gap: float,
    good_s: float,
    time_s: float,
    start: NDArray[np.int64] | None = None,
    label: str = "milp",
    backend: str = "highs",
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
        One column per block as a first incumbent.
    label
        Name of the problem in the progress lines.
    backend
        One of :data:`MILP_BACKENDS`.

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
    module: MilpBackend = import_module(f"fgamcd_opt.solvers.{backend}")
    return module.run_milp(MilpTask(knapsack, gap, good_s, time_s, start, label), context)


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
