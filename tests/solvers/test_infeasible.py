"""Problems without a feasible point: proved, with the reason, by every solver that proves, and never "solved"."""

from __future__ import annotations

import numpy as np
import pytest

from fgamcd_opt.io.errors import ExitCode
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.solving.front_door import solve
from fgamcd_opt.solving.registry import get_solver, solver_names
from fgamcd_opt.solving.status import Status, StopReason
from fgamcd_opt.testing.random_problems import BANDWIDTH_HZ, NOISE_W, random_problem

EVERY_SOLVER = pytest.mark.parametrize("name", solver_names())
STRICTER_RULES = {"coarse", "coarse-exact", "no-cooperation"}
"""Rivals to whom problems are infeasible that P1 can solve."""
ON_P1 = pytest.mark.parametrize("name", [name for name in solver_names() if name not in STRICTER_RULES])


def changed(seed: int = 1, **fields) -> P1:
    """A problem of two nodes, two users and three blocks, all requested, with some fields changed."""
    base = random_problem(
        seed, nodes=2, users=2, blocks=3, missing_links=0.0, qos_share=0.0, storage_share=4.0
    )
    data = base.instance
    wanted = {"model_blocks": np.ones((3, 3), bool), "pair_channel": np.arange(6) % data.channel.shape[0]}
    return P1(data.replace(**wanted, **fields))


def expect_refusal(name: str, problem: P1, reason: str, *, packing: bool = False) -> None:
    """Proved infeasible by the solvers that prove; the others, and relaxations where only whole blocks (``packing``)
    do not fit, may at most find nothing."""
    result = solve(problem, name, gap=1e-4)
    assert result.solution is None
    assert result.delay_s is None
    solver = get_solver(name)
    if solver.proves_bounds and (solver.finds_solutions or not packing):
        assert result.stop_reason is StopReason.INFEASIBLE
        assert result.status is Status.INFEASIBLE
        assert result.exit_code is ExitCode.INFEASIBLE
        assert reason in result.infeasibility
    else:
        assert result.status in (Status.INFEASIBLE, Status.UNKNOWN)


def solves(name: str, problem: P1) -> bool:
    """Whether there is a solution, or a bound where a method finds no solutions."""
    result = solve(problem, name)
    return (result.delay_s if get_solver(name).finds_solutions else result.lower_bound_s) is not None


@EVERY_SOLVER
def test_the_same_problem_unchanged_is_feasible(name):
    assert solves(name, changed())


@EVERY_SOLVER
def test_caches_too_small_in_all(name):
    problem = changed(block_bytes=np.array([5, 5, 5]) * 10**6, storage_bytes=np.array([7, 7]) * 10**6)
    expect_refusal(name, problem, "all caches together hold 14000000 bytes")


@EVERY_SOLVER
def test_a_block_larger_than_every_cache(name):
    problem = changed(block_bytes=np.array([9, 1, 1]) * 10**6, storage_bytes=np.array([8, 8]) * 10**6)
    expect_refusal(name, problem, "the largest cache holds 8000000 bytes")


@EVERY_SOLVER
def test_room_enough_but_no_packing(name):
    """Three blocks of 6 MB need 18 MB; two caches of 10 MB hold 20 MB, but only one block each."""
    problem = changed(block_bytes=np.full(3, 6 * 10**6), storage_bytes=np.full(2, 10**7))
    expect_refusal(name, problem, "no caching placement fits into the storage (eq. 1)", packing=True)


@ON_P1
def test_a_packing_short_of_one_byte(name):
    """The same with caches of exactly two blocks less one byte, and then with that byte."""
    size = 6 * 10**6
    short = changed(block_bytes=np.full(3, size), storage_bytes=np.full(2, 2 * size - 1))
    expect_refusal(name, short, "no caching placement fits into the storage (eq. 1)", packing=True)
    enough = changed(block_bytes=np.full(3, size), storage_bytes=np.array([2 * size - 1, 2 * size]))
    assert solves(name, enough)


@EVERY_SOLVER
def test_a_rate_that_a_user_cannot_reach_alone(name):
    expect_refusal(name, changed(qos_bps=np.array([0.0, 40 * BANDWIDTH_HZ])), "user 1 needs 4e+09 bit/s")


@ON_P1
def test_rates_that_each_user_reaches_alone_but_not_both_together(name):
    """Orthogonal channels at one node: serving both equally costs half the power, which F6 proves."""
    channel = np.zeros((2, 2, 2), complex)
    channel[0, 0, 0] = channel[1, 0, 1] = 2.0
    power = np.array([1.0, 1.0])
    alone = BANDWIDTH_HZ * np.log2(1.0 + 4.0 / NOISE_W)
    together = BANDWIDTH_HZ * np.log2(1.0 + 2.0 / NOISE_W)
    fields = {
        "channel": channel,
        "csi_radius": np.zeros((2, 2)),
        "pair_channel": np.array([0, 1] * 3),
        "power_w": power,
    }
    base = changed().instance.replace(model_blocks=np.ones((3, 3), bool), pair_channel=np.zeros(6, np.int64))
    reachable = P1(base.replace(**fields, qos_bps=np.full(2, 0.99 * together)))
    assert solves(name, reachable)
    beyond = P1(base.replace(**fields, qos_bps=np.full(2, 0.5 * (alone + together))))
    assert beyond.infeasibility_reason() is None
    expect_refusal(
        name, beyond, "cannot reach the QoS (eq. 9b) of its users even with all nodes (rate bound F6)"
    )


@ON_P1
def test_a_cache_that_no_link_leaves(name):
    """Each block needs both nodes for its QoS, but node 1 can hold nothing and nothing migrates to it."""
    base = changed()
    rates = [solve(base, "exact").verification.evaluation.pair_rate_bps.min()]
    fields = {
        "channel": np.ones((1, 2, 2), complex),
        "csi_radius": np.zeros((1, 2)),
        "pair_channel": np.zeros(6, np.int64),
        "power_w": np.ones(2),
    }
    assert rates[0] > 0
    both = BANDWIDTH_HZ * np.log2(1.0 + 8.0 / NOISE_W)  # two nodes of amplitude sqrt(2)
    one = BANDWIDTH_HZ * np.log2(1.0 + 2.0 / NOISE_W)
    data = base.instance.replace(**fields, qos_bps=np.full(2, 0.5 * (both + one)))
    storage = np.array([data.block_bytes.sum(), 0])
    linked = np.zeros((1, 2, 2))
    linked[0, 0, 1] = 1e9
    assert solves(name, P1(data.replace(storage_bytes=storage, backhaul_bps=linked)))
    cut = P1(data.replace(storage_bytes=storage, backhaul_bps=np.zeros((1, 2, 2))))
    expect_refusal(name, cut, "no caching placement fits into the storage (eq. 1)")
