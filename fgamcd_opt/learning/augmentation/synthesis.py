"""From the predictions of a model to synthetic samples: binary entries, distance to the real sample, cap (22)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.learning.augmentation.augmenter import DynamicsModel, Synthetic
from fgamcd_opt.learning.augmentation.episodes import EpisodeRecorder
from fgamcd_opt.learning.augmentation.sample_cap import sample_cap
from fgamcd_opt.learning.config import TrainConfig
from fgamcd_opt.learning.environment.layout import StateLayout
from fgamcd_opt.learning.environment.state_rows import LEAST_QUALITY

if TYPE_CHECKING:
    import torch


class Synthesiser:
    """Augmentation around one model of the dynamics; everything but the model is common to all of them.

    K of (22) is the number of steps that the episode has. Among the plausible samples of an episode, those within the
    cap are chosen at random, by its own stream for every episode.

    A sample repeats (s, a), so its true reward is known: with ``relabel`` (the default) the sample carries that, and
    the error of the predicted reward is reported. The prediction decides in any case whether the sample is kept.

    Parameters
    ----------
    model
        Predicts (r, s' - s) from (s, a).
    config
        zeta, xi, chi, augment_interval.
    layout
        Which entries of the state are binary.
    seed
        Of the choice of samples.
    relabel
        Whether samples carry the true reward rather than the predicted one.
    """

    def __init__(
        self,
        model: DynamicsModel,
        config: TrainConfig,
        layout: StateLayout,
        seed: np.random.SeedSequence,
        *,
        relabel: bool = True,
    ) -> None:
        self.model = model
        self._config = config
        self._layout = layout
        self._seed = seed
        self._relabel = relabel
        self._recorder = EpisodeRecorder()

    def begin(self, copies: int) -> None:
        """As :meth:`Augmenter.begin`."""
        self._recorder.begin(copies)

    def advance(
        self,
        state: NDArray[np.float32],
        bits: NDArray[np.uint8],
        reward: NDArray[np.float32],
        next_state: NDArray[np.float32],
        active: NDArray[np.bool_],
    ) -> None:
        """As :meth:`Augmenter.advance`."""
        self._recorder.add(state, bits, reward, next_state, active)

    def synthesise(self, first_episode: int, reward_scale: float = 1.0) -> Synthetic | None:
        """As :meth:`Augmenter.synthesise`."""
        episodes = self._recorder.take()
        if episodes is None:
            return None
        caps = self._caps(first_episode, episodes.active.sum(axis=0))
        offered = episodes.trained_on(self.model.washout)
        if not caps.any() or not offered.any():
            return None
        reward = episodes.targets[..., 0].copy()
        episodes.targets[..., 0] /= reward_scale
        predicted = self.model.learn(episodes)
        state = episodes.inputs[..., : self._layout.size]
        predicted[..., 1:] = possible_states(state + predicted[..., 1:], self._layout)
        error = predicted - episodes.targets
        error[..., 1:] -= state
        distance = np.sqrt(np.einsum("tei,tei->te", error, error))
        near = offered & (distance <= self._config.xi)
        step, copy = self._choose(near, caps, first_episode)
        if not self._relabel:
            reward = predicted[..., 0] * np.float32(reward_scale)
        return Synthetic(
            copy=copy,
            step=step,
            reward=reward[step, copy],
            next_state=predicted[step, copy, 1:],
            offered=int(offered.sum()),
            plausible=int(near.sum()),
            mean_distance=float(distance[offered].mean()),
            reward_error=float(np.abs(error[..., 0])[offered].mean()),
        )

    def _caps(self, first_episode: int, steps: NDArray[np.int64]) -> NDArray[np.int64]:
        """(E,) equation (22) for every copy."""
        c = self._config
        caps = [
            sample_cap(first_episode + copy, int(played), zeta=c.zeta, chi=c.chi, interval=c.augment_interval)
            for copy, played in enumerate(steps)
        ]
        return np.array(caps, dtype=np.int64)

    def _choose(
        self, near: NDArray[np.bool_], caps: NDArray[np.int64], first_episode: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Steps and copies of the samples: at most the cap of each copy, drawn without replacement."""
        chosen = np.zeros_like(near)
        for copy, cap in enumerate(caps):
            steps = np.flatnonzero(near[:, copy])
            if len(steps) > cap:
                steps = self._stream(first_episode + copy).choice(steps, size=cap, replace=False)
            chosen[steps, copy] = True
        step, copies = np.nonzero(chosen)
        return step, copies

    def _stream(self, episode: int) -> np.random.Generator:
        """The stream of one episode; nothing needs to be stored to resume."""
        key = (*self._seed.spawn_key, episode)
        return np.random.default_rng(np.random.SeedSequence(self._seed.entropy, spawn_key=key))

    def state(self) -> dict[str, torch.Tensor]:
        """As :meth:`Augmenter.state`."""
        return self.model.state()

    def load_state(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """As :meth:`Augmenter.load_state`."""
        self.model.load_state(tensors)


def possible_states(state: NDArray[np.float32], layout: StateLayout) -> NDArray[np.float32]:
    """Predicted states made possible: neighbourhoods and requests 0 or 1 (from one half on), all within [0, 1].

    Requests that are shown by channels are 0 or at least ``LEAST_QUALITY``.

    Parameters
    ----------
    state
        (..., S) predicted next states.
    """
    possible = np.clip(state, 0.0, 1.0)
    wants = possible[..., layout.requests]
    if layout.channels:
        wants[...] = np.where(wants < 0.5 * LEAST_QUALITY, 0.0, np.maximum(wants, LEAST_QUALITY))
    else:
        wants[...] = wants >= 0.5
    near = possible[..., layout.neighbours]
    near[...] = near >= 0.5
    return possible
