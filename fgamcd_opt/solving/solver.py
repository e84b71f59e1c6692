"""The protocol of a solver: what it declares, what it is given, what it returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.io.short_repr import short_repr
from fgamcd_opt.problem.decision import Decision
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.problem.variants import Variant
from fgamcd_opt.solving.context import SolveContext
from fgamcd_opt.solving.status import StopReason


@dataclass(frozen=True, eq=False, kw_only=True)
class Outcome:
    """What a solver returns. It never scores itself: the delay is computed by the independent checker.

    Parameters
    ----------
    stop_reason
        Why it stopped.
    decision
        Best point found, or None.
    lower_bound_s, bound_kind
        Proved lower bound on the delay of P1, in s, and how it is proved; both or neither.
    combinatorial_bound_s
        Proved lower bound over all caching and migration with the known beams, in s.
    multipliers
        (N,) storage multipliers in s per byte from which the bound was proved, or a part of it: what a
        certificate is made from. None if the bound has no such proof.
    infeasibility
        Proof in words that no feasible point exists; exactly for ``StopReason.INFEASIBLE``.
    counts
        How much work was done.
    message
        Anything else the user should know.
    variant
        The variant that the decision and the bounds are for, where the solver itself changed a declaration of P1;
        None: that of the problem it was given.
    """

    stop_reason: StopReason
    decision: Decision | None = None
    lower_bound_s: float | None = None
    bound_kind: str | None = None
    combinatorial_bound_s: float | None = None
    multipliers: NDArray[np.float64] | None = None
    infeasibility: str | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    message: str = ""
    variant: Variant | None = None

    __repr__ = short_repr


ANY_NUMBER = frozenset({"*"})
"""Values of a variant field that takes a number: all of them."""


class Role(StrEnum):
    """What a solver is for; lists of solvers are grouped by it, in this order."""

    EXACT = "exact"
    BOUND = "bound"
    HEURISTIC = "heuristic"
    RIVAL = "rival"
    LEARNED = "learned"

    @property
    def meaning(self) -> str:
        """In words, for legends."""
        return _MEANINGS[self]


_MEANINGS: Mapping[Role, str] = {
    Role.EXACT: "finds solutions and proves how far they are from the optimum",
    Role.BOUND: "proves a lower bound on the delay and looks for no solution",
    Role.HEURISTIC: "finds solutions, proves nothing",
    Role.RIVAL: "a published method or a plainer system, which solves its own variant of the problem",
    Role.LEARNED: "a policy that was trained",
}


class Solver(Protocol):
    """One solver. Registered in `fgamcd_opt.solving.registry`."""

    name: ClassVar[str]
    """Name on the command line."""
    summary: ClassVar[str]
    """One line for people."""
    role: ClassVar[Role]
    """What it is for."""
    proves_bounds: ClassVar[bool]
    """Whether it proves lower bounds on the delay."""
    finds_solutions: ClassVar[bool]
    """Whether it looks for solutions; a method that does not proves bounds, and ``fgamcd bound`` is its command."""
    variants: ClassVar[Mapping[str, frozenset[str]]]
    """Variant fields with the non-default values that it supports; a field left out supports its default only."""
    options: ClassVar[Mapping[str, Any]]
    """Specific options with their defaults; the type of the default is the type of the option."""
    backends: ClassVar[tuple[str, ...]]
    """Distributions that it needs beyond the core of this package, by their names on the package index."""
    option_backends: ClassVar[tuple[str, ...]]
    """Further distributions, which it needs only if one of its options asks for them."""

    def prepare(self) -> None:
        """Load what :meth:`solve` needs; not counted against the time limit."""
        ...

    def solve(self, problem: P1, context: SolveContext, options: Mapping[str, Any]) -> Outcome:
        """Solve ``problem`` within ``context``; ``options`` holds a value for every declared option."""
        ...
