"""A policy acts as its file says, plays scenarios that are smaller than itself, and what it plays is P1's delay."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from games import preset_scenario
from hypothesis import given, settings
from hypothesis import strategies as st
from untrained_policies import untrained

from fgamcd_opt.io.errors import InputError, UsageError
from fgamcd_opt.learning.config import METHODS
from fgamcd_opt.learning.environment.layout import StateLayout
from fgamcd_opt.learning.environment.scenario import OBSERVATIONS
from fgamcd_opt.learning.networks.absent_nodes import positions
from fgamcd_opt.learning.networks.gumbel import greedy_bits
from fgamcd_opt.learning.networks.observer import Observer
from fgamcd_opt.learning.policies import shipped_policies
from fgamcd_opt.learning.policies.play import play
from fgamcd_opt.learning.policies.policy import Policy
from fgamcd_opt.learning.policies.policy_file import load_policy, save_policy
from fgamcd_opt.learning.policies.shipped_policies import shipped_policy


def states(layout: StateLayout, seed: int, copies: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Random states and masks."""
    rng = np.random.default_rng(seed)
    shown = rng.random((copies, layout.size)).astype(np.float32)
    return shown, rng.random((copies, layout.n_nodes)) < 0.8


@pytest.mark.parametrize("method", METHODS)
def test_a_file_acts_as_the_policy_that_was_saved(method, tmp_path):
    before = untrained(4, 2, method)
    before.save(tmp_path / "policy.safetensors")
    after = Policy.from_file(tmp_path / "policy.safetensors")
    assert (after.method, after.config, after.layout) == (method, before.config, before.layout)
    assert after.provenance == {"note": "not trained"}
    for policy in (before, after):
        policy.begin(5)
    for seed in range(4):  # several steps: what a recurrent network remembers counts, too
        shown, fits = states(before.layout, seed)
        bits = before.act(shown, fits)
        np.testing.assert_array_equal(bits, after.act(shown, fits))
        drawn = [p.act(shown, fits, torch.Generator().manual_seed(seed)) for p in (before, after)]
        np.testing.assert_array_equal(*drawn)
        for found in (bits, drawn[0]):
            assert found.dtype == np.uint8
            assert found.shape == (5, 4, 4)
            assert not found[:, :, 0][~fits].any()
            assert (found[:, :, 1:] <= found[:, :, :1]).all()


def test_random_decisions_have_the_probabilities_of_the_logits():
    policy = untrained(3, 2)
    shown, _ = states(policy.layout, 0, copies=1)
    seen = Observer(policy.layout, torch.device("cpu"))(torch.from_numpy(shown))
    wanted = torch.sigmoid(policy.network(seen))[0, :, 0].detach().numpy()
    many = policy.act(
        np.repeat(shown, 4000, axis=0), np.ones((4000, 3), bool), torch.Generator().manual_seed(1)
    )
    np.testing.assert_allclose(many[:, :, 0].mean(axis=0), wanted, atol=0.04)


def test_random_actions_by_value_have_boltzmann_probabilities():
    policy = untrained(3, 2, "qmix-da")
    shown, _ = states(policy.layout, 0, copies=1)
    seen = Observer(policy.layout, torch.device("cpu"))(torch.from_numpy(shown))
    values, _ = policy.network(seen, torch.zeros(1, 3, 8))
    idle = torch.softmax(values, -1)[0, :, 0].detach().numpy()
    policy.begin(4000)
    many = policy.act(
        np.repeat(shown, 4000, axis=0), np.ones((4000, 3), bool), torch.Generator().manual_seed(1)
    )
    np.testing.assert_allclose(1.0 - many[:, :, 0].mean(axis=0), idle, atol=0.04)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 4), st.integers(1, 3), st.integers(1, 4), st.booleans(), st.integers(0, 99))
def test_a_smaller_layout_is_seen_as_the_same_game_with_absent_nodes(nodes, more, slots, channels, seed):
    """Against the observations, built from the definition: nodes that are there see each other as before."""
    small, large = StateLayout(nodes, slots, channels), StateLayout(nodes + more, slots, channels)
    shown, _ = states(small, seed)
    padded = np.zeros((5, large.size), np.float32)
    padded[:, positions(small, large)] = shown
    own, other = small.observe(shown)
    own_padded, other_padded = large.observe(padded)
    np.testing.assert_array_equal(own_padded[:, :nodes, : own.shape[2]], own)
    assert not own_padded[:, :nodes, own.shape[2] :].any()
    np.testing.assert_array_equal(other_padded[:, :nodes, : nodes - 1], other)
    assert not other_padded[:, :nodes, nodes - 1 :].any()
    assert not own_padded[:, nodes:, 2:].any()
    policy = untrained(nodes + more, slots, seed=seed, observation=OBSERVATIONS[channels])
    whole = np.concatenate([own_padded, other_padded.reshape(*own_padded.shape[:2], -1)], axis=2)
    logits = policy.network(torch.from_numpy(whole).transpose(0, 1))
    fits = torch.ones(5, nodes + more, dtype=torch.bool)
    wanted = greedy_bits(logits, fits).numpy()[:, :nodes, :nodes]
    np.testing.assert_array_equal(policy.act(shown, np.ones((5, nodes), bool)), wanted)


@pytest.mark.parametrize("method", ["maasn-da", "qmix-da"])
@pytest.mark.parametrize("walk", ["requested", "all"])
def test_a_rollout_has_the_delay_that_the_scenario_gives_its_bits(method, walk):
    scenario = preset_scenario("small", walk, users="5", models_per_family="2")
    policy = untrained(5, scenario.layout.slots, method, steps=walk, repair="delivery")
    one, same = play(policy, scenario), play(policy, scenario)
    np.testing.assert_array_equal(one.bits, same.bits)
    drawn = play(policy, scenario, torch.Generator().manual_seed(2), copies=6)
    assert len(np.unique(drawn.bits, axis=0)) > 1
    for found in (one, drawn):
        for e in range(found.delay_s.size):
            steps = np.arange(scenario.n_steps)
            delay = scenario.delay_s(steps, found.bits[e])
            assert found.delay_s[e] == pytest.approx(delay.sum(), rel=1e-12)
            assert found.unserved[e] == np.isinf(delay).sum()
            used = (found.bits[e, :, :, 0] * scenario.step_bytes[:, None]).sum(axis=0)
            assert (used <= scenario.problem.data.storage_bytes).all()
        nodes = 1 << np.arange(4)
        np.testing.assert_array_equal(found.caching, found.bits[..., 0] @ nodes)
        assert ((found.participating & found.caching) == found.caching).all()


def test_what_does_not_fit_is_refused():
    scenario = preset_scenario("tiny")
    slots = scenario.layout.slots
    with pytest.raises(UsageError, match="for at most 1 nodes, the instance has 2; train one"):
        play(untrained(1, slots), scenario)
    with pytest.raises(InputError, match=f"the scenario shows {slots} users per node, the policy knows 5"):
        play(untrained(2, 5), scenario)


def test_the_policy_of_the_package_that_fits_best(tmp_path, monkeypatch):
    monkeypatch.setattr(shipped_policies, "SHIPPED", tmp_path)
    with pytest.raises(UsageError, match="for 2 nodes; it has: none; train one"):
        shipped_policy(2, 1)
    for name, nodes, slots in (("a", 4, 3), ("b", 4, 6), ("c", 6, 3)):
        untrained(nodes, slots).save(tmp_path / f"{name}.safetensors")
    assert [shipped_policy(*case).stem for case in ((4, 3), (3, 7), (5, 9))] == ["a", "b", "c"]
    with pytest.raises(UsageError, match=r"a \(at most 4 nodes\), b .*, c \(at most 6 nodes\); train one"):
        shipped_policy(7, 3)


def test_tensors_of_other_networks_are_refused(tmp_path):
    path = tmp_path / "policy.safetensors"
    untrained(4, 2).save(path)
    tensors, meta = load_policy(path)
    known = {key: meta[key] for key in ("method", "n_nodes", "slots", "provenance")}
    for change, fault in (
        ({"actor": "plain"}, "is missing"),
        ({"hidden": 4096}, "its networks need at least .* weights"),
        ({"learner": "qmix"}, "is missing"),
        ({"hidden": 7}, "expected"),
    ):
        save_policy(path, tensors, {**known, "config": {**meta["config"], **change}})
        with pytest.raises(InputError, match=fault):
            Policy.from_file(path)
