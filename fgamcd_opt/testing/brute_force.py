"""P1 by enumeration on tiny instances, written from the equations of its statement; nothing here is clever."""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.beamforming.broadcast import BeamformingSettings
from fgamcd_opt.beamforming.rate_oracle import RateOracle
from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.problem.decision import Decision
from fgamcd_opt.problem.p1 import P1

Item = TypeVar("Item")
Rates = NDArray[np.float64]


def full_oracle(problem: P1, rounds: int = 2, threads: int = 1) -> RateOracle:
    """All (block, S) solved.

    Parameters
    ----------
    problem
        Whose rates; 2^N sets per requested block.
    rounds
        Effort per set.
    threads
        Threads of the beamforming.
    """
    oracle = RateOracle(problem, BeamformingSettings(rounds=rounds), threads)
    assert oracle.compute()
    return oracle


def subsets(items: Iterable[Item]) -> Iterator[tuple[Item, ...]]:
    """All subsets, the empty one first."""
    items = list(items)
    return itertools.chain.from_iterable(itertools.combinations(items, r) for r in range(len(items) + 1))


def mask_of(nodes: Iterable[int]) -> int:
    """Bit mask of a node set."""
    return sum(1 << int(n) for n in nodes)


def delay_of_block(
    data: Instance, block: int, rate_bps: Rates, caching: Iterable[int], links: Collection[tuple[int, int]]
) -> float:
    """(7), (8) for one block: slowest migration plus broadcast, for b given as pairs (n, m) with n in ``caching``."""
    bits = 8.0 * float(data.block_bytes[block])
    backhaul = data.backhaul_bps[block if data.backhaul_bps.shape[0] > 1 else 0]
    if any(backhaul[n, m] <= 0 for n, m in links):
        return math.inf
    rate = rate_bps[mask_of(set(caching) | {m for _, m in links})]
    migration = max((bits / backhaul[n, m] for n, m in links), default=0.0)
    return float(migration + bits / rate) if rate > 0 else math.inf


def configuration_delay(data: Instance, block: int, rate_bps: Rates, caching: Iterable[int]) -> float:
    """T_k(C): the best of all b, every subset of links that start in C."""
    links = [(n, m) for n in caching for m in range(data.n_nodes) if n != m]
    return min(delay_of_block(data, block, rate_bps, caching, chosen) for chosen in subsets(links))


def unit_delay(problem: P1, rates_bps: Rates, blocks: Sequence[int], caching: Collection[int]) -> float:
    """T_k(C) of the blocks that a variant caches together: the best participating set S and migration into it."""
    data, sent, cloud = problem.data, problem.transmissions, problem.variant.cloud_rate_bps
    others = [m for m in range(data.n_nodes) if m not in caching]
    if not problem.variant.cooperation:
        near = {
            int(data.association[u])
            for b, u in zip(data.pair_block, data.pair_user, strict=True)
            if b in blocks
        }
        if not set(caching) <= near:
            return math.inf
    best = math.inf
    for joined in subsets(others) if problem.variant.cooperation and caching else [()]:
        total = 0.0
        for block in blocks:
            bits = 8.0 * float(data.block_bytes[block])
            backhaul = data.backhaul_bps[block if data.backhaul_bps.shape[0] > 1 else 0]
            ways = itertools.product(
                *([backhaul[n, m] for n in caching if backhaul[n, m] > 0] for m in joined)
            )
            total += min((max((bits / rate for rate in way), default=0.0) for way in ways), default=math.inf)
            for row in np.flatnonzero(sent.block == block):
                rate = rates_bps[row, mask_of({*caching, *joined})]
                over_the_air = bits / rate if rate > 0 else math.inf
                users = int((sent.of_pair == row).sum())
                total += over_the_air if cloud is None else min(over_the_air, users * bits / cloud)
        best = min(best, total)
    return best


def units(problem: P1) -> list[list[int]]:
    """The requested blocks that are cached together: each for itself, or all of one model."""
    requested = problem.data.requested_blocks.tolist()
    if problem.variant.granularity == "block":
        return [[block] for block in requested]
    models = [np.flatnonzero(row).tolist() for row in problem.data.model_blocks]
    return [model for model in models if model[0] in requested]


def best_delay(problem: P1, rates_bps: Rates) -> float:
    """min T over all caching (1) and migration (2), rates of the transmissions (T, 2^N); infinite if infeasible."""
    data = problem.data
    choices, sizes = [], []
    for blocks in units(problem):
        priced = {c: unit_delay(problem, rates_bps, blocks, c) for c in subsets(range(data.n_nodes))}
        if problem.variant.cloud_rate_bps is None:
            del priced[()]
        choices.append([(c, delay) for c, delay in priced.items() if math.isfinite(delay)])
        sizes.append(int(data.block_bytes[blocks].sum()))
    best = math.inf
    for choice in itertools.product(*choices):
        delay = sum(d for _, d in choice)
        if delay < best:
            used = np.zeros(data.n_nodes, np.int64)
            for size, (caching, _) in zip(sizes, choice, strict=True):
                used[list(caching)] += size
            if (used <= data.storage_bytes).all():
                best = delay
    return best


def best_decision_delay(problem: P1, oracle: RateOracle) -> float:
    """min T as the package's evaluation of whole decisions sees it: every a, every b, the oracle's beams."""
    data = problem.data
    n, blocks = data.n_nodes, data.n_blocks
    pairs = [(i, j) for i in range(n) for j in range(n) if i != j]
    best = math.inf
    for a in itertools.product([False, True], repeat=n * blocks):
        caching = np.array(a).reshape(n, blocks)
        for b in itertools.product([False, True], repeat=len(pairs) * blocks):
            migration = np.zeros((n, n, blocks), bool)
            for (i, j), row in zip(pairs, np.array(b).reshape(len(pairs), blocks), strict=True):
                migration[i, j] = row
            participation = caching | migration.any(axis=0)
            masks = [mask_of(np.flatnonzero(participation[:, k])) for k in problem.transmissions.block]
            beams = np.stack([oracle.beam(row, mask) for row, mask in enumerate(masks)])
            judged = problem.evaluate(Decision(caching, migration, beams))
            if judged.feasible:
                best = min(best, judged.delay_s)
    return best
