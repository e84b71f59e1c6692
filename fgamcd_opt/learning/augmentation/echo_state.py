"""Echo state network: a fixed random reservoir of leaky units, of which only the linear output is trained."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from fgamcd_opt.learning.augmentation.augmenter import Episodes
from fgamcd_opt.learning.augmentation.tensors import require_same_form
from fgamcd_opt.learning.config import TrainConfig

_KEPT = ("input_weights", "reservoir_weights", "gram", "cross", "output_weights")


class EchoState:
    """x <- (1 - leak) x + leak tanh(u W_in + b + x W), y = [x, u, 1] W_out.

    The reservoir is the spectral radius times a random orthogonal matrix (uniform over them). All of its singular
    values then equal the spectral radius, so that two states driven by the same input approach each other by the
    factor 1 - leak (1 - radius) < 1 per step at least: the echo state property holds, not only in the linearised
    sense in which a spectral radius below 1 suggests it.

    The output is a ridge regression on all steps seen so far, from running sums of its normal equations in float64:
    (Z^T Z + ridge I) W_out = Z^T Y.

    Parameters
    ----------
    n_inputs, n_outputs
        Lengths of (s, a) and (r, s').
    config
        reservoir, spectral_radius, leak, input_scaling, ridge, washout.
    generator
        Of the weights that stay fixed: those of the input and of b uniform in +- input_scaling.
    """

    def __init__(
        self, n_inputs: int, n_outputs: int, config: TrainConfig, generator: np.random.Generator
    ) -> None:
        units, scale = config.reservoir, config.input_scaling
        self.washout = config.washout
        self._leak = np.float32(config.leak)
        self._ridge = config.ridge
        self.input_weights = generator.uniform(-scale, scale, (n_inputs + 1, units)).astype(np.float32)
        self.reservoir_weights = orthogonal(units, config.spectral_radius, generator)
        n_features = units + n_inputs + 1
        self.gram = np.zeros((n_features, n_features))
        self.cross = np.zeros((n_features, n_outputs))
        self.output_weights = np.zeros((n_features, n_outputs), dtype=np.float32)

    def run(
        self, inputs: NDArray[np.float32], initial: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        """Drives the reservoir through E episodes, all of them in one matrix product per step.

        Parameters
        ----------
        inputs
            (T, E, n_inputs).
        initial
            (E, units) states before the first step; zero by default.

        Returns
        -------
        features : (T, E, units + n_inputs + 1)
            States of the reservoir after each step, inputs, and 1.
        """
        steps, copies, n_inputs = inputs.shape
        units = len(self.reservoir_weights)
        features = np.empty((steps, copies, units + n_inputs + 1), dtype=np.float32)
        features[..., units:-1] = inputs
        features[..., -1] = 1.0
        drive = features[..., units:].reshape(steps * copies, -1) @ self.input_weights
        state = np.zeros((copies, units), dtype=np.float32) if initial is None else initial.copy()
        target = np.empty_like(state)
        for t, driven in enumerate(drive.reshape(steps, copies, units)):
            np.matmul(state, self.reservoir_weights, out=target)
            target += driven
            np.tanh(target, out=target)
            target -= state
            target *= self._leak
            state += target
            features[t, :, :units] = state
        return features

    def learn(self, episodes: Episodes) -> NDArray[np.float32]:
        """As :meth:`DynamicsModel.learn`."""
        features = self.run(episodes.inputs)
        self.accumulate(features, episodes.targets, episodes.trained_on(self.washout))
        self.solve()
        return features @ self.output_weights

    def predict(self, episodes: Episodes) -> NDArray[np.float32]:
        """As :meth:`DynamicsModel.predict`."""
        return self.run(episodes.inputs) @ self.output_weights

    def accumulate(
        self, features: NDArray[np.float32], targets: NDArray[np.float32], counted: NDArray[np.bool_]
    ) -> None:
        """Adds the rows of (T, E, features) and (T, E, n_outputs) that are counted to Z^T Z and Z^T Y."""
        z = np.multiply(features, counted[..., None], dtype=np.float64).reshape(-1, features.shape[-1])
        self.gram += z.T @ z
        self.cross += (targets.reshape(-1, targets.shape[-1]).astype(np.float64).T @ z).T

    def solve(self) -> None:
        """Output weights from the sums; the ridge is at least what rounding of the sums requires."""
        ridge = max(self._ridge, float(np.finfo(np.float64).eps * np.trace(self.gram)))
        system = self.gram + ridge * np.eye(len(self.gram))
        self.output_weights = np.linalg.solve(system, self.cross).astype(np.float32)

    def state(self) -> dict[str, torch.Tensor]:
        """As :meth:`Augmenter.state`."""
        return {name: torch.from_numpy(getattr(self, name).copy()) for name in _KEPT}

    def load_state(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """As :meth:`Augmenter.load_state`."""
        require_same_form(tensors, self.state(), "echo state network")
        for name in _KEPT:
            setattr(self, name, tensors[name].detach().cpu().numpy().copy())


def orthogonal(units: int, radius: float, generator: np.random.Generator) -> NDArray[np.float32]:
    """(units, units) ``radius`` times an orthogonal matrix, uniform over all of them.

    The QR decomposition of a Gaussian matrix, with the signs that make the diagonal of R positive.
    """
    q, r = np.linalg.qr(generator.standard_normal((units, units)))
    return (radius * q * np.sign(np.diag(r))).astype(np.float32)
