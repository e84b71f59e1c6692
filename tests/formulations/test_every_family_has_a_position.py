"""Every constraint family: every formulation, and the game, writes it, drops it or refuses it."""

from __future__ import annotations

from typing import ClassVar

import pytest

from fgamcd_opt.problem.constraints.constraint import Constraint
from fgamcd_opt.problem.constraints.families import FAMILIES, constraints_of
from fgamcd_opt.problem.variants import FIELDS, Variant
from fgamcd_opt.solving.registry import get_solver, solver_names

FORMULATIONS = {get_solver(name).formulation.name: get_solver(name).formulation for name in solver_names()}


def positions(family, formulation) -> list[str]:
    """The tables of a formulation in which a family stands."""
    tables = ("builders", "dropped", "refused")
    return [table for table in tables if family in getattr(formulation, table)]


def without_position(families) -> list[tuple[str, str]]:
    """(family, formulation) for every pair that stands in no table, or in several."""
    return [
        (family.__name__, name)
        for family in families
        for name, formulation in FORMULATIONS.items()
        if len(positions(family, formulation)) != 1
    ]


def test_the_formulations_are_those_of_the_solvers():
    assert len(FORMULATIONS) >= 5
    assert any("game" in name for name in FORMULATIONS)


def test_every_pair_has_exactly_one_position():
    assert without_position(FAMILIES) == []


def test_a_new_family_is_missed_by_every_formulation():
    class Fairness(Constraint):
        name: ClassVar[str] = "fairness"

    assert without_position([*FAMILIES, Fairness]) == [("Fairness", name) for name in FORMULATIONS]


def test_families_of_p1_are_never_refused():
    for rule in constraints_of(Variant()):
        assert type(rule).field == ""
        for formulation in FORMULATIONS.values():
            assert type(rule) not in formulation.refused


@pytest.mark.parametrize("name", solver_names())
def test_a_solver_supports_no_variant_whose_families_its_formulation_refuses(name):
    solver = get_solver(name)
    for family in solver.formulation.refused:
        assert family.field in FIELDS
        assert family.field not in solver.variants


def test_every_reason_is_a_text():
    for formulation in FORMULATIONS.values():
        for reason in (*formulation.dropped.values(), *formulation.refused.values()):
            assert len(reason.split()) > 3
        for builder in formulation.builders.values():
            assert callable(builder)
