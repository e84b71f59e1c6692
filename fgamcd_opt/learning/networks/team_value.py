"""The team's action value: local Q_n mixed into one Q, independent ones, or one Q of everything."""

from __future__ import annotations

import torch
from torch import nn

from fgamcd_opt.learning.config import TrainConfig
from fgamcd_opt.learning.environment.layout import StateLayout
from fgamcd_opt.learning.networks.critics import JointCritic, LocalCritics
from fgamcd_opt.learning.networks.mixers import StateValue, make_mixer
from fgamcd_opt.learning.replay import LEAST_SIZE


class TeamValue(nn.Module):
    """Critics and, if they are mixed, the mixer.

    Parameters
    ----------
    config
        ``critic``, ``mixer`` and ``ascent`` decide the form.
    layout
        Sizes.
    generator
        Of the initial weights.
    """

    def __init__(self, config: TrainConfig, layout: StateLayout, generator: torch.Generator) -> None:
        super().__init__()
        self.form, self.ascent = config.critic, config.ascent
        self.errors_per_size = config.value_scale == "size" and config.gamma == 0.0
        self.critic: nn.Module
        if self.form == "joint":
            self.critic = JointCritic(layout, 4 * config.critic_hidden, generator)
        else:
            self.critic = LocalCritics(layout, config.critic_hidden, generator)
        self.mixer: nn.Module | None = None
        if self.form == "decomposed":
            self.mixer = make_mixer(config.mixer, layout.n_nodes, layout.size, config.mixer_hidden, generator)
        self.ahead: nn.Module | None = None
        if config.value_scale == "size":
            self.ahead = StateValue(layout.size, config.mixer_hidden, generator)

    def forward(
        self, state: torch.Tensor, own: torch.Tensor, other: torch.Tensor, bits: torch.Tensor
    ) -> torch.Tensor:
        """Values that are regressed on the target: (B,), or (B, N) for independent critics.

        Parameters
        ----------
        state, own, other
            (B, S) and the observations of it.
        bits
            (B, N, N) actions.
        """
        effect = self._effect(state, own, other, bits)
        if self.ahead is None:
            return effect
        size, ahead = block_size(state), self.ahead(state)
        if self.form == "independent":
            size, ahead = size[:, None], ahead[:, None]
        value: torch.Tensor = ahead + size * effect
        return value

    def _effect(
        self, state: torch.Tensor, own: torch.Tensor, other: torch.Tensor, bits: torch.Tensor
    ) -> torch.Tensor:
        """Values before size and V(s) come in."""
        if self.form == "joint":
            return torch.as_tensor(self.critic(state, bits))
        local = self.critic(own, other, bits)
        return torch.as_tensor(local if self.mixer is None else self.mixer(local, state))

    def gain(
        self, state: torch.Tensor, own: torch.Tensor, other: torch.Tensor, bits: torch.Tensor
    ) -> torch.Tensor:
        """(B,) what the actors ascend: the team's value (per size), or the sum of every agent's own local Q_n."""
        if self.mixer is not None and self.ascent == "local":
            return torch.as_tensor(self.critic(own, other, bits).sum(-1))
        effect = self._effect(state, own, other, bits)
        return effect.sum(-1) if self.form == "independent" else effect

    def expected_gain(
        self, own: torch.Tensor, other: torch.Tensor, caching: torch.Tensor, migration: torch.Tensor
    ) -> torch.Tensor:
        """(B,) sum of the agents' own local Q_n, expected over their caching bits.

        The gradient of p Q_n(1, b) + (1 - p) Q_n(0, 0) with respect to p is the difference of Q_n at two actions that
        occur, where a straight-through gradient is the slope of the critic at one of them.

        Parameters
        ----------
        own, other
            Observations.
        caching
            (B, N) probabilities p of caching.
        migration
            (B, N, N - 1) drawn migration bits, should the agent cache.
        """
        cached = torch.cat([torch.ones_like(migration[..., :1]), migration], dim=-1)
        with_copy = self.critic(own, other, cached)
        without = self.critic(own, other, torch.zeros_like(cached))
        expected: torch.Tensor = (caching * with_copy + (1.0 - caching) * without).sum(-1)
        return expected

    def weights(self, state: torch.Tensor) -> torch.Tensor:
        """(B,) weights of the squared errors, of mean 1: with ``size`` and no discounted future, errors per size count.

        The error of a value that lies ahead is in no proportion to the block.
        """
        if not self.errors_per_size:
            return torch.ones_like(state[:, 0])
        weight = block_size(state) ** -2
        return weight / weight.mean()


def block_size(state: torch.Tensor) -> torch.Tensor:
    """(B,) size of the block as a share of the largest, at least `LEAST_SIZE`."""
    return state[:, 0].clamp(min=LEAST_SIZE)
