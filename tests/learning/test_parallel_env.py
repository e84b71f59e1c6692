"""PettingZoo's own tests, what they leave out, and the adapter against the vectorised core."""

from __future__ import annotations

import numpy as np
import pytest
from games import fixed_game, preset_scenario
from gymnasium.utils.env_checker import data_equivalence
from pettingzoo.test import parallel_api_test, parallel_seed_test

from fgamcd_opt.instances.recipes.presets import PRESETS
from fgamcd_opt.io.errors import InputError
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


@pytest.fixture
def tiny() -> ParallelEnvironment:
    """Two nodes; an episode has begun."""
    env = ParallelEnvironment(FixedSource(preset_scenario("tiny")))
    env.reset(seed=0)
    return env


OK = np.array([1, 0])


def hostile() -> list[tuple[object, str]]:
    """Actions of ``node_1`` or, as mappings, of both nodes, and what the error says."""
    wrong_numbers = [0.2, 2, -1, np.nan, np.inf, -np.inf, 0.999999, 5e-324, 255, 2**63]
    cases: list[tuple[object, str]] = [
        ([0, value], "action of node_1: entry 1 is .*; expected 0 or 1") for value in wrong_numbers
    ]
    cases += [
        (np.array([256, 0], np.int64), "entry 0 is 256"),
        (np.float16([0.5, 0]), "entry 0 is 0.5"),
        (np.zeros(3), r"action of node_1: shape is \(3,\); expected \(2,\)"),
        (np.zeros((2, 1)), r"shape is \(2, 1\)"),
        (np.zeros(0), r"shape is \(0,\)"),
        (1, r"shape is \(\)"),
        ([[0], [0, 1]], "is no array of numbers"),
        (["0", "1"], "is of type <U1"),
        ([0, None], "is of type object"),
        (None, "is of type object"),
        (np.zeros(2, complex), "is of type complex128"),
        (np.array([10**30, 0]), "is of type object"),
        (np.array(["2020-01-01", "2021-01-01"], "M8[D]"), "is of type datetime64"),
        ({"node_0": OK}, "no action for node_1"),
        ({}, "no action for node_0"),
        ({"node_0": OK, "node_1": OK, "node_2": OK}, "action for 'node_2', who is no agent"),
        ({"node_0": OK, "node_1": OK, 0: OK}, "action for 0, who is no agent"),
    ]
    return cases


@pytest.mark.parametrize(("action", "words"), hostile())
def test_refused_actions_change_nothing(tiny: ParallelEnvironment, action: object, words: str) -> None:
    actions = action if isinstance(action, dict) else {"node_0": OK, "node_1": action}
    twin = ParallelEnvironment(FixedSource(preset_scenario("tiny")))
    twin.reset(seed=0)
    before = tiny.state().copy()
    with pytest.raises(InputError, match=words):
        tiny.step(actions)
    np.testing.assert_array_equal(tiny.state(), before)
    good = {"node_0": OK, "node_1": OK}
    assert data_equivalence(tiny.step(good), twin.step(good))


@pytest.mark.parametrize("actions", [None, 1, [OK, OK], np.zeros((2, 2)), "node_0"])
def test_actions_that_name_no_agent_are_refused(tiny: ParallelEnvironment, actions: object) -> None:
    with pytest.raises(InputError, match="expected one action for each of node_0, node_1"):
        tiny.step(actions)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "dtype", ["?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8", "g", ">i4"]
)
def test_any_real_type_of_zeros_and_ones_is_the_same_action(tiny: ParallelEnvironment, dtype: str) -> None:
    twin = ParallelEnvironment(FixedSource(preset_scenario("tiny")))
    twin.reset(seed=0)
    plain = {"node_0": [True, 0.0], "node_1": (0, 1)}
    typed = {agent: np.array(action).astype(dtype) for agent, action in plain.items()}
    assert data_equivalence(tiny.step(plain), twin.step(typed))


def test_before_the_first_and_after_the_last_step() -> None:
    env = ParallelEnvironment(FixedSource(preset_scenario("tiny")))
    good = {"node_0": OK, "node_1": OK}
    for early in (env.state, lambda: env.step(good)):
        with pytest.raises(InputError, match=r"no episode has started; call reset\(\)"):
            early()
    env.reset()
    while env.agents:
        env.step(good)
    last = env.state().copy()
    with pytest.raises(InputError, match=r"the episode is over; call reset\(\)"):
        env.step(good)
    np.testing.assert_array_equal(env.state(), last)


@pytest.mark.parametrize("seed", [-1, 1.5, True, "1", np.nan])
def test_a_seed_is_a_whole_number(tiny: ParallelEnvironment, seed: object) -> None:
    before = tiny.state().copy()
    with pytest.raises(InputError, match="is not a whole number >= 0"):
        tiny.reset(seed=seed)  # type: ignore[arg-type]
    np.testing.assert_array_equal(tiny.state(), before)
    assert tiny.agents
