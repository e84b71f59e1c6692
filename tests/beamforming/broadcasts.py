"""Random single broadcasts in physical units, their tables, and beams found without the package (SciPy)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from fgamcd_opt.beamforming.broadcast import BeamformingSettings, Broadcast, SetTable, masks_by_size
from fgamcd_opt.instances.error_sets import error_set_named
from fgamcd_opt.testing.random_problems import complex_normal, worst_amplitudes

BANDWIDTH_HZ = 10e6


@dataclass
class Case:
    """One broadcast: channels (m, N, N_t), radii (m, N), powers in W, antennas, noise in W, QoS amplitudes / sigma."""

    channels: np.ndarray
    radii: np.ndarray
    power_w: np.ndarray
    antennas: np.ndarray
    noise_w: float
    floors: np.ndarray
    csi_set: str

    @property
    def n_nodes(self) -> int:
        return self.power_w.size

    @property
    def qos_bps(self) -> np.ndarray:
        return BANDWIDTH_HZ * np.log2(1.0 + self.floors**2)

    def broadcast(self) -> Broadcast:
        return Broadcast.reduce(
            self.channels,
            self.radii,
            self.power_w,
            self.antennas,
            self.noise_w,
            self.qos_bps,
            BANDWIDTH_HZ,
            error_set_named(self.csi_set),
        )

    def table(self, rounds: int = 2) -> SetTable:
        """All node sets solved and closed."""
        table = SetTable(self.broadcast())
        table.solve(masks_by_size(self.n_nodes), BeamformingSettings(rounds=rounds), 0)
        table.close()
        return table

    def amplitudes(self, beams: np.ndarray) -> np.ndarray:
        """Worst-case amplitudes (..., m) over sigma of beams (..., N, N_t)."""
        return worst_amplitudes(self.channels, self.radii, beams, self.csi_set) / np.sqrt(self.noise_w)


def random_case(
    seed: int,
    nodes: int,
    users: int,
    antennas: int,
    csi_set: str,
    *,
    radius: float = 0.15,
    equal: bool = False,
) -> Case:
    """Unequal powers, radii and (unless ``equal``) antenna counts; no QoS."""
    rng = np.random.default_rng(seed)
    count = np.full(nodes, antennas) if equal else rng.integers(1, antennas + 1, size=nodes)
    count[0] = antennas
    channels = complex_normal(rng, users, nodes, antennas) * (np.arange(antennas) < count[:, None])
    return Case(
        channels=channels * rng.uniform(0.5, 1.5, size=(users, nodes, 1)),
        radii=radius * rng.random((users, nodes)),
        power_w=rng.uniform(0.3, 3.0, size=nodes),
        antennas=count,
        noise_w=0.2,
        floors=np.zeros(users),
        csi_set=csi_set,
    )


def members(mask: int, n_nodes: int) -> np.ndarray:
    """(N,) whether each node belongs to the set."""
    return (mask >> np.arange(n_nodes)) & 1 == 1


def random_beams(case: Case, rng: np.random.Generator, count: int, mask: int) -> np.ndarray:
    """(count, N, N_t) beams within the power budgets: most at full power, half of them in the channels' span."""
    spread = complex_normal(rng, count, *case.channels.shape[1:])
    mixed = np.einsum("una,cu->cna", case.channels, complex_normal(rng, count, case.floors.size))
    beams = np.where((np.arange(count) % 2 == 0)[:, None, None], spread, mixed)
    beams *= np.arange(beams.shape[2]) < case.antennas[:, None]
    norms = np.maximum(np.linalg.norm(beams, axis=2, keepdims=True), 1e-12)
    share = np.where(rng.random((count, case.n_nodes)) < 0.8, 1.0, rng.random((count, case.n_nodes)))
    beams *= (share * np.sqrt(case.power_w))[..., None] / norms
    return beams * members(mask, case.n_nodes)[:, None]


def polished_beams(
    case: Case, mask: int, rng: np.random.Generator, starts: int, weights: np.ndarray | None = None
) -> np.ndarray:
    """(starts, N, N_t) local optima in the full antenna space of max t: amplitude_u >= t weight_u, floors met.

    Found by SciPy's SLSQP from the best of many random beams. Floors are in the constraints where there are any.
    """
    inside = members(mask, case.n_nodes)
    active = inside[:, None] & (np.arange(case.channels.shape[2]) < case.antennas[:, None])
    size = int(active.sum())
    weights = np.ones(case.floors.size) if weights is None else weights

    def unpack(point: np.ndarray) -> np.ndarray:
        beam = np.zeros(active.shape, complex)
        beam[active] = point[:size] + 1j * point[size : 2 * size]
        return beam

    def margins(point: np.ndarray) -> np.ndarray:
        beam = unpack(point)
        signal = np.abs(np.einsum("una,na->u", case.channels.conj(), beam))
        norms = np.linalg.norm(beam, axis=1)
        lost = case.radii @ norms if case.csi_set == "balls" else np.sqrt(case.radii**2 @ norms**2 + 1e-18)
        amplitude = (signal - lost) / np.sqrt(case.noise_w)
        power = (1.0 - norms**2 / case.power_w)[inside]
        return np.concatenate(
            [amplitude - point[-1] * weights, (amplitude - case.floors)[case.floors > 0], power]
        )

    pool = random_beams(case, rng, 60 * starts, mask)
    order = np.argsort(-(case.amplitudes(pool) / weights).min(axis=1))[:starts]
    found = []
    for beam in pool[order]:
        level = (case.amplitudes(beam) / weights).min()
        start = np.concatenate([beam[active].real, beam[active].imag, [level]])
        result = minimize(
            lambda p: -p[-1],
            start,
            jac=lambda p: -np.eye(p.size)[-1],
            constraints={"type": "ineq", "fun": margins},
            method="SLSQP",
            options={"maxiter": 200, "ftol": 1e-10},
        )
        polished = unpack(result.x)
        excess = np.linalg.norm(polished, axis=1) / np.sqrt(case.power_w)
        found.append(polished / np.maximum(excess, 1.0)[:, None])
    return np.array(found)
