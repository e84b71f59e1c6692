"""Primal heuristics on the knapsack of F5: greedy construction and local moves with the exact T_k(C) (compiled)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from fgamcd_opt.formulations.knapsack import Knapsack

Array = np.ndarray[Any, Any]

_WORTHWHILE = 1e-6
"""Relative gain in delay below which another round of pair moves is not made."""


def search(knapsack: Knapsack, multipliers: NDArray[np.float64]) -> NDArray[np.int64] | None:
    """A choice of one column per block that fits, or None if the repair fails.

    Starts from the best priced column of every block, moves blocks off overfull nodes at the least increase of
    delay per byte relieved, then improves: single moves to better columns while they fit, and pairs of moves of
    which one makes room for the other.

    Parameters
    ----------
    knapsack
        Columns; every block needs at least one.
    multipliers
        (N,) prices of storage in s per byte; good ones come from the LP relaxation, zeros give a plain greedy.
    """
    load = knapsack.membership() * knapsack.size_bytes[knapsack.block, None].astype(np.float64)
    capacity = knapsack.storage_bytes.astype(np.float64)
    chosen = _construct(knapsack.starts, load, knapsack.delay_s, capacity, multipliers)
    if not knapsack.fits(chosen):
        return None
    _improve(knapsack.starts, load, knapsack.delay_s, capacity, chosen)
    return np.asarray(chosen)


@njit(nogil=True, cache=True)
def _construct(starts: Array, load: Array, delay: Array, capacity: Array, multipliers: Array) -> Array:
    n_blocks, n_nodes = starts.size - 1, capacity.size
    chosen = np.empty(n_blocks, np.int64)
    used = np.zeros(n_nodes)
    for k in range(n_blocks):
        best = np.inf
        for c in range(starts[k], starts[k + 1]):
            price = delay[c]
            for n in range(n_nodes):
                price += multipliers[n] * load[c, n]
            if price < best:
                best = price
                chosen[k] = c
        for n in range(n_nodes):
            used[n] += load[chosen[k], n]
    for _ in range(20 * n_blocks):
        excess = 0.0
        for n in range(n_nodes):
            excess += max(used[n] - capacity[n], 0.0)
        if excess <= 0.0:
            break
        best, best_block, best_column = np.inf, -1, -1
        for k in range(n_blocks):
            old = chosen[k]
            for c in range(starts[k], starts[k + 1]):
                after = 0.0
                for n in range(n_nodes):
                    after += max(used[n] + load[c, n] - load[old, n] - capacity[n], 0.0)
                if after < excess and (delay[c] - delay[old]) / (excess - after) < best:
                    best, best_block, best_column = (delay[c] - delay[old]) / (excess - after), k, c
        if best_block < 0:
            break
        _move(used, load, chosen[best_block], best_column)
        chosen[best_block] = best_column
    return chosen


@njit(nogil=True, cache=True)
def _move(used: Array, load: Array, old: int, new: int) -> None:
    for n in range(used.size):
        used[n] += load[new, n] - load[old, n]


@njit(nogil=True, cache=True)
def _best_fit(
    starts: Array, load: Array, delay: Array, capacity: Array, used: Array, k: int, old: int
) -> int:
    """The quickest column of block k that fits, its own column ``old`` included (columns are sorted by delay)."""
    for c in range(starts[k], old):
        fits = True
        for n in range(used.size):
            fits = fits and used[n] + load[c, n] - load[old, n] <= capacity[n]
        if fits:
            return c
    return old


@njit(nogil=True, cache=True)
def _improve(starts: Array, load: Array, delay: Array, capacity: Array, chosen: Array) -> None:
    n_blocks = starts.size - 1
    used = np.zeros(capacity.size)
    for k in range(n_blocks):
        for n in range(used.size):
            used[n] += load[chosen[k], n]
    for _ in range(50):
        gained = 0.0
        for k in range(n_blocks):
            best = _best_fit(starts, load, delay, capacity, used, k, chosen[k])
            gained += delay[chosen[k]] - delay[best]
            _move(used, load, chosen[k], best)
            chosen[k] = best
        if gained <= 0.0:
            gained = _pair_moves(starts, load, delay, capacity, used, chosen)
        if gained <= _WORTHWHILE * delay[chosen].sum():
            break


@njit(nogil=True, cache=True)
def _pair_moves(
    starts: Array, load: Array, delay: Array, capacity: Array, used: Array, chosen: Array
) -> float:
    """Let one block give way where another gains more from the room; returns the delay saved."""
    n_blocks = starts.size - 1
    gained = 0.0
    for k in range(n_blocks):
        old = chosen[k]
        for c in range(starts[k], starts[k + 1]):
            smaller = c != old
            for n in range(used.size):
                smaller = smaller and load[c, n] <= load[old, n]
            if not smaller:
                continue
            loss = delay[c] - delay[old]
            _move(used, load, old, c)
            best_gain, best_other, best_column = loss * (1.0 + 1e-9), -1, -1
            for other in range(n_blocks):
                if other == k or delay[chosen[other]] - delay[starts[other]] <= best_gain:
                    continue
                column = _best_fit(starts, load, delay, capacity, used, other, chosen[other])
                if delay[chosen[other]] - delay[column] > best_gain:
                    best_gain = delay[chosen[other]] - delay[column]
                    best_other, best_column = other, column
            if best_other < 0:
                _move(used, load, c, old)
                continue
            _move(used, load, chosen[best_other], best_column)
            chosen[best_other] = best_column
            chosen[k] = c
            gained += best_gain - loss
            break
    return gained
