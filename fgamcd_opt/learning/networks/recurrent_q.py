"""Recurrent Q-networks of all agents at once."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fgamcd_opt.io.short_repr import short_repr
from fgamcd_opt.learning.environment.layout import StateLayout
from fgamcd_opt.learning.networks.stacked import RELU_GAIN, StackedGRUCell, StackedLinear


class RecurrentQ(nn.Module):
    """Q_n(history of o_n, u) of every discrete action u, as in QMIX: a layer of ReLU, a GRU, a linear head.

    Parameters
    ----------
    layout
        Sizes of the observations.
    hidden
        H, width of the first layer and size of the memory.
    n_actions
        Discrete actions of one agent.
    generator
        Source of the initial values, and the device.
    """

    __repr__ = short_repr

    def __init__(self, layout: StateLayout, hidden: int, n_actions: int, generator: torch.Generator) -> None:
        super().__init__()
        agents = layout.n_nodes
        self.reading = StackedLinear(agents, layout.observation_size, hidden, generator, RELU_GAIN)
        self.unit = StackedGRUCell(agents, hidden, hidden, generator)
        self.head = StackedLinear(agents, hidden, n_actions, generator, 0.1)
        nn.init.zeros_(self.head.bias)

    def forward(self, seen: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Values of all actions and the next memory.

        Parameters
        ----------
        seen
            (N, B, observation_size) observations.
        memory
            (B, N, H) before this observation; zeros at the start of an episode.

        Returns
        -------
        tuple[Tensor, Tensor]
            Q (B, N, n_actions) and the memory (B, N, H) after this observation.
        """
        after = self.unit(torch.relu(self.reading(seen)), memory.transpose(0, 1))
        return self.head(after).transpose(0, 1), after.transpose(0, 1)
