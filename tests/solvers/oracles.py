"""Random rates, and the mixed-integer stages of a knapsack run to their end."""

from __future__ import annotations

import math

import numpy as np

from fgamcd_opt.solvers.exact.knapsack_search import KnapsackSearch
from fgamcd_opt.solving.context import SolveContext


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
