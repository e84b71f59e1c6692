"""Replay buffer: transitions of all copies of the game, real and synthetic, and batches drawn from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from fgamcd_opt.learning.environment.layout import StateLayout


@dataclass(frozen=True, eq=False)
class Batch:
    """B transitions as tensors on one device.

    Parameters
    ----------
    state, next_state
        (B, S).
    admissible, next_admissible
        (B, N) bool, nodes that may cache.
    bits
        (B, N, N) actions as they were carried out, 0.0 or 1.0.
    reward
        (B,).
    done
        (B,) 1.0 where the episode ended.
    memory, next_memory
        (B, N, H) recurrent state of the agents before the observation, or None.
    """

    state: torch.Tensor
    admissible: torch.Tensor
    bits: torch.Tensor
    reward: torch.Tensor
    next_state: torch.Tensor
    next_admissible: torch.Tensor
    done: torch.Tensor
    memory: torch.Tensor | None = None
    next_memory: torch.Tensor | None = None


LEAST_SIZE = 0.02
"""Share of the largest block below which all blocks count as equally small."""

_CANDIDATES = 8
"""Draws per transition and round of the rejection; the mean size of a block is about an eighth of the largest."""


class Replay:
    """The last ``capacity`` transitions.

    Parameters
    ----------
    capacity
        Transitions kept; older ones are overwritten.
    layout
        Sizes.
    memory_size
        H, length of an agent's recurrent state; 0 if there is none.
    priority
        ``uniform``, or ``size``: transitions are drawn in proportion to the size of their block. A few large blocks are
        most of the delay.
    """

    def __init__(
        self, capacity: int, layout: StateLayout, memory_size: int, priority: str = "uniform"
    ) -> None:
        self._priority = priority
        nodes = layout.n_nodes
        self._rows: dict[str, NDArray[np.generic]] = {
            "state": np.zeros((capacity, layout.size), np.float32),
            "admissible": np.zeros((capacity, nodes), np.bool_),
            "bits": np.zeros((capacity, nodes, nodes), np.uint8),
            "reward": np.zeros(capacity, np.float32),
            "next_state": np.zeros((capacity, layout.size), np.float32),
            "next_admissible": np.zeros((capacity, nodes), np.bool_),
            "done": np.zeros(capacity, np.float32),
        }
        if memory_size:
            shape = (capacity, nodes, memory_size)
            self._rows |= {name: np.zeros(shape, np.float32) for name in ("memory", "next_memory")}
        self._weight = np.zeros(capacity, np.float32)
        """Sizes of the blocks, at least ``LEAST_SIZE``: close together, unlike in the states."""
        self.capacity = capacity
        self.added = 0

    def __len__(self) -> int:
        return min(self.added, self.capacity)

    def add(self, **rows: NDArray[np.generic]) -> None:
        """Append transitions; every array has one row for each and is named as in :class:`Batch`."""
        count = rows["reward"].shape[0]
        first = self.added % self.capacity
        places: slice | NDArray[np.int64] = slice(first, first + count)
        if first + count > self.capacity:
            places = np.arange(first, first + count) % self.capacity
        for name, values in rows.items():
            self._rows[name][places] = values
        self._weight[places] = np.maximum(rows["state"][:, 0], LEAST_SIZE)
        self.added += count

    def sample(
        self, size: int, generator: np.random.Generator, device: torch.device, reward_divisor: float = 1.0
    ) -> Batch:
        """Draw transitions with replacement; their rewards are divided by ``reward_divisor``."""
        places = (
            self._by_size(size, generator)
            if self._priority == "size"
            else generator.integers(0, len(self), size)
        )
        rows = {name: kept.take(places, axis=0) for name, kept in self._rows.items()}
        rows |= {
            "bits": rows["bits"].astype(np.float32),
            "reward": rows["reward"] / np.float32(reward_divisor),
        }
        return Batch(**{name: torch.from_numpy(drawn).to(device) for name, drawn in rows.items()})

    def _by_size(self, count: int, generator: np.random.Generator) -> NDArray[np.int64]:
        """(count,) places drawn in proportion to the size of the block, by rejection.

        A candidate and whether it is kept come from one number: its whole and its fractional part.
        """
        drawn: list[NDArray[np.int64]] = []
        while sum(each.size for each in drawn) < count:
            spot = len(self) * generator.random(_CANDIDATES * count)
            places = spot.astype(np.int64)
            drawn.append(places.compress(spot - places < self._weight.take(places)))
        return np.concatenate(drawn)[:count]

    def state(self) -> dict[str, torch.Tensor]:
        """What is needed to go on after a restart."""
        filled = {name: torch.from_numpy(rows[: len(self)].copy()) for name, rows in self._rows.items()}
        return {**filled, "added": torch.tensor(self.added)}

    def load_state(self, tensors: dict[str, torch.Tensor]) -> None:
        """Take over what :meth:`state` gave."""
        self.added = int(tensors["added"])
        for name, rows in self._rows.items():
            rows[: len(self)] = tensors[name].numpy()
        self._weight[: len(self)] = np.maximum(tensors["state"].numpy()[:, 0], LEAST_SIZE)
