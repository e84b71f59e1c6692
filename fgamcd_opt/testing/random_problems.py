"""Random small problems, built from arrays alone: no part of the package makes or judges their numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.instances.error_sets import Ellipsoid
from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.problem.p1 import P1

BANDWIDTH_HZ = 100e6
NOISE_W = 0.3


def complex_normal(rng: np.random.Generator, *shape: int) -> NDArray[np.complex128]:
    """Standard normal real and imaginary parts."""
    return rng.normal(size=shape) + 1j * rng.normal(size=shape)


def worst_amplitudes(
    channels: NDArray[Any], radii: NDArray[Any], beam: NDArray[Any], csi_set: str = Ellipsoid.name
) -> NDArray[np.float64]:
    """(..., m) worst-case amplitudes of beams (..., N, N_t) by F1, in sqrt(W)."""
    signal = np.abs(np.einsum("una,...na->...u", channels.conj(), beam))
    norms = np.linalg.norm(beam, axis=-1)
    return np.asarray(np.maximum(signal - _LOST[csi_set](radii, norms), 0.0))


_LOST: Mapping[str, Callable[[NDArray[Any], NDArray[Any]], NDArray[Any]]] = {
    "ellipsoid": lambda radii, norms: np.sqrt(np.einsum("un,...n->...u", radii**2, norms**2)),
    "balls": lambda radii, norms: np.einsum("un,...n->...u", radii, norms),
}
"""What an error of each set takes away, from radii (m, N) and norms (..., N): not as the package computes it."""


def random_problem(
    seed: int,
    *,
    nodes: int = 3,
    users: int = 3,
    blocks: int = 3,
    antennas: int = 2,
    qos_share: float = 0.5,
    storage_share: float = 1.3,
    csi_set: str = Ellipsoid.name,
    missing_links: float = 0.15,
) -> P1:
    """A problem whose QoS holds when all nodes send: R_u = qos_share x what one plain beam gives its worst block.

    Every node stores ``storage_share`` times its even part of the requested bytes, give or take a quarter.
    """
    rng = np.random.default_rng(seed)
    models = 3
    model_blocks = rng.random((models, blocks)) < 0.6
    model_blocks[np.arange(models), rng.integers(blocks, size=models)] = True
    requests = rng.integers(models, size=users)
    wanted = model_blocks[requests]
    pair_block, pair_user = np.nonzero(wanted.T)
    channel = complex_normal(rng, pair_block.size, nodes, antennas)
    radius = rng.uniform(0.0, 0.12, size=(pair_block.size, nodes))
    power = rng.uniform(0.5, 2.0, size=nodes)
    sizes = rng.integers(1_000_000, 10_000_000, size=blocks)
    qos = np.full(users, np.inf)
    for block in np.unique(pair_block):
        pairs = np.flatnonzero(pair_block == block)
        beam = (channel[pairs] / np.linalg.norm(channel[pairs], axis=2, keepdims=True)).sum(axis=0)
        beam *= (np.sqrt(power) / np.linalg.norm(beam, axis=1))[:, None]
        reached = worst_amplitudes(channel[pairs], radius[pairs], beam, csi_set)
        rates = BANDWIDTH_HZ * np.log2(1.0 + reached**2 / NOISE_W)
        np.minimum.at(qos, pair_user[pairs], qos_share * rates)
    backhaul = rng.uniform(0.2e9, 2e9, size=(blocks, nodes, nodes))
    backhaul[rng.random(backhaul.shape) < missing_links] = 0.0
    even = sizes[np.unique(pair_block)].sum() / nodes
    storage = (storage_share * even * rng.uniform(0.75, 1.25, size=nodes)).astype(np.int64)
    return P1(
        Instance(
            name=f"random-{seed}",
            block_bytes=sizes,
            model_blocks=model_blocks,
            requests=requests,
            storage_bytes=storage,
            power_w=power,
            antennas=np.full(nodes, antennas),
            bandwidth_hz=BANDWIDTH_HZ,
            noise_w=NOISE_W,
            backhaul_bps=backhaul,
            channel=channel,
            csi_radius=radius,
            pair_channel=np.arange(pair_block.size),
            csi_set=csi_set,
            qos_bps=qos,
            node_xy_m=rng.uniform(0, 1000, size=(nodes, 2)),
            user_xy_m=rng.uniform(0, 1000, size=(users, 2)),
            block_names=tuple(f"b{k}" for k in range(blocks)),
            model_names=tuple(f"m{i}" for i in range(models)),
        )
    )
