"""A small game with known dynamics for the tests of augmentation: two nodes, three users at each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.learning.augmentation.augmenter import Augmenter, Episodes
from fgamcd_opt.learning.environment.layout import StateLayout

LAYOUT = StateLayout(2, 3)
N_INPUTS = LAYOUT.size + 4


def linear_episodes(seed: int, steps: int = 60, copies: int = 4) -> Episodes:
    """Random inputs; reward and change of state are fixed linear maps of (s, a)."""
    random = np.random.default_rng(seed)
    state = random.random((steps, copies, LAYOUT.size))
    bits = random.integers(0, 2, (steps, copies, 4))
    inputs = np.concatenate([state, bits], axis=-1).astype(np.float32)
    maps = np.random.default_rng(7).normal(0.0, 0.3, (N_INPUTS, 1 + LAYOUT.size))
    return Episodes(inputs, (inputs @ maps).astype(np.float32), np.ones((steps, copies), dtype=bool))


def root_mean_square(predicted: NDArray[np.float32], episodes: Episodes) -> float:
    """Over all targets."""
    return float(np.sqrt(np.mean((predicted - episodes.targets) ** 2)))


def play(
    augmenter: Augmenter, seed: int, lengths: tuple[int, ...] = (40, 40, 25), size: float = 1.0
) -> dict[str, NDArray[np.float32]]:
    """Random states and bits, one copy per length, rewards in [-size, 0]; returns what was played, (T, E, ...)."""
    random = np.random.default_rng(seed)
    copies, steps = len(lengths), max(lengths)
    state = random.random((steps + 1, copies, LAYOUT.size), dtype=np.float32)
    for part in (LAYOUT.requests, LAYOUT.neighbours):
        state[..., part] = state[..., part] >= 0.5
    bits = random.integers(0, 2, (steps, copies, 2, 2)).astype(np.uint8)
    reward = -np.float32(size) * random.random((steps, copies), dtype=np.float32)
    augmenter.begin(copies)
    for t in range(steps):
        active = np.array([t < length for length in lengths])
        augmenter.advance(state[t], bits[t], reward[t], state[t + 1], active)
    return {"state": state, "reward": reward}
