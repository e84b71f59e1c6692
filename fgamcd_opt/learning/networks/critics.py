"""Critics: a local Q_n(o_n, a_n) per agent, or one Q(s, a) of the state and all actions."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fgamcd_opt.learning.environment.layout import StateLayout
from fgamcd_opt.learning.networks.actors import whole_observations
from fgamcd_opt.learning.networks.stacked import StackedPerceptron


class LocalCritics(nn.Module):
    """Q_n(o_n, a_n) of every agent, each from its whole observation and its own bits.

    Parameters
    ----------
    layout
        Sizes of the observations.
    hidden
        Width of both hidden layers.
    generator
        Source of the initial values, and the device.
    """

    def __init__(self, layout: StateLayout, hidden: int, generator: torch.Generator) -> None:
        super().__init__()
        inputs = layout.observation_size + layout.n_nodes
        self.body = StackedPerceptron(layout.n_nodes, inputs, hidden, 1, generator)

    def forward(self, own: Tensor, other: Tensor, bits: Tensor) -> Tensor:
        """(B, N, own_size), (B, N, N - 1, other_size) and bits (B, N, N) to Q (B, N)."""
        inputs = torch.cat([whole_observations(own, other), bits.transpose(0, 1)], dim=-1)
        q: Tensor = self.body(inputs).squeeze(-1).transpose(0, 1)
        return q


class JointCritic(nn.Module):
    """Q(s, a) of the state and the bits of all agents, undecomposed.

    Parameters
    ----------
    layout
        Size of the state.
    hidden
        Width of both hidden layers.
    generator
        Source of the initial values, and the device.
    """

    def __init__(self, layout: StateLayout, hidden: int, generator: torch.Generator) -> None:
        super().__init__()
        self.body = StackedPerceptron(1, layout.size + layout.n_nodes**2, hidden, 1, generator)

    def forward(self, state: Tensor, bits: Tensor) -> Tensor:
        """(B, S) and bits (B, N, N) to Q (B,)."""
        q: Tensor = self.body(torch.cat([state, bits.flatten(1)], dim=-1).unsqueeze(0))
        return q.view(-1)
