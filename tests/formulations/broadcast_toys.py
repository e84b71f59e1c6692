"""Small random broadcasts with unequal powers, antennas and radii."""

from __future__ import annotations

import dataclasses

import numpy as np

from fgamcd_opt.beamforming.broadcast import BeamformingSettings, Broadcast, SetTable
from fgamcd_opt.instances.error_sets import error_set_named
from fgamcd_opt.problem.lone_users import owed_snr


def random_broadcast(
    seed: int,
    users: int,
    nodes: int,
    *,
    antennas: int = 3,
    csi_set: str = "ellipsoid",
    radius: float = 0.1,
    qos_share: float = 0.0,
) -> Broadcast:
    """Channels CN(0, 1) of unequal strength, SNRs around 10; QoS rates up to ``qos_share`` x 4 bit/s/Hz."""
    rng = np.random.default_rng(seed)
    per_node = rng.integers(1, antennas + 1, size=nodes)
    per_node[0] = antennas
    channels = rng.standard_normal((users, nodes, antennas)) + 1j * rng.standard_normal(
        (users, nodes, antennas)
    )
    channels *= (np.arange(antennas) < per_node[:, None]) * rng.uniform(0.5, 2.0, (users, nodes, 1))
    radii = radius * rng.uniform(0.5, 1.5, (users, nodes)) * np.linalg.norm(channels, axis=2)
    qos_bps = qos_share * rng.uniform(0.0, 4.0, users) * 100.0
    power_w = rng.uniform(0.5, 2.0, nodes)
    return Broadcast.reduce(channels, radii, power_w, per_node, 0.3, qos_bps, 100.0, error_set_named(csi_set))


def with_floors(broadcast: Broadcast, floors: np.ndarray) -> Broadcast:
    """The same broadcast with QoS amplitudes (m,) over sigma."""
    qos_bps = broadcast.bandwidth_hz * np.log2(1.0 + floors**2)
    floors2 = owed_snr(qos_bps, broadcast.bandwidth_hz)
    return dataclasses.replace(broadcast, floors=floors, floors2=floors2, qos_bps=qos_bps)


def with_radii(broadcast: Broadcast, factor: np.ndarray) -> Broadcast:
    """The same broadcast with radii multiplied by (m, N) factors."""
    radii = broadcast.radii * factor
    return dataclasses.replace(
        broadcast,
        radii=radii,
        radius2=np.ascontiguousarray(radii.T**2),
        estimate_radii=broadcast.estimate_radii * factor,
    )


def fast_path(broadcast: Broadcast) -> tuple[int, float, float]:
    """QoS status, SNR reached and proved bound of the fast path with all nodes, worked on well."""
    table = SetTable(broadcast)
    everything = np.array([table.status.size - 1])
    for _ in range(3):
        table.solve(everything, BeamformingSettings(rounds=6, tolerance=1e-7), 0)
    return int(table.status[-1]), float(table.lower[-1]), float(table.upper[-1])


def rate(snr: float) -> float:
    """log2(1 + SNR) in bit/s/Hz."""
    return float(np.log2(1.0 + snr))
