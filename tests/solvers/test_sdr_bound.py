"""The semidefinite bound on P1: against enumeration, and against the same relaxation with every rate relaxed."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import linprog

from fgamcd_opt.beamforming.rate_oracle import RateOracle
from fgamcd_opt.formulations.knapsack.multiple_choice import build_knapsack
from fgamcd_opt.formulations.semidefinite.node_subspace import NodeSubspace
from fgamcd_opt.formulations.semidefinite.robust_sdp import RobustSdp
from fgamcd_opt.formulations.semidefinite.sdr_proof import prove_by_relaxation
from fgamcd_opt.instances.resolve import load
from fgamcd_opt.io.errors import UsageError
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.solving.front_door import solve
from fgamcd_opt.solving.status import StopReason
from fgamcd_opt.testing.brute_force import best_delay, full_oracle
from fgamcd_opt.testing.random_problems import random_problem


def every_rate_relaxed(problem: P1) -> np.ndarray:
    """(R, 2^N) rate bounds with a semidefinite program for every block and set, and what they tell about subsets."""
    oracle = RateOracle(problem)
    nodes = range(problem.instance.n_nodes)
    for table in oracle.tables:
        for mask in oracle.masks.tolist():
            space = NodeSubspace.of(table.broadcast, [n for n in nodes if (mask >> n) & 1])
            proof = prove_by_relaxation(space, RobustSdp(space.shape, "scs"), math.inf)
            np.minimum(table.upper, proof.snr_bounds(np.arange(table.upper.size)), out=table.upper)
        table.status[table.upper <= 0.0] = -1
        table.close()
    return oracle.upper_bps()


@pytest.mark.parametrize("seed", [1, 3, 4])
def test_programs_where_they_are_needed_give_what_programs_everywhere_give(seed):
    problem = random_problem(
        seed, nodes=2, users=3, blocks=3, storage_share=1.6, csi_set=("ellipsoid", "balls")[seed % 2]
    )
    result = solve(problem, "sdr")
    assert result.stop_reason is StopReason.COMPLETED
    assert result.counts["semidefinite_programs"] < result.counts["rate_problems_total"]
    knapsack = build_knapsack(problem, every_rate_relaxed(problem))
    choice = (knapsack.block[None] == np.arange(knapsack.n_blocks)[:, None]).astype(float)
    load_mb = knapsack.membership().T * knapsack.size_bytes[knapsack.block] / 1e6
    solved = linprog(
        knapsack.delay_s,
        A_ub=load_mb,
        b_ub=knapsack.storage_bytes / 1e6,
        A_eq=choice,
        b_eq=np.ones(choice.shape[0]),
    )
    assert solved.status == 0
    assert result.lower_bound_s == pytest.approx(solved.fun, rel=1e-5)
    assert result.lower_bound_s <= best_delay(problem, full_oracle(problem).lower_bps())


@pytest.mark.parametrize("seed", range(4))
def test_bound_is_that_of_certified_rates_to_solver_accuracy(seed):
    """One ellipsoid: F6 minimised without a conic solver reaches the same semidefinite bound."""
    problem = random_problem(seed, nodes=2, users=3, storage_share=2.5)
    sdr, lagrangian = solve(problem, "sdr"), solve(problem, "lagrangian", options={"rounds": 8})
    assert sdr.stop_reason is lagrangian.stop_reason
    if sdr.lower_bound_s is not None:
        assert sdr.lower_bound_s == pytest.approx(lagrangian.lower_bound_s, rel=1e-4)


def test_blocks_with_many_users_keep_the_bounds_of_lone_users():
    problem = P1(load("small"))
    none = solve(problem, "sdr", options={"max_users": 1})
    some = solve(problem, "sdr", options={"max_users": 2})
    assert none.counts["semidefinite_programs"] == 0
    assert none.counts["programs_left_out"] > some.counts["programs_left_out"] > 0
    early = solve(problem, "lagrangian", time_limit=1e-9)  # lone users, all nodes sending
    assert none.lower_bound_s == pytest.approx(early.lower_bound_s, rel=2e-6)
    assert none.lower_bound_s < some.lower_bound_s <= solve(problem, "lagrangian").lower_bound_s * (1 + 1e-6)


def test_an_unknown_conic_backend_is_refused():
    with pytest.raises(UsageError, match="conic backend 'csdp' is unknown"):
        solve(P1(load("tiny")), "sdr", options={"backend": "csdp"})
