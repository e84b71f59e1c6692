"""Exploration and learning rates over the episodes, against values computed by hand."""

from __future__ import annotations

import pytest
import torch

from fgamcd_opt.learning.config import TrainConfig
from fgamcd_opt.learning.learners.schedules import anneal, epsilon


@pytest.mark.parametrize(("episodes", "expected"), [(0, 0.9), (5, 0.5), (10, 0.1), (600, 0.1)])
def test_exploration_falls_linearly_and_stays(episodes: int, expected: float) -> None:
    config = TrainConfig(epsilon_start=0.9, epsilon_end=0.1, epsilon_episodes=10)
    assert epsilon(config, episodes) == pytest.approx(expected)


@pytest.mark.parametrize(("episodes", "expected"), [(0, 0.4), (50, 0.25), (100, 0.1), (120, 0.1)])
def test_learning_rates_fall_to_their_share_in_the_last_episode(episodes: int, expected: float) -> None:
    adam = torch.optim.Adam([torch.zeros(1, requires_grad=True)], lr=0.4)
    anneal(adam, 0.4, TrainConfig(episodes=100, lr_end=0.25), episodes)
    assert [group["lr"] for group in adam.param_groups] == [pytest.approx(expected)]
