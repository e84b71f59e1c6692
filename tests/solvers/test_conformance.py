"""What every registered solver owes its users. The registry itself is the list of cases."""

from __future__ import annotations

import numpy as np
import pytest

from fgamcd_opt.instances.resolve import load
from fgamcd_opt.io.errors import BackendError, ExitCode, UnsupportedVariantError, UsageError
from fgamcd_opt.io.optional import Availability, probe
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.problem.variants import Variant
from fgamcd_opt.solving.front_door import solve, supports
from fgamcd_opt.solving.registry import get_solver, require_backends, solver_names
from fgamcd_opt.solving.status import StopReason
from fgamcd_opt.testing import RULES, SolverUnderTest, check_rule
from fgamcd_opt.testing.contract_checks import check_result
from fgamcd_opt.testing.stop_after import StopAfter

EVERY_SOLVER = pytest.mark.parametrize("name", solver_names())
TINY_ONLY = {"minlp"}
"""Solvers that refuse anything larger than `tiny`."""

QUICK = {"sdr": {"max_users": 2}}
"""Options with which a solver takes no more than seconds on `small`."""

VARIANTS = (
    {"granularity": "model"},
    {"delivery": "unicast_tdma"},
    {"delivery": "hybrid(2)"},
    {"delivery": "local_broadcast"},
    {"cooperation": "false"},
    {"csi": "nominal"},
    {"unserved": "cloud(1e9)"},
    {"max_senders": "1"},
)


NEEDS_CLOUD = {"no-cooperation"}
"""Solvers whose variant leaves some users of the presets without their QoS unless there is a cloud."""


def variant_for(name: str) -> Variant:
    """P1 itself, or with the cloud where a solver finds nothing without it."""
    return Variant.parse({"unserved": "cloud(1e9)"} if name in NEEDS_CLOUD else {})


def able(name: str) -> bool:
    """Whether the backends are here; if not, that they are named with a remedy is what is tested."""
    missing = [b for b in map(probe, get_solver(name).backends) if b.availability is Availability.MISSING]
    if missing:
        with pytest.raises(BackendError, match=missing[0].name):
            require_backends(get_solver(name))
    return not missing


def largest(name: str) -> str:
    """The largest of the two small presets that a solver takes."""
    return "tiny" if name in TINY_ONLY else "small"


def check(result, problem: P1, name: str) -> None:
    """A result that keeps the promises of the registry, whatever it found."""
    assert result.solver == name
    check_result(result, get_solver(name))
    if result.solution is not None:
        judged = P1(problem.instance, result.variant).evaluate(result.solution.decision)
        assert judged.delay_s == result.delay_s == result.solution.delay_s
        assert judged.served == problem.instance.n_users or judged.cloud_blocks > 0
    assert (result.lower_bound_s is not None) == (result.bound_kind is not None)
    if result.lower_bound_s is not None and result.delay_s is not None:
        assert result.lower_bound_s <= result.delay_s * (1 + 1e-9)
        assert result.gap == pytest.approx(max(0.0, 1 - result.lower_bound_s / result.delay_s), abs=1e-12)
    assert result.to_json()["solver"] == name


def test_the_registry_is_not_empty():
    assert {"exact", "greedy", "lp", "lagrangian", "sdr"} <= set(solver_names())


@EVERY_SOLVER
@pytest.mark.parametrize("rule", RULES)
def test_the_contract_of_all_solvers(name, rule):
    """The rules that plug-ins of other packages are held to, too."""
    if able(name):
        check_rule(rule, SolverUnderTest(name, QUICK.get(name, {}), variant_for(name)))


def test_an_unknown_solver_is_refused_with_the_nearest_name():
    with pytest.raises(UsageError, match="did you mean 'exact'"):
        get_solver("exakt")


@EVERY_SOLVER
@pytest.mark.parametrize("instance", ["tiny", "small"])
def test_presets_are_solved_and_verified(name, instance):
    if not able(name):
        return
    problem = P1(load(instance), variant_for(name))
    if name in TINY_ONLY and instance != "tiny":
        with pytest.raises(UsageError, match="tiny instances"):
            solve(problem, name)
        return
    result = solve(problem, name, gap=1e-3, options=QUICK.get(name))
    check(result, problem, name)
    solver = get_solver(name)
    assert (result.delay_s is not None) == solver.finds_solutions
    assert result.exit_code is (ExitCode.DONE if solver.finds_solutions else ExitCode.NO_SOLUTION)
    if not solver.finds_solutions:
        assert result.lower_bound_s > 0
    assert result.stop_reason not in (StopReason.TIME_LIMIT, StopReason.INTERRUPTED, StopReason.INFEASIBLE)


@EVERY_SOLVER
def test_same_seed_same_result_whatever_the_threads(name):
    if not able(name):
        return
    fields = {"users": "6"} if largest(name) == "small" else {}
    problem = P1(load(largest(name), fields), variant_for(name))
    first, again, threads = (
        solve(problem, name, seed=3, threads=n, options=QUICK.get(name)) for n in (1, 1, 2)
    )
    for other in (again, threads):
        assert (other.solution is None) == (first.solution is None) == (not get_solver(name).finds_solutions)
        if first.solution is not None:
            for field in ("caching", "migration", "beams"):
                np.testing.assert_array_equal(
                    getattr(other.solution.decision, field), getattr(first.solution.decision, field)
                )
        assert other.lower_bound_s == first.lower_bound_s
        assert other.stop_reason == first.stop_reason


@EVERY_SOLVER
@pytest.mark.parametrize("fields", VARIANTS, ids=lambda f: "-".join(f))
def test_a_variant_is_supported_or_refused_before_any_work(name, fields, monkeypatch):
    variant = Variant.parse(fields)
    ((field, value),) = variant.differences().items()
    solver = get_solver(name)
    if supports(solver, field, value):
        if able(name):
            problem = P1(load("tiny"), variant)
            check(solve(problem, name), problem, name)
        return

    def work(*_):
        raise AssertionError("the solver has begun to work")

    monkeypatch.setattr(type(solver), "solve", work)
    with pytest.raises(UnsupportedVariantError, match=f"solver {name} does not support {field}="):
        solve(P1(load("tiny"), variant), name)


@EVERY_SOLVER
def test_options_are_checked_before_any_work(name, monkeypatch):
    solver = get_solver(name)

    def work(*_):
        raise AssertionError("the solver has begun to work")

    monkeypatch.setattr(type(solver), "solve", work)
    with pytest.raises(UsageError, match="has no option 'no_such_option'"):
        solve(P1(load("tiny")), name, options={"no_such_option": 1})
    numbers = [option for option, default in solver.options.items() if type(default) in (int, float)]
    for option in numbers:
        with pytest.raises(UsageError, match=f"option {option}: 'many' is not of type"):
            solve(P1(load("tiny")), name, options={option: "many"})


@EVERY_SOLVER
@pytest.mark.parametrize("looks", [0, 1, 3, 10, 40])
def test_a_stop_request_ends_in_an_orderly_result(name, looks):
    """The flag turns at the n-th look at it; before the first one, nothing at all may be there."""
    if not able(name):
        return
    problem = P1(load(largest(name)), variant_for(name))
    result = solve(problem, name, stop=StopAfter(looks), options=QUICK.get(name))
    check(result, problem, name)
    problem = P1(problem.instance, result.variant)
    if looks == 0:
        assert result.stop_reason is StopReason.INTERRUPTED
    if result.lower_bound_s is not None:
        reached = solve(problem, "exact", gap=1e-3)
        assert result.lower_bound_s <= reached.delay_s * (1 + 1e-9)
