"""Critics: a local Q_n(o_n, a_n) per agent, or one Q(s, a) of the state and all actions."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fgamcd_opt.io.short_repr import short_repr
from fgamcd_opt.learning.environment.layout import StateLayout
from fgamcd_opt.learning.networks.stacked import StackedPerceptron, Trace


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

    __repr__ = short_repr

    def __init__(self, layout: StateLayout, hidden: int, generator: torch.Generator) -> None:
        super().__init__()
        inputs = layout.observation_size + layout.n_nodes
        self.body = StackedPerceptron(layout.n_nodes, inputs, hidden, 1, generator)

    def forward(self, seen: Tensor, bits: Tensor) -> Tensor:
        """Observations (N, B, observation_size) and bits (B, N, N) to Q (B, N)."""
        return self.trace(seen, bits)[0]

    def idle(self, seen: Tensor) -> Tensor:
        """Q (B, N) with all bits 0."""
        q: Tensor = self.body(seen).squeeze(-1).transpose(0, 1)
        return q

    def trace(self, seen: Tensor, bits: Tensor) -> tuple[Tensor, Trace]:
        """Q as of `forward`, and what the gradients need."""
        q, trace = self.body.trace(seen, bits.transpose(0, 1))
        return q.squeeze(-1).transpose(0, 1), trace

    def backward(self, trace: Trace, gradient: Tensor) -> None:
        """Write the gradients of the parameters, given that of Q (B, N)."""
        self.body.backward(trace, gradient.transpose(0, 1).unsqueeze(-1))

    def slope(self, trace: Trace, gradient: Tensor) -> Tensor:
        """The gradient of the bits (B, N, N), given that of Q (B, N)."""
        return self.body.slope(trace, gradient.transpose(0, 1).unsqueeze(-1)).transpose(0, 1)


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

    __repr__ = short_repr

    def __init__(self, layout: StateLayout, hidden: int, generator: torch.Generator) -> None:
        super().__init__()
        self._n_nodes = layout.n_nodes
        self.body = StackedPerceptron(1, layout.size + layout.n_nodes**2, hidden, 1, generator)

    def forward(self, state: Tensor, bits: Tensor) -> Tensor:
        """(B, S) and bits (B, N, N) to Q (B,)."""
        return self.trace(state, bits)[0]

    def trace(self, state: Tensor, bits: Tensor) -> tuple[Tensor, Trace]:
        """Q as of `forward`, and what the gradients need."""
        q, trace = self.body.trace(state.unsqueeze(0), bits.flatten(1).unsqueeze(0))
        return q.view(-1), trace

    def backward(self, trace: Trace, gradient: Tensor) -> None:
        """Write the gradients of the parameters, given that of Q (B,)."""
        self.body.backward(trace, gradient.view(1, -1, 1))

    def slope(self, trace: Trace, gradient: Tensor) -> Tensor:
        """The gradient of the bits (B, N, N), given that of Q (B,)."""
        slope = self.body.slope(trace, gradient.view(1, -1, 1))
        return slope.view(-1, self._n_nodes, self._n_nodes)
