"""At a time limit of one second, at paper size: every solver and backend keeps its incumbent and a valid bound."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_conformance import TINY_ONLY, able, check, variant_for

from fgamcd_opt.beamforming.broadcast import BeamformingSettings
from fgamcd_opt.context import Limits, SolveContext
from fgamcd_opt.frontdoor import solve
from fgamcd_opt.instances.best_known import read_best_known
from fgamcd_opt.instances.resolve import load
from fgamcd_opt.problem import P1
from fgamcd_opt.rate_oracle import RateOracle
from fgamcd_opt.solvers.milp import MILP_BACKENDS
from fgamcd_opt.solvers.rate_tables import complete_table
from fgamcd_opt.solvers.registry import get_solver, solver_names

LARGE, TINY = "paper-s12-0250MB", "tiny-n3-u3-s1-0040MB"
CASES = [(name, {}) for name in solver_names()]
CASES += [("exact", {"backend": backend}) for backend in MILP_BACKENDS]


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


@pytest.mark.parametrize(("name", "options"), CASES, ids=lambda case: str(case) if case else "default")
def test_incumbent_and_bound_survive(name, options, rate_cache):
    """The bound is compared with the best delay known, the incumbent with the best bound known.

    What a rival proves on its own variant is compared with its own incumbent alone.
    """
    if not able(name):
        return
    instance = TINY if name in TINY_ONLY else LARGE
    problem = P1(load(instance), variant_for(name))
    known = read_best_known()[instance]
    solver = get_solver(name)
    limits = Limits(time_s=1.0, gap=1e-6)
    result = solve(problem, name, limits=limits, options=options, rate_cache=rate_cache)
    check(result, problem, name)
    assert (result.objective_s is not None) == solver.finds_solutions
    assert (result.bound_s is not None) == solver.proves_bounds
    if solver.finds_solutions:
        assert result.objective_s >= known.lower_bound_s * (1 - 1e-9)
    if solver.proves_bounds and not result.variant.differences():
        assert 0 < result.bound_s <= known.delay_s * (1 + 1e-9)
