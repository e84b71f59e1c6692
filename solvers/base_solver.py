"""What most solvers have in common: P1 without variants, no backend, nothing to load."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from fgamcd_opt.formulations.knapsack.multiple_choice import KNAPSACK
from fgamcd_opt.problem.constraints.formulation import Formulation
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.problem.variants import Csi, Delivery, Granularity, Unserved
from fgamcd_opt.solving.context import SolveContext
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


class BaseSolver(ABC):
    """Defaults of :class:`fgamcd_opt.solving.solver.Solver`; a solver overrides what differs."""

    formulation: ClassVar[Formulation] = KNAPSACK
    """How it writes P1."""
    variants: ClassVar[Mapping[str, frozenset[str]]] = {}
    options: ClassVar[Mapping[str, Any]] = {"rounds": 2}
    backends: ClassVar[tuple[str, ...]] = ()
    option_backends: ClassVar[tuple[str, ...]] = ()

    def __repr__(self) -> str:
        told: Any = self  # name and summary are the subclass's
        return f"<solver {told.name}: {told.summary}>"

    def prepare(self) -> None:  # noqa: B027 (most solvers have nothing to load)
        """Nothing to load; a solver with a slow import overrides it."""

    @abstractmethod
    def solve(self, problem: P1, context: SolveContext, options: Mapping[str, Any]) -> Outcome:
        """Solve ``problem`` within ``context``."""
