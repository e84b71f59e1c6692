"""Mixers: from the agents' Q_n and the state to Q_total, never decreasing in any Q_n."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from fgamcd_opt.learning.networks.stacked import RELU_GAIN, uniform_parameter

RESIDUAL_SLOPE = 0.1
"""Slope in each Q_n of a fresh mixing network next to the plain sum (`sum+qmix`), whose slope is 1."""


def _linear(inputs: int, outputs: int, generator: torch.Generator, gain: float) -> nn.Linear:
    """A linear layer with the initial values of `stacked`."""
    layer = nn.Linear(inputs, outputs, device="meta")
    bound = math.sqrt(3.0 / inputs)
    layer.weight = uniform_parameter((outputs, inputs), gain * bound, generator)
    layer.bias = uniform_parameter((outputs,), 1.0 / math.sqrt(inputs), generator)
    return layer


class StateValue(nn.Module):
    """V(s), a perceptron with one hidden layer; near zero when fresh.

    Parameters
    ----------
    state_size, hidden
        Sizes.
    generator
        Source of the initial values, and the device.
    """

    def __init__(self, state_size: int, hidden: int, generator: torch.Generator) -> None:
        super().__init__()
        self.first = _linear(state_size, hidden, generator, RELU_GAIN)
        self.second = _linear(hidden, 1, generator, 0.1)
        nn.init.zeros_(self.second.bias)

    def forward(self, state: Tensor) -> Tensor:
        """(B, S) to (B,)."""
        value: Tensor = self.second(torch.relu(self.first(state)))
        return value.squeeze(-1)


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
        seen = torch.relu(self.reading(state))
        weights_1, weights_2 = torch.split(torch.abs(self.weights(seen)), self.sizes, dim=-1)
        bias_1, value = torch.split(self.offsets(seen), [self.sizes[1], 1], dim=-1)
        mixed = (q.unsqueeze(-1) * weights_1.view(*q.shape, -1)).sum(1) + bias_1
        total: Tensor = (functional.elu(mixed) * weights_2).sum(-1) + value.squeeze(-1)
        return total + q.sum(-1) if self.residual else total


class SumMixer(nn.Module):
    """VDN (Sunehag et al. 2018): sum_n Q_n, optionally plus V(s).

    Parameters
    ----------
    value
        V(s), or None.
    """

    def __init__(self, value: StateValue | None) -> None:
        super().__init__()
        self.value = value

    def forward(self, q: Tensor, state: Tensor) -> Tensor:
        """(B, N) and (B, S) to Q_total (B,)."""
        total = q.sum(-1)
        return total if self.value is None else total + self.value(state)


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
