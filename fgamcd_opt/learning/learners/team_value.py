"""The team's action value: local Q_n mixed into one Q, independent ones, or one Q of everything."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fgamcd_opt.io.short_repr import short_repr
from fgamcd_opt.learning.config import TrainConfig
from fgamcd_opt.learning.environment.layout import StateLayout
from fgamcd_opt.learning.learners.replay import LEAST_SIZE
from fgamcd_opt.learning.networks.critics import JointCritic, LocalCritics
from fgamcd_opt.learning.networks.mixers import QmixMixer, StateValue, SumMixer, make_mixer
from fgamcd_opt.learning.networks.stacked import Trace


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

    __repr__ = short_repr

    def __init__(self, config: TrainConfig, layout: StateLayout, generator: torch.Generator) -> None:
        super().__init__()
        self.form, self.ascent = config.critic, config.ascent
        self.errors_per_size = config.value_scale == "size" and config.gamma == 0.0
        self.critic: LocalCritics | JointCritic
        if self.form == "joint":
            self.critic = JointCritic(layout, 4 * config.critic_hidden, generator)
        else:
            self.critic = LocalCritics(layout, config.critic_hidden, generator)
        self.mixer: QmixMixer | SumMixer | None = None
        if self.form == "decomposed":
            self.mixer = make_mixer(config.mixer, layout.n_nodes, layout.size, config.mixer_hidden, generator)
        self.ahead: StateValue | None = None
        if config.value_scale == "size":
            self.ahead = StateValue(layout.size, config.mixer_hidden, generator)

    def forward(self, state: Tensor, seen: Tensor, bits: Tensor) -> Tensor:
        """Values that are regressed on the target: (B,), or (B, N) for independent critics.

        Parameters
        ----------
        state, seen
            (B, S) and the observations of it (N, B, observation_size).
        bits
            (B, N, N) actions.
        """
        return self.trace(state, seen, bits)[0]

    def trace(self, state: Tensor, seen: Tensor, bits: Tensor) -> tuple[Tensor, Trace]:
        """Values as of `forward`, and what `backward` needs."""
        effect, of_effect = self._trace_effect(state, seen, bits)
        if self.ahead is None:
            return effect, (of_effect,)
        ahead, of_ahead = self.ahead.trace(state)
        size = block_size(state)
        if self.form == "independent":
            size, ahead = size[:, None], ahead[:, None]
        return ahead + size * effect, (of_effect, of_ahead, size)

    def backward(self, trace: Trace, gradient: Tensor) -> None:
        """Write the gradients of the parameters, given that of the values."""
        if self.ahead is not None:
            _, of_ahead, size = trace
            self.ahead.backward(of_ahead, gradient.sum(-1) if self.form == "independent" else gradient)
            gradient = size * gradient
        of_critic, of_mixer = trace[0]
        if self.mixer is not None:
            gradient = self.mixer.backward(of_mixer, gradient)
        self.critic.backward(of_critic, gradient)

    def _trace_effect(self, state: Tensor, seen: Tensor, bits: Tensor) -> tuple[Tensor, tuple[Trace, Trace]]:
        """Values before size and V(s) come in, with the traces of critics and mixer."""
        if isinstance(self.critic, JointCritic):
            value, of_critic = self.critic.trace(state, bits)
            return value, (of_critic, ())
        local, of_critic = self.critic.trace(seen, bits)
        if self.mixer is None:
            return local, (of_critic, ())
        mixed, of_mixer = self.mixer.trace(local, state)
        return mixed, (of_critic, of_mixer)

    def gain(self, state: Tensor, seen: Tensor, bits: Tensor) -> tuple[Tensor, Tensor]:
        """What the actors ascend: the team's value (per size), or the sum of every agent's own local Q_n.

        Parameters
        ----------
        state, seen, bits
            As for `forward`.

        Returns
        -------
        tuple[Tensor, Tensor]
            The gain (B,) and its slope in each bit (B, N, N).
        """
        if self.form == "joint" or (self.mixer is not None and self.ascent == "total"):
            gain, (of_critic, of_mixer) = self._trace_effect(state, seen, bits)
            rise = torch.ones_like(gain)
            if self.mixer is not None:
                rise = self.mixer.slope(of_mixer, rise)
            return gain, self.critic.slope(of_critic, rise)
        local, of_critic = self._local.trace(seen, bits)
        return local.sum(-1), self.critic.slope(of_critic, torch.ones_like(local))

    def expected_gain(
        self, seen: Tensor, caching: Tensor, migration: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Sum of the agents' own local Q_n, expected over their caching bits.

        The slope of p Q_n(1, b) + (1 - p) Q_n(0, 0) in p is the difference of Q_n at two actions that occur, where a
        straight-through gradient is the slope of the critic at one of them.

        Parameters
        ----------
        seen
            (N, B, observation_size) observations.
        caching
            (B, N) probabilities p of caching.
        migration
            (B, N, N - 1) drawn migration bits, should the agent cache.

        Returns
        -------
        tuple[Tensor, Tensor, Tensor]
            The gain (B,), its slope in each probability (B, N) and in each migration bit (B, N, N - 1).
        """
        cached = torch.cat([torch.ones_like(migration[..., :1]), migration], dim=-1)
        with_copy, of_critic = self._local.trace(seen, cached)
        without = self._local.idle(seen)
        rise = with_copy - without
        gain = (without + caching * rise).sum(-1)
        return gain, rise, self._local.slope(of_critic, caching)[..., 1:]

    @property
    def _local(self) -> LocalCritics:
        """The critics, where every agent has its own."""
        assert isinstance(self.critic, LocalCritics)
        return self.critic

    def weights(self, state: Tensor) -> Tensor:
        """(B,) weights of the squared errors, of mean 1: with ``size`` and no discounted future, errors per size count.

        The error of a value that lies ahead is in no proportion to the block.
        """
        if not self.errors_per_size:
            return torch.ones_like(state[:, 0])
        weight = block_size(state) ** -2
        return weight / weight.mean()


def block_size(state: Tensor) -> Tensor:
    """(B,) size of the block as a share of the largest, at least `LEAST_SIZE`."""
    return state[:, 0].clamp(min=LEAST_SIZE)
