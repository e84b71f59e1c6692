"""What a formulation says about every constraint family of P1: written, left out for a reason, or refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fgamcd_opt.io.short_repr import short_repr
from fgamcd_opt.problem.constraints.constraint import Constraint

Family = type[Constraint]


@dataclass(frozen=True, eq=False)
class Formulation:
    """A way of writing P1, and its position on every family in :data:`.constraints.families.FAMILIES`.

    Parameters
    ----------
    name
        In words.
    builders
        The function that writes a family; several families may share one.
    dropped
        Families that are not written, with the reason why that is still exact, or a relaxation.
    refused
        Families that cannot be written here, with the reason; a variant that has one is refused.
    """

    name: str
    builders: Mapping[Family, Callable[..., Any]]
    dropped: Mapping[Family, str] = field(default_factory=dict)
    refused: Mapping[Family, str] = field(default_factory=dict)

    __repr__ = short_repr
