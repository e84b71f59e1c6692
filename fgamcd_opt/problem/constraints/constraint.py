"""What a constraint family of P1 is: its words, the variants that it belongs to, and how far a decision is from it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.io.short_repr import cut, short_repr
from fgamcd_opt.problem.decision import Decision
from fgamcd_opt.problem.transmissions import Transmissions
from fgamcd_opt.problem.variants import Variant


@dataclass(frozen=True, eq=False)
class Candidate:
    """A decision with all that constraints and objective are computed from.

    Parameters
    ----------
    instance, variant, sent
        The problem: its data as the variant sees them, its variant and its T transmissions.
    decision
        A candidate of matching shape; it may violate anything.
    rate_bps
        (P,) worst-case rates of the pairs (6).
    from_cloud
        (T,) transmissions that the cloud makes; their users are owed no QoS.
    """

    instance: Instance
    variant: Variant
    sent: Transmissions
    decision: Decision
    rate_bps: NDArray[np.float64]
    from_cloud: NDArray[np.bool_]

    __repr__ = short_repr

    @cached_property
    def power_share(self) -> NDArray[np.float64]:
        """(T, N) power of each beam relative to the node's budget; infinite where the square overflows."""
        with np.errstate(over="ignore"):
            return np.asarray((np.abs(self.decision.beams) ** 2).sum(axis=2) / self.instance.power_w)


Measured = tuple[NDArray[Any], Callable[..., str]]
"""Relative violations over the index set, 0 where the constraint holds, and the place of an index in words."""


@dataclass(frozen=True)
class Violation:
    """Largest relative violation of a family, and where it is; no place where nothing is violated."""

    value: float
    place: str | None

    __repr__ = short_repr


@dataclass(frozen=True)
class Constraint(ABC):
    """One constraint family of a variant.

    A formulation says for every family how it writes it, or why it does not (module `formulation`).
    """

    variant: Variant
    name: ClassVar[str]
    """Its key in ``Evaluation.violations``."""
    equation: ClassVar[str] = ""
    """Number in the paper (Fu et al., arXiv 2509.19341); empty for what only variants ask for."""
    index_sets: ClassVar[str]
    field: ClassVar[str] = ""
    """The variant field that brings it; empty for a family of P1 itself."""
    tolerance: ClassVar[float] = 0.0
    """Largest relative violation that is put down to rounding; 0 for logical and integer constraints."""

    def __repr__(self) -> str:
        equation = f" {self.equation}" if self.equation else ""
        return f"<{type(self).__name__} {self.name}{equation}: {cut(self.formula, 200)} for {cut(self.index_sets)}>"

    @property
    @abstractmethod
    def formula(self) -> str:
        """The constraint as the paper writes it."""

    @classmethod
    def applies(cls, variant: Variant) -> bool:
        """Whether the family belongs to the variant."""
        return True

    @abstractmethod
    def measure(self, candidate: Candidate) -> Measured:
        """Relative violation over the whole index set; a violated logical constraint counts 1."""

    def violation(self, candidate: Candidate) -> Violation:
        """The largest relative violation of a candidate."""
        values, place = self.measure(candidate)
        worst = float(values.max(initial=0))
        if worst == 0.0:
            return Violation(worst, None)
        index = np.unravel_index(int(values.argmax()), values.shape)
        return Violation(worst, place(*(int(i) for i in index)))
