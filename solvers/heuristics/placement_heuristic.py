"""The frame of the primal heuristics on F5: rates, delays of caching sets, a choice of caching sets, a decision."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.formulations.knapsack.configuration_delays import configuration_delays
from fgamcd_opt.formulations.knapsack.multiple_choice import Knapsack, build_knapsack
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.solvers.decisions import decision_from_masks
from fgamcd_opt.solving.context import SolveContext
from fgamcd_opt.solving.rate_tables import rate_table
from fgamcd_opt.solving.solver import Outcome

ChooseColumns = Callable[[Knapsack], NDArray[np.int64] | None]
"""From a knapsack whose blocks all have columns to one column per block that fits, or None."""


@dataclass(frozen=True, eq=False)
class Choice:
    """Caching sets (R,) as bit masks, within the storage and deliverable, or None; and what there is to say."""

    masks: NDArray[np.int64] | None
    counts: Mapping[str, int] = field(default_factory=dict)
    message: str = ""


ChooseSets = Callable[[NDArray[np.float64]], Choice]
"""From the known rates, (R, 2^N) in bit/s, to caching sets."""


def place(problem: P1, context: SolveContext, rounds: int, choose: ChooseColumns) -> Outcome:
    """Solve P1 by a choice of knapsack columns for the known beams; the rest is as in :func:`place_sets`."""

    def choose_sets(rate_bps: NDArray[np.float64]) -> Choice:
        knapsack = build_knapsack(problem, rate_bps)
        complete = np.unique(knapsack.block).size == knapsack.n_blocks
        columns = choose(knapsack) if complete else None
        return Choice(None if columns is None else knapsack.mask[columns])

    return place_sets(problem, context, rounds, choose_sets)


def place_sets(problem: P1, context: SolveContext, rounds: int, choose: ChooseSets) -> Outcome:
    """Solve P1 by a choice of caching sets for the known beams, each with its quickest migration.

    Parameters
    ----------
    problem
        P1 or a variant.
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
        choice = choose(rates)
        if choice.masks is not None:
            _, participating = configuration_delays(problem, rates)
            serving = participating[np.arange(choice.masks.size), choice.masks]
            decision = decision_from_masks(problem, oracle, choice.masks, serving)
    counts = {"rate_problems": oracle.solved, "rate_problems_total": oracle.size, **choice.counts}
    return Outcome(
        stop_reason=context.stop_reason(), decision=decision, counts=counts, message=choice.message
    )
