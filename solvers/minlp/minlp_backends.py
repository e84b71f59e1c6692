"""Global solvers of Pyomo models by name, all through Pyomo's new solver interface: one call, one result."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import Any

from fgamcd_opt.io.errors import BackendError, UsageError
from fgamcd_opt.io.licences import state
from fgamcd_opt.io.optional import Availability
from fgamcd_opt.solving.context import SolveContext

TOLERANCE = 1e-6
"""Absolute feasibility tolerance that is asked of SCIP and Gurobi."""

_DISTRIBUTIONS = {"scip": "pyscipopt", "gurobi": "gurobipy"}
"""Backends with their own interface here, and what they need; any other name is looked up in Pyomo."""

_INFINITE = 1e20
"""Number from which on SCIP and Gurobi (1e100) call a coefficient infinite; the smaller one of the two."""


@dataclass(frozen=True)
class GlobalResult:
    """What a global solver ended with.

    Parameters
    ----------
    found
        Whether it has a point; the variables of the model hold it then.
    bound
        Dual bound of the objective; infinite if the model is proved infeasible, -infinite if there is none or
        if the backend is not known to be a global solver.
    nodes
        Nodes of its tree; 0 if it does not tell.
    """

    found: bool
    bound: float
    nodes: int


def require_minlp_backend(name: str) -> None:
    """Refuse a backend that does not exist or is not installed, before any work.

    Raises
    ------
    UsageError
        A name that neither this module nor Pyomo knows.
    BackendError
        Not installed or not licensed; says the remedy.
    """
    if name in _DISTRIBUTIONS:
        backend = state(_DISTRIBUTIONS[name])
        if backend.availability not in (Availability.FULL, Availability.LIMITED):
            raise BackendError(f"MINLP backend {name} needs {backend.name}: {backend.remedy}")
        return
    import pyomo.environ  # noqa: F401  (fills the factory)
    from pyomo.contrib.solver.common.factory import SolverFactory

    known = sorted(SolverFactory)
    if name not in known:
        raise UsageError(
            f"MINLP backend {name!r} is unknown; expected {', '.join(_DISTRIBUTIONS)} or a solver of Pyomo's: "
            + ", ".join(known)
        )
    if not SolverFactory(name).available():
        raise BackendError(
            f"MINLP backend {name}: Pyomo finds no usable installation; install it, or use scip"
        )


def solve_global(
    model: Any, context: SolveContext, *, backend: str, start: bool, gap: float, unit_s: float
) -> GlobalResult:
    """Solve a Pyomo model to a relative gap, within the limits of the context.

    Parameters
    ----------
    model
        Minimisation; its variables hold the start, if there is one, and the best point afterwards.
    context
        Time limit, seed, stop flag, progress.
    backend
        Name accepted by :func:`require_minlp_backend`.
    start
        Whether the values of the variables are a start.
    gap
        Relative gap between point and bound that is enough.
    unit_s
        Unit of the objective in s, for progress lines.

    Raises
    ------
    BackendError
        The licence is too small for the model, or the backend cannot take its functions.
    """
    from pyomo.common.errors import PyomoException
    from pyomo.contrib.solver.common.results import TerminationCondition

    def watch(objective: float, bound: float, nodes: int) -> bool:
        context.progress(
            f"MINLP ({backend}): delay {_shown(objective * unit_s)}, bound {_shown(bound * unit_s)}, {nodes} nodes",
            nodes=nodes,
        )
        return not context.must_stop

    _require_finite_coefficients(model, backend)
    # Pyomo redirects both streams of the process while SCIP runs; progress must still reach standard error
    with os.fdopen(os.dup(2), "w") as stderr:
        solver, options = _solver(backend, watch, start, context.seed)
        if (
            backend in _DISTRIBUTIONS
        ):  # one thread: more of them would change the path, and with it the result
            options |= {"rel_gap": gap, "threads": 1, "tee": [stderr] if backend == "scip" else []}
        if math.isfinite(context.remaining_s):
            options["time_limit"] = max(0.01, context.remaining_s)
        try:
            results = solver.solve(
                model, load_solutions=False, raise_exception_on_nonoptimal_result=False, **options
            )
        except (PyomoException, NotImplementedError) as error:
            fault = str(error).partition("\n")[0]
            raise BackendError(f"MINLP backend {backend} cannot take the model: {fault}; use scip") from error
    if results.termination_condition is TerminationCondition.interrupted and not context.must_stop:
        context.stop.set()  # Gurobi has taken a Ctrl-C to itself
    return _read(results, backend in _DISTRIBUTIONS)


def _require_finite_coefficients(model: Any, backend: str) -> None:
    """Raise `BackendError` for a coefficient that solvers take for infinite, as rates of hardly anything make them."""
    from pyomo.environ import Constraint
    from pyomo.repn import generate_standard_repn

    for constraint in model.component_data_objects(Constraint, active=True):
        terms = generate_standard_repn(constraint.body, compute_values=True, quadratic=True)
        for coefficient in (*terms.linear_coefs, *terms.quadratic_coefs):
            if not abs(coefficient) < _INFINITE:
                raise BackendError(
                    f"MINLP backend {backend} cannot take the model: a coefficient of {constraint.name} is "
                    f"{coefficient:.3g}, and {_INFINITE:g} counts as infinite; use solver exact"
                )


def _read(results: Any, is_global: bool) -> GlobalResult:
    """The point goes into the variables of the model; a bound and a proof count from global solvers only."""
    from pyomo.contrib.solver.common.results import TerminationCondition

    nodes = int(next((results.extra_info[n] for n in ("NNodes", "NodeCount") if n in results.extra_info), 0))
    if is_global and results.termination_condition is TerminationCondition.provenInfeasible:
        return GlobalResult(False, math.inf, nodes)
    found = results.incumbent_objective is not None
    if found:
        results.solution_loader.load_vars()
    bound = results.objective_bound if is_global else None
    return GlobalResult(found, -math.inf if bound is None else float(bound), nodes)


def _solver(backend: str, watch: Any, start: bool, seed: int) -> tuple[Any, dict[str, Any]]:
    """Solver object and the arguments of its ``solve`` that only it understands."""
    if backend == "scip":
        from fgamcd_opt.solvers.minlp.minlp_scip import WatchedScip

        settings: dict[str, Any] = {
            "numerics/feastol": TOLERANCE,
            "randomization/randomseedshift": seed % 2**31,
            "display/verblevel": 0,
        }
        if start:  # local searches for a first point would take most of the time
            settings |= {"heuristics/subnlp/freq": -1, "heuristics/mpec/freq": -1}
        return WatchedScip(watch, start), {"solver_options": settings, "warmstart_discrete_vars": True}
    if backend == "gurobi":
        from fgamcd_opt.solvers.minlp.minlp_gurobi import WatchedGurobi

        settings = {"FeasibilityTol": TOLERANCE, "Seed": seed % 2_000_000_000}
        return WatchedGurobi(watch, start), {"solver_options": settings, "warmstart_discrete_vars": True}
    from pyomo.contrib.solver.common.factory import SolverFactory

    return SolverFactory(backend), {}


def _shown(seconds: float) -> str:
    return f"{seconds:.6f} s" if abs(seconds) < 1e10 else "none"
