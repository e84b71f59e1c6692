"""The only list of solvers. Third parties add theirs by the entry point group ``fgamcd_opt.solvers``."""

from __future__ import annotations

import difflib
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points

from fgamcd_opt.io.errors import BackendError, UsageError
from fgamcd_opt.io.optional import Availability, probe
from fgamcd_opt.solving.solver import Solver

ENTRY_POINT_GROUP = "fgamcd_opt.solvers"

_BUILT_IN = {
    "exact": "fgamcd_opt.solvers.exact.exact:ExactSolver",
    "column-generation": "fgamcd_opt.solvers.exact.column_generation:ColumnGenerationSolver",
    "greedy": "fgamcd_opt.solvers.heuristics.greedy:GreedySolver",
    "greedy-delay": "fgamcd_opt.solvers.heuristics.greedy_delay:GreedyDelaySolver",
    "trimcaching": "fgamcd_opt.solvers.rivals.trimcaching:TrimCachingSolver",
    "trimcaching-spec": "fgamcd_opt.solvers.rivals.trimcaching_spec:TrimCachingSpecSolver",
    "lp-rounding": "fgamcd_opt.solvers.heuristics.lp_rounding:LpRoundingSolver",
    "local-search": "fgamcd_opt.solvers.heuristics.local_search:LocalSearchSolver",
    "compact": "fgamcd_opt.solvers.exact.compact:CompactSolver",
    "lp": "fgamcd_opt.solvers.bounds.lp:LpSolver",
    "lagrangian": "fgamcd_opt.solvers.bounds.lagrangian:LagrangianSolver",
    "sdr": "fgamcd_opt.solvers.bounds.sdr:SdrSolver",
    "coarse": "fgamcd_opt.solvers.rivals.coarse:CoarseSolver",
    "coarse-exact": "fgamcd_opt.solvers.rivals.coarse_exact:CoarseExactSolver",
    "no-cooperation": "fgamcd_opt.solvers.rivals.no_cooperation:NoCooperationSolver",
    "tdma-unicast": "fgamcd_opt.solvers.rivals.tdma_unicast:TdmaUnicastSolver",
    "hybrid": "fgamcd_opt.solvers.rivals.hybrid:HybridSolver",
    "maasn-da": "fgamcd_opt.solvers.learned.maasn_da:MaasnDaSolver",
    "minlp": "fgamcd_opt.solvers.minlp.minlp:MinlpSolver",
}
"""Name to ``module:class``; a module is imported when its solver is asked for."""


@cache
def _plug_ins() -> dict[str, str]:
    return {point.name: point.value for point in entry_points(group=ENTRY_POINT_GROUP)}


def solver_names() -> tuple[str, ...]:
    """Names of all solvers, built-in ones first."""
    return tuple(_BUILT_IN) + tuple(sorted(set(_plug_ins()) - set(_BUILT_IN)))


def get_solver(name: str) -> Solver:
    """The solver of that name.

    Raises
    ------
    UsageError
        Unknown name; says which are known.
    BackendError
        The solver's module cannot be imported.
    """
    target = _BUILT_IN.get(name) or _plug_ins().get(name)
    if target is None:
        near = difflib.get_close_matches(name, solver_names(), 1)
        hint = f"; did you mean {near[0]!r}?" if near else "."
        raise UsageError(f"solver {name!r} is unknown{hint} Known: {', '.join(solver_names())}")
    module, _, attribute = target.partition(":")
    try:
        solver: Solver = getattr(import_module(module), attribute)()
    except (ImportError, AttributeError) as error:
        raise BackendError(
            f"solver {name!r} ({target}) cannot be loaded: {error}; reinstall its package"
        ) from error
    return solver


def require_backends(solver: Solver) -> None:
    """Refuse a solver that cannot run.

    Raises
    ------
    BackendError
        Naming the first backend that is missing, and the remedy.
    """
    for backend in (probe(name, solver.backends) for name in solver.backends):
        if backend.availability is Availability.MISSING:
            raise BackendError(f"solver {solver.name} needs {backend.name}: {backend.remedy}")
