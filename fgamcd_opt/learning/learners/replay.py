"""Replay buffer: transitions of all copies of the game, real and synthetic, and batches drawn from it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from fgamcd_opt import core
from fgamcd_opt.io.errors import UsageError
from fgamcd_opt.io.short_repr import short_repr
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

    __repr__ = short_repr


LEAST_SIZE = 0.02
"""Share of the largest block below which all blocks count as equally small."""

_CANDIDATES = 8
"""Draws per transition and round of the rejection; the mean size of a block is about an eighth of the largest."""


class Replay:
    """The last ``capacity`` transitions, each in one row of numbers.

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

    __repr__ = short_repr

    def __init__(
        self, capacity: int, layout: StateLayout, memory_size: int, priority: str = "uniform"
    ) -> None:
        nodes = layout.n_nodes
        self._shapes: dict[str, tuple[int, ...]] = {
            "reward": (),
            "done": (),
            "admissible": (nodes,),
            "next_admissible": (nodes,),
            "bits": (nodes, nodes),
            "state": (layout.size,),
            "next_state": (layout.size,),
        }
        if memory_size:
            self._shapes |= dict.fromkeys(("memory", "next_memory"), (nodes, memory_size))
        width = sum(map(math.prod, self._shapes.values()))
        self._rows = np.zeros((capacity, width), np.float32)
        self._fields = _fields(self._rows, self._shapes)
        self._by_size = priority == "size"
        self._weight = np.ones(capacity, np.float32)
        """Probability with which a transition that comes up is accepted."""
        self._drawn = np.empty((0, width), np.float32)
        self._flags = slice(2, 2 + 2 * nodes)
        """Columns of the admissibility now and next."""
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
            self._fields[name][places] = values
        if self._by_size:
            self._weight[places] = np.maximum(rows["state"][:, 0], LEAST_SIZE)
        self.added += count

    def sample(
        self, size: int, generator: np.random.Generator, device: torch.device, reward_divisor: float = 1.0
    ) -> Batch:
        """Draw transitions with replacement; their rewards are divided by ``reward_divisor``.

        The next batch of the same size takes the place of this one: its tensors are the same.

        Raises
        ------
        UsageError
            There are no transitions.
        """
        if len(self) == 0:
            raise UsageError("replay: there is nothing to draw from; add transitions first")
        if len(self._drawn) != size:
            self._prepare(size)
        found = 0
        while found < size:
            generator.random(out=self._chances)
            found = core.draw_transitions(
                self._chances, len(self), self._weight, self._rows, reward_divisor, self._drawn, found
            )
        np.not_equal(self._drawn[:, self._flags], 0.0, out=self._allowed)
        if device.type == "cpu":
            return self._batch
        return Batch(
            **{name: tensor.to(device) for name, tensor in vars(self._batch).items() if tensor is not None}
        )

    def _prepare(self, size: int) -> None:
        """A batch of so many transitions, to be filled."""
        self._chances = np.empty(size * (_CANDIDATES if self._by_size else 1))
        self._drawn = np.empty((size, self._rows.shape[1]), np.float32)
        self._allowed = np.empty(self._drawn[:, self._flags].shape, np.bool_)
        may, next_may = np.split(self._allowed, 2, axis=1)
        fields = _fields(self._drawn, self._shapes) | {"admissible": may, "next_admissible": next_may}
        self._batch = Batch(**{name: torch.from_numpy(values) for name, values in fields.items()})

    def state(self) -> dict[str, torch.Tensor]:
        """What is needed to go on after a restart."""
        kept_as = {"admissible": np.bool_, "next_admissible": np.bool_, "bits": np.uint8}
        filled = {
            name: torch.from_numpy(values[: len(self)].astype(kept_as.get(name, np.float32)))
            for name, values in self._fields.items()
        }
        return {**filled, "added": torch.tensor(self.added)}

    def load_state(self, tensors: dict[str, torch.Tensor]) -> None:
        """Take over what :meth:`state` gave."""
        self.added = int(tensors["added"])
        for name, values in self._fields.items():
            values[: len(self)] = tensors[name].numpy()
        if self._by_size:
            self._weight[: len(self)] = np.maximum(self._fields["state"][: len(self), 0], LEAST_SIZE)


def _fields(
    rows: NDArray[np.float32], shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, NDArray[np.float32]]:
    """Views of the columns of rows (B, width) by field, (B, ...) each."""
    ends = np.cumsum([math.prod(shape) for shape in shapes.values()])[:-1]
    parts = np.split(rows, ends, axis=1)
    return {
        name: part.reshape(len(rows), *shape)
        for (name, shape), part in zip(shapes.items(), parts, strict=True)
    }
