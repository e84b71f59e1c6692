"""`lp-rounding`: the LP of F5 (storage relaxed), its split blocks fixed one after the other, with repair and moves.

At most N blocks are split in an optimal vertex. The one with the column of largest share is fixed to that column and
the LP is solved again from there, which moves the rest to where the storage then is. Every vertex on the way is
rounded, repaired where it does not fit, and improved; the best choice is returned.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.formulations.knapsack.dual_simplex import (
    INFEASIBLE,
    columns_of,
    dual_simplex,
    origin,
    rounded_shares,
    split_blocks,
)
from fgamcd_opt.formulations.knapsack.multiple_choice import Knapsack
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.solvers.base_solver import EVERY_VARIANT, BaseSolver
from fgamcd_opt.solvers.heuristics.exchanges import polish
from fgamcd_opt.solvers.heuristics.placement_heuristic import place
from fgamcd_opt.solving.context import SolveContext
from fgamcd_opt.solving.solver import Outcome, Role

_PROMISING = 1e-3
"""Exchanges are tried after rounding if the moves end no further than this share above the best delay."""

_STEPS = 1000
"""Most steps of one dual simplex run."""


class LpRoundingSolver(BaseSolver):
    """Primal heuristic on the knapsack of F5; proves nothing about the delay."""

    name: ClassVar[str] = "lp-rounding"
    summary: ClassVar[str] = (
        "LP of the knapsack (F5), rounded block by block, with repair and moves; no bound"
    )
    role: ClassVar[Role] = Role.HEURISTIC
    proves_bounds: ClassVar[bool] = False
    finds_solutions: ClassVar[bool] = True
    variants: ClassVar[Mapping[str, frozenset[str]]] = EVERY_VARIANT

    def solve(self, problem: P1, context: SolveContext, options: Mapping[str, Any]) -> Outcome:
        """Solve P1 heuristically.

        Parameters
        ----------
        problem
            P1 or a variant.
        context
            Limits, seed, clock.
        options
            ``rounds``: beamforming effort per set.
        """
        return place(
            problem, context, options["rounds"], lambda knapsack: round_relaxation(knapsack, context)
        )


def round_relaxation(knapsack: Knapsack, context: SolveContext) -> NDArray[np.int64] | None:
    """The best choice on the way from the LP relaxation to a vertex without split blocks; None if none fits.

    Parameters
    ----------
    knapsack
        Columns; every block needs at least one.
    context
        Asked before every LP but the first whether to stop.
    """
    columns, _ = columns_of(knapsack)
    vertex = origin(knapsack.storage_bytes.size)
    need, forbid, key = (np.zeros(knapsack.n_blocks, np.int64) for _ in range(3))
    best: NDArray[np.int64] | None = None
    fixed: set[int] = set()
    delay = math.inf
    while True:
        status, _ = dual_simplex(columns, need, forbid, vertex, key, math.inf, _STEPS)
        if status == INFEASIBLE:
            return best
        chosen = polish(knapsack, rounded_shares(vertex, key), delay * (1.0 + _PROMISING))
        if chosen is not None and knapsack.total_delay_s(chosen) < delay:
            best, delay = chosen, knapsack.total_delay_s(chosen)
        split = split_blocks(vertex, key).items()  # a fixed block may be tied at shares 1 and 0
        shares = [(share, b, column) for b, of in split if b not in fixed for column, share in of.items()]
        if not shares or context.must_stop:
            return best
        _, block, column = max(shares)
        fixed.add(block)
        need[block], forbid[block] = knapsack.mask[column], ~knapsack.mask[column]
        context.progress(f"rounding: delay {delay:.6f} s, {len(fixed)} blocks fixed")
