"""Small instances and decisions built directly from arrays, for tests of P1 and of results."""

from __future__ import annotations

import numpy as np

from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.problem.decision import Decision
from fgamcd_opt.problem.evaluation import evaluate
from fgamcd_opt.problem.solution_file import Solution


def complex_normal(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.normal(size=shape) + 1j * rng.normal(size=shape)


def random_instance(seed: int, csi_set: str = "ellipsoid", per_block_backhaul: bool = True) -> Instance:
    """Random sizes; some links missing, some models not requested, antennas unequal, channels shared."""
    rng = np.random.default_rng(seed)
    nodes, users, models, blocks, antennas = (int(rng.integers(low, high)) for low, high in SIZES)
    model_blocks = rng.random((models, blocks)) < 0.5
    model_blocks[np.arange(models), rng.integers(blocks, size=models)] = True
    requests = rng.integers(models, size=users)
    pairs = int(model_blocks[requests].sum())
    rows = int(rng.integers(1, pairs + 1))
    per_node = rng.integers(1, antennas + 1, size=nodes)
    per_node[0] = antennas
    channel = complex_normal(rng, rows, nodes, antennas) * (np.arange(antennas) < per_node[:, None])
    backhaul = rng.uniform(1e3, 1e4, size=(blocks if per_block_backhaul else 1, nodes, nodes))
    backhaul[rng.random(backhaul.shape) < 0.2] = 0.0
    return Instance(
        name=f"toy-{seed}",
        block_bytes=rng.integers(1, 1000, size=blocks),
        model_blocks=model_blocks,
        requests=requests,
        storage_bytes=rng.integers(0, 2500, size=nodes),
        power_w=rng.uniform(0.5, 2.0, size=nodes),
        antennas=per_node,
        bandwidth_hz=100.0,
        noise_w=0.3,
        backhaul_bps=backhaul,
        channel=channel,
        csi_radius=rng.uniform(0.0, 0.2, size=(rows, nodes)),
        pair_channel=rng.integers(rows, size=pairs),
        csi_set=csi_set,
        qos_bps=rng.uniform(0.0, 300.0, size=users) * (rng.random(users) < 0.8),
        node_xy_m=rng.uniform(0, 1000, size=(nodes, 2)),
        user_xy_m=rng.uniform(0, 1000, size=(users, 2)),
        block_names=tuple(f"b{k}" for k in range(blocks)),
        model_names=tuple(f"m{i}" for i in range(models)),
    )


SIZES = ((1, 4), (1, 5), (1, 4), (1, 6), (1, 4))
"""Ranges of the numbers of nodes, users, models, blocks and antennas."""


def random_decision(instance: Instance, seed: int) -> Decision:
    """Random binaries and beams; most constraints are violated by most of these decisions."""
    rng = np.random.default_rng(seed)
    shape = (instance.requested_blocks.size, instance.n_nodes, instance.channel.shape[2])
    caching = rng.random((instance.n_nodes, instance.n_blocks)) < rng.random()
    migration = rng.random((instance.n_nodes, instance.n_nodes, instance.n_blocks)) < rng.random()
    beams = complex_normal(rng, *shape) * (rng.random(shape[:2]) < 0.7)[..., None]
    return Decision(caching, migration, beams)


def solved_toy() -> tuple[Instance, Solution]:
    """Three nodes, two users, a feasible solution: node 0 caches all, node 1 gets it, node 2 is silent.

    Every constraint is active enough to be broken by one change: node 0 is full, nodes 0 and 1 transmit at
    full power, there is no link to node 2, and the QoS of each user is its rate.
    """
    rng = np.random.default_rng(5)
    backhaul = np.zeros((1, 3, 3))
    backhaul[0, 0, 1] = 2e4
    power = np.array([1.0, 2.0, 3.0])
    beams = complex_normal(rng, 3, 3, 2)
    beams *= (np.sqrt(power) / np.linalg.norm(beams, axis=2))[..., None]
    beams[:, 2] = 0.0
    caching = np.zeros((3, 3), dtype=bool)
    caching[0] = True
    migration = np.zeros((3, 3, 3), dtype=bool)
    migration[0, 1] = True
    decision = Decision(caching, migration, beams)
    fields = {
        "name": "solved",
        "block_bytes": np.array([500, 300, 200]),
        "model_blocks": np.array([[True, True, False], [False, True, True]]),
        "requests": np.array([0, 1]),
        "storage_bytes": np.array([1000, 0, 100]),
        "power_w": power,
        "antennas": np.array([2, 2, 2]),
        "bandwidth_hz": 100.0,
        "noise_w": 0.1,
        "backhaul_bps": backhaul,
        "channel": complex_normal(rng, 4, 3, 2),
        "csi_radius": np.full((4, 3), 0.01),
        "pair_channel": np.arange(4),
        "csi_set": "ellipsoid",
        "qos_bps": np.zeros(2),
        "node_xy_m": np.zeros((3, 2)),
        "user_xy_m": np.zeros((2, 2)),
        "block_names": ("b0", "b1", "b2"),
        "model_names": ("m0", "m1"),
    }
    free = Instance(**fields)
    rates = evaluate(free, decision).pair_rate_bps
    instance = free.replace(qos_bps=np.array([rates[free.pair_user == u].min() for u in range(2)]))
    return instance, Solution(
        decision=decision,
        instance_digest=instance.digest,
        instance_name=instance.name,
        solver="toy",
        solver_version="1",
        delay_s=evaluate(instance, decision).delay_s,
    )
