"""What most solvers have in common: P1 without variants, no backend, what they need loaded by a toy problem."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar

from fgamcd_opt.formulations.knapsack.multiple_choice import KNAPSACK
from fgamcd_opt.problem.constraints.formulation import Formulation
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.problem.variants import Csi, Delivery, Granularity, Unserved
from fgamcd_opt.solving.context import SolveContext
from fgamcd_opt.solving.rate_tables import toy_problem
from fgamcd_opt.solving.solver import ANY_NUMBER, Outcome

EVERY_VARIANT: Mapping[str, frozenset[str]] = {
    "granularity": frozenset({Granularity.MODEL}),
    "delivery": frozenset(Delivery) - {Delivery.COMP_BROADCAST},
    "cooperation": frozenset({"false"}),
    "csi": frozenset({Csi.NOMINAL}),
    "unserved": frozenset({Unserved.CLOUD}),
}
"""What a solver supports that rests on the delays of caching sets (F5) alone."""

EVERY_VARIANT_AND_SENDERS: Mapping[str, frozenset[str]] = {**EVERY_VARIANT, "max_senders": ANY_NUMBER}
"""Those, and a limit on the number of senders."""


class CompiledSolver(ABC):
    """Defaults of :class:`fgamcd_opt.solving.solver.Solver`; a solver overrides what differs."""

    formulation: ClassVar[Formulation] = KNAPSACK
    """How it writes P1."""
    variants: ClassVar[Mapping[str, frozenset[str]]] = {}
    options: ClassVar[Mapping[str, Any]] = {"rounds": 2}
    backends: ClassVar[tuple[str, ...]] = ()
    option_backends: ClassVar[tuple[str, ...]] = ()
    loading: ClassVar[Mapping[str, Any]] = {}
    """Options with which a toy problem loads all that solving needs, where the default ones do not do."""

    def __repr__(self) -> str:
        told: Any = self  # name and summary are the subclass's
        return f"<solver {told.name}: {told.summary}>"

    def prepare(self) -> None:
        """Load all that solving needs, by solving a toy problem; once in a process."""
        _load(type(self))

    @abstractmethod
    def solve(self, problem: P1, context: SolveContext, options: Mapping[str, Any]) -> Outcome:
        """Solve ``problem`` within ``context``."""


@cache
def _load(solver: type[CompiledSolver]) -> None:
    solver().solve(toy_problem(), SolveContext(silent=True), {**solver.options, **solver.loading})
