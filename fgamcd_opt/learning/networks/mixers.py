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


class HyperNetwork(nn.Module):
    """Non-negative weights of the mixer, as a function of the state: |A relu(C s)|.

    A fresh one gives about ``level``, scattered between a half and one and a half times that: well away from zero,
    where the absolute value has no slope.

    Parameters
    ----------
    state_size, hidden, outputs
        Sizes.
    level
        Mean of the fresh outputs.
    generator
        Source of the initial values, and the device.
    """

    def __init__(
        self, state_size: int, hidden: int, outputs: int, level: float, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.first = _linear(state_size, hidden, generator, RELU_GAIN)
        self.second = _linear(hidden, outputs, generator, 0.1 * level)
        with torch.no_grad():
            self.second.bias.uniform_(0.5 * level, 1.5 * level, generator=generator)

    def forward(self, state: Tensor) -> Tensor:
        """(B, S) to (B, outputs), not negative."""
        return torch.abs(self.second(torch.relu(self.first(state))))


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
    """QMIX (Rashid et al. 2018): w2(s) . elu(W1(s) q + b1(s)) + V(s) with W1, w2 >= 0, optionally plus sum_n Q_n.

    Parameters
    ----------
    n_agents, state_size, hidden
        N, length of the state, hidden units of the mixer.
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
        slope = RESIDUAL_SLOPE if residual else 1.0
        self.weights_1 = HyperNetwork(state_size, hidden, n_agents * hidden, 1.0 / n_agents, generator)
        self.bias_1 = _linear(state_size, hidden, generator, 1.0)
        self.weights_2 = HyperNetwork(state_size, hidden, hidden, slope * n_agents / hidden, generator)
        self.value = StateValue(state_size, hidden, generator)

    def forward(self, q: Tensor, state: Tensor) -> Tensor:
        """(B, N) and (B, S) to Q_total (B,)."""
        weights_1 = self.weights_1(state).view(q.shape[0], q.shape[1], -1)
        mixed = functional.elu(torch.bmm(q.unsqueeze(1), weights_1).squeeze(1) + self.bias_1(state))
        total: Tensor = (mixed * self.weights_2(state)).sum(-1) + self.value(state)
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
