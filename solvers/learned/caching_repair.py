"""Caching sets of any origin, repaired until every block can be delivered within the storage."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.formulations.knapsack.configuration_delays import configuration_delays
from fgamcd_opt.formulations.knapsack.multiple_choice import build_knapsack
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.solvers.heuristics.exchanges import repair
from fgamcd_opt.solvers.heuristics.growing_sets import GrowingSets


def repaired_caching(
    problem: P1, rate_bps: NDArray[np.float64], masks: NDArray[np.int64]
) -> NDArray[np.int64] | None:
    """Caching sets from which every block can be delivered; None if none are found.

    Blocks that cannot be delivered from where they are get copies where there is room. If that leaves some out, they
    go to their quickest place, and blocks move off overfull nodes at the least increase of delay per byte.

    Parameters
    ----------
    problem
        P1.
    rate_bps
        (R, 2^N) rates of the known beams.
    masks
        (R,) caching sets as bit masks, within the storage.
    """
    delay, _ = configuration_delays(problem, rate_bps)
    data = problem.data
    sets = GrowingSets(delay, data.block_bytes[data.requested_blocks], data.storage_bytes, masks)
    sets.cover(sets.undeliverable)
    if not sets.undeliverable.size:
        return sets.masks
    knapsack = build_knapsack(problem, rate_bps)
    if np.unique(knapsack.block).size < knapsack.n_blocks:
        return None
    wanted = sets.masks.copy()
    wanted[sets.undeliverable] = knapsack.mask[knapsack.starts[sets.undeliverable]]
    start = knapsack.columns_of(wanted)
    columns = None if start is None else repair(knapsack, start)
    return None if columns is None else knapsack.mask[columns]
