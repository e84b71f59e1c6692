"""Knife edges of storage: sizes and caches where a single byte decides, and their optimum by counting bytes.

Nothing here is shared with the solvers: rates are those of a single user by their closed form, delays are written from
(7) and (8), and the optimum is found by going through all states of the caches in Python's whole numbers.
"""

from __future__ import annotations

import itertools
import math
import random
from dataclasses import dataclass

import numpy as np

from fgamcd_opt.instances.instance import Instance

BANDWIDTH_HZ, NOISE_W = 1e8, 0.3

UNITS = (10**5, 2**20, 30_000_000, 2**28, 10**9 + 7, 10**12 + 1, 2**40, 2**47)
"""Sizes from which those of the blocks are made: bytes weigh 1e-5 to 1e-14 of them."""


@dataclass(frozen=True)
class KnifeEdge:
    """Sizes (R,), storage (N,), delays by block and set of caching nodes as a bit mask, all as Python's numbers."""

    sizes: list[int]
    storage: list[int]
    delays_s: list[dict[int, float]]


def sizes_and_storage(rng: random.Random, nodes: int, blocks: int) -> tuple[list[int], list[int]]:
    """Sizes with many nearly equal sums, and caches that hold one of these sums, give or take up to two bytes."""
    unit = rng.choice(UNITS)
    sizes = rng.choice(
        [
            lambda: [unit] * blocks,
            lambda: [unit + rng.randrange(3) for _ in range(blocks)],
            lambda: [rng.choice([unit, 10 * unit, 10 * unit + 1]) for _ in range(blocks)],
            lambda: [unit // 2 ** rng.randrange(4) + rng.randrange(2) for _ in range(blocks)],
            lambda: [rng.randrange(unit // 2, unit) for _ in range(blocks)],
            lambda: [max(1, int(unit * rng.choice([1, 1.5, 2, 0.01]))) for _ in range(blocks)],
        ]
    )()
    storage = [
        max(0, sum(size for size in sizes if rng.random() < 0.55) + rng.choice([-2, -1, 0, 0, 1, 2]))
        for _ in range(nodes)
    ]
    return sizes, storage


def knife_edge(seed: int) -> KnifeEdge:
    """Two or three nodes, up to six blocks, delays that fall, more or less, with every further node."""
    rng = random.Random(seed)
    nodes = rng.choice([2, 2, 3])
    sizes, storage = sizes_and_storage(rng, nodes, rng.randint(2, 6 if nodes == 2 else 5))
    delays = []
    for _ in sizes:
        base, power = rng.uniform(1, 20), rng.choice([0.5, 1.0])
        gain = [rng.uniform(0.2, 2) for _ in range(nodes)]
        delays.append(
            {
                mask: base / sum(g for n, g in enumerate(gain) if mask >> n & 1) ** power
                for mask in range(1, 1 << nodes)
            }
        )
    return KnifeEdge(sizes, storage, delays)


def instance(seed: int) -> Instance:
    """The same sizes and caches as an instance of P1 with one user, exact channels and no QoS."""
    rng = random.Random(seed)
    nodes = rng.choice([2, 2, 3])
    sizes, storage = sizes_and_storage(rng, nodes, rng.randint(2, 6 if nodes == 2 else 5))
    blocks = len(sizes)
    draw = np.random.default_rng(seed)
    backhaul = draw.uniform(0.2e9, 2e9, size=(1, nodes, nodes)) * (draw.random((1, nodes, nodes)) > 0.2)
    return Instance(
        name=f"knife-{seed}",
        block_bytes=np.array(sizes),
        model_blocks=np.ones((1, blocks), bool),
        requests=np.zeros(1, np.int64),
        storage_bytes=np.array(storage),
        power_w=draw.uniform(0.5, 2.0, nodes),
        antennas=np.ones(nodes, np.int64),
        bandwidth_hz=BANDWIDTH_HZ,
        noise_w=NOISE_W,
        backhaul_bps=backhaul,
        channel=draw.uniform(0.3, 2.0, (blocks, nodes, 1))
        * np.exp(2j * np.pi * draw.random((blocks, nodes, 1))),
        csi_radius=np.zeros((blocks, nodes)),
        pair_channel=np.arange(blocks),
        csi_set="ellipsoid",
        qos_bps=np.zeros(1),
        node_xy_m=draw.uniform(0, 1000, (nodes, 2)),
        user_xy_m=draw.uniform(0, 1000, (1, 2)),
        block_names=tuple(f"b{k}" for k in range(blocks)),
        model_names=("m",),
    )


def delays_of(data: Instance) -> KnifeEdge:
    """T_k(C) of an instance of :func:`instance`, from (6), (7) and (8) for one user whose channels are exact."""
    nodes = data.n_nodes
    amplitude = np.sqrt(data.power_w) * np.abs(data.channel[:, :, 0])
    delays: list[dict[int, float]] = []
    for k, size in enumerate(data.block_bytes.tolist()):
        bits = 8.0 * size
        by_set: dict[int, float] = {}
        for caching, sending in itertools.product(range(1, 1 << nodes), repeat=2):
            if caching & ~sending:
                continue
            holds = [n for n in range(nodes) if caching >> n & 1]
            joins = [m for m in range(nodes) if sending >> m & 1 and m not in holds]
            fastest = [max(float(data.backhaul_bps[0, n, m]) for n in holds) for m in joins]
            if any(rate == 0.0 for rate in fastest):
                continue
            sent = sum(float(amplitude[k, n]) for n in range(nodes) if sending >> n & 1)
            rate = BANDWIDTH_HZ * math.log2(1.0 + sent**2 / NOISE_W)
            delay = max((bits / f for f in fastest), default=0.0) + bits / rate
            by_set[caching] = min(delay, by_set.get(caching, math.inf))
        delays.append(by_set)
    return KnifeEdge(data.block_bytes.tolist(), data.storage_bytes.tolist(), delays)


def least_delay(case: KnifeEdge) -> float:
    """The optimum by all reachable states of the caches; infinite if nothing fits."""
    states = {(0,) * len(case.storage): 0.0}
    for size, delays in zip(case.sizes, case.delays_s, strict=True):
        reached: dict[tuple[int, ...], float] = {}
        for used, spent in states.items():
            for mask, delay in delays.items():
                now = tuple(bytes_ + size * (mask >> n & 1) for n, bytes_ in enumerate(used))
                if all(held <= room for held, room in zip(now, case.storage, strict=True)):
                    reached[now] = min(spent + delay, reached.get(now, math.inf))
        states = reached
    return min(states.values(), default=math.inf)
