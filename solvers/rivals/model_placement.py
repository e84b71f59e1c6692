"""From whole models placed by cache hits to a solution of P1: completion, and migration and beams as in F5."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.formulations.knapsack.configuration_delays import configuration_delays
from fgamcd_opt.io.errors import UsageError
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.solvers.heuristics.growing_sets import GrowingSets
from fgamcd_opt.solvers.heuristics.placement_heuristic import Choice, place_sets
from fgamcd_opt.solvers.rivals.model_hits import ModelHits
from fgamcd_opt.solving.context import SolveContext
from fgamcd_opt.solving.solver import Outcome

PLACEMENT_OPTIONS: Mapping[str, Any] = {"rounds": 2, "fill": 0}
"""Options of the solvers that place models, with their defaults."""


def place_models(
    problem: P1,
    context: SolveContext,
    options: Mapping[str, Any],
    choose_models: Callable[[ModelHits], NDArray[np.bool_]],
) -> Outcome:
    """Solve P1 with the caches filled by a method that knows cache hits only.

    Such a method stops when no further hit is possible, and may have placed nothing of a model whose users no node can
    serve alone, or which no longer fits as a whole. P1 wants every requested block, so the blocks without a place get
    one each afterwards (completion, :meth:`GrowingSets.cover`): where there is room and T decreases the most per byte.
    Nothing that the method has placed is moved for that. Where a block finds no room there is no solution. What room is
    left then is not used, unless ``fill`` asks for it: the placement remains that of the method.

    Parameters
    ----------
    problem
        P1, default variant.
    context
        Limits, seed, clock.
    options
        ``rounds``: beamforming effort per set. ``fill``: 1 to use the room that is left for the copies that take the
        most off T per byte, as `greedy-delay` does; 0 to leave it empty.
    choose_models
        The method: from the hits to the models (N, M) that each node caches, within its storage.

    Raises
    ------
    UsageError
        ``fill`` is neither 0 nor 1.
    """
    fill = options["fill"]
    if fill not in (0, 1):
        raise UsageError(f"option fill: {fill} is neither 0 (leave free room empty) nor 1 (use it)")
    data = problem.instance

    def choose(rate_bps: NDArray[np.float64]) -> Choice:
        hits = ModelHits.of(data)
        models = choose_models(hits)
        stored = hits.nodes_blocks(models)[:, data.requested_blocks]
        masks = (1 << np.arange(data.n_nodes)) @ stored
        delay, _ = configuration_delays(problem, rate_bps)
        sets = GrowingSets(delay, data.block_bytes[data.requested_blocks], data.storage_bytes, masks)
        unplaced = np.flatnonzero((masks == 0) | np.isinf(sets.block_delay_s))
        sets.cover(unplaced)
        counts = {
            "models_placed": int(models.sum()),
            "users_hit": int(hits.users_hit(models).sum()),
            "blocks_completed": int(unplaced.size),
        }
        if sets.undeliverable.size:
            return Choice(None, counts, sets.fault)
        if fill:
            sets.grow()
        return Choice(sets.masks, counts)

    return place_sets(problem, context, options["rounds"], choose)
