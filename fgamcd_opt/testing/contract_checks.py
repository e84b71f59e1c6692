"""What every result and every declaration of a solver must satisfy."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fgamcd_opt.io.errors import InputError
from fgamcd_opt.problem.variants import Variant
from fgamcd_opt.solving.result import Result
from fgamcd_opt.solving.solver import Role, Solver
from fgamcd_opt.solving.status import PointStatus

ROUNDING = 1e-9
"""Relative difference that is put down to rounding."""

_EXAMPLES = {"hybrid": "hybrid(2)", "cloud": "cloud(1e9)", "*": "2"}
"""Texts for the declared variant values that stand for many."""


class ContractError(AssertionError):
    """A solver breaks a rule of the contract; says how."""


def require(holds: bool, fault: str) -> None:
    """Raise `ContractError` unless ``holds``."""
    if not holds:
        raise ContractError(fault)


def variant_of(field: str, value: str, base: Variant | None = None) -> Variant:
    """``base`` (P1 itself by default) with one declared value, with a parameter where the value needs one."""
    others = base.differences() if base else {}
    try:
        return Variant.parse({**others, field: _EXAMPLES.get(value, value)})
    except InputError as error:
        raise ContractError(f"variants declare {field}={value}, which does not exist: {error}") from error


def check_declarations(solver: Solver, name: str) -> None:
    """Everything that a solver declares, see :class:`fgamcd_opt.solving.solver.Solver`."""
    require(solver.name == name, f"name is {solver.name!r}, but it is registered as {name!r}")
    one_line = isinstance(solver.summary, str) and bool(solver.summary) and "\n" not in solver.summary
    require(one_line, f"summary {solver.summary!r} is not one line of text")
    for flag in ("proves_bounds", "finds_solutions"):
        value = getattr(solver, flag)
        require(isinstance(value, bool), f"{flag} is {value!r}, neither True nor False")
    require(solver.proves_bounds or solver.finds_solutions, "it neither proves bounds nor finds solutions")
    check_role(solver)
    for field, values in solver.variants.items():
        for value in values:
            require(
                bool(variant_of(field, value).differences()), f"variants declare the default {field}={value}"
            )
    for kind in ("backends", "option_backends"):
        names = getattr(solver, kind)
        texts = isinstance(names, tuple) and all(isinstance(name, str) for name in names)
        require(texts, f"{kind} is {names!r}, not a tuple of distributions")
    check_options(solver.options)


def check_role(solver: Solver) -> None:
    """A role, of a solver that does what the role says."""
    role = getattr(solver, "role", None)
    require(isinstance(role, Role), f"role is {role!r}, not one of {', '.join(Role)} (class Role)")
    bound = solver.finds_solutions is False
    require((role is Role.BOUND) == bound, f"role is {role}, but finds_solutions is {solver.finds_solutions}")
    proves = role is not Role.EXACT or solver.proves_bounds
    require(proves, "role is exact, but it proves no bounds")


def check_options(options: Mapping[str, Any]) -> None:
    """Options as text on the command line become values of the type of the default."""
    for name, default in options.items():
        kind = type(default)
        usable = kind in (int, float, str)
        require(
            usable,
            f"option {name}: default {default!r} is no int, float or str; text cannot be turned into it",
        )


def check_result(result: Result, solver: Solver) -> None:
    """A result, scored by the independent checker, that keeps what its solver declares; whatever was found."""
    if result.solution is not None:
        require(solver.finds_solutions, "it returned a solution but declares that it finds none")
        faults = "; ".join(result.verification.faults) if result.verification else ""
        require(result.point_status is PointStatus.FEASIBLE, f"the checker rejects its solution: {faults}")
    if result.lower_bound_s is not None:
        require(solver.proves_bounds, "it returned a bound but declares that it proves none")
    recorded_s, proved_s = result.trace[-1][1:] if result.trace else (None, None)
    if recorded_s is not None:
        kept = result.delay_s is not None and result.delay_s <= recorded_s * (1 + ROUNDING)
        require(kept, f"it recorded a delay of {recorded_s} s, but returns {result.delay_s}")
    if proved_s is not None:
        kept = result.lower_bound_s is not None and result.lower_bound_s >= proved_s * (1 - ROUNDING)
        require(kept, f"it recorded a bound of {proved_s} s, but returns {result.lower_bound_s}")
    try:
        json.dumps(result.to_json(), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ContractError(f"the result is no JSON object: {error}") from error
    for name, count in result.counts.items():
        whole = isinstance(count, int) and not isinstance(count, bool) and count >= 0
        require(whole, f"count {name} is {count!r}, not a whole number")
