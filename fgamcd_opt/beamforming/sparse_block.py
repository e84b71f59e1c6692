"""One block with few of its node sets solved: proved rate bounds for all the others, beams for those.

Lone users (F3) and the evidence of larger sets bound most sets well enough to never look at them. Pricing asks for
the set that looks best; its bound is tightened, and it is solved, only when pricing depends on it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.beamforming.broadcast import ABOVE, BeamformingSettings, Broadcast
from fgamcd_opt.beamforming.rate_evidence import RateEvidence, rate_evidence, restrict_evidence
from fgamcd_opt.beamforming.rate_oracle import reduce_block
from fgamcd_opt.beamforming.set_pricing import PricingData
from fgamcd_opt.beamforming.subset_bounds import whitened
from fgamcd_opt.core import cheapest_set, inverse_rate, reached_delay, rent_of, solve_sets, unit_delay
from fgamcd_opt.problem.p1 import P1

_STARTS = 64

_REBOUND_TOLERANCE = 1e-2
"""Relative accuracy, in SNR, of multipliers at inherited errors, which cost about as much."""


@dataclass(frozen=True, eq=False)
class SolvedSet:
    """One (block, S): rate of the known beam in bit/s (0 without one) and its coordinates."""

    mask: int
    rate_bps: float
    x: NDArray[np.complex128]
    share: NDArray[np.float64]


@dataclass(eq=False)
class SparseBlock:
    """What is known about the node sets of one block. All delays are per bit.

    Attributes
    ----------
    broadcast
        The reduced problem.
    data
        What the kernels of pricing read: proved rate bounds of all sets.
    stream
        Number of the block, which makes its random starts its own.
    solved
        Sets that the beamforming has worked on, by bit mask.
    evidence
        Proofs of the rate bounds, each checked from the channels.
    """

    broadcast: Broadcast
    data: PricingData
    stream: int
    solved: dict[int, SolvedSet] = field(default_factory=dict)
    evidence: list[RateEvidence] = field(default_factory=list)
    bounded: set[int] = field(default_factory=set)
    _last: int = 0
    _hand: tuple[NDArray[np.int64], NDArray[np.float64]] = field(
        default_factory=lambda: (np.empty(0, np.int64), np.empty(0))
    )

    @classmethod
    def start(cls, problem: P1, block: int) -> SparseBlock:
        """Nothing solved yet; the rate bounds are those of lone users."""
        data = problem.instance
        reduced = reduce_block(data, block)
        rate = data.backhaul_bps[block if data.backhaul_bps.shape[0] > 1 else 0]
        n_nodes, users = reduced.radius2.shape
        bounds = PricingData(
            table=np.zeros(1 << n_nodes),
            applied=np.zeros(1 << n_nodes, np.int32),
            bandwidth_hz=data.bandwidth_hz,
            link=np.divide(1.0, rate, out=np.full(rate.shape, np.inf), where=rate > 0.0),
            gram=reduced.gram,
            radius2=reduced.radius2,
            error_code=reduced.error_set.code,
            floors=reduced.owed,
            evidence_mask=np.empty(0, np.int64),
            parts=np.empty((0, n_nodes, users, users), np.complex128),
            y=np.empty((0, users)),
            mu=np.empty((0, n_nodes)),
        )
        return cls(reduced, bounds, block)

    def cheapest(
        self,
        rent: NDArray[np.float64],
        allowed: int,
        tolerance: float,
        patience: int,
        settings: BeamformingSettings,
    ) -> tuple[float, int, int, bool]:
        """Proved lower bound on the least priced delay, its caching set, and the best set with known beams.

        Optimism of a bound shows as soon as it matters: while the set that looks best is not known to be nearly as
        good as it looks, its bound is tightened first, and it is solved only if it still looks best then.

        Parameters
        ----------
        rent
            (N,) in s per bit, >= 0.
        allowed
            Nodes that may cache the block, as a bit mask.
        tolerance
            Relative distance between the bound and the known beams that is enough.
        patience
            Bounds tightened at most; the bound that is proved by then counts.
        settings
            Effort per set.

        Returns
        -------
        cost
            In s per bit, infinite if the block cannot be served.
        caching, reached
            Caching sets as bit masks, 0 where there is none.
        settled
            Whether the tolerance is met, or the set that looks best is solved.
        """
        best, reached = np.inf, 0
        while True:
            cost, caching, members = cheapest_set(self.data, rent, allowed, self._last)
            self._last = caching
            for mask in {caching, reached} - {0}:
                priced = self.reached(mask)[0] + rent_of(rent, mask)
                if priced < best:
                    best, reached = priced, mask
            if members == 0 or members in self.solved or best <= cost * (1.0 + tolerance):
                return cost, caching, reached, True
            if members not in self.bounded and self._around(members):
                if patience == 0:
                    return cost, caching, reached, False
                patience -= 1
                self._rebound(members, rent)
            else:
                self.solve(members, settings)

    def least_priced(self, rent: NDArray[np.float64], allowed: int) -> float:
        """Least priced delay over all caching sets by the bounds as they are; infinite if none can serve."""
        return float(cheapest_set(self.data, rent, allowed, self._last)[0])

    def least_reached(self, rent: NDArray[np.float64], allowed: int) -> float:
        """Least priced delay over all caching sets with the known beams; infinite without a beam.

        The delay falls when C grows and the rent rises, as in pricing.
        """
        nodes = [n for n in np.argsort(-rent, kind="stable").tolist() if (allowed >> n) & 1]
        best = np.inf
        open_sets = [(0, 0, allowed)]
        while open_sets:
            decided, chosen, largest = open_sets.pop()
            if largest == 0:
                continue
            least = self.reached(largest)[0] + rent_of(rent, chosen)
            if least >= best:
                continue
            if decided == len(nodes):
                best = least
                continue
            bit = 1 << nodes[decided]
            open_sets.append((decided + 1, chosen | bit, largest))
            open_sets.append((decided + 1, chosen, largest & ~bit))
        return best

    def sets_within(
        self, rent: NDArray[np.float64], allowed: int, limit: float, most: int
    ) -> list[int] | None:
        """All caching sets whose priced delay, by proved rate bounds, is at most ``limit``.

        Nodes are decided one by one, dear ones first; what is chosen and undecided together bounds all that is below.

        Parameters
        ----------
        rent
            (N,) in s per bit, >= 0.
        allowed
            Nodes that may cache the block, as a bit mask.
        limit
            In s per bit.
        most
            None is returned where there are more.
        """
        nodes = [n for n in np.argsort(-rent, kind="stable").tolist() if (allowed >> n) & 1]
        found: list[int] = []
        open_sets = [(0, 0, allowed)]
        while open_sets:
            decided, chosen, largest = open_sets.pop()
            if largest == 0 or self.delay(largest) + rent_of(rent, chosen) > limit:
                continue
            if decided == len(nodes):
                if len(found) == most:
                    return None
                found.append(chosen)
                continue
            bit = 1 << nodes[decided]
            open_sets.append((decided + 1, chosen, largest & ~bit))
            open_sets.append((decided + 1, chosen | bit, largest))
        return found

    def _rebound(self, mask: int, rent: NDArray[np.float64]) -> None:
        """New multipliers at the errors of a set around S: nearly what solving S proves, at a fraction of its cost.

        Where the smallest such set is far larger, it is done for one half way first, with the nodes of least rent
        added: those are in most of the sets that compete with S, whose bounds fall at the same time.
        """
        parent = min(self._around(mask), key=lambda e: (e.mask.bit_count(), e.mask))
        extra = [n for n in np.argsort(rent, kind="stable").tolist() if ((parent.mask & ~mask) >> n) & 1]
        if len(extra) > 1:
            mask |= sum(1 << n for n in extra[: len(extra) // 2])
        self.bounded.add(mask)
        self._add(restrict_evidence(self.broadcast, parent, mask, _REBOUND_TOLERANCE))

    def _around(self, mask: int) -> list[RateEvidence]:
        """Evidence for sets that hold S."""
        return [e for e in self.evidence if mask & ~e.mask == 0]

    def least_delay(self) -> float:
        """Proved lower bound on 1 / rate of any set: all nodes together; infinite if the block cannot be served."""
        return float(inverse_rate(self.data, self.data.table.size - 1))

    def delay(self, caching: int) -> float:
        """T(C) by proved rate bounds."""
        return float(unit_delay(self.data, caching)[0])

    def participating(self, caching: int) -> int:
        """The set S that attains T(C) by proved rate bounds, 0 if none can serve."""
        return int(unit_delay(self.data, caching)[1])

    def is_open(self, mask: int, tolerance: float) -> bool:
        """Whether the rate of the known beam of S is further below its bound than the relative ``tolerance``."""
        solved = self.solved.get(mask)
        return solved is None or solved.rate_bps * inverse_rate(self.data, mask) < 1.0 - tolerance

    def reached(self, caching: int) -> tuple[float, int]:
        """T(C) with the known beams, and the solved set whose beam is used; infinite and 0 without one."""
        delay, used = reached_delay(self.data.link, caching, *self._hand)
        return float(delay), int(used)

    def solve(self, mask: int, settings: BeamformingSettings) -> None:
        """Find a beam for S and, where the bound of lone users is not exact, evidence for S and its subsets.

        A set that is solved again and still has no beam is searched from many starts.
        """
        reduced = self.broadcast
        n_nodes, users = reduced.radius2.shape
        x, share = np.zeros(users, np.complex128), np.zeros(n_nodes)
        inverse = inverse_rate(self.data, mask)
        snr = 0.0
        if inverse < np.inf:
            ceiling = np.expm1(np.log(2.0) / (inverse * self.data.bandwidth_hz)) * (1.0 + 1e-9)
            snr, x, share = self._beam(mask, ceiling, settings, reduced.floors)
            if (
                snr == 0.0 and reduced.floors2.any()
            ):  # a beam that meets the QoS only as far as the checker asks
                snr, x, share = self._beam(mask, ceiling, settings, reduced.owed * (1.0 + ABOVE))
            if snr == 0.0 and users > 1 and mask in self.solved:
                seeds = np.random.SeedSequence([settings.seed, self.stream, mask, _STARTS])
                snr, x, share = reduced.beam_from_many_starts(mask, seeds)
            if users > 1:
                found = snr > 0.0
                self._add(
                    rate_evidence(reduced, mask, x if found else None, share if found else None, settings)
                )
        rate = self.data.bandwidth_hz * float(np.log1p(snr) / np.log(2.0))
        if mask not in self.solved or rate >= self.solved[mask].rate_bps:
            self.solved[mask] = SolvedSet(mask, rate, x, share)
        known = [s for s in self.solved.values() if s.rate_bps > 0.0]
        self._hand = np.array([s.mask for s in known], np.int64), np.array([1.0 / s.rate_bps for s in known])

    def _beam(
        self, mask: int, ceiling: float, settings: BeamformingSettings, floors: NDArray[np.float64]
    ) -> tuple[float, NDArray[np.complex128], NDArray[np.float64]]:
        """Worst-case SNR of the best beam found for S (0 if the checker accepts none) and its coordinates."""
        reduced = self.broadcast
        n_nodes, users = reduced.radius2.shape
        members = np.array([n for n in range(n_nodes) if (mask >> n) & 1])
        row = (1 << members.size) - 1  # all nodes of the problem that is left; the other rows stay untouched
        status, lower, upper = np.zeros(row + 1, np.int64), np.zeros(row + 1), np.zeros(row + 1)
        x, share = np.zeros((row + 1, users), np.complex128), np.zeros((row + 1, members.size))
        upper[row] = ceiling
        known = [s for s in self.solved.values() if s.rate_bps > 0.0]
        if known:
            nearest = min(known, key=lambda s: ((s.mask ^ mask).bit_count(), s.mask))
            lower[row], x[row] = np.finfo(float).tiny, nearest.x
        seeds = np.random.SeedSequence([settings.seed, self.stream, mask])
        draws = np.random.default_rng(seeds).standard_normal((2, _STARTS, users))
        solve_sets(
            reduced.gram[members],
            reduced.radius2[members],
            reduced.ranks[members],
            reduced.error_set.code,
            floors,
            np.array([row]),
            draws[0] + 1j * draws[1],
            settings.rounds,
            settings.tolerance,
            status,
            lower,
            upper,
            x,
            share,
            np.zeros((1, users)),
            np.zeros((1, members.size)),
            np.zeros((1, members.size, users, users), np.complex128),
        )
        full = np.zeros(n_nodes)
        full[members] = share[row]
        snr = reduced.worst_snr(reduced.beam(x[row], full)[None])[0] if status[row] == 1 else 0.0
        return float(snr), x[row].copy(), full

    def _add(self, evidence: RateEvidence) -> None:
        """Let new evidence bound its set and all subsets, if it proves anything."""
        if not evidence.proves:
            return
        parts, mu = whitened(self.broadcast, evidence)
        old = self.data
        self.evidence.append(evidence)
        self.data = old._replace(
            evidence_mask=np.append(old.evidence_mask, evidence.mask),
            parts=np.concatenate([old.parts, parts[None]]),
            y=np.concatenate([old.y, evidence.y[None]]),
            mu=np.concatenate([old.mu, mu[None]]),
        )
