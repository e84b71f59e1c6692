"""Rate tables of random problems, and a stop flag that is set after a given number of looks at it."""

from __future__ import annotations

import math
import threading

import numpy as np

from fgamcd_opt.beamforming.broadcast import BeamformingSettings
from fgamcd_opt.context import SolveContext
from fgamcd_opt.problem import P1
from fgamcd_opt.rate_oracle import RateOracle
from fgamcd_opt.solvers.knapsack_milp import KnapsackSearch


def full_oracle(problem: P1, rounds: int = 2, threads: int = 1) -> RateOracle:
    """All (block, S) solved."""
    oracle = RateOracle(problem, BeamformingSettings(rounds=rounds), threads)
    assert oracle.compute()
    return oracle


def random_rates(seed: int, rows: int, nodes: int) -> np.ndarray:
    """Monotone rates in bit/s (F4) without any beamforming; small sets may be unable to serve."""
    rng = np.random.default_rng(seed)
    gain = rng.uniform(0.5, 2.0, size=(rows, nodes))
    masks = np.arange(1 << nodes)
    member = (masks[:, None] >> np.arange(nodes)) & 1
    total = gain @ member.T
    rates = 4e8 * np.log2(1.0 + total**2)
    return rates * (total >= rng.uniform(0.4, 1.5, size=(rows, 1)))


def close(
    found: KnapsackSearch,
    context: SolveContext | None = None,
    *,
    gap: float = 0.0,
    target_s: float = math.inf,
    good_s: float = -math.inf,
) -> None:
    """Run the MILPs of a search until the gap, a bound or a choice is reached."""
    found.close(context or SolveContext(), target_s=target_s, good_s=good_s, gap=gap, time_s=math.inf)


class StopAfter(threading.Event):
    """Reads as set from the ``looks``-th look on: an interruption at a place that does not depend on time."""

    def __init__(self, looks: int) -> None:
        super().__init__()
        self.looks = looks
        self._lock = threading.Lock()

    def is_set(self) -> bool:
        with self._lock:
            self.looks -= 1
        return self.looks < 0 or super().is_set()
