"""Linear and recurrent layers of all agents at once: unshared weights, one batched product, no loop over agents.

Everything is laid out as (count, batch, features), where the count runs over the agents. Weights are drawn uniformly
and scaled by the fan-in: for a gain g each has variance g^2 / inputs; biases lie within 1 / sqrt(inputs).

The networks are so small that an update is bound by the number of operations and by the memory they touch, not by
arithmetic. What the actor-critic trains therefore has its gradient written out: `trace` gives the output and what the
gradient needs, and `backward` writes the gradient of the parameters into their ``grad``, without a graph and without
sums of gradients. `forward` is the same computation, differentiable as usual.
"""

from __future__ import annotations

import math
from typing import Any, cast

import torch
from torch import Tensor, nn

from fgamcd_opt.io.short_repr import short_repr

RELU_GAIN = math.sqrt(2.0)
"""Gain that keeps the mean square of activations through a layer with ReLU (He et al. 2015)."""


Trace = tuple[Any, ...]
"""What a `backward` needs to know of the computation whose gradient it takes."""


def gradient_of(parameter: Tensor) -> Tensor:
    """Where the gradient of a parameter is to be written, see :func:`.flatten_parameters`."""
    assert parameter.grad is not None
    return parameter.grad


def through_relu_(gradient: Tensor, activation: Tensor) -> Tensor:
    """The gradient before a ReLU from that after it, in place; ``activation`` is what the ReLU gave."""
    through = torch.ops.aten.threshold_backward.grad_input(gradient, activation, 0, grad_input=gradient)
    return cast(Tensor, through)


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

    __repr__ = short_repr

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

    def write_gradient(self, inputs: Tensor, gradient: Tensor) -> None:
        """The gradients of the parameters, given that of the outputs."""
        torch.bmm(inputs.transpose(1, 2), gradient, out=gradient_of(self.weight))
        torch.sum(gradient, 1, keepdim=True, out=gradient_of(self.bias))

    def back(self, gradient: Tensor) -> Tensor:
        """The gradient of the inputs, given that of the outputs."""
        transposed = self.weight.transpose(1, 2)
        return gradient * transposed if gradient.shape[-1] == 1 else torch.bmm(gradient, transposed)


class StackedPerceptron(nn.Module):
    """``count`` perceptrons with two hidden layers of ReLU side by side.

    Parameters
    ----------
    count, inputs, hidden, outputs
        Number of perceptrons, features in, width of both hidden layers, features out.
    generator
        Source of the initial values, and the device.
    """

    __repr__ = short_repr

    def __init__(
        self, count: int, inputs: int, hidden: int, outputs: int, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.first = StackedLinear(count, inputs, hidden, generator, RELU_GAIN)
        self.second = StackedLinear(count, hidden, hidden, generator, RELU_GAIN)
        self.head = StackedLinear(count, hidden, outputs, generator, 0.1)
        nn.init.zeros_(self.head.bias)

    def forward(self, inputs: Tensor, actions: Tensor | None = None) -> Tensor:
        """(count, batch, ...) features, the last of which may come as ``actions``, to (count, batch, outputs)."""
        return self.trace(inputs, actions)[0]

    def trace(self, inputs: Tensor, actions: Tensor | None = None) -> tuple[Tensor, Trace]:
        """Outputs as of `forward`, and what `backward` needs."""
        size = inputs.shape[-1]
        first = torch.baddbmm(self.first.bias, inputs, self.first.weight[:, :size])
        if actions is not None:
            first = first.baddbmm_(actions, self.first.weight[:, size:])
        first = first.relu_()
        second = self.second(first).relu_()
        return self.head(second), (inputs, actions, first, second)

    @torch.no_grad()
    def backward(self, trace: Trace, gradient: Tensor) -> None:
        """Write the gradients of the parameters, given that of the outputs."""
        inputs, actions, first, second = trace
        of_first, of_second = self._of_layers(trace, gradient)
        self.head.write_gradient(second, gradient)
        self.second.write_gradient(first, of_second)
        size, of_weight = inputs.shape[-1], gradient_of(self.first.weight)
        torch.sum(of_first, 1, keepdim=True, out=gradient_of(self.first.bias))
        torch.bmm(inputs.transpose(1, 2), of_first, out=of_weight[:, :size])
        if actions is not None:
            torch.bmm(actions.transpose(1, 2), of_first, out=of_weight[:, size:])

    @torch.no_grad()
    def slope(self, trace: Trace, gradient: Tensor) -> Tensor:
        """The gradient of ``actions``, given that of the outputs; the parameters' are not touched."""
        of_first, _ = self._of_layers(trace, gradient)
        return torch.bmm(of_first, self.first.weight[:, trace[0].shape[-1] :].transpose(1, 2))

    def _of_layers(self, trace: Trace, gradient: Tensor) -> tuple[Tensor, Tensor]:
        """The gradients of both hidden layers, before their ReLU."""
        *_, first, second = trace
        of_second = through_relu_(self.head.back(gradient), second)
        return through_relu_(self.second.back(of_second), first), of_second


class StackedGRUCell(nn.Module):
    """``count`` gated recurrent units side by side (Cho et al. 2014, in the form of ``torch.nn.GRUCell``).

    Parameters
    ----------
    count, inputs, hidden
        Number of units, features in, size of each memory.
    generator
        Source of the initial values, and the device.
    """

    __repr__ = short_repr

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
