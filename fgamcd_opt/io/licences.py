"""Licences of backends: of Gurobi (full, limited in size, none) and of MOSEK."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from functools import cache
from typing import Any

from fgamcd_opt.io.backend_output import backend_output_logged
from fgamcd_opt.io.errors import BackendError
from fgamcd_opt.io.optional import Availability, Backend, probe

SIZE_LIMIT = 2000
"""Variables, and as many constraints, that the licence which comes with gurobipy allows."""

NONLINEAR_LIMIT = 200
"""Variables that it allows in a nonlinear model, those that Gurobi adds for nonlinear functions included."""

_REMEDY = (
    "get a licence (free for academic use, gurobi.com/academia) and let GRB_LICENSE_FILE name its file, "
    "or choose another backend"
)


def silent_environment() -> Any:
    """A Gurobi environment that prints nothing.

    Raises
    ------
    gurobipy.GurobiError
        If there is no valid licence.
    """
    import gurobipy

    return gurobipy.Env(params={"OutputFlag": 0, "LogToConsole": 0})


@cache
def gurobi_state() -> Backend:
    """Installed version and licence, found once per process by a trivial model that is one variable too large."""
    backend = probe("gurobipy")
    if backend.availability is Availability.MISSING:
        return backend
    import gurobipy

    try:
        with silent_environment() as environment, gurobipy.Model(env=environment) as model:
            model.addMVar(SIZE_LIMIT + 1)
            model.optimize()
    except gurobipy.GurobiError as error:
        if error.errno == gurobipy.GRB.Error.SIZE_LIMIT_EXCEEDED:
            limit = f"models of at most {SIZE_LIMIT} variables and {SIZE_LIMIT} constraints"
            return replace(backend, availability=Availability.LIMITED, remedy=f"{limit}; for more, {_REMEDY}")
        return replace(backend, availability=Availability.UNLICENSED, remedy=f"{error}; {_REMEDY}")
    return backend


def require_gurobi(n_variables: int, n_constraints: int, *, nonlinear: bool = False) -> None:
    """Refuse a model that is larger than the installed licence allows, before Gurobi sees it.

    Raises
    ------
    BackendError
        With the size, the limit and the remedy.
    """
    if gurobi_state().availability is not Availability.LIMITED:
        return
    limit = NONLINEAR_LIMIT if nonlinear else SIZE_LIMIT
    if n_variables > limit or n_constraints > SIZE_LIMIT:
        kind = "nonlinear model" if nonlinear else "model"
        ends = f"{limit} variables and {SIZE_LIMIT} constraints" if nonlinear else f"{SIZE_LIMIT} of each"
        raise BackendError(
            f"a {kind} of {n_variables} variables and {n_constraints} constraints is too large for the licence of "
            f"Gurobi, which ends at {ends}: {_REMEDY}"
        )


def mosek_state() -> Backend:
    """Installed version of MOSEK and whether it has a licence."""
    backend = probe("mosek")
    if backend.availability is Availability.MISSING:
        return backend
    fault = mosek_fault()
    if fault is None:
        return backend
    remedy = f"{fault}; put a valid mosek.lic where MOSEKLM_LICENSE_FILE points, or choose another backend"
    return replace(backend, availability=Availability.UNLICENSED, remedy=remedy)


def mosek_fault() -> str | None:
    """What MOSEK answers to the tiny problem min x, x >= 1; None if it solves it."""
    import mosek

    try:
        with mosek.Env() as environment, environment.Task(0, 1) as task:
            task.appendvars(1)
            task.putcj(0, 1.0)
            task.putvarbound(0, mosek.boundkey.lo, 1.0, 0.0)
            task.optimize()
    except mosek.Error as error:
        return str(error.msg or error.errno).split("\n")[0]
    return None


def state(distribution: str, beside: Collection[str] = ()) -> Backend:
    """What :func:`probe` says, and whether there is a licence where one is needed: a model is solved to find out."""
    with backend_output_logged():  # licences are announced
        if distribution == "gurobipy":
            return gurobi_state()
        return mosek_state() if distribution == "mosek" else probe(distribution, beside)
