"""The one list of constraint families, from which P1, evaluation, checker and the tables of formulations read."""

from __future__ import annotations

from collections.abc import Mapping

from fgamcd_opt.problem.constraints.beams import BEAMS
from fgamcd_opt.problem.constraints.constraint import Constraint
from fgamcd_opt.problem.constraints.placement import PLACEMENT
from fgamcd_opt.problem.constraints.planning import PLANNING
from fgamcd_opt.problem.variants import Variant

FAMILIES: tuple[type[Constraint], ...] = (*BEAMS, *PLACEMENT, *PLANNING)
"""Every family of every variant."""

TOLERANCES: Mapping[str, float] = {family.name: family.tolerance for family in FAMILIES}
"""Largest relative violation that is put down to rounding, by the name of the family."""


def constraints_of(variant: Variant) -> tuple[Constraint, ...]:
    """The constraints of a variant of P1."""
    return tuple(family(variant) for family in FAMILIES if family.applies(variant))
