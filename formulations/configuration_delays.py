"""T_k(C): delay of one block for every caching set C (F5), by enumeration of the participating sets (compiled).

T_k(C) = min over S containing C of  max_{m in S \\ C} min_{n in C} D_k / R_{n,m,k}  +  D_k / rho_k(S)
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from fgamcd_opt.problem import P1

Array = np.ndarray[Any, Any]


@njit(nogil=True, cache=True, error_model="numpy")
def _enumerate(bits: Array, backhaul_bps: Array, rate_bps: Array, delay: Array, served_by: Array) -> None:
    n_blocks, rows = rate_bps.shape
    n_nodes = backhaul_bps.shape[1]
    slowest = np.empty(n_nodes)
    for k in range(n_blocks):
        link = backhaul_bps[k if backhaul_bps.shape[0] > 1 else 0]
        for caching in range(1, rows):
            for m in range(n_nodes):
                fastest = 0.0
                for n in range(n_nodes):
                    if (caching >> n) & 1 and n != m:
                        fastest = max(fastest, link[n, m])
                slowest[m] = bits[k] / fastest if fastest > 0.0 else np.inf
            outside = (rows - 1) & ~caching
            best, best_set = np.inf, 0
            extra = outside
            while True:  # all subsets of the nodes outside C
                members = caching | extra
                if rate_bps[k, members] > 0.0:
                    migration = 0.0
                    for m in range(n_nodes):
                        if (extra >> m) & 1:
                            migration = max(migration, slowest[m])
                    total = migration + bits[k] / rate_bps[k, members]
                    if total < best:
                        best, best_set = total, members
                if extra == 0:
                    break
                extra = (extra - 1) & outside
            delay[k, caching] = best
            served_by[k, caching] = best_set


def configuration_delays(
    problem: P1, rate_bps: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """T_k(C) of every requested block and caching set, and the participating set S that attains it.

    Parameters
    ----------
    problem
        P1.
    rate_bps
        (R, 2^N) rates rho_k(S) by bit mask, 0 where S cannot serve the block. With rates in hand the delays are
        attained; with proved upper bounds on the rates they are lower bounds on the delays.

    Returns
    -------
    delay_s
        (R, 2^N), infinite where C cannot lead to a delivery (the empty set among them).
    participating
        (R, 2^N) bit mask of the best S, 0 where there is none.
    """
    data = problem.instance
    blocks = data.requested_blocks
    backhaul = data.backhaul_bps if data.backhaul_bps.shape[0] == 1 else data.backhaul_bps[blocks]
    delay = np.full(rate_bps.shape, np.inf)
    served_by = np.zeros(rate_bps.shape, np.int64)
    bits = 8.0 * data.block_bytes[blocks]
    _enumerate(bits, np.ascontiguousarray(backhaul), rate_bps, delay, served_by)
    return delay, served_by
