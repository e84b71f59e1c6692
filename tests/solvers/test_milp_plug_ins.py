"""MILP backends of other packages: an honest one is of use, and whatever another one says, no false bound comes out."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from knapsacks import medium_knapsack
from test_knapsack_stages import optimum

from fgamcd_opt.io.errors import BackendError, SolverError, UsageError
from fgamcd_opt.solvers.milp_backends import highs, registry
from fgamcd_opt.solvers.milp_backends.milp import solve_milp
from fgamcd_opt.solvers.milp_backends.milp_task import MilpResult, MilpTask
from fgamcd_opt.solving.context import SolveContext
from fgamcd_opt.solving.front_door import solve
from fgamcd_opt.testing import MILP_RULES, ContractError, MilpBackendUnderTest, check_milp_rule
from fgamcd_opt.testing.random_problems import random_problem

KNAPSACK = medium_knapsack(1)
BEST = optimum(KNAPSACK)
TIGHT = random_problem(2, nodes=3, blocks=8, storage_share=1.5, missing_links=0.0)
Spoil = Callable[[MilpResult, MilpTask, SolveContext], Any]


class Mine(SimpleNamespace):
    """The module of a plug-in: HiGHS, spoiled by the test."""

    spoil: Spoil = staticmethod(lambda found, task, context: found)
    asked: int = 0


def run_mine(task: MilpTask, context: SolveContext) -> Any:
    """The plug-in's function."""
    Mine.asked += 1
    return Mine.spoil(highs.run_milp(task, context), task, context)


@pytest.fixture(autouse=True)
def plug_in(monkeypatch: pytest.MonkeyPatch) -> Callable[[Spoil], None]:
    """``plug_in(spoil)`` registers the backend `mine`; it is honest at first."""
    installed = {"mine": f"{__name__}:run_mine", "gone": "no_such_module:run", "odd": f"{__name__}:KNAPSACK"}
    monkeypatch.setattr(registry, "_plug_ins", lambda: installed)
    monkeypatch.setattr(Mine, "asked", 0)
    return lambda spoil: monkeypatch.setattr(Mine, "spoil", staticmethod(spoil))


def run(**changed: Any) -> MilpResult:
    options = {"gap": 0.0, "good_s": -math.inf, "time_s": math.inf, **changed}
    return solve_milp(KNAPSACK, SolveContext(), backend="mine", **options)


def require_true(found: MilpResult) -> None:
    """Nothing false: bound at most the optimum by enumeration, a choice that fits."""
    assert found.bound_s <= BEST * (1 + 1e-12)
    if found.columns is not None:
        assert KNAPSACK.fits(found.columns)
        assert KNAPSACK.total_delay_s(found.columns) >= BEST * (1 - 1e-12)


def test_an_honest_one_is_asked_and_its_choice_counts(plug_in):
    seen = []
    plug_in(lambda found, task, context: seen.append(found) or found)
    found = run()
    require_true(found)
    assert found.finished
    assert KNAPSACK.total_delay_s(found.columns) == pytest.approx(BEST, rel=1e-9)
    assert found.bound_s == pytest.approx(BEST, rel=1e-9)
    assert Mine.asked == len(seen) > 0


def test_exact_uses_it_by_its_name():
    mine, tree = (solve(TIGHT, gap=1e-4, options={"backend": name}) for name in ("mine", "tree"))
    assert Mine.asked > 0
    assert mine.gap <= 1e-4
    assert max(mine.lower_bound_s, tree.lower_bound_s) <= min(mine.delay_s, tree.delay_s)


WRONG_RESULTS = {
    "nothing": (lambda f, t, c: None, "returned None; expected a MilpResult"),
    "a tuple": (lambda f, t, c: (f.columns, f.bound_s), "expected a MilpResult"),
    "bound NaN": (lambda f, t, c: replace(f, bound_s=math.nan), "returned bound_s nan; expected a number"),
    "bound text": (lambda f, t, c: replace(f, bound_s="1.0"), "returned bound_s '1.0'"),
    "bound None": (lambda f, t, c: replace(f, bound_s=None), "returned bound_s None"),
    "nodes": (lambda f, t, c: replace(f, nodes=-1), "returned nodes -1; expected a whole number"),
    "columns NaN": (lambda f, t, c: replace(f, columns=f.columns * math.nan), "returned columns"),
    "columns list": (lambda f, t, c: replace(f, columns=f.columns.tolist()), "returned columns"),
    "columns short": (lambda f, t, c: replace(f, columns=f.columns[:-1]), "one column of each block in turn"),
    "columns twice": (
        lambda f, t, c: replace(f, columns=f.columns[[0, *range(f.columns.size - 1)]]),
        "columns",
    ),
    "columns below": (lambda f, t, c: replace(f, columns=f.columns - 10**6), "columns"),
    "columns beyond": (lambda f, t, c: replace(f, columns=f.columns + 10**6), "columns"),
    "bound above": (lambda f, t, c: replace(f, bound_s=1.01 * BEST), "mine claims the bound"),
    "nothing fits": (
        lambda f, t, c: replace(f, columns=None, bound_s=math.inf),
        "mine claims that nothing fits",
    ),
    "exit": (lambda f, t, c: exit(3), r"called exit\(3\)"),
}


@pytest.mark.parametrize("lie", WRONG_RESULTS)
def test_what_is_no_result_or_refuted_is_an_error_that_names_it(lie, plug_in):
    spoil, message = WRONG_RESULTS[lie]
    plug_in(spoil)
    with pytest.raises(SolverError, match=rf"^MILP backend mine .*{message}|^MILP backend {message}"):
        run()


def test_an_exception_keeps_its_type_and_names_the_backend(plug_in):
    def fail(found, task, context):
        raise ZeroDivisionError("in C")

    plug_in(fail)
    with pytest.raises(ZeroDivisionError) as raised:
        solve(
            random_problem(2, nodes=3, blocks=8, storage_share=1.5, missing_links=0.0),
            options={"backend": "mine"},
            gap=0,
        )
    assert raised.value.__notes__ == ["in MILP backend mine", "in solver exact"]


def test_a_bound_below_the_best_known_choice_is_not_believed_either(plug_in):
    """The lie that no choice in hand refutes: a poor choice, and a bound just below it, above the optimum."""

    def lie(found, task, context):
        poor = worst_choice()
        return MilpResult(poor, KNAPSACK.total_delay_s(poor) * (1 - 1e-9), True, 0)

    plug_in(lie)
    with pytest.raises(SolverError, match="mine claims the bound"):
        run()
    require_true(run_without_proof(lie))


def run_without_proof(spoil: Spoil) -> MilpResult:
    """No node and no time for the tree to refute the claim: it must not come out all the same."""
    try:
        return run(most_nodes=0, time_s=1e-9)
    except SolverError:
        return MilpResult(None, -math.inf, False, 0)


def worst_choice() -> np.ndarray:
    """Per block the slowest set of one node that still fits."""
    free, columns = KNAPSACK.storage_bytes.copy(), []
    for k in np.argsort(-KNAPSACK.size_bytes).tolist():
        alone = [
            j for j in np.flatnonzero(KNAPSACK.block == k).tolist() if bin(KNAPSACK.mask[j]).count("1") == 1
        ]
        fitting = [j for j in alone if free[int(KNAPSACK.mask[j]).bit_length() - 1] >= KNAPSACK.size_bytes[k]]
        column = max(fitting, key=lambda j: KNAPSACK.delay_s[j])
        free[int(KNAPSACK.mask[column]).bit_length() - 1] -= KNAPSACK.size_bytes[k]
        columns.append((k, column))
    return np.array([column for _, column in sorted(columns)])


CLAIMS = st.floats(allow_nan=False) | st.sampled_from([BEST, 0.5 * BEST, 0.999 * BEST, 2 * BEST])


@given(CLAIMS, st.booleans(), st.booleans(), st.integers(0, 10**9), st.sampled_from([math.inf, 1e-9, 0.05]))
@settings(max_examples=30, deadline=None)
def test_no_claim_leads_to_a_false_bound(claim, gives_choice, finished, nodes, time_s):
    def spoil(found, task, context):
        return MilpResult(worst_choice() if gives_choice else None, claim, finished, nodes)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Mine, "spoil", staticmethod(spoil))
        try:
            found = run(time_s=time_s)
        except SolverError:
            found = None
    if found is None:
        assert claim > BEST * (1 + 1e-9)
    else:
        require_true(found)


def test_it_cannot_change_what_it_is_given(plug_in):
    def vandal(found, task, context):
        task.knapsack.delay_s[:] = 0.0
        task.knapsack.storage_bytes[:] = 2**40
        context.record(lower_bound_s=1e9)
        return MilpResult(found.columns, found.bound_s, True, 0)

    plug_in(vandal)
    before = KNAPSACK.delay_s.copy(), KNAPSACK.storage_bytes.copy()
    found = run()
    assert np.array_equal(KNAPSACK.delay_s, before[0])
    assert np.array_equal(KNAPSACK.storage_bytes, before[1])
    require_true(found)


def test_a_choice_that_does_not_fit_is_cut_off_and_asked_again(plug_in):
    everywhere = np.array([
        max(np.flatnonzero(KNAPSACK.block == k).tolist(), key=lambda j: bin(KNAPSACK.mask[j]).count("1"))
        for k in range(KNAPSACK.n_blocks)
    ])  # fmt: skip
    assert not KNAPSACK.fits(everywhere)
    first = []

    def greedy(found, task, context):
        first.append(len(task.rows))
        return MilpResult(everywhere, -math.inf, True, 0) if len(first) == 1 else found

    plug_in(greedy)
    found = run()
    require_true(found)
    assert found.finished
    assert first[1] > first[0]


def test_names_are_known_and_what_cannot_be_loaded_says_so():
    assert registry.milp_backend_names()[-3:] == ("gone", "mine", "odd")
    problem = random_problem(2)
    with pytest.raises(UsageError, match=r"'mime' is unknown; expected one of tree, .*did you mean 'mine'"):
        solve(problem, options={"backend": "mime"})
    with pytest.raises(BackendError, match=r"gone .*cannot be loaded: No module named 'no_such_module'"):
        solve(problem, options={"backend": "gone"})
    with pytest.raises(BackendError, match=r"odd .*is no function of \(task, context\)"):
        solve(problem, options={"backend": "odd"})


def test_the_honest_one_keeps_the_contract():
    for rule in MILP_RULES:
        check_milp_rule(rule, MilpBackendUnderTest("mine"))


BROKEN = {
    "finds_the_optimum": lambda f, t, c: replace(f, columns=None),
    "claims_no_false_bound": lambda f, t, c: replace(f, bound_s=1.001 * f.bound_s),
    "says_when_nothing_fits": lambda f, t, c: replace(f, bound_s=-math.inf) if f.columns is None else f,
    "takes_a_start": lambda f, t, c: replace(f, columns=None) if t.start is not None else f,
    "stops_when_asked": lambda f, t, c: MilpResult(None, math.inf, True, 0) if c.must_stop else f,
    "is_quiet": lambda f, t, c: print("presolved") or f,
    "repeats_itself": lambda f, t, c: replace(f, bound_s=f.bound_s - 1e-9 * next(NOISE)),
    "serves_exact": lambda f, t, c: replace(f, bound_s=math.inf, columns=None),
}
NOISE = iter(range(10**9))


@pytest.mark.parametrize("rule", MILP_RULES)
def test_every_rule_rejects_a_backend_that_breaks_it(rule, plug_in):
    plug_in(BROKEN[rule])
    with pytest.raises(ContractError):
        check_milp_rule(rule, MilpBackendUnderTest("mine"))
