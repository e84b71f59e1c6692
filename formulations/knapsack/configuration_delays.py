"""T_k(C): delay of one caching unit for every caching set C (F5), by enumeration of the participating sets.

T_k(C) = min over S containing C of  max_{m in S \\ C} min_{n in C} D_k / R_{n,m,k}  +  A_k(S)

A_k(S) is the air time of block k: D_k / rho_k(S) in P1 itself. A unit is what is cached together: one block, or with
``granularity=model`` all blocks of one model, whose delays add up for the same C and S.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt import core
from fgamcd_opt.problem.constraints.planning import wanted_by_own_users
from fgamcd_opt.problem.delay import bits
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.problem.variants import Granularity


def caching_units(problem: P1) -> NDArray[np.int64]:
    """(R,) unit of every requested block: the blocks of a unit are cached together and follow one another."""
    data = problem.data
    if problem.variant.granularity is Granularity.BLOCK:
        return np.arange(data.requested_blocks.size)
    model = data.model_blocks[:, data.requested_blocks].argmax(axis=0)
    return np.unique(model, return_inverse=True)[1].astype(np.int64)


def unit_bytes(problem: P1) -> NDArray[np.int64]:
    """(units,) storage that a unit takes in a cache, in bytes."""
    size = np.bincount(caching_units(problem), problem.data.block_bytes[problem.data.requested_blocks])
    return np.rint(size).astype(np.int64)


def air_times_by_set_s(problem: P1, rate_bps: NDArray[np.float64]) -> NDArray[np.float64]:
    """A_k(S), (R, 2^N) in s: sum over the block's transmissions of D_k / rate, or the cloud's time where it is less.

    Parameters
    ----------
    problem
        P1 or a variant.
    rate_bps
        (T, 2^N) rates of the transmissions by participating set, 0 where the set cannot make it.
    """
    data, sent = problem.data, problem.transmissions
    size = bits(data, sent.block)[:, None]
    with np.errstate(divide="ignore"):
        time_s = np.where(rate_bps > 0.0, size / rate_bps, np.inf)
    time_s[:, 0] = np.inf
    if problem.variant.cloud_rate_bps is not None:
        time_s = np.minimum(time_s, sent.users()[:, None] * (size / problem.variant.cloud_rate_bps))
    return np.asarray(np.add.reduceat(time_s, np.searchsorted(sent.block, data.requested_blocks), axis=0))


def configuration_delays(
    problem: P1, rate_bps: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """T_k(C) of every caching unit and caching set, and the participating set S that attains it.

    Parameters
    ----------
    problem
        P1 or a variant; in P1 itself the units are the R requested blocks.
    rate_bps
        (T, 2^N) rates of the transmissions by bit mask of S, 0 where S cannot serve its users. With known rates
        the delays are attained; with proved upper bounds on the rates they are lower bounds on the delays.

    Returns
    -------
    delay_s
        (units, 2^N), infinite where C cannot lead to a delivery (the empty set among them, unless there is a cloud).
    participating
        (units, 2^N) bit mask of the best S, 0 where there is none.
    """
    data = problem.data
    blocks, units = data.requested_blocks, caching_units(problem)
    backhaul = data.backhaul_bps if data.backhaul_bps.shape[0] == 1 else data.backhaul_bps[blocks]
    starts = np.searchsorted(units, np.arange(units[-1] + 2))
    delay = np.full((starts.size - 1, rate_bps.shape[1]), np.inf)
    served_by = np.zeros(delay.shape, np.int64)
    core.configuration_delays(
        starts,
        bits(data, blocks),
        np.ascontiguousarray(backhaul),
        air_times_by_set_s(problem, rate_bps),
        problem.variant.cooperation,
        delay,
        served_by,
    )
    if not problem.variant.cooperation:
        own = wanted_by_own_users(data)[:, blocks[starts[:-1]]].T @ (1 << np.arange(data.n_nodes))
        delay[(np.arange(delay.shape[1]) & ~own[:, None]) != 0] = np.inf
    return delay, served_by
