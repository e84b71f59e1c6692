"""`trimcaching-spec`: node after node the models with the most new cache hits (Qu et al., arXiv 2405.03990, Spec)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.io.errors import UsageError
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.solvers.base_solver import BaseSolver
from fgamcd_opt.solvers.rivals.imposed_variant import supported_besides
from fgamcd_opt.solvers.rivals.model_hits import ModelHits
from fgamcd_opt.solvers.rivals.model_placement import PLACEMENT_OPTIONS, place_models
from fgamcd_opt.solvers.rivals.shared_knapsack import best_items
from fgamcd_opt.solving.context import SolveContext
from fgamcd_opt.solving.solver import Outcome, Role


class TrimCachingSpecSolver(BaseSolver):
    """Successive greedy for few shared blocks; its guarantee is about hits, not about the delay."""

    name: ClassVar[str] = "trimcaching-spec"
    summary: ClassVar[str] = (
        "TrimCaching, few shared blocks: (1 - eps)/2 of the most cache hits; no bound on T"
    )
    role: ClassVar[Role] = Role.RIVAL
    proves_bounds: ClassVar[bool] = False
    finds_solutions: ClassVar[bool] = True
    variants: ClassVar[Mapping[str, frozenset[str]]] = supported_besides("granularity", "cooperation")
    options: ClassVar[Mapping[str, Any]] = {**PLACEMENT_OPTIONS, "eps": 0.1}

    def solve(self, problem: P1, context: SolveContext, options: Mapping[str, Any]) -> Outcome:
        """Solve P1 with the placement of :func:`successive_models`, completed as :func:`place_models` says.

        Parameters
        ----------
        problem
            P1 or a variant in which blocks are shared and migrate.
        context
            Limits, seed, clock.
        options
            ``eps``: accuracy of the dynamic program at a node; for the others see :func:`place_models`.

        Raises
        ------
        UsageError
            ``eps`` is out of range, or too many blocks are shared in too many ways.
        """
        eps = options["eps"]
        if not 0.0 <= eps < 1.0:
            raise UsageError(f"option eps: {eps} must be at least 0 and below 1")
        return place_models(problem, context, options, partial(successive_models, eps=eps))


def successive_models(hits: ModelHits, eps: float) -> NDArray[np.bool_]:
    """TrimCaching Spec: in the order of their index, each node takes models for the users not hit so far; (N, M) bool.

    A node's choice hits at least 1 - ``eps`` times as many of these users as any choice that fits
    (:func:`best_items`), and the nodes together at least (1 - ``eps``) / 2 times as many users as any placement.

    Parameters
    ----------
    hits
        The problem of cache hits.
    eps
        Accuracy, 0 <= eps < 1.

    Raises
    ------
    UsageError
        The models of a node share blocks in more ways than can be enumerated.
    """
    models = np.zeros((hits.storage_bytes.size, hits.model_blocks.shape[0]), np.bool_)
    for node, capacity in enumerate(hits.storage_bytes.tolist()):
        values = hits.gains(~hits.users_hit(models))[node]
        models[node, best_items(hits.block_bytes, hits.model_blocks, values, capacity, eps)] = True
    return models
