"""Linear and recurrent layers of all agents at once: unshared weights, one batched product, no loop over agents.

Everything is laid out as (count, batch, features), where the count runs over the agents. Weights are drawn uniformly
and scaled by the fan-in: for a gain g each has variance g^2 / inputs; biases lie within 1 / sqrt(inputs).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

RELU_GAIN = math.sqrt(2.0)
"""Gain that keeps the mean square of activations through a layer with ReLU (He et al. 2015)."""


def uniform_parameter(shape: tuple[int, ...], bound: float, generator: torch.Generator) -> nn.Parameter:
    """A parameter on the generator's device, uniform in [-bound, bound]."""
    values = torch.empty(shape, device=generator.device)
    return nn.Parameter(values.uniform_(-bound, bound, generator=generator))


class StackedLinear(nn.Module):
    """``count`` affine maps side by side.

    Parameters
    ----------
    count, inputs, outputs
        Number of maps, features in and out of each.
    generator
        Source of the initial values, and the device.
    gain
        Scale of the initial weights.
    """

    def __init__(
        self, count: int, inputs: int, outputs: int, generator: torch.Generator, gain: float = 1.0
    ) -> None:
        super().__init__()
        fan = max(inputs, 1)
        self.weight = uniform_parameter((count, inputs, outputs), gain * math.sqrt(3.0 / fan), generator)
        self.bias = uniform_parameter((count, 1, outputs), 1.0 / math.sqrt(fan), generator)

    def forward(self, inputs: Tensor) -> Tensor:
        """(count, batch, inputs) to (count, batch, outputs)."""
        return torch.baddbmm(self.bias, inputs, self.weight)


class StackedPerceptron(nn.Module):
    """``count`` perceptrons with two hidden layers of ReLU side by side.

    Parameters
    ----------
    count, inputs, hidden, outputs
        Number of perceptrons, features in, width of both hidden layers, features out.
    generator
        Source of the initial values, and the device.
    """

    def __init__(
        self, count: int, inputs: int, hidden: int, outputs: int, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.first = StackedLinear(count, inputs, hidden, generator, RELU_GAIN)
        self.second = StackedLinear(count, hidden, hidden, generator, RELU_GAIN)
        self.head = StackedLinear(count, hidden, outputs, generator, 0.1)
        nn.init.zeros_(self.head.bias)

    def forward(self, inputs: Tensor) -> Tensor:
        """(count, batch, inputs) to (count, batch, outputs)."""
        hidden = torch.relu(self.second(torch.relu(self.first(inputs))))
        outputs: Tensor = self.head(hidden)
        return outputs


class StackedGRUCell(nn.Module):
    """``count`` gated recurrent units side by side (Cho et al. 2014, in the form of ``torch.nn.GRUCell``).

    Parameters
    ----------
    count, inputs, hidden
        Number of units, features in, size of each memory.
    generator
        Source of the initial values, and the device.
    """

    def __init__(self, count: int, inputs: int, hidden: int, generator: torch.Generator) -> None:
        super().__init__()
        self.from_input = StackedLinear(count, inputs, 3 * hidden, generator)
        self.from_memory = StackedLinear(count, hidden, 3 * hidden, generator)

    def forward(self, inputs: Tensor, memory: Tensor) -> Tensor:
        """(count, batch, inputs) and (count, batch, hidden) to the next memory (count, batch, hidden)."""
        reset_x, update_x, new_x = self.from_input(inputs).chunk(3, dim=-1)
        reset_h, update_h, new_h = self.from_memory(memory).chunk(3, dim=-1)
        reset = torch.sigmoid(reset_x + reset_h)
        update = torch.sigmoid(update_x + update_h)
        new = torch.tanh(new_x + reset * new_h)
        return torch.lerp(new, memory, update)
