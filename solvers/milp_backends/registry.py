"""The only list of MILP backends. Third parties add theirs by the entry point group ``fgamcd_opt.milp_backends``."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points

from fgamcd_opt.io.errors import BackendError, UsageError
from fgamcd_opt.io.licences import state
from fgamcd_opt.io.optional import Availability
from fgamcd_opt.io.safe_text import quote
from fgamcd_opt.io.short_repr import short_repr
from fgamcd_opt.solvers.milp_backends.milp_task import MilpResult, MilpTask
from fgamcd_opt.solving.context import SolveContext

ENTRY_POINT_GROUP = "fgamcd_opt.milp_backends"

RunMilp = Callable[[MilpTask, SolveContext], MilpResult]
"""A MILP backend: works on one knapsack, and returns what it has wherever it stops."""


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
"""Every backend of this package by name."""


@cache
def _plug_ins() -> dict[str, str]:
    return {point.name: point.value for point in entry_points(group=ENTRY_POINT_GROUP)}


def milp_backend_names() -> tuple[str, ...]:
    """Names of all backends, those of this package first."""
    return (*MILP_BACKENDS, *sorted(set(_plug_ins()) - set(MILP_BACKENDS)))


def is_plug_in(name: str) -> bool:
    """Whether a backend comes from another package, so that nothing it says is believed without a proof."""
    return name not in MILP_BACKENDS


def require_milp_backend(name: str) -> None:
    """Refuse a backend that does not exist or cannot be used here.

    Raises
    ------
    UsageError
        Unknown name; says which are known.
    BackendError
        Not installed, without a licence, or it cannot be loaded; says the remedy.
    """
    if name not in milp_backend_names():
        near = difflib.get_close_matches(name, milp_backend_names(), 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        known = ", ".join(milp_backend_names())
        raise UsageError(f"MILP backend {quote(name)} is unknown; expected one of {known}{hint}")
    if is_plug_in(name):
        load_milp_backend(name)
        return
    for backend in map(state, MILP_BACKENDS[name].needs):
        if backend.availability in (Availability.MISSING, Availability.UNLICENSED):
            raise BackendError(f"MILP backend {name} cannot use {backend.name}: {backend.remedy}")


def load_milp_backend(name: str) -> RunMilp:
    """The function of a backend.

    Raises
    ------
    BackendError
        A plug-in cannot be imported, or is no function.
    """
    if not is_plug_in(name):
        return _imported(MILP_BACKENDS[name].target)
    target = _plug_ins()[name]
    try:
        run = _imported(target)
    except (ImportError, AttributeError) as error:
        raise BackendError(
            f"MILP backend {name} ({target}) cannot be loaded: {error}; reinstall its package"
        ) from error
    if not callable(run):
        raise BackendError(f"MILP backend {name} ({target}) is no function of (task, context)")
    return run


def _imported(target: str) -> RunMilp:
    module, _, function = target.partition(":")
    run: RunMilp = getattr(import_module(module), function)
    return run
