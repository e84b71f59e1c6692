"""Local search on the knapsack of F5: repair, moves and exchanges with the exact T_k(C) (compiled).

Sizes are whole bytes, so that what fits here fits. Sets of nodes are bit masks: where a block of size D may be added
is one mask for all its columns.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.formulations.knapsack.dual_function import priced_delays
from fgamcd_opt.formulations.knapsack.multiple_choice import Knapsack
from fgamcd_opt.io.compiled import Array, kernel
from fgamcd_opt.solvers.heuristics.growing_sets import GrowingSets

WORTHWHILE = 1e-7
"""Gain, relative to the whole delay, below which no exchange is tried."""


class Moves(NamedTuple):
    """The knapsack as the kernels read it."""

    starts: Array
    mask: Array
    delay_s: Array
    size_bytes: Array
    storage_bytes: Array


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
    return chosen if _polish(_moves_of(knapsack), chosen, promising_s) else None


def repair(knapsack: Knapsack, columns: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """The repair of :func:`polish` without its improvements; None if none is found."""
    chosen = columns.astype(np.int64)  # a copy
    moves = _moves_of(knapsack)
    return chosen if _repair(moves, chosen, _free_bytes(moves, chosen)) else None


def _moves_of(knapsack: Knapsack) -> Moves:
    return Moves(
        knapsack.starts, knapsack.mask, knapsack.delay_s, knapsack.size_bytes, knapsack.storage_bytes
    )


@kernel
def _free_bytes(moves: Moves, chosen: Array) -> Array:
    free = moves.storage_bytes.copy()
    for k in range(chosen.size):
        _place(free, moves.size_bytes[k], 0, moves.mask[chosen[k]])
    return free


@kernel
def _polish(moves: Moves, chosen: Array, promising_s: float) -> bool:
    free = _free_bytes(moves, chosen)
    if not _repair(moves, chosen, free):
        return False
    _move_all(moves, chosen, free)
    total = moves.delay_s[chosen].sum()
    if total <= promising_s:
        while _exchange_all(moves, chosen, free, WORTHWHILE * total):
            _move_all(moves, chosen, free)
    return True


@kernel
def _place(free: Array, size: int, old: int, new: int) -> None:
    """Account for a block whose caching set changes from ``old`` to ``new``."""
    for n in range(free.size):
        free[n] += (((old >> n) & 1) - ((new >> n) & 1)) * size


@kernel
def _room(free: Array, size: int) -> int:
    """The nodes with at least ``size`` bytes free."""
    nodes = 0
    for n in range(free.size):
        if free[n] >= size:
            nodes |= 1 << n
    return nodes


@kernel
def _repair(moves: Moves, chosen: Array, free: Array) -> bool:
    """Least costly moves off overfull nodes, until there are none; False if that ends before."""
    everywhere = (1 << free.size) - 1
    for _ in range(20 * chosen.size):
        overfull = everywhere & ~_room(free, 0)
        if overfull == 0:
            return True
        best, block, column = np.inf, -1, -1
        for k in range(chosen.size):
            old, size = moves.mask[chosen[k]], moves.size_bytes[k]
            if old & overfull == 0:
                continue
            for c in range(moves.starts[k], moves.starts[k + 1]):
                new = moves.mask[c]
                if old & ~new & overfull == 0:
                    continue
                relief = 0
                for n in range(free.size):
                    before = max(-free[n], 0)
                    step = ((old >> n) & 1) - ((new >> n) & 1)
                    relief += before - max(-free[n] - step * size, 0)
                if relief > 0:
                    price = (moves.delay_s[c] - moves.delay_s[chosen[k]]) / relief
                    if price < best:
                        best, block, column = price, k, c
        if block < 0:
            return False
        _place(free, moves.size_bytes[block], moves.mask[chosen[block]], moves.mask[column])
        chosen[block] = column
    return False


@kernel
def _move_all(moves: Moves, chosen: Array, free: Array) -> None:
    """Move every block to its quickest column that fits (columns are sorted by delay), until nothing moves."""
    moved = True
    while moved:
        moved = False
        for k in range(chosen.size):
            old, size = moves.mask[chosen[k]], moves.size_bytes[k]
            closed = ~(_room(free, size) | old)
            for c in range(moves.starts[k], chosen[k]):
                if moves.mask[c] & closed == 0:
                    _place(free, size, old, moves.mask[c])
                    chosen[k] = c
                    moved = True
                    break


@kernel
def _exchange_all(moves: Moves, chosen: Array, free: Array, worthwhile_s: float) -> bool:
    """Let every block gain where another makes room for less than the gain; True if something was exchanged."""
    exchanged = False
    for k in range(chosen.size):
        for c in range(moves.starts[k], chosen[k]):
            gain = moves.delay_s[chosen[k]] - moves.delay_s[c]
            if gain < worthwhile_s:
                break
            old, new = moves.mask[chosen[k]], moves.mask[c]
            _place(free, moves.size_bytes[k], old, new)
            other, column = _make_room(moves, chosen, free, k, gain - worthwhile_s)
            if other >= 0:
                _place(free, moves.size_bytes[other], moves.mask[chosen[other]], moves.mask[column])
                chosen[other], chosen[k] = column, c
                exchanged = True
                break
            _place(free, moves.size_bytes[k], new, old)
    return exchanged


@kernel
def _make_room(moves: Moves, chosen: Array, free: Array, k: int, most_s: float) -> tuple[int, int]:
    """The least costly move of a block other than ``k`` after which all fits, if it costs less than ``most_s``."""
    overfull = ((1 << free.size) - 1) & ~_room(free, 0)
    best, block, column = most_s, -1, -1
    for other in range(chosen.size):
        old, size = moves.mask[chosen[other]], moves.size_bytes[other]
        if other == k or overfull & ~old or overfull & ~_room(free, -size):
            continue
        closed = overfull | ~(_room(free, size) | old)
        now = moves.delay_s[chosen[other]]
        for c in range(moves.starts[other], moves.starts[other + 1]):
            if moves.delay_s[c] - now >= best:
                break
            if moves.mask[c] & closed == 0:
                best, block, column = moves.delay_s[c] - now, other, c
                break
    return block, column
