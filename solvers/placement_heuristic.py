"""The frame of the primal heuristics on the knapsack of F5: rates, knapsack, a choice of columns, a decision."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.context import SolveContext
from fgamcd_opt.formulations.configuration_delays import configuration_delays
from fgamcd_opt.formulations.knapsack import Knapsack, build_knapsack
from fgamcd_opt.problem import P1
from fgamcd_opt.solvers.decisions import decision_from_masks
from fgamcd_opt.solvers.protocol import Outcome
from fgamcd_opt.solvers.rate_tables import rate_table

Choose = Callable[[Knapsack], NDArray[np.int64] | None]
"""From a knapsack whose blocks all have columns to one column per block that fits, or None."""


def place(problem: P1, context: SolveContext, rounds: int, choose: Choose) -> Outcome:
    """Solve P1 by a choice of caching sets for the beams in hand.

    Parameters
    ----------
    problem
        P1, default variant.
    context
        Limits, seed, clock.
    rounds
        Beamforming effort per set.
    choose
        The heuristic.
    """
    oracle = rate_table(problem, context, rounds)
    if isinstance(oracle, Outcome):
        return oracle
    decision = None
    with context.stage("search"):
        rates = oracle.lower_bps()
        knapsack = build_knapsack(problem, rates)
        complete = np.unique(knapsack.block).size == knapsack.n_blocks
        columns = choose(knapsack) if complete else None
        if columns is not None:
            caching = knapsack.mask[columns]
            _, participating = configuration_delays(problem, rates)
            serving = participating[np.arange(caching.size), caching]
            decision = decision_from_masks(problem, oracle, caching, serving)
    counts = {"rate_problems": oracle.solved, "rate_problems_total": oracle.size}
    return Outcome(stop_reason=context.stop_reason(), decision=decision, counts=counts)
