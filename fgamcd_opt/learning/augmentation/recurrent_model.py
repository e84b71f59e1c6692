"""Recurrent network of the same form as the echo state network, with all weights trained: an ablation."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fgamcd_opt.learning.augmentation.augmenter import Episodes
from fgamcd_opt.learning.augmentation.echo_state import orthogonal
from fgamcd_opt.learning.augmentation.flat_training import FlatTraining
from fgamcd_opt.learning.config import TrainConfig

PASSES = 20
"""Steps of Adam per batch of episodes, each on all of them."""
LEARNING_RATE = 3e-3
GRADIENT_NORM = 1.0


class LeakyRecurrent(nn.Module):
    """Leaky Elman network whose output also sees the inputs; starts with a random orthogonal recurrence, output 0.

    Parameters
    ----------
    n_inputs, n_outputs
        Features in and out of each step.
    config
        reservoir, spectral_radius, leak, input_scaling.
    generator
        Of the initial weights.
    """

    def __init__(
        self, n_inputs: int, n_outputs: int, config: TrainConfig, generator: np.random.Generator
    ) -> None:
        super().__init__()
        units, scale = config.reservoir, config.input_scaling
        into = generator.uniform(-scale, scale, (n_inputs + 1, units)).astype(np.float32)
        recurrent = orthogonal(units, config.spectral_radius, generator)
        self._leak = config.leak
        self.input_weights = nn.Parameter(torch.from_numpy(into))
        self.recurrent_weights = nn.Parameter(torch.from_numpy(recurrent))
        self.output_weights = nn.Parameter(torch.zeros(units + n_inputs + 1, n_outputs))

    def forward(self, inputs: Tensor) -> Tensor:
        """(T, E, n_inputs) to (T, E, n_outputs)."""
        extended = nn.functional.pad(inputs, (0, 1), value=1.0)
        state = inputs.new_zeros(inputs.shape[1], len(self.recurrent_weights))
        states = []
        for driven in (extended @ self.input_weights).unbind(0):
            state = torch.lerp(
                state, torch.tanh(torch.addmm(driven, state, self.recurrent_weights)), self._leak
            )
            states.append(state)
        return torch.cat([torch.stack(states), extended], dim=-1) @ self.output_weights


class RecurrentModel:
    """Adam on the mean squared error over the episodes just played, by back-propagation through whole episodes.

    Parameters
    ----------
    n_inputs, n_outputs
        Lengths of (s, a) and (r, s').
    config
        Those of `LeakyRecurrent`, and washout, device.
    generator
        Of the initial weights.
    """

    def __init__(
        self, n_inputs: int, n_outputs: int, config: TrainConfig, generator: np.random.Generator
    ) -> None:
        self.washout = config.washout
        self._device = torch.device(config.device)
        self._network = LeakyRecurrent(n_inputs, n_outputs, config, generator).to(self._device)
        self._training = FlatTraining(LEARNING_RATE, GRADIENT_NORM, self._network)

    def learn(self, episodes: Episodes) -> NDArray[np.float32]:
        """As :meth:`DynamicsModel.learn`."""
        inputs = torch.from_numpy(episodes.inputs).to(self._device)
        targets = torch.from_numpy(episodes.targets).to(self._device)
        rows = torch.from_numpy(episodes.trained_on(self.washout)).to(self._device)
        wanted = targets[rows]
        for _ in range(PASSES):
            self._training.step(nn.functional.mse_loss(self._network(inputs)[rows], wanted))
        return self.predict(episodes)

    def predict(self, episodes: Episodes) -> NDArray[np.float32]:
        """As :meth:`DynamicsModel.predict`."""
        with torch.no_grad():
            predicted: Tensor = self._network(torch.from_numpy(episodes.inputs).to(self._device))
        return np.asarray(predicted.cpu().numpy())

    def state(self) -> dict[str, Tensor]:
        """As :meth:`Augmenter.state`."""
        return self._training.state()

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """As :meth:`Augmenter.load_state`."""
        self._training.load_state(tensors, "recurrent model")
