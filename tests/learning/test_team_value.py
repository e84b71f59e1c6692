"""The team's value and the actors' gradient, against differences of the critics themselves; replay by size."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fgamcd_opt.learning.config import TrainConfig
from fgamcd_opt.learning.environment.layout import StateLayout
from fgamcd_opt.learning.learners.replay import LEAST_SIZE, Replay
from fgamcd_opt.learning.learners.team_value import TeamValue
from fgamcd_opt.learning.networks.observer import Observer

LAYOUT = StateLayout(3, 2)


def value_of(**settings: object) -> TeamValue:
    config = TrainConfig().replaced({"critic_hidden": 8, "mixer_hidden": 8, **settings})
    return TeamValue(config, LAYOUT, torch.Generator().manual_seed(0))


@pytest.fixture
def states() -> torch.Tensor:
    return torch.rand(5, LAYOUT.size, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("critic", ["decomposed", "independent"])
def test_the_expected_gain_rises_with_p_by_the_difference_of_two_actions(
    states: torch.Tensor, critic: str
) -> None:
    value = value_of(critic=critic)
    seen = Observer(LAYOUT, states.device)(states)
    migration = (torch.rand(5, 3, 2, generator=torch.Generator().manual_seed(2)) < 0.5).float()
    caching = torch.full((5, 3), 0.3)
    gain, rise, _ = value.expected_gain(seen, caching, migration)
    total = torch.zeros(5)
    for agent in range(3):
        bits = torch.zeros(5, 3, 3)
        without = value.critic(seen, bits)[:, agent]
        bits[:, agent, 0], bits[:, agent, 1:] = 1.0, migration[:, agent]
        cached = value.critic(seen, bits)[:, agent]
        torch.testing.assert_close(rise[:, agent], cached - without)
        total += 0.3 * cached + 0.7 * without
    torch.testing.assert_close(gain, total)


@pytest.mark.parametrize("critic", ["decomposed", "independent", "joint"])
def test_effects_are_in_proportion_to_the_size(states: torch.Tensor, critic: str) -> None:
    value, plain = value_of(critic=critic, gamma=0.0), value_of(critic=critic, value_scale="none")
    plain.load_state_dict({k: v for k, v in value.state_dict().items() if not k.startswith("ahead")})
    seen, bits = Observer(LAYOUT, states.device)(states), torch.zeros(2, 5, 3, 3)
    bits[1, :, 0, 0] = 1.0
    scaled = value(states, seen, bits[1]) - value(states, seen, bits[0])
    effect = plain(states, seen, bits[1]) - plain(states, seen, bits[0])
    size = states[:, 0].clamp(min=LEAST_SIZE)
    expected = effect * (size[:, None] if critic == "independent" else size)
    torch.testing.assert_close(scaled, expected, rtol=1e-4, atol=1e-6)
    assert value.weights(states).mean().item() == pytest.approx(1.0)
    torch.testing.assert_close(
        value.weights(states) * size**2, value.weights(states)[0] * size[0] ** 2 + 0 * size
    )
    assert (value_of(gamma=0.9).weights(states) == 1.0).all()


def test_replay_by_size_draws_large_blocks_in_proportion() -> None:
    replay = Replay(8, LAYOUT, 0, "size")
    state = np.zeros((4, LAYOUT.size), np.float32)
    state[:, 0] = sizes = np.array([1.0, 0.5, 0.25, 0.0])
    blank = {"admissible": np.zeros((4, 3), bool), "bits": np.zeros((4, 3, 3), np.uint8)}
    blank |= {"next_state": state, "next_admissible": blank["admissible"], "done": np.zeros(4)}
    replay.add(state=state, reward=np.arange(4.0), **blank)
    drawn = replay.sample(40_000, np.random.default_rng(0), torch.device("cpu")).reward.numpy()
    share = np.bincount(drawn.astype(int), minlength=4) / drawn.size
    expected = np.maximum(sizes, LEAST_SIZE) / np.maximum(sizes, LEAST_SIZE).sum()
    np.testing.assert_allclose(share, expected, atol=0.01)
