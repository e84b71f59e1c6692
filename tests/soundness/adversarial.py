"""Instances made to provoke false claims, drawn from plain arrays; a family and a seed always give the same one.

Every axis of an instance (channels, radii, sizes, storage, links, QoS) is drawn by itself, mostly from hostile values;
a family fixes the one that it is named after.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from points import best_rate

from fgamcd_opt.instances.instance import Instance

BANDWIDTH_HZ = 1e8
NOISE_W = 0.05
SIZES_OF_MODELS = (26_214_400, 262_144_000, 404_766_720)
"""Sizes of layers as they occur, from which the knife edges are made: many sums of them are close."""

ALPHABETS = {
    "signs": (1.0, -1.0),
    "quarters": (1.0, 1j, -1.0, -1j),
    "on-off": (0.0, 1.0, -1.0),
    "on-off-quarters": (0.0, 1.0, -1.0, 1j, -1j),
}
QOS_EDGES = (0.0, 1e-15, -1e-15, 1e-12, -1e-9, 1e-9, 5e-7, -5e-7, 2e-6, -2e-6, 1e-3)
"""Relative distances of the QoS from the rate that a beam reaches; the checker allows 1e-6."""

Axis = Callable[..., Any]


def _letters(rng: np.random.Generator, shape: tuple[int, ...], alphabet: str) -> NDArray[np.complex128]:
    return rng.choice(np.array(ALPHABETS[alphabet], complex), size=shape)


def _collinear(rng: np.random.Generator, shape: tuple[int, ...], apart: float) -> NDArray[np.complex128]:
    """Every user has the same channel up to a phase, a scale and ``apart``; some are exactly opposite."""
    rows, nodes, antennas = shape
    one = rng.normal(size=(nodes, antennas)) + 1j * rng.normal(size=(nodes, antennas))
    phase = rng.choice(np.array([1.0, -1.0, 1j]), size=(rows, nodes, 1))
    scale = rng.choice([1.0, 1.0, 0.5, 3.0], size=(rows, 1, 1))
    noise = rng.normal(size=shape) + 1j * rng.normal(size=shape)
    return np.asarray(one * phase * scale + apart * noise)


def _channels(rng: np.random.Generator, shape: tuple[int, ...], kind: str) -> NDArray[np.complex128]:
    """Channels of one kind; every user hears somebody unless the kind says otherwise."""
    if kind in ALPHABETS:
        channel = _letters(rng, shape, kind)
    elif kind == "nearly-signs":
        channel = _letters(rng, shape, "signs") * np.exp(1j * rng.choice([0.0, 1e-9, -1e-9, 1e-12], shape))
    elif kind == "collinear":
        channel = _collinear(rng, shape, float(rng.choice([0.0, 0.0, 1e-15, 1e-9, 1e-6])))
    elif kind == "uneven":
        channel = (rng.normal(size=shape) + 1j * rng.normal(size=shape)) * 10.0 ** rng.integers(-8, 3, shape)
    else:
        channel = rng.normal(size=shape) + 1j * rng.normal(size=shape)
    if kind in ("on-off", "on-off-quarters"):
        deaf = ~channel.any(axis=(1, 2))
        channel[deaf, 0, 0] = 1.0
    return channel


CHANNEL_KINDS = (*ALPHABETS, "nearly-signs", "collinear", "uneven", "normal")


def _radii(rng: np.random.Generator, channel: NDArray[np.complex128], kind: str) -> NDArray[np.float64]:
    norm = np.linalg.norm(channel, axis=2)
    if kind == "norm":
        return np.asarray(
            norm * rng.choice([1.0, 1.0, 1.0 - 1e-15, 1.0 + 1e-15, 1.0 - 1e-9, 2.0], norm.shape)
        )
    if kind == "odd":
        return np.asarray(norm * rng.choice([0.0, 1e-9, 0.05, 0.05, 0.3, 0.999999], norm.shape))
    return np.asarray(norm * rng.choice([0.0, 0.05, 0.2]))


def _sizes(rng: np.random.Generator, blocks: int, kind: str) -> NDArray[np.int64]:
    if kind == "equal":
        return np.full(blocks, 30_000_000)
    if kind == "nearly-equal":
        return 50_000_000 + rng.integers(0, 4, blocks)
    if kind == "layers":
        return rng.choice(np.array(SIZES_OF_MODELS), blocks)
    if kind == "powers":
        return 2 ** rng.integers(0, 31, blocks)
    if kind == "huge":
        return rng.integers(1, 2**50, blocks)
    return rng.integers(1, 10_000_000, blocks)


def _storage(rng: np.random.Generator, size: NDArray[np.int64], nodes: int, kind: str) -> NDArray[np.int64]:
    """Room of the nodes; ``knife`` gives every node what some placement needs, a byte more or a byte less."""
    if kind == "knife":
        copies = rng.random((size.size, nodes)) < 1.2 / nodes
        copies[np.arange(size.size), rng.integers(nodes, size=size.size)] = True
        return np.asarray(
            np.maximum((copies * size[:, None]).sum(axis=0) + rng.choice([0, 0, 0, 1, -1], nodes), 0)
        )
    if kind == "2^62":
        return np.full(nodes, 2**62)
    if kind == "some-empty":
        room = np.full(nodes, int(size.sum()))
        room[rng.integers(nodes)] = 0
        return room
    return (size.sum() * rng.uniform(0.5, 1.5, nodes)).astype(np.int64)


def _links(rng: np.random.Generator, blocks: int, nodes: int, kind: str) -> NDArray[np.float64]:
    rates = rng.choice([0.2e9, 1e9, 1e9, 10e9], size=(blocks if rng.random() < 0.5 else 1, nodes, nodes))
    if kind == "none":
        rates[:] = 0.0
    elif kind == "some":
        rates[rng.random(rates.shape) < 0.5] = 0.0
    elif kind == "odd":
        rates *= rng.choice([1e-12, 1.0, 1e12], size=rates.shape)
    return rates


def _qos(rng: np.random.Generator, draft: Instance, kind: str) -> NDArray[np.float64]:
    """QoS rates; ``edge`` puts them at what some beam of all nodes, or of one node, reaches."""
    if kind == "none":
        return np.zeros(draft.n_users)
    least = np.full(draft.n_users, np.inf)
    senders = [n for n in range(draft.n_nodes) if kind == "low" or rng.random() < 0.7] or [0]
    for block in draft.requested_blocks.tolist():
        pairs = np.arange(draft.pair_block.size)[draft.block_pairs(block)]
        rate = best_rate(draft, pairs, senders, rng)[1]
        np.minimum.at(least, draft.pair_user[pairs], rate)
    least = np.where(np.isfinite(least), least, 0.0)
    if kind == "low":
        return np.asarray(0.5 * least)
    return np.asarray(least * (1.0 + rng.choice(QOS_EDGES, size=draft.n_users)))


AXES: dict[str, tuple[str, ...]] = {
    "channel": CHANNEL_KINDS,
    "radius": ("share", "share", "odd", "norm"),
    "size": ("equal", "nearly-equal", "layers", "powers", "any", "any"),
    "storage": ("knife", "knife", "some-empty", "any", "any"),
    "links": ("none", "some", "all", "all", "odd"),
    "qos": ("none", "low", "edge"),
}
"""Values from which the axes that a family leaves open are drawn."""

FAMILIES: dict[str, dict[str, Any]] = {
    "signs": {"channel": "signs", "antennas": 1, "radius": "share", "qos": "none"},
    "quarters": {"channel": "quarters", "antennas": 1},
    "on-off": {"channel": "on-off", "antennas": 1},
    "on-off-quarters": {"channel": "on-off-quarters"},
    "nearly-opposite": {"channel": "nearly-signs", "antennas": 1},
    "collinear": {"channel": "collinear"},
    "uneven": {"channel": "uneven"},
    "knife-edge": {"users": 1, "models": 1, "blocks": 6, "storage": "knife", "qos": "none", "radius": "share",
                   "channel": "normal", "antennas": 1},
    "knife-edge-equal": {"users": 1, "models": 1, "blocks": 5, "size": "equal", "storage": "knife", "qos": "none",
                         "radius": "share", "channel": "normal"},
    "no-links": {"links": "none"},
    "no-links-qos": {"links": "none", "qos": "low", "channel": "normal"},
    "zero-rates": {"radius": "norm"},
    "deaf-user": {"channel": "on-off", "deaf": True, "antennas": 1},
    "huge-bytes": {"size": "huge", "storage": "2^62"},
    "huge-knife": {"size": "huge", "storage": "knife"},
    "qos-edge": {"qos": "edge", "channel": "normal", "radius": "share"},
    "qos-edge-signs": {"qos": "edge", "channel": "signs", "antennas": 1},
    "faint": {"scale": True},
    "anything": {},
}  # fmt: skip
"""What each family fixes."""

DECIDED = ("knife-edge", "knife-edge-equal")
"""Families of one user, whose rates are known exactly (F3): everything is decided, nothing may stay open."""


def draw(family: str, seed: int) -> Instance:
    """One instance of a family.

    Raises
    ------
    InputError
        The package refuses it, as it may with values beyond its ranges.
    """
    fixed = FAMILIES[family]
    rng = np.random.default_rng([sorted(FAMILIES).index(family), seed])
    pick = {axis: fixed.get(axis) or str(rng.choice(values)) for axis, values in AXES.items()}
    nodes, antennas = int(rng.choice([1, 2, 2, 3, 3])), int(fixed.get("antennas") or rng.choice([1, 1, 2]))
    users, models = (
        int(fixed.get("users") or rng.integers(1, 5)),
        int(fixed.get("models") or rng.integers(1, 3)),
    )
    blocks = int(fixed.get("blocks") or rng.integers(1, 4))
    if family in DECIDED:
        nodes = int(rng.integers(2, 4))
    model_blocks = rng.random((models, blocks)) < 0.6
    model_blocks[np.arange(models), rng.integers(blocks, size=models)] = True
    if models == 1:
        model_blocks[:] = True
    requests = rng.integers(models, size=users)
    pair_user = np.nonzero(model_blocks[requests].T)[1]
    once = bool(rng.random() < 0.3)  # one channel of a user for all blocks, or one per pair
    channel = _channels(rng, (users if once else pair_user.size, nodes, antennas), pick["channel"])
    if fixed.get("deaf"):
        channel[rng.integers(channel.shape[0])] = 0.0
    if fixed.get("scale"):
        channel = channel * float(rng.choice([1e-165, 1e-14, 1e-12, 1e-8, 1e8, 1e13]))
    size = np.asarray(_sizes(rng, blocks, pick["size"]), np.int64)
    wanted = model_blocks[requests].any(axis=0)
    power = rng.choice([1.0, 1.0, 2.0, 0.5], size=nodes)
    draft = Instance(
        name=f"{family}-{seed}",
        block_bytes=size,
        model_blocks=model_blocks,
        requests=requests,
        storage_bytes=_storage(rng, size[wanted], nodes, pick["storage"]),
        power_w=power,
        antennas=np.full(nodes, antennas),
        bandwidth_hz=BANDWIDTH_HZ,
        noise_w=NOISE_W,
        backhaul_bps=_links(rng, blocks, nodes, pick["links"]),
        channel=channel,
        csi_radius=_radii(rng, channel, pick["radius"]),
        pair_channel=pair_user if once else np.arange(pair_user.size),
        csi_set=str(rng.choice(["ellipsoid", "balls"])),
        qos_bps=np.zeros(users),
        node_xy_m=rng.uniform(0, 1000, size=(nodes, 2)),
        user_xy_m=rng.uniform(0, 1000, size=(users, 2)),
        block_names=tuple(f"b{k}" for k in range(blocks)),
        model_names=tuple(f"m{i}" for i in range(models)),
    )
    return draft.replace(qos_bps=_qos(rng, draft, pick["qos"]))
