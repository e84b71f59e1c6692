"""Local search on the knapsack of F5: repair, moves and exchanges with the exact T_k(C).

Sizes are whole bytes, so that what fits here fits. Sets of nodes are bit masks: where a block of size D may be added
is one mask for all its columns.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt import core
from fgamcd_opt.formulations.knapsack.dual_function import priced_delays
from fgamcd_opt.formulations.knapsack.multiple_choice import Knapsack
from fgamcd_opt.solvers.heuristics.growing_sets import GrowingSets

WORTHWHILE = 1e-7
"""Gain, relative to the whole delay, below which no exchange is tried."""

_Integers = NDArray[np.int64]


def search(knapsack: Knapsack, multipliers: NDArray[np.float64]) -> NDArray[np.int64] | None:
    """A choice of one column per block that fits, or None if none is found.

    Starts from the column of every block that is best priced; good multipliers come from the LP relaxation, zeros
    give a plain greedy. Where that cannot be repaired, it starts from empty caches and first places instead
    (:meth:`GrowingSets.cover`).

    Parameters
    ----------
    knapsack
        Columns; every block needs at least one.
    multipliers
        (N,) prices of storage in s per byte.
    """
    order = np.lexsort((priced_delays(knapsack, multipliers), knapsack.block))
    choice = polish(knapsack, order[knapsack.starts[:-1]])
    if choice is None:
        first_places = _first_places(knapsack)
        choice = None if first_places is None else polish(knapsack, first_places)
    return choice


def _first_places(knapsack: Knapsack) -> NDArray[np.int64] | None:
    """Columns that fit, with as few copies as possible; None if some block finds no room."""
    delay = np.full((knapsack.n_blocks, 1 << knapsack.storage_bytes.size), np.inf)
    delay[knapsack.block, knapsack.mask] = knapsack.delay_s
    sets = GrowingSets(delay, knapsack.size_bytes, knapsack.storage_bytes)
    sets.cover(np.arange(knapsack.n_blocks))
    return None if sets.undeliverable.size else knapsack.columns_of(sets.masks)


def polish(
    knapsack: Knapsack, columns: NDArray[np.int64], promising_s: float = np.inf
) -> NDArray[np.int64] | None:
    """Repair and improve a choice; None if no repair is found.

    Blocks move off overfull nodes at the least increase of delay per byte relieved. Then every block moves to a
    quicker column that fits, and to one that does not fit where another block can make room at less cost.

    Parameters
    ----------
    knapsack
        Columns.
    columns
        (R,) one column per block; it need not fit.
    promising_s
        Delay above which a choice is not worth the exchanges, only the moves.
    """
    chosen = columns.astype(np.int64)  # a copy
    return chosen if core.polish(*_moves_of(knapsack), chosen, promising_s, WORTHWHILE) else None


def repair(knapsack: Knapsack, columns: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """The repair of :func:`polish` without its improvements; None if none is found."""
    chosen = columns.astype(np.int64)  # a copy
    return chosen if core.repair(*_moves_of(knapsack), chosen) else None


def _moves_of(
    knapsack: Knapsack,
) -> tuple[_Integers, _Integers, NDArray[np.float64], _Integers, _Integers]:
    """The knapsack as the core's searches take it."""
    return knapsack.starts, knapsack.mask, knapsack.delay_s, knapsack.size_bytes, knapsack.storage_bytes
