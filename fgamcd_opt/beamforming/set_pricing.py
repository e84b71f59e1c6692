"""Pricing of caching sets: the cheapest (C, S) of one block for given rents of storage, by branch and bound (compiled).

For one block and rents p_n = lambda_n / 8 (s per bit) all costs scale with D_k, so per bit it is

    min over C, S containing C of  max_{m in S \\ C} min_{n in C} 1 / R_{n,m,k}  +  1 / rho(S)  +  sum_{n in C} p_n.

The delay T(C) (the first two terms, S at its best) falls when C grows and the rent rises. So with nodes decided one
by one, rent(chosen) + T(chosen and undecided) is a lower bound on everything below, and few of the 2^N sets are
ever looked at. Within T(C) rates only rise with S (F4): for every slowest link that is accepted the largest S is best.

Rates are proved bounds, made when a set is first asked for and kept in a table whose untouched pages cost nothing.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fgamcd_opt.beamforming.kernels.kernel import Array, kernel
from fgamcd_opt.beamforming.subset_bounds import inherited_bound, lone_users_bound
from fgamcd_opt.io.short_repr import short_repr


class PricingData(NamedTuple):
    """What pricing reads of one block.

    Attributes
    ----------
    table
        (2^N,) 1 / rate bound in s per bit by bit mask; 0 where it was not asked for yet, infinite where S is proved
        unable to serve. Filled by the kernels here.
    applied
        (2^N,) pieces of evidence that are worked into ``table`` already.
    bandwidth_hz
        B.
    link
        (N, N) 1 / R in s per bit, infinite without a link.
    gram, radius2, error_code
        The reduced broadcast.
    floors
        (m,) amplitudes below which the checker rejects a beam.
    evidence_mask, parts, y, mu
        (E,), (E, N, m, m), (E, m), (E, N) proofs of F6 for sets solved so far, as
        :func:`fgamcd_opt.beamforming.subset_bounds.whitened` makes them.
    """

    table: Array
    applied: Array
    bandwidth_hz: float
    link: Array
    gram: Array
    radius2: Array
    error_code: bool
    floors: Array
    evidence_mask: Array
    parts: Array
    y: Array
    mu: Array

    def __repr__(self) -> str:
        return short_repr(self)


@kernel
def inverse_rate(block: PricingData, mask: int) -> float:
    """Proved lower bound on 1 / rho(S) in s per bit, infinite if S cannot serve the block."""
    inverse = block.table[mask]
    if inverse == 0.0:
        inverse = _inverse(
            block, lone_users_bound(block.gram, block.radius2, block.error_code, block.floors, mask)
        )
    if inverse < np.inf and block.applied[mask] < block.evidence_mask.size:
        snr = np.expm1(np.log(2.0) / (inverse * block.bandwidth_hz))
        for e in range(block.applied[mask], block.evidence_mask.size):
            if mask & ~block.evidence_mask[e] == 0 and snr > 0.0:
                bound = inherited_bound(block.parts[e], block.y[e], block.mu[e], block.floors, mask, snr)
                snr = min(snr, bound)
        inverse = max(inverse, _inverse(block, snr))
    block.applied[mask] = block.evidence_mask.size
    block.table[mask] = inverse
    return inverse


@kernel
def _inverse(block: PricingData, snr: float) -> float:
    if snr <= 0.0:
        return np.inf
    return (1.0 - 1e-12) * np.log(2.0) / (block.bandwidth_hz * np.log1p(snr))


@kernel
def delays_outside(link: Array, caching: int, node: Array, wait: Array) -> int:
    """Nodes outside C that a link reaches, quickest first, and their migration times per bit; returns how many."""
    count = 0
    for m in range(link.shape[0]):
        if (caching >> m) & 1:
            continue
        fastest = np.inf
        for n in range(link.shape[0]):
            if (caching >> n) & 1:
                fastest = min(fastest, link[n, m])
        if fastest == np.inf:
            continue
        place = count
        while place > 0 and wait[place - 1] > fastest:
            wait[place], node[place] = wait[place - 1], node[place - 1]
            place -= 1
        wait[place], node[place] = fastest, m
        count += 1
    return count


@kernel
def unit_delay(block: PricingData, caching: int) -> tuple[float, int]:
    """T(C) per bit by rate bounds, and the participating set S that attains it (0 if none can serve)."""
    n_nodes = block.link.shape[0]
    shortest = inverse_rate(block, (1 << n_nodes) - 1)
    node = np.empty(n_nodes, np.int64)
    wait = np.empty(n_nodes)
    count = delays_outside(block.link, caching, node, wait)
    members = caching
    best = inverse_rate(block, members)
    best_members = members if best < np.inf else 0
    for i in range(count):
        if wait[i] + shortest >= best:
            break
        members |= 1 << node[i]
        if i + 1 < count and wait[i + 1] == wait[i]:
            continue
        delay = wait[i] + inverse_rate(block, members)
        if delay < best:
            best, best_members = delay, members
    return best, best_members


@kernel
def rent_of(rent: Array, caching: int) -> float:
    """Sum of the rents of the nodes in C."""
    total = 0.0
    for n in range(rent.size):
        if (caching >> n) & 1:
            total += rent[n]
    return total


@kernel
def cheapest_set(block: PricingData, rent: Array, allowed: int, start: int) -> tuple[float, int, int]:
    """Least priced delay per bit over all (C, S), and C and S that attain it (0, 0 if no set can serve the block).

    Parameters
    ----------
    block
        The block.
    rent
        (N,) p_n in s per bit, >= 0.
    allowed
        Nodes that may cache the block, as a bit mask.
    start
        A caching set to begin with, 0 if there is none; a good one makes the search shorter.
    """
    free = 0  # nodes without a rent belong to some cheapest C
    order = np.empty(rent.size, np.int64)
    count = 0
    for n in range(rent.size):
        if (allowed >> n) & 1 == 0:
            continue
        if rent[n] <= 0.0:
            free |= 1 << n
            continue
        place = count
        while place > 0 and rent[order[place - 1]] > rent[n]:
            order[place] = order[place - 1]
            place -= 1
        order[place] = n
        count += 1
    best, best_caching = np.inf, 0
    for first in (start | free, allowed):
        if first == 0:
            continue
        cost = unit_delay(block, first)[0] + rent_of(rent, first)
        if cost < best:
            best, best_caching = cost, first
    # depth first, nodes of low rent first; a frame: nodes decided, chosen set, its rent, T(chosen and undecided)
    position = np.empty(count + 2, np.int64)
    chosen = np.empty(count + 2, np.int64)
    spent = np.empty(count + 2)
    delay = np.empty(count + 2)
    position[0], chosen[0], spent[0], delay[0] = 0, free, 0.0, -1.0
    depth = 1
    while depth > 0:
        depth -= 1
        decided, caching, paid, least = position[depth], chosen[depth], spent[depth], delay[depth]
        largest = caching
        for i in range(decided, count):
            largest |= 1 << order[i]
        if largest == 0:
            continue
        if least < 0.0:  # not known from above: the last decision left a node out
            least = unit_delay(block, largest)[0]
        if paid + least >= best:
            continue
        if decided == count:
            best, best_caching = paid + least, caching
            continue
        node = order[decided]
        position[depth], chosen[depth], spent[depth], delay[depth] = decided + 1, caching, paid, -1.0
        depth += 1
        position[depth], chosen[depth] = decided + 1, caching | (1 << node)
        spent[depth], delay[depth] = paid + rent[node], least
        depth += 1
    if best_caching == 0:
        return np.inf, 0, 0
    return best, best_caching, unit_delay(block, best_caching)[1]


@kernel
def reached_delay(link: Array, caching: int, solved: Array, inverse: Array) -> tuple[float, int]:
    """T(C) per bit with the known beams, and the solved set whose beam is used (0 if there is none).

    Parameters
    ----------
    link
        (N, N) 1 / R in s per bit, infinite without a link.
    caching
        C as a bit mask; its nodes take part but may send nothing.
    solved, inverse
        (s,) sets with a beam and 1 / rate of it in s per bit.
    """
    n_nodes = link.shape[0]
    node = np.empty(n_nodes, np.int64)
    wait = np.empty(n_nodes)
    count = delays_outside(link, caching, node, wait)
    best, best_set = np.inf, 0
    for i in range(solved.size):
        missing = solved[i] & ~caching
        migration = 0.0
        for j in range(count):
            if (missing >> node[j]) & 1:
                missing ^= 1 << node[j]
                migration = wait[j]
        if missing == 0 and migration + inverse[i] < best:
            best, best_set = migration + inverse[i], solved[i]
    return best, best_set
