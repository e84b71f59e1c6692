"""The arguments of the front door: what is accepted means one thing, what is not is refused by name before any work."""

from __future__ import annotations

import argparse
import inspect
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_problems import solved_toy

from fgamcd_opt import P1, Variant, load_instance, solve, verify
from fgamcd_opt.cli.commands import solve as solve_command
from fgamcd_opt.io.errors import InputError, UsageError
from fgamcd_opt.solvers.heuristics.greedy import GreedySolver

TINY = load_instance("tiny")

WRONG = [
    ({"time_limit": "60"}, "time limit: got '60' of type str; expected seconds > 0"),
    ({"time_limit": None}, "time limit: got None"),
    ({"time_limit": math.nan}, "time limit nan: expected seconds > 0"),
    ({"time_limit": -1}, "time limit -1.0 s: must be positive"),
    ({"gap": "1%"}, "gap: got '1%' of type str; expected a number"),
    ({"gap": math.inf}, "gap inf: expected a number"),
    ({"gap": 1}, "gap 1.0: must be at least 0 and below 1"),
    ({"gap": -1e-9}, "gap -1e-09: must be at least 0"),
    ({"threads": 1.5}, "threads: got 1.5 of type float; expected a whole number"),
    ({"threads": True}, "threads: got True of type bool"),
    ({"threads": 0}, "threads 0: must be at least 1"),
    ({"seed": "0"}, "seed: got '0' of type str; expected a whole number"),
    ({"seed": -1}, "seed -1: must be at least 0"),
    ({"options": [("rounds", 1)]}, "options: got [('rounds', 1)] of type list; expected a mapping"),
    ({"options": {"rounds": 1.5}}, "option rounds: 1.5 is not of type int"),
    ({"options": {"rounds": math.nan}}, "option rounds: nan is not of type int"),
    ({"rate_cache": 3}, "rate_cache: got 3 of type int; expected the path of a folder"),
    ({"solver": GreedySolver}, "got the class 'GreedySolver'; expected a name or an object: GreedySolver()"),
    ({"solver": 3}, "solver: got 3 of type int; expected the name of a solver"),
    ({"solver": "exat"}, "did you mean 'exact'?"),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG, ids=lambda value: str(value)[:40])
def test_a_wrong_argument_is_refused_with_the_expected_one(arguments, message):
    with pytest.raises(UsageError) as refused:
        solve(TINY, **arguments)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("problem", "message"),
    [
        ("tiny", "expected a P1 or an Instance, such as P1(load_instance(...))"),
        (None, "expected a P1 or an Instance, such as P1(instance)"),
        (Variant(), "of type Variant; expected a P1 or an Instance"),
    ],
    ids=["text", "nothing", "variant"],
)
def test_what_is_no_problem_is_refused(problem, message):
    with pytest.raises(UsageError) as refused:
        solve(problem)
    assert message in str(refused.value)


def test_problems_are_made_of_an_instance_and_a_variant():
    with pytest.raises(InputError, match=r"^P1: got 'tiny'; expected an Instance"):
        P1("tiny")
    with pytest.raises(InputError, match=r"^P1: got the variant \{'csi': 'nominal'\}; expected a Variant"):
        P1(TINY, {"csi": "nominal"})


def test_verify_says_what_it_takes():
    instance, solution = solved_toy()
    assert verify(instance, solution).valid
    with pytest.raises(InputError, match=r"^verify: got (?s:.*) first; expected an Instance"):
        verify(solution, instance)
    with pytest.raises(InputError, match=r"expected a Solution, such as result\.solution"):
        verify(instance, solve(TINY, "greedy"))


def test_numpy_numbers_mean_what_python_numbers_mean():
    plain = solve(TINY, "exact", time_limit=100.0, gap=0.25, threads=1, seed=3, options={"rounds": 1})
    numbers = solve(
        TINY,
        "exact",
        time_limit=np.float32(100.0),
        gap=Fraction(1, 4),
        threads=np.int64(1),
        seed=np.uint8(3),
        options={"rounds": np.int16(1)},
    )
    assert (numbers.delay_s, numbers.lower_bound_s, numbers.seed) == (plain.delay_s, plain.lower_bound_s, 3)
    assert dict(numbers.options) == dict(plain.options)


def test_an_instance_stands_for_its_p1_and_an_object_for_its_name():
    by_name, by_object = solve(P1(TINY), "greedy"), solve(TINY, GreedySolver())
    assert by_object.solver == "greedy"
    assert by_object.delay_s == by_name.delay_s


def test_arguments_have_the_names_of_the_command_lines_options():
    """Every argument that says how to solve is an option of `fgamcd solve`."""
    parser = argparse.ArgumentParser()
    solve_command.add_arguments(parser)
    options = {action.dest for action in parser._actions}
    of_python = {"problem", "build_s", "stop", "silent"}
    plural = {"options": "option"}
    for name in set(inspect.signature(solve).parameters) - of_python:
        assert plural.get(name, name) in options, name


@given(st.sampled_from(["storage_gb", "zipf"]), st.floats(0.01, 2.0))
def test_values_of_load_instance_may_be_numbers(field, value):
    text, number = (load_instance("tiny", {field: given}) for given in (repr(value), value))
    assert (number.digest, number.name) == (text.digest, text.name)


@pytest.mark.parametrize(
    "value",
    [[0.05, 0.06], (0.05, 0.06), np.array([0.05, 0.06]), "0.05,0.06"],
    ids=["list", "tuple", "array", "text"],
)
def test_lists_too(value):
    assert load_instance("tiny", {"storage_gb": value}).storage_bytes.tolist() == [50_000_000, 60_000_000]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"users": True}, "users: True of type bool; expected a number, a text or a list of them"),
        ({"users": None}, "users: None of type NoneType"),
        ({"users": 4.5}, "users: '4.5' is not valid; expected integer"),
        ({"storage_gb": math.nan}, "storage_gb: nan must lie between"),
        ({"storage_gb": [0.05, {}]}, "storage_gb: {} of type dict"),
        ("users=4", "'users=4' of type str: expected a mapping of recipe fields to values"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_other_values_are_refused_by_field(overrides, message):
    with pytest.raises(InputError) as refused:
        load_instance("tiny", overrides)
    assert message in str(refused.value)


def test_what_names_no_instance_is_refused():
    with pytest.raises(InputError, match=r"^3 of type int: expected the name of a preset"):
        load_instance(3)
