"""What the trainer expects of data augmentation, and what augmentation expects of a model of the dynamics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Synthetic:
    """Synthetic transitions: each repeats (s, a) of a transition just played and replaces (r, s').

    Parameters
    ----------
    copy, step
        (M,) copy of the game and step within its episode of the transition that each sample repeats.
    reward
        (M,) reward: the true one unless relabelling is switched off.
    next_state
        (M, S) predicted next state, binary entries binary, all within [0, 1].
    offered, plausible
        How many transitions were predicted, and how many predictions lie within xi of what was real.
    mean_distance
        Mean Euclidean distance of (r, s') to the real one over all that were offered, rewards divided by their scale.
    reward_error
        Mean absolute error of the predicted reward over all that were offered, in that scale.
    """

    copy: NDArray[np.int64]
    step: NDArray[np.int64]
    reward: NDArray[np.float32]
    next_state: NDArray[np.float32]
    offered: int
    plausible: int
    mean_distance: float
    reward_error: float

    @property
    def kept(self) -> int:
        """M, samples that are plausible and within the cap of their episode."""
        return len(self.step)


class Augmenter(Protocol):
    """Learns the dynamics from the episodes just played and returns synthetic transitions."""

    def begin(self, copies: int) -> None:
        """Starts a batch of episodes, one per copy of the game; what an unfinished batch recorded is dropped."""

    def advance(
        self,
        state: NDArray[np.float32],
        bits: NDArray[np.uint8],
        reward: NDArray[np.float32],
        next_state: NDArray[np.float32],
        active: NDArray[np.bool_],
    ) -> None:
        """Records one step of all E copies: (E, S), (E, N, N), (E,), (E, S), (E,)."""

    def synthesise(self, first_episode: int, reward_scale: float = 1.0) -> Synthetic | None:
        """Ends the batch: trains the model on it and returns what (22) lets through.

        Parameters
        ----------
        first_episode
            Index of the episode in copy 0, from 0; copy e played episode ``first_episode + e``.
        reward_scale
            What rewards are divided by before a model sees them, the same for all steps of the batch: xi compares
            a reward with entries within [0, 1].

        Returns
        -------
        None if no sample could be kept whatever the model predicts: it is not trained then either.
        """

    def state(self) -> dict[str, torch.Tensor]:
        """Everything that later batches depend on, between two batches."""

    def load_state(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Takes over what ``state`` returned.

        Raises
        ------
        InputError
            Names, shapes or types that do not fit this model.
        """


@dataclass(frozen=True)
class Episodes:
    """Episodes played side by side, padded to the longest: T steps, E copies.

    Parameters
    ----------
    inputs
        (T, E, S + N^2) state, then executed bits.
    targets
        (T, E, 1 + S) scaled reward, then the change s' - s of the state. Most entries of a state stay as they are,
        which every model then need not learn.
    active
        (T, E) whether the copy was still playing.
    """

    inputs: NDArray[np.float32]
    targets: NDArray[np.float32]
    active: NDArray[np.bool_]

    def trained_on(self, washout: int) -> NDArray[np.bool_]:
        """(T, E) steps that were played and lie behind the washout."""
        return self.active & (np.arange(len(self.active)) >= washout)[:, None]


class DynamicsModel(Protocol):
    """A model (s, a) -> (r, s' - s) that sees whole episodes from their first step."""

    @property
    def washout(self) -> int:
        """First steps of an episode that are neither learned nor offered."""

    def learn(self, episodes: Episodes) -> NDArray[np.float32]:
        """Trains on the episodes, then predicts their targets: (T, E, 1 + S)."""

    def predict(self, episodes: Episodes) -> NDArray[np.float32]:
        """Predicts the targets without training: (T, E, 1 + S)."""

    def state(self) -> dict[str, torch.Tensor]:
        """As :meth:`Augmenter.state`."""

    def load_state(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """As :meth:`Augmenter.load_state`."""
