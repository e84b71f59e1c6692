"""`maasn-da` with random weights: what is decoded is a point of P1, and more effort never makes it worse."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from fgamcd_opt.instances.resolve import load
from fgamcd_opt.io.errors import InputError, UsageError
from fgamcd_opt.learning.config import method_config
from fgamcd_opt.learning.environment.layout import StateLayout
from fgamcd_opt.learning.environment.rules import caching_mask, participants
from fgamcd_opt.learning.environment.scenario import Scenario
from fgamcd_opt.learning.policies.play import play
from fgamcd_opt.learning.policies.policy import Policy, make_network
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.solvers.learned import maasn_da
from fgamcd_opt.solvers.learned.policy_decoding import Decoding
from fgamcd_opt.solving.context import SolveContext
from fgamcd_opt.solving.front_door import solve
from fgamcd_opt.solving.status import Status
from fgamcd_opt.testing.brute_force import best_delay, full_oracle
from fgamcd_opt.testing.random_problems import random_problem
from fgamcd_opt.testing.stop_after import StopAfter

FIELDS = {"users": "4", "models_per_family": "2", "families": "mobilenet_v2", "storage_gb": "0.006"}
"""A problem of the size of `small`, and tight."""


def policy_of(seed: int, n_nodes: int = 4, method: str = "maasn-da", bias: float = 0.0, **settings) -> Policy:
    """Random weights; the caching bit of a policy with an actor is shifted by ``bias``."""
    config, layout = (
        method_config(method, {"hidden": 8, "plain_hidden": 8, **settings}),
        StateLayout(n_nodes, 3),
    )
    network = make_network(config, layout, torch.Generator().manual_seed(seed))
    if bias:
        torch.nn.init.constant_(network.caching.bias, bias)
    return Policy(method, config, layout, network)


@pytest.fixture
def file(tmp_path: Path):
    """Saves a policy and gives the option that names it."""

    def save(policy: Policy) -> dict[str, str]:
        policy.save(tmp_path / "policy.safetensors")
        return {"policy": str(tmp_path / "policy.safetensors")}

    return save


@pytest.mark.parametrize("seed", range(4))
def test_a_solve_ends_where_the_game_of_the_training_ends(seed, file):
    """Policies that migrate freely: what the game's repair drops, the solve drops as well."""
    problem = P1(load("small", FIELDS))
    policy = policy_of(seed, migration_logit=1.0)
    scenario = Scenario(problem, slots=policy.layout.slots)
    scenario.warm()
    played = play(policy, scenario)
    assert played.bits[:, :, :, 1:].any()
    result = solve(problem, "maasn-da", options=file(policy))
    assert result.delay_s == pytest.approx(played.delay_s[0], rel=1e-4)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("bias", [-3.0, 0.0, 3.0], ids=["nothing", "some", "everything"])
def test_feasible_and_not_better_than_the_optimum(seed, bias, file):
    """Policies that cache nothing by themselves, and such that fill the storage with copies, are put right, too."""
    rng = np.random.default_rng(seed)
    problem = random_problem(
        seed,
        nodes=int(rng.integers(2, 4)),
        blocks=int(rng.integers(2, 5)),
        qos_share=float(rng.choice([0.0, 0.5, 0.9])),
        storage_share=float(rng.choice([1.0, 1.4, 2.0])),
    )
    oracle = full_oracle(problem)
    result = solve(problem, "maasn-da", options=file(policy_of(seed, bias=bias, repair="none")))
    if result.delay_s is not None:
        assert result.verification.valid
        assert result.delay_s >= best_delay(problem, oracle.upper_bps()) * (1 - 1e-9)
        put_right = result.counts["repaired_delivery"] + result.counts["repaired_caching"]
        assert ("polish=1" in result.message) == (put_right > 0)
    else:
        assert result.status in (Status.INFEASIBLE, Status.UNKNOWN)
        assert "no repair was found" in result.message or result.infeasibility


@pytest.mark.parametrize("method", ["maasn-da", "plain-actor", "qmix-da"])
def test_every_method_plays_and_effort_never_hurts(method, file):
    """Plain, sampled, polished, both: none slower than what it starts from; and the same seed gives the same."""
    problem = P1(load("small", FIELDS))
    option = file(policy_of(1, method=method))
    efforts = ({}, {"samples": 4}, {"samples": 20}, {"polish": 1}, {"samples": 20, "polish": 1})
    plain, few, many, polished, both = (
        solve(problem, "maasn-da", options={**option, **effort}, seed=3) for effort in efforts
    )
    assert many.delay_s <= few.delay_s <= plain.delay_s
    assert polished.delay_s <= plain.delay_s
    assert both.delay_s <= many.delay_s
    assert both.delay_s < plain.delay_s
    assert [r.counts["rollouts"] for r in (plain, few, both)] == [1, 5, 21]
    assert all(r.verification.valid for r in (plain, few, many, polished, both))
    assert (
        plain.counts["rate_problems"]
        <= polished.counts["rate_problems"]
        == both.counts["rate_problems_total"]
    )
    assert plain.message.startswith(f"policy: {option['policy']}, {method} for 4 nodes")
    again = solve(problem, "maasn-da", options={**option, "samples": 20, "polish": 1}, seed=3)
    assert again.delay_s == both.delay_s
    np.testing.assert_array_equal(again.solution.decision.beams, both.solution.decision.beams)


@pytest.mark.parametrize("seed", range(4))
def test_what_delivers_is_used_as_it_was_played(seed):
    """Against the policy playing a scenario of its own, whose rates are computed one by one."""
    problem = random_problem(seed, qos_share=0.3, storage_share=4.0, missing_links=0.0)
    policy = policy_of(seed, repair="caching")
    scenario = Scenario(problem, slots=3)
    played = play(policy, scenario)
    decoding = Decoding(problem, policy, SolveContext(), 2)
    decoding.serve_by_all()
    decoding.roll_out(1)
    decision, blocks = decoding.decision(), problem.data.requested_blocks
    kept = np.isfinite(played.step_delay_s[0])
    np.testing.assert_array_equal(decoding.bits[kept], played.bits[0][kept])
    assert decoding.repaired[0] == (~kept).sum()
    masks = decision.participation[:, blocks].T @ (1 << np.arange(3))
    np.testing.assert_array_equal(masks, participants(decoding.bits))
    np.testing.assert_array_equal(decision.caching[:, blocks].T, decoding.bits[:, :, 0] == 1)
    assert problem.evaluate(decision).delay_s == pytest.approx(decoding.delay_s, rel=1e-9)


def test_blocks_that_nobody_took_are_placed_and_told():
    problem = random_problem(0, qos_share=0.0, storage_share=4.0)
    decoding = Decoding(problem, policy_of(0, bias=-9.0, repair="none"), SolveContext(), 2)
    decoding.serve_by_all()
    decoding.roll_out(1)
    blocks = problem.data.requested_blocks.size
    assert decoding.repaired == (0, blocks)
    assert (caching_mask(decoding.bits) > 0).all()
    assert problem.evaluate(decoding.decision()).feasible


def test_copies_make_way_where_a_block_is_left_without_room(file):
    """Two caches for three blocks of one size: the first block's second copy has to go."""
    size = 6 * 10**6
    base = random_problem(1, nodes=2, users=2, missing_links=0.0, qos_share=0.0).instance
    pairs = np.arange(6) % base.channel.shape[0]
    wanted = {"model_blocks": np.ones((3, 3), bool), "pair_channel": pairs}
    problem = P1(
        base.replace(block_bytes=np.full(3, size), storage_bytes=np.array([size, 2 * size]), **wanted)
    )
    greedy = file(policy_of(0, bias=9.0, repair="none"))
    result = solve(problem, "maasn-da", options=greedy)
    assert result.verification.valid
    assert result.counts["repaired_caching"] >= 2
    assert "caching of" in result.message
    beyond = P1(problem.instance.replace(storage_bytes=np.full(2, 10**7)))  # one block each
    nothing = solve(beyond, "maasn-da", options=greedy)
    assert nothing.solution is None
    assert "leave a block without a place" in nothing.message


@pytest.mark.parametrize("walk", ["requested", "all"])
def test_copies_of_blocks_that_nobody_requests_are_left_out(walk, file):
    result = solve(P1(load("tiny")), "maasn-da", options=file(policy_of(0, bias=9.0, steps=walk)))
    data = load("tiny")
    idle = np.setdiff1d(np.arange(data.n_blocks), data.requested_blocks)
    assert not result.solution.decision.caching[:, idle].any()


def test_a_stop_between_batches_keeps_the_best_roll_out(file, monkeypatch):
    monkeypatch.setattr(maasn_da, "_COPIES", 4)
    option = {**file(policy_of(1)), "samples": 16}
    problem, flag = P1(load("small", FIELDS)), StopAfter(2**31)
    complete = solve(problem, "maasn-da", options=option, stop=flag)
    assert complete.counts["rollouts"] == 17
    stopped = solve(problem, "maasn-da", options=option, stop=StopAfter(2**31 - flag.looks - 4))
    assert 1 < stopped.counts["rollouts"] < 17
    assert stopped.verification.valid
    assert stopped.stop_reason == "interrupted"


def test_what_does_not_fit_is_refused_before_any_work(file, tmp_path):
    problem = P1(load("small"))
    for options, fault in (({"samples": -1}, "samples: -1 is negative"), ({"polish": 2}, "neither 0 nor 1")):
        with pytest.raises(UsageError, match=fault):
            solve(problem, "maasn-da", options={**file(policy_of(0)), **options})
    with pytest.raises(UsageError, match=r"at most 2 nodes, the instance has 4; train one .*fgamcd train"):
        solve(problem, "maasn-da", options=file(policy_of(0, n_nodes=2)))
    (tmp_path / "pickled").write_bytes(b"\x80\x04K\x01.")
    for name in ("pickled", "missing"):
        with pytest.raises(InputError, match=name):
            solve(problem, "maasn-da", options={"policy": str(tmp_path / name)})
