"""The rules of a step: what is executed, which nodes then have the block, and how long that takes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt import core

REPAIRS = ("none", "caching", "delivery")
"""What is repaired before a decision is executed; each includes the one before."""


def execute(
    chosen: NDArray[np.bool_],
    repaired: bool,
    room: NDArray[np.int64],
    row: NDArray[np.int64],
    end: NDArray[np.int64],
    block_bytes: NDArray[np.int64],
    requested: NDArray[np.bool_],
    link_s: NDArray[np.float64],
) -> None:
    """Leave of the decisions what (1), (2) and the links allow, put them right if ``repaired``, and take the room.

    Parameters
    ----------
    chosen
        (E, N, N) bool decisions; changed in place.
    repaired
        Whether caching and migration are repaired; participants that miss the QoS are left to :func:`deliver`.
    room
        (E, N) bytes left; changed in place.
    row, end
        (E,) row of this step and of the end of the episode in the arrays over steps.
    block_bytes, requested, link_s
        (rows,), (rows,) and (rows, N, N - 1) of all steps.
    """
    core.execute(chosen, repaired, room, row, end, block_bytes, requested, link_s)


def deliver(
    bits: NDArray[np.uint8],
    redeliver: bool,
    row: NDArray[np.int64],
    requested: NDArray[np.bool_],
    block_bits: NDArray[np.float64],
    link_s: NDArray[np.float64],
    rates_bps: NDArray[np.float64],
    best_sets: NDArray[np.int32],
    delay_s: NDArray[np.float64],
) -> int:
    """T_k of (8) for all copies; returns the first copy for which something is not known yet, or -1.

    Parameters
    ----------
    bits
        (E, N, N) executed decisions. Where participants miss the QoS and ``redeliver`` is true, the migration is
        replaced by that to F5's best set for the same caching.
    row
        (E,) row of this step in the arrays over steps.
    requested, block_bits, link_s
        (rows,), (rows,) and (rows, N, N - 1) of all steps.
    rates_bps, best_sets
        (rows, 2^N) rates of participants, NaN where not known, and F5's best participants by caching set, 0 if there
        are none and negative where not known.
    delay_s
        (E,) filled in: infinite where not delivered, 0 where not requested.
    """
    known = requested, block_bits, link_s, rates_bps, best_sets
    return core.deliver(bits, redeliver, row, *known, delay_s)


def shown(
    states: NDArray[np.float32],
    row: NDArray[np.int64],
    room: NDArray[np.int64],
    bytes_to_come: NDArray[np.float64],
    first: int,
) -> NDArray[np.float32]:
    """(E, S) states of rows (E,), the room (E, N) filled in from entry ``first`` on as a share of what is to come."""
    state = np.empty((row.size, states.shape[1]), np.float32)
    core.shown(states, row, room, bytes_to_come, first, state)
    return state


def caching_mask(bits: NDArray[np.uint8]) -> NDArray[np.int64]:
    """(B,) masks of the nodes that cache, of bits (B, N, N)."""
    masks = np.empty(bits.shape[0], np.int64)
    core.caching_mask(np.ascontiguousarray(bits), masks)
    return masks


def participants(bits: NDArray[np.uint8]) -> NDArray[np.int64]:
    """(B,) masks of the nodes that cache the block or receive it (3), of executed bits (B, N, N)."""
    masks = np.empty(bits.shape[0], np.int64)
    core.participants(np.ascontiguousarray(bits), masks)
    return masks


def migration_s(bits: NDArray[np.uint8], link_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """(B,) slowest migration in s of executed bits (B, N, N) over links (B, N, N - 1); 0 without one."""
    slowest_s = np.empty(bits.shape[0])
    core.migration_s(np.ascontiguousarray(bits), np.ascontiguousarray(link_s), slowest_s)
    return slowest_s


def cheapest_migration(caching: int, mask: int, link_s: NDArray[np.float64]) -> NDArray[np.uint8]:
    """(N, N - 1) bits that bring a block to every node of ``mask`` outside C over the fastest link from C."""
    bits = np.empty(link_s.shape, np.uint8)
    core.cheapest_migration(caching, mask, link_s, bits)
    return bits


def best_set(
    caching: int,
    size_bits: float,
    link_s: NDArray[np.float64],
    most_bps: NDArray[np.float64],
    rate_bps: NDArray[np.float64],
) -> tuple[int, bool]:
    """Participants S that attain T_k(C) of F5, 0 if none deliver, and True; or S whose rate must be known first, False.

    Parameters
    ----------
    caching
        C, not empty.
    size_bits, link_s
        The block's size, and the times (N, N - 1) in s over the links.
    most_bps, rate_bps
        (2^N,) proved upper bounds on the rates, and rates, NaN where not known.
    """
    return core.best_set(caching, size_bits, link_s, most_bps, rate_bps)
