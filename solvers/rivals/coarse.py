"""`coarse`: whole models are cached by popularity, the classical rule; delivery is optimised for that caching."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.formulations.knapsack.configuration_delays import caching_units
from fgamcd_opt.formulations.knapsack.multiple_choice import Knapsack
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.problem.variants import Granularity
from fgamcd_opt.solvers.base_solver import BaseSolver
from fgamcd_opt.solvers.heuristics.placement_heuristic import place
from fgamcd_opt.solvers.rivals.imposed_variant import impose, supported_besides
from fgamcd_opt.solving.context import SolveContext
from fgamcd_opt.solving.solver import Outcome, Role


class CoarseSolver(BaseSolver):
    """P1 with granularity=model; models are placed in the order of the number of requests."""

    name: ClassVar[str] = "coarse"
    summary: ClassVar[str] = "whole models (granularity=model), cached in the order of popularity; no bound"
    role: ClassVar[Role] = Role.RIVAL
    proves_bounds: ClassVar[bool] = False
    finds_solutions: ClassVar[bool] = True
    variants: ClassVar[Mapping[str, frozenset[str]]] = supported_besides("granularity")

    def solve(self, problem: P1, context: SolveContext, options: Mapping[str, Any]) -> Outcome:
        """Solve the variant heuristically.

        Parameters
        ----------
        problem
            P1; ``granularity`` has its default.
        context
            Limits, seed, clock.
        options
            ``rounds``: beamforming effort per set.
        """
        coarse = impose(problem, granularity=Granularity.MODEL)
        pairs = np.searchsorted(coarse.data.requested_blocks, coarse.data.pair_block)
        requests = np.bincount(caching_units(coarse)[pairs]) / np.bincount(caching_units(coarse))
        outcome = place(
            coarse, context, options["rounds"], lambda knapsack: place_by_popularity(knapsack, requests)
        )
        return dataclasses.replace(outcome, variant=coarse.variant)


def place_by_popularity(knapsack: Knapsack, requests: NDArray[np.float64]) -> NDArray[np.int64] | None:
    """Columns of a caching by popularity, or None if some model has no place.

    First every model, the most popular one first, gets the node with room at which its delay is least, for P1 leaves
    nobody out; then every node with room left takes the most popular models that it lacks.

    Parameters
    ----------
    knapsack
        One block per model.
    requests
        (R,) number of users that request each model; ties go to the first.
    """
    free = knapsack.storage_bytes.copy()
    nodes = np.arange(free.size)
    masks = np.zeros(knapsack.n_blocks, np.int64)
    order = np.argsort(-requests, kind="stable")
    for model in order:
        columns = np.arange(knapsack.starts[model], knapsack.starts[model + 1])  # by rising delay
        for mask in knapsack.mask[columns].tolist():
            home = mask.bit_length() - 1
            if mask.bit_count() == 1 and free[home] >= knapsack.size_bytes[model]:
                masks[model] = mask
                free[home] -= knapsack.size_bytes[model]
                break
    for model in order:
        for n in nodes[free >= knapsack.size_bytes[model]].tolist():
            if not (int(masks[model]) >> n) & 1:
                masks[model] |= 1 << n
                free[n] -= knapsack.size_bytes[model]
    return knapsack.columns_of(masks)
