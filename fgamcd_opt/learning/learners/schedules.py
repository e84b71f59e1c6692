"""What changes over the episodes of a training: exploration and learning rates."""

from __future__ import annotations

import torch

from fgamcd_opt.learning.config import TrainConfig


def epsilon(config: TrainConfig, episodes: int) -> float:
    """Exploration after so many episodes: from ``epsilon_start`` to ``epsilon_end``, linearly."""
    share = min(episodes / config.epsilon_episodes, 1.0)
    return config.epsilon_start + share * (config.epsilon_end - config.epsilon_start)


def anneal(adam: torch.optim.Adam, rate: float, config: TrainConfig, episodes: int) -> None:
    """Set the learning rate after so many episodes: from ``rate`` to ``lr_end`` of it in the last one, linearly."""
    share = min(episodes / config.episodes, 1.0)
    for group in adam.param_groups:
        group["lr"] = rate * (1.0 + share * (config.lr_end - 1.0))
