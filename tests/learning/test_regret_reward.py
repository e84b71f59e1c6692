"""Regret as reward: the return of an episode is its gap to a bound that holds, and no step gains."""

from __future__ import annotations

import math

import numpy as np
import pytest
from games import fixed_game, play, preset_scenario

from fgamcd_opt.io.errors import InputError
from fgamcd_opt.learning.environment.scenario import Scenario
from fgamcd_opt.learning.learners.regret import RegretReward, storage_prices
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.solving.front_door import solve
from fgamcd_opt.solving.status import relative_gap
from fgamcd_opt.testing.brute_force import best_delay, configuration_delay, full_oracle, subsets
from fgamcd_opt.testing.random_problems import random_problem


class Recording(RegretReward):
    """Keeps the rewards in double precision: (copies,) per step."""

    def __init__(self) -> None:
        super().__init__()
        self.rewards: list[np.ndarray] = []

    def reward(self, *arguments):
        self.rewards.append(super().reward(*arguments))
        return self.rewards[-1]


def scenario_of(seed: int, **fields) -> Scenario:
    """A random problem with room for more than one copy of every block."""
    problem = random_problem(seed, storage_share=3.5, qos_share=0.0, missing_links=0.0, **fields)
    return Scenario(problem, slots=3)


@pytest.mark.parametrize("walk", ["requested", "all"])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("density", [0.2, 0.9])
def test_the_return_of_an_episode_that_serves_everything_is_the_gap(walk, seed, density):
    fields = {"users": "5", "models_per_family": "2", "storage_gb": "0.25"}
    scenario = preset_scenario("small", walk, seed=str(seed), **fields)
    model = Recording()
    game = fixed_game(scenario, copies=8, reward_model=model, repair="delivery")
    steps = play(game, seed, density)
    rewards, delay_s = np.array(model.rewards), sum(step.delay_s for step in steps)
    bound_s = model.prices(scenario).bound_s
    served = np.isfinite(delay_s)
    assert served.any()
    assert (rewards <= 1e-12).all()
    returned = rewards.sum(axis=0)[served] * scenario.time_scale_s
    np.testing.assert_allclose(returned, -(delay_s[served] - bound_s), rtol=0, atol=1e-9 * bound_s)
    for delay, total in zip(delay_s[served], returned, strict=True):
        assert -total / delay == pytest.approx(relative_gap(delay, bound_s), abs=1e-9)
    told = np.sum([step.reward for step in steps], axis=0)[served]
    np.testing.assert_allclose(told * scenario.time_scale_s, returned, rtol=1e-4)


@pytest.mark.parametrize("seed", range(4))
def test_the_bound_is_that_of_the_enumeration_and_of_the_bundle_method(seed):
    scenario = scenario_of(seed)
    prices = RegretReward().prices(scenario)
    data, upper = scenario.problem.data, full_oracle(scenario.problem).upper_bps()
    assert (prices.multipliers >= 0).all()
    for row, block in enumerate(data.requested_blocks.tolist()):
        size = int(data.block_bytes[block])
        least = min(
            configuration_delay(data, block, upper[row], nodes)
            + size * prices.multipliers[0, list(nodes)].sum()
            for nodes in subsets(range(data.n_nodes))
            if nodes and (data.storage_bytes[list(nodes)] >= size).all()
        )
        assert prices.least_s[0, row] == pytest.approx(least, rel=1e-9)
    assert prices.bound_s <= best_delay(scenario.problem, upper) * (1 + 1e-9)
    assert prices.bound_s == pytest.approx(solve(scenario.problem, "lagrangian").lower_bound_s, rel=1e-5)


def test_undelivered_blocks_keep_their_penalty():
    scenario = scenario_of(0)
    game = fixed_game(scenario, copies=1, reward_model=RegretReward(), repair="none", penalty_undelivered=7.0)
    idle = np.zeros((1, 3, 3), np.uint8)
    for _ in range(scenario.n_steps):
        step = game.step(idle)
        assert step.reward[0] == -7.0
        assert math.isinf(step.delay_s[0])


def test_a_problem_without_placement_has_no_regret():
    data = random_problem(1, nodes=2, users=2, storage_share=4.0, qos_share=0.0).instance
    small = data.replace(storage_bytes=np.full(2, int(data.block_bytes[data.requested_blocks].max()) - 1))
    problem = P1(small)
    with pytest.raises(InputError, match="regret needs a feasible problem"):
        storage_prices(problem, full_oracle(problem).upper_bps())
