"""From whole models placed by cache hits to a solution of P1: completion, and migration and beams as in F5."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.context import SolveContext
from fgamcd_opt.formulations.configuration_delays import configuration_delays
from fgamcd_opt.problem import P1
from fgamcd_opt.solvers.growing_sets import GrowingSets
from fgamcd_opt.solvers.model_hits import ModelHits
from fgamcd_opt.solvers.placement_heuristic import Choice, place_sets
from fgamcd_opt.solvers.protocol import Outcome


def place_models(
    problem: P1,
    context: SolveContext,
    rounds: int,
    choose_models: Callable[[ModelHits], NDArray[np.bool_]],
) -> Outcome:
    """Solve P1 with the caches filled by a method that knows cache hits only.

    Such a method stops when no further hit is possible, and may have placed nothing of a model whose users no node can
    serve alone, or which no longer fits as a whole. P1 wants every requested block, so the blocks without a place get
    one each afterwards (completion, :meth:`GrowingSets.cover`): where there is room and T decreases the most per byte.
    Nothing that the method has placed is moved for that, and the room that is left beyond it is not used: the placement
    remains that of the method. Where a block finds no room there is no solution.

    Parameters
    ----------
    problem
        P1, default variant.
    context
        Limits, seed, clock.
    rounds
        Beamforming effort per set.
    choose_models
        The method: from the hits to the models (N, M) that each node caches, within its storage.
    """
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
        return Choice(sets.masks, counts)

    return place_sets(problem, context, rounds, choose)
