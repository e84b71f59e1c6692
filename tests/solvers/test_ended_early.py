"""Ended early at paper size, every solver and backend keeps its incumbent and a valid bound."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_conformance import TINY_ONLY, able, check, variant_for

from fgamcd_opt.beamforming.broadcast import BeamformingSettings
from fgamcd_opt.beamforming.rate_oracle import RateOracle
from fgamcd_opt.instances.library.best_known import read_best_known
from fgamcd_opt.instances.resolve import load
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.solvers.milp_backends.registry import MILP_BACKENDS
from fgamcd_opt.solving.context import SolveContext
from fgamcd_opt.solving.front_door import solve
from fgamcd_opt.solving.rate_tables import complete_table
from fgamcd_opt.solving.registry import get_solver, solver_names
from fgamcd_opt.testing.stop_after import StopAfter

LARGE, TINY = "paper-s12-0250MB", "tiny-n3-u3-s1-0040MB"
CASES = [(name, {}) for name in solver_names()]
CASES += [("exact", {"backend": backend}) for backend in MILP_BACKENDS]
EVERY_CASE = pytest.mark.parametrize(
    ("name", "options"), CASES, ids=lambda case: str(case) if case else "default"
)

FIRST_RATES = 450
"""Looks at the stop flag; the 353 transmissions of whole models need one each for the set of all their nodes."""


@pytest.fixture(scope="module")
def rate_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The rates of the first pass of every solver, so that the second is spent on the search."""
    folder = tmp_path_factory.mktemp("rates")
    problem = P1(load(LARGE))
    efforts = {get_solver(name).options.get("rounds") for name, _ in CASES if name not in TINY_ONLY}
    for rounds in efforts - {None}:
        complete_table(
            RateOracle(problem, BeamformingSettings(rounds=rounds)), SolveContext(rate_cache=folder)
        )
    return folder


def judged(name, options, rate_cache, **end):
    """The result of a solver that is ended early, after its promises were checked; None if its backend is missing.

    The bound is compared with the best delay known, the incumbent with the best bound known. What a rival proves on its
    own variant is compared with its own incumbent alone.
    """
    if not able(name):
        return None
    instance = TINY if name in TINY_ONLY else LARGE
    problem = P1(load(instance), variant_for(name))
    known = read_best_known()[instance]
    result = solve(problem, name, options=options, rate_cache=rate_cache, **end)
    check(result, problem, name)
    if result.delay_s is not None:
        assert result.delay_s >= known.lower_bound_s * (1 - 1e-9)
    if result.lower_bound_s is not None and not result.variant.differences():
        assert 0 < result.lower_bound_s <= known.delay_s * (1 + 1e-9)
    return result


@EVERY_CASE
def test_one_second_leaves_a_valid_bound(name, options, rate_cache):
    """Whether there is an incumbent after a second is up to the machine: the next test counts instead."""
    result = judged(name, options, rate_cache, time_limit=1.0, gap=1e-6)
    if result is not None:
        assert (result.lower_bound_s is not None) == get_solver(name).proves_bounds


@pytest.mark.parametrize("name", solver_names())
def test_the_first_rates_are_enough_for_an_incumbent(name):
    """Every look at the flag comes with progress: after so many, the set of all nodes is known for every block."""
    solver = get_solver(name)
    if solver.finds_solutions:
        result = judged(name, {}, None, stop=StopAfter(FIRST_RATES), gap=1e-6)
        if result is not None:
            assert result.delay_s is not None
            assert (result.lower_bound_s is not None) == solver.proves_bounds
