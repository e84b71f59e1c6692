"""Points of P1 and of its variants by enumeration over all caching sets, with beams from a search of its own.

Nothing of the solvers, of the beamforming, of the checker or of `fgamcd_opt.testing` is used: rates, delays and
constraints are written down once more from the statement of the problem. What comes out is a decision, whose delay no
proved lower bound may exceed.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.problem.variants import Variant

Beams = NDArray[np.complex128]

QOS_SLACK = 9e-7
"""Relative shortfall of a QoS rate that a point may have: a little less than what the checker allows."""

NOISE = 1e-5
"""A worst-case amplitude below this share of what it is the difference of has digits that are rounding noise."""

_PHASES = 12
_ROUNDS = 40
_TRIALS = 40
_KEPT = 6


def amplitudes(instance: Instance, pairs: NDArray[np.int64], beams: Beams) -> NDArray[np.float64]:
    """Worst-case amplitude of pairs (m,) for beams (b, N, N_t), not cut at zero: (b, m)."""
    rows = instance.pair_channel[pairs]
    signal = np.abs(np.einsum("mnt,bnt->bm", instance.channel[rows].conj(), beams))
    norm = np.sqrt((np.abs(beams) ** 2).sum(axis=2))
    radius = instance.csi_radius[rows]
    if instance.csi_set == "balls":
        return np.asarray(signal - norm @ radius.T)
    return np.asarray(signal - np.sqrt(norm**2 @ (radius**2).T))


def rates(instance: Instance, pairs: NDArray[np.int64], beams: Beams) -> NDArray[np.float64]:
    """Worst-case rates in bit/s (6), (b, m)."""
    amplitude = np.maximum(amplitudes(instance, pairs, beams), 0.0)
    return np.asarray(instance.bandwidth_hz * np.log1p(amplitude**2 / instance.noise_w) / np.log(2.0))


def well_known(instance: Instance, pairs: NDArray[np.int64], beam: Beams) -> bool:
    """Whether the worst-case amplitudes of a beam (N, N_t) are more than differences of nearly equal numbers."""
    rows = instance.pair_channel[pairs]
    norm = np.sqrt((np.abs(beam) ** 2).sum(axis=1))
    gross = (np.linalg.norm(instance.channel[rows], axis=2) + instance.csi_radius[rows]) @ norm
    return bool((amplitudes(instance, pairs, beam[None])[0] > NOISE * gross).all())


def _score(instance: Instance, pairs: NDArray[np.int64], beams: Beams) -> NDArray[np.float64]:
    """What a good beam has much of (b,): its least worst-case amplitude, shortfalls of the QoS counted heavily."""
    reached = amplitudes(instance, pairs, beams)
    qos = instance.qos_bps[instance.pair_user[pairs]]
    floor = np.sqrt(np.expm1(qos * math.log(2.0) / instance.bandwidth_hz) * instance.noise_w)
    short = np.minimum(reached - floor * (1.0 - 1e-12), 0.0).min(axis=1)
    return np.asarray(reached.min(axis=1) + 1e3 * short)


def _within_power(instance: Instance, beams: Beams, senders: Sequence[int]) -> Beams:
    """Beams (b, N, N_t) with silence outside the senders and no node above its power, rounding included."""
    allowed = np.zeros(instance.n_nodes, bool)
    allowed[list(senders)] = True
    used = np.where(allowed[:, None] & (np.arange(beams.shape[2]) < instance.antennas[:, None]), beams, 0.0)
    norm = np.sqrt((np.abs(used) ** 2).sum(axis=2))
    most = np.sqrt(instance.power_w) * (1.0 - 1e-15)
    return np.asarray(used * np.minimum(1.0, most / np.where(norm > 0.0, norm, 1.0))[:, :, None])


def _starts(
    instance: Instance, pairs: NDArray[np.int64], senders: Sequence[int], rng: np.random.Generator
) -> Beams:
    """Beams to begin with: along the users' channels in all combinations of them, phases on a grid, random ones."""
    channel = instance.channel[instance.pair_channel[pairs]]
    n_nodes, n_antennas = channel.shape[1:]
    scale = np.linalg.norm(channel, axis=2, keepdims=True)
    unit = np.divide(channel, scale, out=np.zeros_like(channel), where=scale > 0.0)
    root = np.sqrt(instance.power_w)
    grid = np.exp(2j * np.pi * np.arange(_PHASES) / _PHASES)
    found = [unit * root[:, None]]
    mixes = rng.choice(grid, size=(64, pairs.size)) * rng.choice([0.0, 1.0, 1.0, 0.3], size=(64, pairs.size))
    mixed = np.einsum("bm,mnt->bnt", mixes, unit)
    found.append(mixed)
    length = np.linalg.norm(mixed, axis=2, keepdims=True)
    found.append(mixed / np.where(length > 0.0, length, 1.0) * root[:, None])
    found.append(rng.normal(size=(64, n_nodes, n_antennas)) + 1j * rng.normal(size=(64, n_nodes, n_antennas)))
    found[-1] *= root[:, None]
    if n_antennas == 1 and len(senders) <= 3:
        levels = (0.0, 0.5, 1.0)
        choices = [level * phase for level in levels for phase in (grid if level else grid[:1])]
        rows = np.array(list(itertools.product(levels, *[choices] * (len(senders) - 1))), complex)
        whole = np.zeros((rows.shape[0], n_nodes, 1), complex)
        whole[:, list(senders), 0] = rows * root[list(senders)]
        found.append(whole)
    return np.concatenate(found)


def best_rate(
    instance: Instance,
    pairs: NDArray[np.int64],
    senders: Sequence[int],
    rng: np.random.Generator,
    known: Sequence[Beams] = (),
) -> tuple[Beams, float]:
    """A good beam (N, N_t) of the senders for the pairs, and its least worst-case rate in bit/s.

    A search by random steps that shrink, from the best of many starts and of ``known`` beams; a lone user needs none:
    the beams along its channel are optimal (F3) where no radius exceeds its channel.
    """
    beams = _within_power(instance, _starts(instance, pairs, senders, rng), senders)
    if known:
        silent = np.setdiff1d(np.arange(instance.n_nodes), senders)
        usable = [beam for beam in known if not beam[silent].any()]
        beams = np.concatenate([beams, _within_power(instance, np.array([*usable, beams[0]]), senders)])
    score = _score(instance, pairs, beams)
    order = np.argsort(-score, kind="stable")[:_KEPT]
    best, value = beams[order], score[order]
    step = 0.5
    for _ in range(_ROUNDS if pairs.size > 1 else 8):
        shape = (_TRIALS, *best.shape)
        noise = rng.normal(size=shape) + 1j * rng.normal(size=shape)
        sparse = rng.random((*shape[:3], 1)) < 0.6
        trial = best + step * noise * sparse * np.sqrt(instance.power_w)[:, None]
        flat = _within_power(instance, trial.reshape(-1, *best.shape[1:]), senders)
        tried = _score(instance, pairs, flat).reshape(_TRIALS, best.shape[0])
        row = tried.argmax(axis=0)
        better = tried[row, np.arange(best.shape[0])] > value
        picked = flat.reshape(trial.shape)[row, np.arange(best.shape[0])]
        best, value = np.where(better[:, None, None], picked, best), np.maximum(value, tried.max(axis=0))
        step *= 0.75
    winner = best[int(value.argmax())]
    return winner, float(rates(instance, pairs, winner[None]).min())


@dataclass(frozen=True)
class Sending:
    """One transmission: a block, its users' pairs, and the only node that may send, if there is one."""

    block: int
    pairs: tuple[int, ...]
    node: int | None = None
    one_of_them: bool = False
    """Whether one node sends alone, whichever of the participants."""


def sendings(instance: Instance, variant: Variant) -> list[Sending]:
    """Who is sent what together, in the order of the rows of beams of a decision."""
    found = []
    for block in range(instance.n_blocks):
        pairs = [p for p in range(instance.pair_block.size) if instance.pair_block[p] == block]
        if not pairs:
            continue
        kind = str(variant.delivery)
        few = variant.hybrid_threshold is not None and len(pairs) <= variant.hybrid_threshold
        if kind == "unicast_tdma" or (kind == "hybrid" and few):
            found += [Sending(block, (p,), one_of_them=kind == "hybrid") for p in pairs]
        elif kind == "local_broadcast":
            offset = instance.user_xy_m[:, None] - instance.node_xy_m[None]
            nearest = (offset**2).sum(axis=2).argmin(axis=1)
            at = {p: int(nearest[instance.pair_user[p]]) for p in pairs}
            found += [
                Sending(block, tuple(p for p in pairs if at[p] == n), n) for n in sorted(set(at.values()))
            ]
        else:
            found.append(Sending(block, tuple(pairs)))
    return found


@dataclass
class Point:
    """A decision in plain arrays, and its delay in s; infinite where the enumeration finds none."""

    delay_s: float
    caching: NDArray[np.bool_]
    migration: NDArray[np.bool_]
    beams: Beams


@dataclass
class _Way:
    """One way to serve a unit: what it caches where, who takes part, what it takes."""

    delay_s: float
    caching: int
    members: int


@dataclass
class Enumeration:
    """The best point of a variant of P1 that this module finds.

    Parameters
    ----------
    instance
        Data as the variant sees them.
    variant
        The variant.
    known
        Beams (N, N_t) by (block, users): those that solvers returned.
    searched
        Beams that were searched for already on the same data, by pairs and senders; gets those of this enumeration.
    """

    instance: Instance
    variant: Variant
    known: dict[tuple[int, tuple[int, ...]], list[Beams]] = field(default_factory=dict)
    searched: dict[tuple[tuple[int, ...], tuple[int, ...]], Beams] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(0)
        self.sent = sendings(self.instance, self.variant)
        self._beams: dict[tuple[int, int], tuple[Beams, float]] = {}

    def beam(self, row: int, members: int) -> tuple[Beams, float]:
        """Beam and rate of a transmission for a set of participants; rate 0 where the QoS is not met, or for noise."""
        if (row, members) not in self._beams:
            self._beams[row, members] = self._best_beam(row, members)
        return self._beams[row, members]

    def _best_beam(self, row: int, members: int) -> tuple[Beams, float]:
        data, sending = self.instance, self.sent[row]
        nodes = [n for n in range(data.n_nodes) if (members >> n) & 1]
        groups: list[list[int]] = [nodes]
        if sending.one_of_them:
            groups = [[n] for n in nodes]
        elif sending.node is not None:
            groups = [[sending.node]] if sending.node in nodes else []
        pairs = np.array(sending.pairs)
        known = self.known.get((sending.block, tuple(data.pair_user[pairs].tolist())), [])
        best = np.zeros((data.n_nodes, data.channel.shape[2]), complex), 0.0
        for group in groups:
            key = (sending.pairs, tuple(group))
            if key not in self.searched:
                self.searched[key] = best_rate(data, pairs, group, self.rng, known)[0]
            beam = self.searched[key]
            reached = rates(data, pairs, beam[None])[0]
            qos = data.qos_bps[data.pair_user[pairs]]
            meets = (reached >= qos * (1.0 - QOS_SLACK)).all() and well_known(data, pairs, beam)
            if meets and reached.min() > best[1]:
                best = beam, float(reached.min())
        return best

    def units(self) -> list[list[int]]:
        """Requested blocks that are cached together."""
        requested = sorted({sending.block for sending in self.sent})
        if str(self.variant.granularity) == "block":
            return [[block] for block in requested]
        models = [np.flatnonzero(row).tolist() for row in self.instance.model_blocks]
        return [model for model in models if set(model) & set(requested)]

    def _migration_s(self, block: int, caching: int, members: int) -> float:
        """Slowest of the fastest links into the participants that do not cache the block."""
        data, slowest = self.instance, 0.0
        link = data.backhaul_bps[block if data.backhaul_bps.shape[0] > 1 else 0]
        for m in range(data.n_nodes):
            if (members & ~caching) >> m & 1:
                rate = max((link[n, m] for n in range(data.n_nodes) if (caching >> n) & 1), default=0.0)
                slowest = max(
                    slowest, 8.0 * float(data.block_bytes[block]) / rate if rate > 0.0 else math.inf
                )
        return slowest

    def _air_s(self, row: int, members: int) -> tuple[float, bool]:
        """Air time of a transmission in s, and whether the cloud makes it."""
        sending, cloud = self.sent[row], self.variant.cloud_rate_bps
        bits = 8.0 * float(self.instance.block_bytes[sending.block])
        rate = self.beam(row, members)[1] if members else 0.0
        own = bits / rate if rate > 0.0 else math.inf
        if cloud is not None and len(sending.pairs) * bits / cloud < own:
            return len(sending.pairs) * bits / cloud, True
        return own, False

    def _ways(self, blocks: list[int]) -> list[_Way]:
        """The best participants for every caching set of a unit."""
        data = self.instance
        everything = (1 << data.n_nodes) - 1
        allowed = everything
        if not self.variant.cooperation:
            offset = data.user_xy_m[:, None] - data.node_xy_m[None]
            nearest = (offset**2).sum(axis=2).argmin(axis=1)
            allowed = 0
            for n in range(data.n_nodes):  # a node caches what its own users want, all of the unit
                wanted = {
                    int(k) for k, u in zip(data.pair_block, data.pair_user, strict=True) if nearest[u] == n
                }
                allowed |= (1 << n) if set(blocks) <= wanted else 0
        best = []
        for caching in range(everything + 1):
            if caching & ~allowed or (caching == 0 and self.variant.cloud_rate_bps is None):
                continue
            ways = []
            for members in range(everything + 1):
                joined = members & ~caching
                if caching & ~members or (joined and (not self.variant.cooperation or not caching)):
                    continue
                delay = sum(self._migration_s(k, caching, members) for k in blocks)
                for row in (t for t, s in enumerate(self.sent) if s.block in blocks):
                    delay += self._air_s(row, members)[0]
                ways.append(_Way(delay, caching, members))
            if ways and math.isfinite((way := min(ways, key=lambda w: w.delay_s)).delay_s):
                best.append(way)
        return best

    def best(self) -> Point | None:
        """The best combination of ways that fits into the storage (1), in whole bytes; None if there is none."""
        data, units = self.instance, self.units()
        room = tuple(int(q) for q in data.storage_bytes)
        states: dict[tuple[int, ...], tuple[float, tuple[_Way, ...]]] = {tuple([0] * len(room)): (0.0, ())}
        for blocks in units:
            size = sum(int(data.block_bytes[k]) for k in blocks)
            after: dict[tuple[int, ...], tuple[float, tuple[_Way, ...]]] = {}
            ways = self._ways(blocks)
            for used, (delay, chosen) in states.items():
                for way in ways:
                    total = tuple(u + size * ((way.caching >> n) & 1) for n, u in enumerate(used))
                    if any(t > q for t, q in zip(total, room, strict=True)):
                        continue
                    if total not in after or delay + way.delay_s < after[total][0]:
                        after[total] = delay + way.delay_s, (*chosen, way)
            states = after
        if not states:
            return None
        return self._point(units, min(states.values(), key=lambda state: state[0])[1])

    def _point(self, units: list[list[int]], chosen: tuple[_Way, ...]) -> Point:
        data = self.instance
        nodes = range(data.n_nodes)
        caching = np.zeros((data.n_nodes, data.n_blocks), bool)
        migration = np.zeros((data.n_nodes, data.n_nodes, data.n_blocks), bool)
        beams = np.zeros((len(self.sent), data.n_nodes, data.channel.shape[2]), complex)
        delay = 0.0
        for blocks, way in zip(units, chosen, strict=True):
            delay += way.delay_s
            holders = [n for n in nodes if (way.caching >> n) & 1]
            for block in blocks:
                link = data.backhaul_bps[block if data.backhaul_bps.shape[0] > 1 else 0]
                caching[holders, block] = True
                for m in nodes:
                    if (way.members & ~way.caching) >> m & 1:
                        migration[max(holders, key=lambda n, m=m, link=link: link[n, m]), m, block] = True
            for row in (t for t, s in enumerate(self.sent) if s.block in blocks):
                if way.members and not self._air_s(row, way.members)[1]:
                    beams[row] = self.beam(row, way.members)[0]
        return Point(delay, caching, migration, beams)
