"""`local-search`: iterated local search on caching with the exact T_k(C): kick, repair, moves and exchanges."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.formulations.knapsack.dual_function import lagrangian_bound
from fgamcd_opt.formulations.knapsack.dual_simplex import solve_storage_lp
from fgamcd_opt.formulations.knapsack.multiple_choice import Knapsack
from fgamcd_opt.io.errors import UsageError
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.solvers.base_solver import EVERY_VARIANT, BaseSolver
from fgamcd_opt.solvers.heuristics.exchanges import polish, search
from fgamcd_opt.solvers.heuristics.placement_heuristic import place
from fgamcd_opt.solving.context import SolveContext
from fgamcd_opt.solving.solver import Outcome, Role

_KICKED_BLOCKS = (2, 4)
"""Least and most blocks that a kick moves, drawn by their size."""

_KICKED_COLUMNS = 8
"""A kick moves a block to one of so many columns of least reduced cost."""

_PROMISING = 1e-3
"""Exchanges are tried after a kick if its moves end no further than this share above the best delay."""


class LocalSearchSolver(BaseSolver):
    """Primal heuristic on the knapsack of F5; proves nothing about the delay."""

    name: ClassVar[str] = "local-search"
    summary: ClassVar[str] = "iterated local search on caching: moves, exchanges, kicks; no bound"
    role: ClassVar[Role] = Role.HEURISTIC
    proves_bounds: ClassVar[bool] = False
    finds_solutions: ClassVar[bool] = True
    variants: ClassVar[Mapping[str, frozenset[str]]] = EVERY_VARIANT
    options: ClassVar[Mapping[str, Any]] = {"rounds": 2, "kicks": 100}

    def solve(self, problem: P1, context: SolveContext, options: Mapping[str, Any]) -> Outcome:
        """Solve P1 heuristically.

        Parameters
        ----------
        problem
            P1 or a variant.
        context
            Limits, seed, clock.
        options
            ``rounds``: beamforming effort per set. ``kicks``: kicks after the first local optimum.

        Raises
        ------
        UsageError
            A negative number of kicks.
        """
        kicks = options["kicks"]
        if kicks < 0:
            raise UsageError(f"option kicks: {kicks} is negative; expected 0 or more")
        return place(problem, context, options["rounds"], lambda knapsack: iterate(knapsack, context, kicks))


def iterate(knapsack: Knapsack, context: SolveContext, kicks: int) -> NDArray[np.int64] | None:
    """The best choice found from the better of two starts (prices of the LP, no prices); None if neither fits.

    Parameters
    ----------
    knapsack
        Columns; every block needs at least one.
    context
        Seed; asked before every kick whether to stop.
    kicks
        How often the best choice is kicked.
    """
    multipliers, _ = solve_storage_lp(knapsack)
    starts = [search(knapsack, prices) for prices in (multipliers, np.zeros_like(multipliers))]
    best = min((start for start in starts if start is not None), key=knapsack.total_delay_s, default=None)
    return None if best is None else kicked(knapsack, context, kicks, best, multipliers)


def kicked(
    knapsack: Knapsack,
    context: SolveContext,
    kicks: int,
    best: NDArray[np.int64],
    multipliers: NDArray[np.float64],
) -> NDArray[np.int64]:
    """The best choice found by kicks from a choice that fits; never a worse one.

    Parameters
    ----------
    knapsack, context, kicks
        As in :func:`iterate`.
    best
        (R,) one column per block, a local optimum.
    multipliers
        (N,) storage prices in s per byte, by which a kick ranks columns.
    """
    delay = knapsack.total_delay_s(best)
    _, reduced = lagrangian_bound(knapsack, multipliers)
    order = np.lexsort((reduced, knapsack.block))
    random = np.random.default_rng(np.random.SeedSequence([context.seed, knapsack.n_blocks]))
    for number in range(kicks):
        if context.must_stop:
            break
        other = polish(knapsack, _kick(knapsack, best, order, random), delay * (1.0 + _PROMISING))
        if other is not None and knapsack.total_delay_s(other) <= delay:
            best, delay = other, knapsack.total_delay_s(other)
        context.progress(f"local search: delay {delay:.6f} s, kick {number + 1} of {kicks}")
    return best


def _kick(
    knapsack: Knapsack, chosen: NDArray[np.int64], order: NDArray[np.int64], random: np.random.Generator
) -> NDArray[np.int64]:
    """The choice with a few blocks at other columns; it need not fit."""
    moved = chosen.copy()
    count = min(int(random.integers(_KICKED_BLOCKS[0], _KICKED_BLOCKS[1] + 1)), knapsack.n_blocks)
    by_size = knapsack.size_bytes / knapsack.size_bytes.sum()
    for block in random.choice(knapsack.n_blocks, count, replace=False, p=by_size):
        first, end = knapsack.starts[block], knapsack.starts[block + 1]
        moved[block] = order[random.integers(first, min(end, first + _KICKED_COLUMNS))]
    return moved
