"""Whether the backends that a solver needs can be used here, without importing them."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, requires, version

from fgamcd_opt.backend_output import backend_output_logged
from fgamcd_opt.errors import BackendError
from fgamcd_opt.extras import how_to_install
from fgamcd_opt.solvers.protocol import Solver


class Availability(StrEnum):
    """How far a backend can be used."""

    FULL = "full"
    LIMITED = "limited"
    """Installed, but its licence limits the size of a model."""
    UNLICENSED = "unlicensed"
    """Installed, but no valid licence was found."""
    MISSING = "missing"


@dataclass(frozen=True)
class Backend:
    """One distribution that a solver needs: what is installed, and the remedy if that is not enough."""

    name: str
    version: str | None
    availability: Availability
    remedy: str | None

    def to_json(self) -> dict[str, str | None]:
        """All fields as plain JSON values."""
        return asdict(self)


def probe(distribution: str) -> Backend:
    """State of one backend by the name of its distribution; needs no import, hence no licence either."""
    try:
        return Backend(distribution, version(distribution), Availability.FULL, None)
    except PackageNotFoundError:
        return Backend(distribution, None, Availability.MISSING, _remedy(distribution))


def state(distribution: str) -> Backend:
    """:func:`probe`, and for those that need a licence whether there is one, by a model solved for that purpose."""
    with backend_output_logged():  # licences are announced
        if distribution == "gurobipy":
            from fgamcd_opt.solvers.gurobi_licence import gurobi_state

            return gurobi_state()
        if distribution == "mosek":
            from fgamcd_opt.formulations.conic_backends import mosek_state

            return mosek_state()
        return probe(distribution)


def require_backends(solver: Solver) -> None:
    """Refuse a solver that cannot run.

    Raises
    ------
    BackendError
        Naming the first backend that is missing, and the remedy.
    """
    for backend in map(probe, solver.backends):
        if backend.availability is Availability.MISSING:
            raise BackendError(f"solver {solver.name} needs {backend.name}: {backend.remedy}")


def _remedy(distribution: str) -> str:
    """How to install it: the extra of this package that brings the distribution, or the distribution itself."""
    for line in requires("fgamcd-opt") or []:
        name = re.match(r"[\w.-]+", line)
        extra = re.search(r"extra == ['\"]([\w-]+)['\"]", line)
        if name and extra and name[0].lower() == distribution.lower():
            return how_to_install(extra[1])
    return f"pip install {distribution}"
