"""Collects a batch of episodes step by step."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.errors import UsageError
from fgamcd_opt.learning.augmentation.protocol import Episodes


class EpisodeRecorder:
    """Copies every step of E episodes until they are taken out."""

    def __init__(self) -> None:
        self._inputs: list[NDArray[np.float32]] = []
        self._targets: list[NDArray[np.float32]] = []
        self._active: list[NDArray[np.bool_]] = []
        self.copies = 0

    def begin(self, copies: int) -> None:
        """Drops what was recorded and expects steps of ``copies`` episodes."""
        self.copies = copies
        self._inputs, self._targets, self._active = [], [], []

    def add(
        self,
        state: NDArray[np.float32],
        bits: NDArray[np.uint8],
        reward: NDArray[np.float32],
        next_state: NDArray[np.float32],
        active: NDArray[np.bool_],
    ) -> None:
        """One step of all copies.

        Raises
        ------
        UsageError
            Another number of copies than at the beginning.
        """
        copies, size = state.shape
        if copies != self.copies:
            raise UsageError(
                f"a step of {copies} copies after begin({self.copies}); call begin({copies}) first"
            )
        inputs = np.empty((copies, size + bits[0].size), dtype=np.float32)
        inputs[:, :size] = state
        inputs[:, size:] = bits.reshape(copies, -1)
        targets = np.empty((copies, 1 + size), dtype=np.float32)
        targets[:, 0] = reward
        np.subtract(next_state, state, out=targets[:, 1:])
        self._inputs.append(inputs)
        self._targets.append(targets)
        self._active.append(active.copy())

    def take(self) -> Episodes | None:
        """The episodes recorded since ``begin``, which are then forgotten; None if no step was played."""
        played = None
        if any(active.any() for active in self._active):
            played = Episodes(np.stack(self._inputs), np.stack(self._targets), np.stack(self._active))
        self.begin(self.copies)
        return played
