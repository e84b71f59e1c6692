"""PettingZoo's own tests, what they leave out, and the adapter against the vectorised core."""

from __future__ import annotations

import numpy as np
import pytest
from games import fixed_game, preset_scenario
from gymnasium.utils.env_checker import data_equivalence
from pettingzoo.test import parallel_api_test, parallel_seed_test

from fgamcd_opt.errors import InputError
from fgamcd_opt.instances.presets import PRESETS
from fgamcd_opt.learning.environment.parallel_env import ParallelEnvironment
from fgamcd_opt.learning.environment.sources import FamilySource, FixedSource, ScenarioSource


def source_of(kind: str) -> ScenarioSource:
    return FixedSource(preset_scenario("small")) if kind == "fixed" else FamilySource(PRESETS["tiny"])


@pytest.mark.parametrize("kind", ["fixed", "family"])
def test_pettingzoo_accepts_it(kind: str) -> None:
    parallel_api_test(ParallelEnvironment(source_of(kind)), num_cycles=100)
    parallel_seed_test(lambda: ParallelEnvironment(source_of(kind)), num_cycles=50)


def episode(env: ParallelEnvironment, seed: int) -> list[tuple]:
    """Everything that one episode of random, partly inadmissible actions shows."""
    shown: list[tuple] = [env.reset(seed=seed)]
    for n, agent in enumerate(env.possible_agents):
        env.action_space(agent).seed(n)
    while env.agents:
        actions = {agent: env.action_space(agent).sample() for agent in env.agents}
        shown.append((actions, *env.step(actions), env.state()))
    return shown


@pytest.mark.parametrize("kind", ["fixed", "family"])
def test_whole_episodes_repeat_and_stay_in_their_spaces(kind: str) -> None:
    env = ParallelEnvironment(source_of(kind))
    runs = [episode(env, 3), episode(env, 3), episode(ParallelEnvironment(source_of(kind)), 3)]
    assert data_equivalence(runs[0], runs[1])
    assert data_equivalence(runs[0], runs[2])
    for shown in runs[0]:
        observations = shown[0] if len(shown) == 2 else shown[1]
        assert set(observations) == set(env.possible_agents)
        assert all(env.observation_space(agent).contains(seen) for agent, seen in observations.items())
        assert len(shown) == 2 or env.state_space.contains(shown[-1])


def test_family_seeds_differ_and_go_on_without_one() -> None:
    env = ParallelEnvironment(FamilySource(PRESETS["tiny"]))
    first = env.reset(seed=1)[0]["node_0"]
    following = env.reset()[0]["node_0"]
    assert not np.array_equal(first, following)
    assert not np.array_equal(first, env.reset(seed=2)[0]["node_0"])
    assert np.array_equal(first, env.reset(seed=1)[0]["node_0"])
    assert np.array_equal(following, env.reset()[0]["node_0"])


def test_it_is_one_copy_of_the_core() -> None:
    scenario = preset_scenario("small", storage_gb="0.03")
    game, env = (
        fixed_game(scenario, copies=1, penalty_qos=3.0),
        ParallelEnvironment(FixedSource(scenario), penalty_qos=3.0),
    )
    game.reset()
    env.reset()
    rng = np.random.default_rng(0)
    fitted = []
    while env.agents:
        bits = (rng.random((1, 4, 4)) < 0.4).astype(np.uint8)
        fits = game.admissible()[0]
        fitted.append(fits)
        step = game.step(bits)
        seen, rewards, ended, cut, infos = env.step(dict(zip(env.possible_agents, bits[0], strict=True)))
        own, other = game.layout.observe(step.state)
        for n, agent in enumerate(env.possible_agents):
            np.testing.assert_array_equal(seen[agent], np.concatenate([own[0, n], other[0, n].ravel()]))
            assert rewards[agent] == step.reward[0]
            assert ended[agent] == step.done[0]
            assert not cut[agent]
            assert infos[agent]["delay_s"] == step.delay_s[0]
            assert infos[agent]["action_mask"][0].tolist() == [1, game.admissible()[0, n]]
            sampled = env.action_space(agent).sample(mask=infos[agent]["action_mask"])
            assert sampled[0] <= game.admissible()[0, n]
    assert not np.all(fitted)


def test_misuse_is_named() -> None:
    env = ParallelEnvironment(FixedSource(preset_scenario("tiny")))
    with pytest.raises(InputError, match="the episode is over"):
        env.step({"node_0": np.zeros(2), "node_1": np.zeros(2)})
    env.reset()
    with pytest.raises(InputError, match="no action for node_1"):
        env.step({"node_0": np.zeros(2)})
    with pytest.raises(InputError, match="shape"):
        env.step({"node_0": np.zeros(3), "node_1": np.zeros(3)})
