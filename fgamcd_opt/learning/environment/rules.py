"""The rules of a step, compiled: what is executed, which nodes then have the block, and how long that takes."""

from __future__ import annotations

import numpy as np

from fgamcd_opt.io.compiled import Array, kernel

REPAIRS = ("none", "caching", "delivery")
"""What is repaired before a decision is executed; each includes the one before."""


@kernel
def execute(
    chosen: Array,
    repaired: bool,
    room: Array,
    row: Array,
    end: Array,
    block_bytes: Array,
    requested: Array,
    link_s: Array,
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
    for e in range(chosen.shape[0]):
        k, taken = row[e], chosen[e, :, 0]
        for n in range(taken.size):
            taken[n] &= room[e, n] >= block_bytes[k]
        if repaired:
            _keep_reserve(taken, room[e], k, end[e], block_bytes, requested)
            if requested[k]:
                _place_orphan(taken, room[e], block_bytes[k])
        _mask_links(chosen[e], link_s[k])
        if repaired:
            _drop_needless_links(chosen[e], link_s[k])
        for n in range(taken.size):
            if taken[n]:
                room[e, n] -= block_bytes[k]


@kernel
def deliver(
    bits: Array,
    redeliver: bool,
    row: Array,
    requested: Array,
    block_bits: Array,
    link_s: Array,
    rates_bps: Array,
    best_sets: Array,
    delay_s: Array,
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
    for e in range(bits.shape[0]):
        k = row[e]
        delay_s[e] = 0.0
        if requested[k]:
            joined = _participants(bits[e])
            if rates_bps[k, joined] == 0.0 and redeliver:
                cached = _caching(bits[e])
                joined = best_sets[k, cached]
                if joined < 0:
                    return e
                if joined > 0:
                    bits[e, :, 1:] = cheapest_migration(cached, joined, link_s[k])
            if np.isnan(rates_bps[k, joined]):
                return e
            delay_s[e] = _slowest_s(bits[e], link_s[k]) + block_bits[k] / rates_bps[k, joined]
    return -1


@kernel
def shown(states: Array, row: Array, room: Array, bytes_to_come: Array, first: int) -> Array:
    """(E, S) states of rows (E,), the room (E, N) filled in from entry ``first`` on as a share of what is to come."""
    state = np.empty((row.size, states.shape[1]), np.float32)
    for e in range(row.size):
        state[e] = states[row[e]]
        for n in range(room.shape[1]):
            state[e, first + n] = min(room[e, n] / bytes_to_come[row[e]], 1.0)
    return state


@kernel
def caching_mask(bits: Array) -> Array:
    """(B,) masks of the nodes that cache, of bits (B, N, N)."""
    masks = np.empty(bits.shape[0], np.int64)
    for b in range(masks.size):
        masks[b] = _caching(bits[b])
    return masks


@kernel
def participants(bits: Array) -> Array:
    """(B,) masks of the nodes that cache the block or receive it (3), of executed bits (B, N, N)."""
    masks = np.empty(bits.shape[0], np.int64)
    for b in range(masks.size):
        masks[b] = _participants(bits[b])
    return masks


@kernel
def migration_s(bits: Array, link_s: Array) -> Array:
    """(B,) slowest migration in s of executed bits (B, N, N) over links (B, N, N - 1); 0 without one."""
    slowest_s = np.empty(bits.shape[0])
    for b in range(slowest_s.size):
        slowest_s[b] = _slowest_s(bits[b], link_s[b])
    return slowest_s


@kernel
def cheapest_migration(caching: int, mask: int, link_s: Array) -> Array:
    """(N, N - 1) bits that bring a block to every node of ``mask`` outside C over the fastest link from C."""
    bits = np.zeros(link_s.shape, np.uint8)
    for m in range(link_s.shape[0]):
        if (mask & ~caching) >> m & 1:
            sender = _fastest_sender(caching, m, link_s)
            bits[sender, _column(sender, m)] = 1
    return bits


@kernel
def best_set(
    caching: int, size_bits: float, link_s: Array, most_bps: Array, rate_bps: Array
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
    n_nodes = link_s.shape[0]
    fastest_s = np.full(n_nodes, np.inf)
    for m in range(n_nodes):
        sender = _fastest_sender(caching, m, link_s)
        if sender >= 0:
            fastest_s[m] = link_s[sender, _column(sender, m)]
    best, best_s, best_least_s, unknown, unknown_s = 0, np.inf, np.inf, 0, np.inf
    for joined in range(1 << n_nodes):
        if joined & caching != caching:
            continue
        arrival_s = 0.0
        for m in range(n_nodes):
            if (joined & ~caching) >> m & 1:
                arrival_s = max(arrival_s, fastest_s[m])
        least_s = arrival_s + size_bits / most_bps[joined]
        if np.isnan(rate_bps[joined]):
            if least_s < unknown_s:
                unknown, unknown_s = joined, least_s
        else:
            delay_s = arrival_s + size_bits / rate_bps[joined]
            if delay_s < best_s or (delay_s == best_s < np.inf and least_s < best_least_s):
                best, best_s, best_least_s = joined, delay_s, least_s
    if unknown_s < best_s:
        return unknown, False
    return best, True


@kernel
def _caching(bits: Array) -> int:
    """Mask of the nodes that cache, of bits (N, N)."""
    mask = 0
    for n in range(bits.shape[0]):
        if bits[n, 0]:
            mask |= 1 << n
    return mask


@kernel
def _participants(bits: Array) -> int:
    """Mask of the nodes that cache the block or receive it, of executed bits (N, N)."""
    mask = _caching(bits)
    for n in range(bits.shape[0]):
        for j in range(bits.shape[0] - 1):
            if bits[n, 1 + j]:
                mask |= 1 << _other(n, j)
    return mask


@kernel
def _slowest_s(bits: Array, link_s: Array) -> float:
    """Slowest migration in s of executed bits (N, N) over links (N, N - 1)."""
    slowest_s = 0.0
    for n in range(bits.shape[0]):
        for j in range(bits.shape[0] - 1):
            if bits[n, 1 + j]:
                slowest_s = max(slowest_s, link_s[n, j])
    return slowest_s


@kernel
def _fastest_sender(caching: int, m: int, link_s: Array) -> int:
    """Node of C, the first of several, with the fastest link to node m outside C; -1 if it is in C."""
    fastest = -1
    if not caching >> m & 1:
        for n in range(link_s.shape[0]):
            if caching >> n & 1 and (
                fastest < 0 or link_s[n, _column(n, m)] < link_s[fastest, _column(fastest, m)]
            ):
                fastest = n
    return fastest


@kernel
def _column(n: int, m: int) -> int:
    """Place of node m among the others of node n."""
    return m - 1 if m > n else m


@kernel
def _other(n: int, j: int) -> int:
    """Node j of the others of node n, which stand in increasing order."""
    return j + 1 if j >= n else j


@kernel
def _keep_reserve(
    taken: Array, room: Array, row: int, end: int, block_bytes: Array, requested: Array
) -> None:
    """Let nodes drop out of ``taken`` (N,), least room first, until every requested block to come has a place.

    The blocks to come have a place if each, one after the other, fits once into the node that then has most room.
    Where even one taker crowds them out, none is left: the block then goes to the roomiest node as well.
    """
    while taken.any():
        left = room - np.where(taken, block_bytes[row], 0)
        if _all_placed(left, row + 1, end, block_bytes, requested):
            break
        least = -1
        for n in range(taken.size):
            if taken[n] and (least < 0 or room[n] <= room[least]):
                least = n
        taken[least] = False


@kernel
def _all_placed(left: Array, first: int, end: int, block_bytes: Array, requested: Array) -> bool:
    """Whether the blocks fit, each into the roomiest node; ``left`` (N,) is used up."""
    for row in range(first, end):
        if requested[row]:
            node = np.argmax(left)
            if left[node] < block_bytes[row]:
                return False
            left[node] -= block_bytes[row]
    return True


@kernel
def _place_orphan(taken: Array, room: Array, size: int) -> None:
    """Give a block that no node takes to the node with most room, if it fits there."""
    if not taken.any():
        roomiest = np.argmax(room)
        taken[roomiest] = room[roomiest] >= size


@kernel
def _mask_links(chosen: Array, link_s: Array) -> None:
    """Drop migration (N, N) from nodes that do not cache the block and over links that do not exist."""
    for n in range(chosen.shape[0]):
        for j in range(chosen.shape[0] - 1):
            chosen[n, 1 + j] &= chosen[n, 0] and np.isfinite(link_s[n, j])


@kernel
def _drop_needless_links(chosen: Array, link_s: Array) -> None:
    """Drop migration (N, N) to nodes that cache the block, and all but the fastest link to each other node."""
    arrival_s = np.full(chosen.shape[0], np.inf)
    for n in range(chosen.shape[0]):
        for j in range(chosen.shape[0] - 1):
            m = _other(n, j)
            if chosen[n, 1 + j] and not chosen[m, 0]:
                arrival_s[m] = min(arrival_s[m], link_s[n, j])
    for n in range(chosen.shape[0]):
        for j in range(chosen.shape[0] - 1):
            chosen[n, 1 + j] &= link_s[n, j] == arrival_s[_other(n, j)]
