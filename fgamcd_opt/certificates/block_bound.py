"""Proved lower bound on the priced delay of one block over all caching and participating sets (F4, F5, F7).

The priced delay of caching set C and participating set S (both as bit masks) is

    max_{m in S \\ C} min_{n in C} D_k / R_{n,m,k}  +  D_k / rho_k(S)  +  sum_{n in C} lambda_n D_k.

rho_k(S) is replaced by a proved bound: the least of the evidence that covers S and of its users taken alone (F3).
Every operation is rounded so that the result is not above the true minimum. Numpy alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.certificates.weighted_snr import worst_snr_bound
from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.problem.lone_users import lone_users_snr, owed_snr, scaled_channels
from fgamcd_opt.problem.tolerances import MARGIN


@dataclass(frozen=True, eq=False)
class ProvedEvidence:
    """Checked evidence of one block: r rows, each with a set S as bit mask, multipliers (N,) and weights (m,)."""

    mask: NDArray[np.int64]
    mu: NDArray[np.float64]
    y: NDArray[np.float64]

    @classmethod
    def none(cls, n_nodes: int, n_users: int) -> ProvedEvidence:
        """No evidence."""
        return cls(np.zeros(0, np.int64), np.zeros((0, n_nodes)), np.zeros((0, n_users)))


@dataclass(frozen=True, eq=False)
class Minimum:
    """A priced delay in s that no (C, S) undercuts, and the sets C and S (bit masks) of the least one."""

    value_s: float
    caching: int
    participating: int


class PricedBlock:
    """One requested block of an instance with prices for storage.

    Parameters
    ----------
    instance
        The instance.
    block
        Index k of a requested block.
    multipliers
        (N,) storage multipliers lambda_n >= 0, in s per byte.
    """

    def __init__(self, instance: Instance, block: int, multipliers: NDArray[np.float64]) -> None:
        self.bits = 8.0 * float(instance.block_bytes[block])
        self.bandwidth_hz = instance.bandwidth_hz
        self.error_set = instance.error_set
        self.channels, self.radii = scaled_channels(
            instance.block_channels(block), instance.block_radii(block), instance.power_w, instance.noise_w
        )
        users = instance.pair_user[instance.block_pairs(block)]
        self.floors2 = owed_snr(instance.qos_bps[users], instance.bandwidth_hz)
        self.rent_s = multipliers * float(instance.block_bytes[block])
        links = instance.backhaul_bps[block if instance.backhaul_bps.shape[0] > 1 else 0]
        self.link_s = np.full(links.shape, np.inf)
        with np.errstate(over="ignore"):
            np.divide(self.bits, links, out=self.link_s, where=links > 0.0)
        self.cachers = np.nonzero(instance.storage_bytes >= instance.block_bytes[block])[0].tolist()

    @property
    def n_nodes(self) -> int:
        """Number of nodes N."""
        return int(self.rent_s.size)

    @cached_property
    def _norms(self) -> NDArray[np.float64]:
        """(m, N) norms of the scaled channels."""
        return np.asarray(np.linalg.norm(self.channels, axis=2))

    def lone_snr(self, masks: NDArray[np.int64]) -> NDArray[np.float64]:
        """(s,) bound on the worst SNR of node sets from every user taken alone (F3); 0 if one cannot be served."""
        snr = lone_users_snr(self._norms, self.radii, self.error_set, _members(masks, self.n_nodes))
        return np.where((snr < self.floors2).any(axis=1), 0.0, snr.min(axis=1))

    def evidence_snr(self, masks: NDArray[np.int64], evidence: ProvedEvidence) -> NDArray[np.float64]:
        """(r, s) bound on the worst-case SNR under QoS by each row of evidence; infinite where it says nothing."""
        sending = _members(masks, self.n_nodes).astype(np.float64)
        snr = np.full((evidence.mask.size, masks.size), np.inf)
        for row, mask in enumerate(evidence.mask.tolist()):
            covered = (masks & ~mask) == 0
            total = sending[covered] @ evidence.mu[row] * (1.0 + MARGIN)
            snr[row, covered] = worst_snr_bound(total, evidence.y[row], self.floors2)
        return snr

    def snr_bound(self, masks: NDArray[np.int64], evidence: ProvedEvidence) -> NDArray[np.float64]:
        """(s,) proved bound on the worst-case SNR under QoS; 0 where S is proved unable to meet it."""
        by_evidence = self.evidence_snr(masks, evidence).min(axis=0, initial=np.inf)
        return np.asarray(np.minimum(self.lone_snr(masks), by_evidence))

    def broadcast_s(self, snr: NDArray[np.float64]) -> NDArray[np.float64]:
        """Lower bound on D_k / rho_k(S) in s for a bound on the SNR; infinite at 0."""
        rate = self.bandwidth_hz * np.log1p(snr) / np.log(2.0)
        return np.asarray(np.divide(self.bits, rate, out=np.full(rate.shape, np.inf), where=rate > 0.0))

    def least(self, evidence: ProvedEvidence, below_s: float = np.inf) -> Minimum:
        """Least priced delay over all (C, S), or ``below_s`` if that is proved not to be undercut.

        By monotone rates (F4), for a caching set C and a longest migration only the largest S matters, and a node
        that costs no rent may join C for free. Caching sets whose rent and quickest possible broadcast already
        reach what a few simple sets need are left out.
        """
        everyone = np.array([(1 << self.n_nodes) - 1])
        quickest = float(self.broadcast_s(self.snr_bound(everyone, evidence))[0])
        first = self._least_of(self._simple_sets(), evidence, Minimum(below_s, 0, 0))
        return self._least_of(self._sets_below(quickest, first.value_s), evidence, first)

    def _least_of(self, caching: NDArray[np.int64], evidence: ProvedEvidence, known: Minimum) -> Minimum:
        """The least priced delay over the caching sets given, or ``known`` if that is not undercut."""
        if caching.size == 0:
            return known
        sending, fixed = self.placements(caching)
        masks, where = np.unique(sending, return_inverse=True)
        broadcast = self.broadcast_s(self.snr_bound(masks, evidence))[where.reshape(sending.shape)]
        priced = (fixed + broadcast) * (1.0 - MARGIN)
        row, column = np.unravel_index(int(np.argmin(priced)), priced.shape)
        if not priced[row, column] < known.value_s:
            return known
        return Minimum(float(priced[row, column]), int(caching[row]), int(sending[row, column]))

    def placements(self, caching: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The participating sets that matter for caching sets C (c,), and their delay and rent before the broadcast.

        Returns
        -------
        sending
            (c, N) masks S: the nodes that the block reaches first, by time.
        fixed_s
            (c, N) longest migration plus rent, in s; infinite where no link leads to some node of S.
        """
        holds = _members(caching, self.n_nodes)
        times = np.full(holds.shape, np.inf)
        for n in range(self.n_nodes):
            times[holds[:, n]] = np.minimum(times[holds[:, n]], self.link_s[n])
        times[holds] = 0.0
        order = np.argsort(times, axis=1, kind="stable")
        sending = np.cumsum(np.int64(1) << order, axis=1)
        return sending, np.take_along_axis(times, order, axis=1) + (holds @ self.rent_s)[:, None]

    def caching_sets(self) -> NDArray[np.int64]:
        """All caching sets with room for the block that hold every node without rent."""
        return self._sets_below(0.0, np.inf)

    def _free_and_costly(self) -> tuple[int, list[int]]:
        """Nodes with room for the block: those without rent as a bit mask, and the others."""
        free = sum(1 << n for n in self.cachers if self.rent_s[n] == 0.0)
        return free, [n for n in self.cachers if self.rent_s[n] > 0.0]

    def _simple_sets(self) -> NDArray[np.int64]:
        """The free nodes, alone and with each other one, and all nodes."""
        free, costly = self._free_and_costly()
        every = sum(1 << n for n in self.cachers)
        masks = np.array(sorted({free, every} | {free | (1 << n) for n in costly}), np.int64)
        return masks[masks > 0]

    def _sets_below(self, quickest_s: float, below_s: float) -> NDArray[np.int64]:
        """Caching sets that hold all free nodes and whose rent and quickest broadcast stay below a limit."""
        free, costly = self._free_and_costly()
        masks, rent = np.array([free], np.int64), np.zeros(1)
        for n in costly:
            more = rent + self.rent_s[n]
            keep = (more + quickest_s) * (1.0 - MARGIN) < below_s
            masks = np.concatenate([masks, masks[keep] | (1 << n)])
            rent = np.concatenate([rent, more[keep]])
        return masks[(masks > 0) & ((rent + quickest_s) * (1.0 - MARGIN) < below_s)]


def _members(masks: NDArray[np.int64], n_nodes: int) -> NDArray[np.bool_]:
    """(s, N) which nodes belong to which set."""
    return np.asarray((masks[:, None] >> np.arange(n_nodes)) & 1, dtype=bool)
