"""The front door believes no solver: what contradicts itself, is no result or changed its input is an error by name."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
import pytest

from fgamcd_opt.instances.generation.from_recipe import generate
from fgamcd_opt.instances.recipes.presets import PRESETS
from fgamcd_opt.io.errors import ExitCode, InputError, SolverError
from fgamcd_opt.problem.decision import Decision
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.solvers.heuristics.greedy import GreedySolver
from fgamcd_opt.solving import registry
from fgamcd_opt.solving.context import Limits, SolveContext
from fgamcd_opt.solving.front_door import solve
from fgamcd_opt.solving.solver import Outcome
from fgamcd_opt.solving.status import StopReason
from fgamcd_opt.testing.random_problems import random_problem

Spoil = Callable[[Outcome, P1, SolveContext], Any]


class Plug(GreedySolver):
    """A sound heuristic whose outcome the test spoils."""

    name: ClassVar[str] = "plug"
    proves_bounds: ClassVar[bool] = True
    spoil: ClassVar[Spoil]

    def solve(self, problem: P1, context: SolveContext, options: Mapping[str, Any]) -> Outcome:
        """What the test makes of the greedy's outcome."""
        return type(self).spoil(super().solve(problem, context, options), problem, context)


@pytest.fixture
def plug(monkeypatch: pytest.MonkeyPatch) -> Callable[[Spoil], Any]:
    """``plug(spoil)`` solves a small problem by the spoiled solver."""

    def run(spoil: Spoil) -> Any:
        monkeypatch.setattr(Plug, "spoil", staticmethod(spoil), raising=False)
        monkeypatch.setitem(registry._BUILT_IN, "plug", f"{Plug.__module__}:Plug")
        return solve(random_problem(2, storage_share=2.5), "plug")

    return run


def with_fields(**fields: Any) -> Spoil:
    return lambda outcome, problem, context: dataclasses.replace(outcome, **fields)


def delay_of(outcome: Outcome, problem: P1) -> float:
    assert outcome.decision is not None
    return problem.evaluate(outcome.decision).delay_s


def bound_of(share: float) -> Spoil:
    """A bound of that share of the own delay."""
    return lambda outcome, problem, context: dataclasses.replace(
        outcome, lower_bound_s=share * delay_of(outcome, problem), bound_kind="a claim"
    )


def refused(plug: Any, spoil: Spoil, part: str) -> None:
    with pytest.raises(SolverError, match=rf"^solver plug .*{part}") as caught:
        plug(spoil)
    assert caught.value.exit_code is ExitCode.VERIFICATION_FAILED


def test_the_solver_unspoiled_is_accepted(plug):
    assert plug(lambda outcome, *_: outcome).delay_s > 0


@pytest.mark.parametrize("share", [0.5, 1.0, 1.0 + 1e-10])
def test_a_bound_up_to_the_own_delay_is_accepted(plug, share):
    assert plug(bound_of(share)).lower_bound_s is not None


@pytest.mark.parametrize("share", [1.0 + 1e-8, 2.0])
def test_a_bound_above_the_own_verified_delay_is_refused(plug, share):
    refused(plug, bound_of(share), "claims lower_bound_s .* above the delay")


def test_a_combinatorial_bound_above_the_own_delay_is_refused(plug):
    refused(plug, with_fields(combinatorial_bound_s=1e9), "claims combinatorial_bound_s 1000000000.0 s")


def test_a_point_beside_a_proof_that_there_is_none_is_refused(plug):
    refused(
        plug,
        with_fields(stop_reason=StopReason.INFEASIBLE, infeasibility="because"),
        "claims that no point exists",
    )


@pytest.mark.parametrize(
    ("spoil", "part"),
    [
        (lambda *_: None, "returned None, not an Outcome"),
        (lambda *_: {"lower_bound_s": 3}, "not an Outcome"),
        (with_fields(stop_reason="done"), "stop_reason 'done'; expected StopReason"),
        (with_fields(decision="none"), "decision 'none'; expected Decision or None"),
        (
            with_fields(lower_bound_s=float("nan"), bound_kind="k"),
            "lower_bound_s nan; expected a finite number",
        ),
        (with_fields(lower_bound_s=float("inf"), bound_kind="k"), "lower_bound_s inf"),
        (with_fields(lower_bound_s="3", bound_kind="k"), "lower_bound_s '3'"),
        (with_fields(lower_bound_s=True, bound_kind="k"), "lower_bound_s True"),
        (with_fields(lower_bound_s=0.0), "a bound has a kind"),
        (with_fields(combinatorial_bound_s=float("nan")), "combinatorial_bound_s nan"),
        (with_fields(multipliers=np.zeros(7)), "multipliers .* expected 3 finite numbers"),
        (with_fields(multipliers=np.full(3, np.nan)), "multipliers"),
        (with_fields(multipliers=[0.0]), "multipliers .* expected ndarray or None"),
        (with_fields(counts=None), "counts None; expected Mapping"),
        (with_fields(message=None), "message None; expected str"),
        (with_fields(variant="P1"), "variant 'P1'"),
        (with_fields(infeasibility="because"), "one goes with the other"),
        (with_fields(stop_reason=StopReason.INFEASIBLE, decision=None), "one goes with the other"),
        (lambda *_: exit(0), r"called exit\(0\)"),
        (lambda *_: "x" * 10_000, "x{199}[.]{3}, not an Outcome"),
    ],
)
def test_what_is_no_outcome_is_refused(plug, spoil, part):
    refused(plug, spoil, part)


def test_a_decision_of_another_shape_is_refused(plug):
    other = Decision(np.ones((2, 1)), np.zeros((2, 2, 1)), np.ones((1, 2, 1), complex))
    refused(plug, with_fields(decision=other), "decision for another problem: .*shape")


def test_numbers_that_are_not_finite_name_the_solver(plug):
    def spoil(outcome: Outcome, problem: P1, context: SolveContext) -> Outcome:
        return dataclasses.replace(
            outcome,
            decision=Decision(
                outcome.decision.caching, outcome.decision.migration, np.nan * outcome.decision.beams
            ),
        )

    with pytest.raises(InputError, match=r"^solver plug: beams.*is not finite"):
        plug(spoil)


def test_an_exception_names_the_solver(plug):
    with pytest.raises(ZeroDivisionError) as caught:
        plug(lambda *_: 1 // 0)
    assert caught.value.__notes__ == ["in solver plug"]


def written(field: str, value: Any) -> Spoil:
    """Write into an array of the instance, by setting its flag first."""

    def spoil(outcome: Outcome, problem: P1, context: SolveContext) -> Outcome:
        array = getattr(problem.instance, field)
        array.setflags(write=True)
        array[...] = value
        return outcome

    return spoil


def replaced(field: str, value: Any) -> Spoil:
    """Put another value in the place of a field."""

    def spoil(outcome: Outcome, problem: P1, context: SolveContext) -> Outcome:
        object.__setattr__(problem.instance, field, value)
        return outcome

    return spoil


@pytest.mark.parametrize(
    "spoil",
    [
        written("storage_bytes", 2**40),
        written("qos_bps", 0.0),
        written("channel", 1e3),
        written("backhaul_bps", 1e15),
        replaced("noise_w", 1e-30),
        replaced("bandwidth_hz", 1e30),
        replaced("csi_radius", np.zeros((1, 1))),
        replaced("block_names", None),
        replaced("channel", None),
    ],
)
def test_a_solver_that_changes_its_instance_is_named(plug, spoil):
    refused(plug, spoil, "changed the instance")


def test_what_a_solver_held_is_not_what_it_is_judged_on(plug):
    """A digest that is faked, and arrays derived from the instance that are overwritten, help nobody."""

    def spoil(outcome: Outcome, problem: P1, context: SolveContext) -> Outcome:
        data = problem.instance
        data.__dict__["digest"] = "0" * 64
        data.__dict__["requested_blocks"] = np.zeros(0, np.int64)
        problem.__dict__["transmissions"] = None
        context.limits = Limits(gap=0.9)
        return outcome

    honest, cheated = plug(lambda outcome, *_: outcome), plug(spoil)
    assert cheated.delay_s == honest.delay_s
    assert cheated.gap_tolerance == honest.gap_tolerance
    assert cheated.instance_digest == honest.instance_digest


def test_no_array_of_an_instance_can_be_written():
    """Fields, arrays derived from them, and those of a problem; also what those are views of."""
    instance = generate(PRESETS["tiny"])
    problem = P1(instance)
    arrays = [value for value in vars(instance).values() if isinstance(value, np.ndarray)]
    arrays += [instance.pair_block, instance.pair_user, instance.requested_blocks, instance.association]
    arrays += [problem.transmissions.block, problem.transmissions.sender, problem.transmissions.of_pair]
    assert len(arrays) > 15
    for array in arrays:
        while isinstance(array, np.ndarray):
            with pytest.raises(ValueError, match="read-only"):
                array[...] = 0
            array = array.base


def test_a_copy_shares_no_memory():
    instance = generate(PRESETS["tiny"])
    twin = instance.copy()
    assert twin.digest == instance.digest
    for field, value in vars(instance).items():
        if isinstance(value, np.ndarray):
            assert not np.shares_memory(value, getattr(twin, field)), field
