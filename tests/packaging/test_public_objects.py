"""Every public class of the Python reference, and what it hands out, says on one short line what it is."""

from __future__ import annotations

import importlib
import re
from enum import Enum
from pathlib import Path

import numpy as np
import pytest
from toy_problems import solved_toy

import fgamcd_opt
from fgamcd_opt import P1, Variant, core, load_instance, solve
from fgamcd_opt.instances.repositories.model_repository import Repository
from fgamcd_opt.io.short_repr import MOST_CHARACTERS, short_repr
from fgamcd_opt.problem.constraints.families import FAMILIES
from fgamcd_opt.solving.registry import get_solver, solver_names

PAGES = Path(__file__).parents[2] / "docs" / "reference" / "python"
INSTANCE, SOLUTION = solved_toy()
PROBLEM, RESULT = P1(load_instance("tiny")), solve(load_instance("tiny"), "greedy")
LONG_NAME = "\u202e<script>" + "n" * 900
VARIANTS = [
    Variant(),
    Variant.parse({"granularity": "model", "delivery": "hybrid(4)", "csi": "nominal", "max_senders": "3"}),
    Variant.parse({"delivery": "local_broadcast", "cooperation": "false", "unserved": "cloud(1e9)"}),
]
EXAMPLES: dict[str, list[object]] = {
    "Instance": [PROBLEM.instance, PROBLEM.instance.replace(name=LONG_NAME)],
    "P1": [PROBLEM, *(P1(PROBLEM.instance.replace(name=LONG_NAME), variant) for variant in VARIANTS)],
    "Decision": [SOLUTION.decision],
    "Solution": [SOLUTION, RESULT.solution],
    "Result": [RESULT, solve(PROBLEM.instance.replace(name=LONG_NAME), "lp")],
    "Verification": [
        RESULT.verification,
        fgamcd_opt.verify(INSTANCE.replace(power_w=1e-9 * INSTANCE.power_w), SOLUTION),
    ],
    "Evaluation": [PROBLEM.evaluate(RESULT.solution.decision)],
    "Repository": [Repository(("a", "b"), np.array([1, 2]), ("m",), np.array([[True, True]]))],
    "LpColumns": [core.LpColumns(np.array([0, 1]), np.array([1]), np.ones(1), np.ones(1), np.ones(2))],
    "BaseSolver": [solver for name in solver_names() if hasattr(solver := get_solver(name), "formulation")],
}
"""Objects of the public classes that write their own line."""


def public_classes() -> dict[str, type]:
    """Classes that the modules of the reference define, and those at the top of the package."""
    found = {
        name: thing for name in fgamcd_opt.__all__ if isinstance(thing := getattr(fgamcd_opt, name), type)
    }
    for page in PAGES.glob("*.md"):
        for module in re.findall(r"^::: (\S+)", page.read_text(), re.MULTILINE):
            members = vars(importlib.import_module(module))
            found |= {
                name: thing
                for name, thing in members.items()
                if isinstance(thing, type) and thing.__module__ == module and not name.startswith("_")
            }
    return found


CLASSES = public_classes()


def says_itself(kind: type) -> bool:
    """Whether the class has no line of its own to write: words of an enumeration, errors, protocols."""
    return issubclass(kind, Enum | BaseException) or getattr(kind, "_is_protocol", False)


def test_the_reference_has_classes():
    assert {"Result", "TrainConfig", "RateOracle", "Row", "EvaluatedPolicies", "Knapsack"} <= set(CLASSES)


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_every_public_class_has_a_short_repr(name):
    """One line for all (which is short whatever it holds), or one of its own with an example here."""
    kind = CLASSES[name]
    if says_itself(kind) or kind.__repr__ is short_repr:
        return
    if issubclass(kind, tuple):  # a NamedTuple: nothing may be assigned in its body
        require_short(kind(*[np.zeros((99, 99))] * len(kind._fields)))
        return
    assert "__repr__" in vars(kind), f"{name}: write `__repr__ = short_repr` into the class"
    assert EXAMPLES.get(name), f"{name}: write `__repr__ = short_repr`, or give examples of its own repr here"
    for example in EXAMPLES[name]:
        require_short(example)


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_what_a_problem_hands_out_is_short(variant):
    problem = P1(PROBLEM.instance, variant)
    parts = [variant, problem.objective, problem.transmissions, problem.data.error_set]
    for part in [*parts, *problem.sets, *problem.parameters, *problem.variables]:
        require_short(part)


def test_constraint_families_show_their_formula():
    for family in FAMILIES:
        for variant in VARIANTS:
            require_short(family(variant))
    storage = next(c for c in PROBLEM.constraints if c.name == "storage")
    assert repr(storage) == "<Storage storage (1): sum_k D_k a_{n,k} <= Q_n for n in N>"


def test_a_glance_says_what_matters():
    assert repr(Variant()) == "Variant()"
    assert (
        repr(Variant.parse({"csi": "nominal", "max_senders": "3"})) == "Variant(csi=nominal, max_senders=3)"
    )
    figures = repr(RESULT)
    assert f"{RESULT.delay_s:.6g} s" in figures
    assert "by 'greedy': feasible" in figures
    digest = PROBLEM.instance.digest[:12]
    assert repr(PROBLEM.instance).startswith("<Instance 'tiny': 2 nodes with ")
    assert digest in repr(PROBLEM.instance)


def test_names_from_files_are_shown_as_text():
    """No control or direction character of a name reaches a terminal, and no long name hides the figures."""
    shown = repr(PROBLEM.instance.replace(name=LONG_NAME))
    assert "\\u202e<script>" in shown
    assert "digest" in shown


def require_short(thing: object) -> None:
    text = repr(thing)
    assert len(text) <= MOST_CHARACTERS, text
    assert text.isprintable(), text
    assert " object at 0x" not in text
