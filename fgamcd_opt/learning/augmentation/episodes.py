"""Collects a batch of episodes step by step."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.io.errors import UsageError
from fgamcd_opt.learning.augmentation.augmenter import Episodes


class EpisodeRecorder:
    """Keeps every step of E episodes, without copying it, until they are taken out."""

    def __init__(self) -> None:
        self.begin(0)

    def begin(self, copies: int) -> None:
        """Drops what was recorded and expects steps of ``copies`` episodes."""
        self.copies = copies
        self._states: list[NDArray[np.float32]] = []
        self._bits: list[NDArray[np.uint8]] = []
        self._rewards: list[NDArray[np.float32]] = []
        self._next_states: list[NDArray[np.float32]] = []
        self._active: list[NDArray[np.bool_]] = []

    def add(
        self,
        state: NDArray[np.float32],
        bits: NDArray[np.uint8],
        reward: NDArray[np.float32],
        next_state: NDArray[np.float32],
        active: NDArray[np.bool_],
    ) -> None:
        """One step of all copies; the arrays stay as they are from now on.

        Raises
        ------
        UsageError
            Another number of copies than at the beginning.
        """
        if len(state) != self.copies:
            raise UsageError(
                f"a step of {len(state)} copies after begin({self.copies}); call begin({len(state)}) first"
            )
        self._states.append(state)
        self._bits.append(bits)
        self._rewards.append(reward)
        self._next_states.append(next_state)
        self._active.append(active)

    def take(self) -> Episodes | None:
        """The episodes recorded since ``begin``, which are then forgotten; None if no step was played."""
        played = None
        if any(active.any() for active in self._active):
            played = self._episodes()
        self.begin(self.copies)
        return played

    def _episodes(self) -> Episodes:
        steps, size = len(self._states), self._states[0].shape[1]
        inputs = np.empty((steps, self.copies, size + self._bits[0][0].size), np.float32)
        targets = np.empty((steps, self.copies, 1 + size), np.float32)
        state, change = inputs[..., :size], targets[..., 1:]
        np.stack(self._states, out=state)
        inputs[..., size:] = np.stack(self._bits).reshape(steps, self.copies, -1)
        np.stack(self._rewards, out=targets[..., 0])
        np.stack(self._next_states, out=change)
        change -= state
        return Episodes(inputs, targets, np.stack(self._active))
