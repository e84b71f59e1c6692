"""P1 by enumeration on tiny instances, written from the equations of its statement; nothing here is clever."""

from __future__ import annotations

import itertools
import math

import numpy as np

from fgamcd_opt.decision import Decision
from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.problem import P1
from fgamcd_opt.rate_oracle import RateOracle


def subsets(items):
    """All subsets, the empty one first."""
    items = list(items)
    return itertools.chain.from_iterable(itertools.combinations(items, r) for r in range(len(items) + 1))


def mask_of(nodes) -> int:
    return sum(1 << int(n) for n in nodes)


def delay_of_block(data: Instance, block: int, rate_bps: np.ndarray, caching, links) -> float:
    """(7), (8) for one block: slowest migration plus broadcast, for b given as pairs (n, m) with n in ``caching``."""
    bits = 8.0 * float(data.block_bytes[block])
    backhaul = data.backhaul_bps[block if data.backhaul_bps.shape[0] > 1 else 0]
    if any(backhaul[n, m] <= 0 for n, m in links):
        return math.inf
    rate = rate_bps[mask_of(set(caching) | {m for _, m in links})]
    migration = max((bits / backhaul[n, m] for n, m in links), default=0.0)
    return migration + bits / rate if rate > 0 else math.inf


def configuration_delay(data: Instance, block: int, rate_bps: np.ndarray, caching) -> float:
    """T_k(C): the best of all b, every subset of links that start in C."""
    links = [(n, m) for n in caching for m in range(data.n_nodes) if n != m]
    return min(delay_of_block(data, block, rate_bps, caching, chosen) for chosen in subsets(links))


def best_delay(problem: P1, rates_bps: np.ndarray) -> float:
    """min T over all caching (1) and migration (2), rates rho_k(S) given as (R, 2^N); infinite if infeasible."""
    data = problem.instance
    nodes = range(data.n_nodes)
    choices = []
    for row, block in enumerate(data.requested_blocks.tolist()):
        priced = {c: configuration_delay(data, block, rates_bps[row], c) for c in subsets(nodes) if c}
        choices.append([(c, delay) for c, delay in priced.items() if math.isfinite(delay)])
    sizes = data.block_bytes[data.requested_blocks].tolist()
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
    data = problem.instance
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
            masks = [mask_of(np.flatnonzero(participation[:, k])) for k in data.requested_blocks]
            beams = np.stack([oracle.beam(row, mask) for row, mask in enumerate(masks)])
            judged = problem.evaluate(Decision(caching, migration, beams))
            if judged.feasible:
                best = min(best, judged.delay_s)
    return best
