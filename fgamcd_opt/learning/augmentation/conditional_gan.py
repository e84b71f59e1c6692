"""Conditional generative adversarial network, (s, a, noise) -> (r, s' - s): an ablation."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fgamcd_opt.learning.augmentation.augmenter import Episodes
from fgamcd_opt.learning.augmentation.flat_training import FlatTraining
from fgamcd_opt.learning.augmentation.tensors import require_same_form
from fgamcd_opt.learning.config import TrainConfig
from fgamcd_opt.learning.networks.stacked import StackedLinear, StackedPerceptron

PASSES = 4
"""Passes over the transitions of a batch of episodes."""
BATCH_SIZE = 128
HIDDEN = 128
NOISE = 8
"""Entries of the noise that the generator reads."""
LEARNING_RATE = 1e-3
BETAS = (0.5, 0.999)
GRADIENT_NORM = 10.0
FIDELITY = 100.0
"""Weight of the mean absolute error in the generator's loss, beside its adversarial part."""


class Generator(nn.Module):
    """A perceptron beside a linear map, both of (s, a, noise).

    Parameters
    ----------
    n_inputs, n_outputs
        Lengths of (s, a) and (r, s').
    generator
        Of the initial weights.
    """

    def __init__(self, n_inputs: int, n_outputs: int, generator: torch.Generator) -> None:
        super().__init__()
        self.curved = StackedPerceptron(1, n_inputs + NOISE, HIDDEN, n_outputs, generator)
        self.straight = StackedLinear(1, n_inputs + NOISE, n_outputs, generator, 0.1)

    def forward(self, inputs: Tensor, noise: Tensor) -> Tensor:
        """(B, n_inputs) and (B, NOISE) to (B, n_outputs)."""
        both = torch.cat([inputs, noise], dim=-1)[None]
        generated: Tensor = (self.curved(both) + self.straight(both))[0]
        return generated


class ConditionalGan:
    """Generator and discriminator, trained in turn on the transitions just played.

    The generator's loss is the non-saturating adversarial one plus the mean absolute error to the real sample (Isola
    et al. 2017): the filter asks for predictions near the real ones, which the adversarial part alone hardly gives.

    Parameters
    ----------
    n_inputs, n_outputs
        Lengths of (s, a) and (r, s').
    config
        device.
    seed
        Of the initial weights, the noise and the order of the transitions.
    """

    washout = 0

    def __init__(self, n_inputs: int, n_outputs: int, config: TrainConfig, seed: int) -> None:
        self._device = torch.device(config.device)
        self._random = torch.Generator().manual_seed(seed)
        generator = Generator(n_inputs, n_outputs, self._random)
        judge = StackedPerceptron(1, n_inputs + n_outputs, HIDDEN, 1, self._random)
        self._generator, self._judge = generator.to(self._device), judge.to(self._device)
        self._generation = FlatTraining(LEARNING_RATE, GRADIENT_NORM, self._generator, BETAS)
        self._judgement = FlatTraining(LEARNING_RATE, GRADIENT_NORM, self._judge, BETAS)

    def learn(self, episodes: Episodes) -> NDArray[np.float32]:
        """As :meth:`DynamicsModel.learn`."""
        inputs = torch.from_numpy(episodes.inputs[episodes.active]).to(self._device)
        real = torch.from_numpy(episodes.targets[episodes.active]).to(self._device)
        for _ in range(PASSES):
            for rows in torch.split(torch.randperm(len(inputs), generator=self._random), BATCH_SIZE):
                self._train(inputs[rows], real[rows])
        return self.predict(episodes)

    def _train(self, inputs: Tensor, real: Tensor) -> None:
        """One step of the discriminator, then one of the generator."""
        generated = self._generator(inputs, self._noise(len(inputs)))
        verdicts = self._verdict(inputs, real), self._verdict(inputs, generated.detach())
        softplus = nn.functional.softplus
        self._judgement.step(softplus(-verdicts[0]).mean() + softplus(verdicts[1]).mean())
        deceived = softplus(-self._verdict(inputs, generated)).mean()
        self._generation.step(deceived + FIDELITY * nn.functional.l1_loss(generated, real))

    def _verdict(self, inputs: Tensor, outcome: Tensor) -> Tensor:
        """(B, 1) logit that an outcome is real."""
        verdict: Tensor = self._judge(torch.cat([inputs, outcome], dim=-1)[None])[0]
        return verdict

    def _noise(self, *shape: int) -> Tensor:
        return torch.randn(*shape, NOISE, generator=self._random).to(self._device)

    def predict(self, episodes: Episodes) -> NDArray[np.float32]:
        """As :meth:`DynamicsModel.predict`, with fresh noise for every step."""
        inputs = torch.from_numpy(episodes.inputs).to(self._device).flatten(0, 1)
        with torch.no_grad():
            generated: Tensor = self._generator(inputs, self._noise(len(inputs)))
        return np.asarray(generated.cpu().numpy()).reshape(episodes.targets.shape)

    def state(self) -> dict[str, Tensor]:
        """As :meth:`Augmenter.state`."""
        parts = {"generator": self._generation, "discriminator": self._judgement}
        tensors = {f"{part}.{n}": t for part, training in parts.items() for n, t in training.state().items()}
        return {**tensors, "random": self._random.get_state()}

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """As :meth:`Augmenter.load_state`."""
        parts = {"generator": self._generation, "discriminator": self._judgement}
        rest = {n: t for n, t in tensors.items() if n.split(".")[0] not in parts}
        require_same_form(rest, {"random": self._random.get_state()}, "conditional GAN")
        for part, training in parts.items():
            mine = {n.removeprefix(f"{part}."): t for n, t in tensors.items() if n.startswith(f"{part}.")}
            training.load_state(mine, f"conditional GAN, {part}")
        self._random.set_state(tensors["random"].cpu())
