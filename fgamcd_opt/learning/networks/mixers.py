"""Mixers: from the agents' Q_n and the state to Q_total, never decreasing in any Q_n."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from fgamcd_opt.io.short_repr import short_repr
from fgamcd_opt.learning.networks.stacked import (
    RELU_GAIN,
    Trace,
    gradient_of,
    through_relu_,
    uniform_parameter,
)

RESIDUAL_SLOPE = 0.1
"""Slope in each Q_n of a fresh mixing network next to the plain sum (`sum+qmix`), whose slope is 1."""


def _linear(inputs: int, outputs: int, generator: torch.Generator, gain: float) -> nn.Linear:
    """A linear layer with the initial values of `stacked`."""
    layer = nn.Linear(inputs, outputs, device="meta")
    bound = math.sqrt(3.0 / inputs)
    layer.weight = uniform_parameter((outputs, inputs), gain * bound, generator)
    layer.bias = uniform_parameter((outputs,), 1.0 / math.sqrt(inputs), generator)
    return layer


def _write_gradient(layer: nn.Linear, inputs: Tensor, gradient: Tensor) -> None:
    """Those of the weights and the bias, given that of the outputs."""
    torch.mm(gradient.t(), inputs, out=gradient_of(layer.weight))
    torch.sum(gradient, 0, out=gradient_of(layer.bias))


class StateValue(nn.Module):
    """V(s), a perceptron with one hidden layer; near zero when fresh.

    Parameters
    ----------
    state_size, hidden
        Sizes.
    generator
        Source of the initial values, and the device.
    """

    __repr__ = short_repr

    def __init__(self, state_size: int, hidden: int, generator: torch.Generator) -> None:
        super().__init__()
        self.first = _linear(state_size, hidden, generator, RELU_GAIN)
        self.second = _linear(hidden, 1, generator, 0.1)
        nn.init.zeros_(self.second.bias)

    def forward(self, state: Tensor) -> Tensor:
        """(B, S) to (B,)."""
        return self.trace(state)[0]

    def trace(self, state: Tensor) -> tuple[Tensor, Trace]:
        """V as of `forward`, and what `backward` needs."""
        hidden = self.first(state).relu_()
        return self.second(hidden).squeeze(-1), (state, hidden)

    @torch.no_grad()
    def backward(self, trace: Trace, gradient: Tensor) -> None:
        """Write the gradients of the parameters, given that of V (B,)."""
        state, hidden = trace
        gradient = gradient.unsqueeze(-1)
        _write_gradient(self.second, hidden, gradient)
        _write_gradient(self.first, state, through_relu_(gradient * self.second.weight, hidden))


class QmixMixer(nn.Module):
    """QMIX (Rashid et al. 2018): w2 . elu(W1 q + b1) + V with W1, w2 >= 0, optionally plus sum_n Q_n.

    W1, w2 (absolute values), b1 and V are functions of the state: linear in one hidden layer of ReLU, which they share.
    Fresh weights are scattered between a half and one and a half times the level that gives the mixer its slope: well
    away from zero, where the absolute value has none.

    Parameters
    ----------
    n_agents, state_size, hidden
        N, length of the state, hidden units H of the mixer and width of the layer that reads the state.
    generator
        Source of the initial values, and the device.
    residual
        Add the plain sum of all Q_n; the mixing network then starts with a slope of `RESIDUAL_SLOPE` instead of 1.
    """

    __repr__ = short_repr

    def __init__(
        self, n_agents: int, state_size: int, hidden: int, generator: torch.Generator, *, residual: bool
    ) -> None:
        super().__init__()
        self.residual = residual
        self.sizes = [n_agents * hidden, hidden]
        self.reading = _linear(state_size, hidden, generator, RELU_GAIN)
        self.weights = _linear(hidden, sum(self.sizes), generator, 0.1)
        self.offsets = _linear(hidden, hidden + 1, generator, 0.1)
        slope = RESIDUAL_SLOPE if residual else 1.0
        with torch.no_grad():
            self.weights.bias.uniform_(0.5, 1.5, generator=generator)
            levels = zip(self.sizes, (1.0 / n_agents, slope * n_agents / hidden), strict=True)
            level = torch.cat([torch.full((size,), value) for size, value in levels]).to(generator.device)
            self.weights.weight.mul_(level.unsqueeze(-1))
            self.weights.bias.mul_(level)

    def forward(self, q: Tensor, state: Tensor) -> Tensor:
        """(B, N) and (B, S) to Q_total (B,)."""
        return self.trace(q, state)[0]

    def trace(self, q: Tensor, state: Tensor) -> tuple[Tensor, Trace]:
        """Q_total as of `forward`, and what the gradients need."""
        seen = self.reading(state).relu_()
        weights = self.weights(seen)
        weights_1, weights_2 = torch.split(torch.abs(weights), self.sizes, dim=-1)
        weights_1 = weights_1.view(*q.shape, -1)
        bias_1, value = torch.split(self.offsets(seen), [self.sizes[1], 1], dim=-1)
        mixed = functional.elu((q.unsqueeze(-1) * weights_1).sum(1) + bias_1)
        total = (mixed * weights_2).sum(-1) + value.squeeze(-1)
        trace = q, state, seen, weights, weights_1, weights_2, mixed
        return total + q.sum(-1) if self.residual else total, trace

    @torch.no_grad()
    def backward(self, trace: Trace, gradient: Tensor) -> Tensor:
        """The gradient of q (B, N), given that of Q_total (B,); writes those of the parameters."""
        q, state, seen, weights, _, _, mixed = trace
        of_sum = self._of_sum(trace, gradient)
        each = gradient.unsqueeze(-1)
        of_weights = torch.cat([(q.unsqueeze(-1) * of_sum.unsqueeze(1)).flatten(1), each * mixed], dim=-1)
        of_weights *= torch.sign(weights)
        of_offsets = torch.cat([of_sum, each], dim=-1)
        _write_gradient(self.weights, seen, of_weights)
        _write_gradient(self.offsets, seen, of_offsets)
        of_seen = torch.addmm(of_offsets @ self.offsets.weight, of_weights, self.weights.weight)
        _write_gradient(self.reading, state, through_relu_(of_seen, seen))
        return self._of_q(trace, gradient, of_sum)

    @torch.no_grad()
    def slope(self, trace: Trace, gradient: Tensor) -> Tensor:
        """The gradient of q (B, N) alone."""
        return self._of_q(trace, gradient, self._of_sum(trace, gradient))

    @staticmethod
    def _of_sum(trace: Trace, gradient: Tensor) -> Tensor:
        """The gradient of W1 q + b1, (B, H); ELU rises by exp(x) = ELU(x) + 1 below zero, and by 1 above."""
        *_, weights_2, mixed = trace
        of_sum: Tensor = gradient.unsqueeze(-1) * weights_2 * (mixed + 1.0).clamp_(max=1.0)
        return of_sum

    def _of_q(self, trace: Trace, gradient: Tensor, of_sum: Tensor) -> Tensor:
        """The gradient of q (B, N), given also that of W1 q + b1."""
        weights_1 = trace[4]
        of_q: Tensor = (weights_1 * of_sum.unsqueeze(1)).sum(-1)
        return of_q + gradient.unsqueeze(-1) if self.residual else of_q


class SumMixer(nn.Module):
    """VDN (Sunehag et al. 2018): sum_n Q_n, optionally plus V(s).

    Parameters
    ----------
    value
        V(s), or None.
    """

    __repr__ = short_repr

    def __init__(self, value: StateValue | None) -> None:
        super().__init__()
        self.value = value

    def forward(self, q: Tensor, state: Tensor) -> Tensor:
        """(B, N) and (B, S) to Q_total (B,)."""
        return self.trace(q, state)[0]

    def trace(self, q: Tensor, state: Tensor) -> tuple[Tensor, Trace]:
        """Q_total as of `forward`, and what the gradients need."""
        total = q.sum(-1)
        if self.value is None:
            return total, (q, ())
        value, trace = self.value.trace(state)
        return total + value, (q, trace)

    def backward(self, trace: Trace, gradient: Tensor) -> Tensor:
        """The gradient of q (B, N), given that of Q_total (B,); writes those of the parameters."""
        if self.value is not None:
            self.value.backward(trace[1], gradient)
        return self.slope(trace, gradient)

    def slope(self, trace: Trace, gradient: Tensor) -> Tensor:
        """The gradient of q (B, N) alone."""
        return gradient.unsqueeze(-1).expand_as(trace[0])


def make_mixer(
    name: str, n_agents: int, state_size: int, hidden: int, generator: torch.Generator
) -> QmixMixer | SumMixer:
    """The mixer of a name of `TrainConfig.mixer`.

    Parameters
    ----------
    name
        ``vdn``, ``vdn+v``, ``qmix`` or ``sum+qmix``.
    n_agents, state_size, hidden
        N, length of the state, width.
    generator
        Source of the initial values, and the device.

    Returns
    -------
    QmixMixer | SumMixer
        Called with q (B, N) and state (B, S); gives Q_total (B,).
    """
    if name in ("qmix", "sum+qmix"):
        return QmixMixer(n_agents, state_size, hidden, generator, residual=name == "sum+qmix")
    return SumMixer(StateValue(state_size, hidden, generator) if name == "vdn+v" else None)
