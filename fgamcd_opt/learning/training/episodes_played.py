"""The transitions of the episodes that run, kept until augmentation has used them."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.learning.environment.vector import Step
from fgamcd_opt.learning.learners.replay import Replay


class Remembering(Protocol):
    """A learner with a recurrent state, or with none (``memory_size`` 0)."""

    memory_size: int


class EpisodesPlayed:
    """Transitions of E copies, step by step.

    Parameters
    ----------
    learner
        Whose recurrent state goes with the transitions.
    """

    def __init__(self, learner: Remembering) -> None:
        self._learner = learner
        self._rows: list[dict[str, NDArray[np.generic]]] = []
        self._memories: list[NDArray[np.float32]] = []

    def remember(self) -> None:
        """Keep the recurrent state before the next action."""
        if self._learner.memory_size:
            self._memories.append(self._learner.memory())  # type: ignore[attr-defined]

    def add(
        self,
        state: NDArray[np.float32],
        admissible: NDArray[np.bool_],
        bits: NDArray[np.uint8],
        step: Step,
        next_admissible: NDArray[np.bool_],
        replay: Replay,
    ) -> None:
        """Keep one step of all copies and put those that are still playing into the replay buffer.

        What is kept are the actions (E, N, N) as drawn, within the masks, and not what the repair made of them: the
        target of an update values actions as the target actors draw them, and a critic that has seen repaired ones
        alone overrates those that the repair would change.
        """
        rows: dict[str, NDArray[np.generic]] = {
            "state": state,
            "admissible": admissible,
            "bits": bits,
            "reward": step.reward,
            "next_state": step.state,
            "next_admissible": next_admissible,
            "done": step.done,
        }
        if self._memories:
            rows |= {"memory": self._memories[-1], "next_memory": self._learner.memory()}  # type: ignore[attr-defined]
        self._rows.append(rows)
        if not step.active.all():
            rows = {name: values[step.active] for name, values in rows.items()}
        replay.add(**rows)

    def with_outcome(
        self,
        step: NDArray[np.int64],
        copy: NDArray[np.int64],
        reward: NDArray[np.float32],
        next_state: NDArray[np.float32],
    ) -> dict[str, NDArray[np.generic]]:
        """The transitions (step, copy) with another outcome, as rows for the replay buffer.

        Parameters
        ----------
        step, copy
            (M,) which transitions.
        reward, next_state
            (M,) and (M, S) what takes the place of theirs.
        """
        outcome: dict[str, NDArray[np.generic]] = {"reward": reward, "next_state": next_state}
        kept = self._rows[0].keys() - outcome.keys()
        return outcome | {name: np.stack([row[name] for row in self._rows])[step, copy] for name in kept}
