"""The arguments of the front door, checked before any work: a wrong one is refused with what was expected."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Real
from pathlib import Path
from typing import Any

from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.io.errors import UsageError
from fgamcd_opt.io.safe_text import quote
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.solving.number_arguments import got, whole_number_of
from fgamcd_opt.solving.registry import get_solver
from fgamcd_opt.solving.solver import Solver

_DECLARED = (*Solver.__annotations__, "prepare", "solve")
"""What an object must have to be a solver."""


def problem_of(problem: object) -> P1:
    """The problem that is meant: P1 itself, or that of an instance.

    Raises
    ------
    UsageError
        Anything else; says how a problem is made.
    """
    if isinstance(problem, P1):
        return problem
    if isinstance(problem, Instance):
        return P1(problem)
    remedy = "P1(load_instance(...))" if isinstance(problem, str) else "P1(instance)"
    raise UsageError(f"problem: {got(problem)}; expected a P1 or an Instance, such as {remedy}")


def chosen_solver(solver: object) -> Solver:
    """The registered solver of that name, or the object itself if it is one.

    Raises
    ------
    UsageError
        Unknown name, or an object that lacks something which a solver declares.
    BackendError
        The solver's module cannot be imported.
    """
    if isinstance(solver, str):
        return get_solver(solver)
    if isinstance(solver, type):
        raise UsageError(
            f"solver: got the class {quote(solver.__name__)}; expected a name or an object: {solver.__name__}()"
        )
    missing = [name for name in _DECLARED if not hasattr(solver, name)]
    if missing:
        raise UsageError(
            f"solver: {got(solver)}; expected the name of a solver, such as 'exact', or an object with "
            f"what fgamcd_opt.solving.solver.Solver declares; it lacks {', '.join(missing)}"
        )
    return solver  # type: ignore[return-value]  # it has every attribute of one


def seed_of(seed: object) -> int:
    """The seed as an int; see :func:`whole_number_of`."""
    return whole_number_of("seed", seed, 0)


def folder_of(path: object) -> Path | None:
    """A folder by its path, or None.

    Raises
    ------
    UsageError
        Anything else.
    """
    if path is None or isinstance(path, Path):
        return path
    if not isinstance(path, str):
        raise UsageError(f"rate_cache: {got(path)}; expected the path of a folder")
    return Path(path)


def complete_options(solver: Solver, given: object) -> dict[str, Any]:
    """Every declared option with its given or default value; text is converted to the type of the default.

    Raises
    ------
    UsageError
        Unknown option, or a value that is not of the type of the default.
    """
    if not isinstance(given, Mapping):
        raise UsageError(f"options: {got(given)}; expected a mapping, such as {{'rounds': 4}}")
    complete = dict(solver.options)
    for name, value in given.items():
        if name not in complete:
            known = ", ".join(solver.options) or "none"
            raise UsageError(f"solver {solver.name} has no option {quote(name)}; it has: {known}")
        kind = type(complete[name])
        try:
            complete[name] = _converted(value, kind)
        except (TypeError, ValueError, OverflowError) as error:
            raise UsageError(f"option {name}: {quote(value)} is not of type {kind.__name__}") from error
    return complete


def _converted(value: object, kind: type) -> object:
    """A value of the type; a number is never rounded, and not a number (NaN) is none."""
    converted = kind(value)
    if isinstance(converted, float) and math.isnan(converted):
        raise ValueError("not a number")
    if isinstance(value, Real) and isinstance(converted, Real) and converted != value:
        raise ValueError("rounded")
    return converted
