"""Running standard deviation of the rewards, by which learners divide them."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


class RewardScale:
    """Count, mean and sum of squares about it of everything seen (Chan et al. 1979), or a constant 1.

    Parameters
    ----------
    active
        Whether rewards are divided at all.
    """

    def __init__(self, active: bool) -> None:
        self.active = active
        self.count, self.mean, self.squares = 0, 0.0, 0.0

    def add(self, rewards: NDArray[np.float32]) -> None:
        """Take rewards (B,) into account."""
        if rewards.size == 0:
            return
        values = rewards.astype(np.float64)
        count = self.count + values.size
        mean = float(np.add.reduce(values)) / values.size
        shift = mean - self.mean
        self.squares += float(np.add.reduce((values - mean) ** 2))
        self.squares += shift**2 * self.count * values.size / count
        self.mean += shift * values.size / count
        self.count = count

    @property
    def divisor(self) -> float:
        """The standard deviation; 1 where there is none yet, or if rewards are left as they are."""
        deviation = math.sqrt(self.squares / self.count) if self.active and self.count else 0.0
        return deviation or 1.0

    def state(self) -> dict[str, float]:
        """As plain values."""
        return {"count": self.count, "mean": self.mean, "squares": self.squares}

    def load_state(self, values: dict[str, float]) -> None:
        """Take over what :meth:`state` gave."""
        self.count, self.mean, self.squares = int(values["count"]), values["mean"], values["squares"]
