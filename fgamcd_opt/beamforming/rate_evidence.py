"""Evidence for a rate bound: multipliers and channel errors of F6 that prove it, for a node set and all its subsets.

With y in the simplex, mu > 0 and admissible errors such that G~ diag(y) G~^H <= blkdiag(mu_n I) over the nodes of
S, every beam of unit node power has

    sum_u y_u SNR_u(w)  <=  sum_n mu_n ||w_n||^2  <=  sum_{n sending} mu_n.

Nodes that do not send leave the matrix condition intact, so one piece of evidence bounds the weighted sum for
every subset of S at once, by a sum over its nodes. QoS weights v_u are part of y (F6 with weights): the bound on
the worst user, and the proof that QoS is out of reach, follow in
:func:`fgamcd_opt.certificates.weighted_snr.worst_snr_bound`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.beamforming.broadcast import BeamformingSettings, Broadcast
from fgamcd_opt.certificates.evidence_check import admissible_errors, proved_factors
from fgamcd_opt.certificates.weighted_snr import worst_snr_bound
from fgamcd_opt.core import (
    ROUNDING,
    beam_errors,
    error_terms,
    merge_errors,
    minimise_bound,
    received,
    relaxation_errors,
    search_from_starts,
    shifted_gram,
    solve_sets,
    weigh_channels,
)
from fgamcd_opt.io.short_repr import short_repr
from fgamcd_opt.problem.tolerances import MARGIN

_PROGRESS = 0.2
"""Refinement of the errors ends when a round gains less than this share of the tolerance, twice in a row."""

_OUT_OF_REACH = 1e-3
"""Common level, relative to the highest floor, at which a QoS that no beam is known to meet is refuted."""

_NEGLIGIBLE = 1e-9
"""A bound below this share of the gain of one node says that some error cancels a channel; multipliers that small have
no digits left, and the bound before is good enough."""

_UNHEARD = 1e-9
"""Multiplier, relative to the smallest one, of a node that no user hears; any positive number is right."""


@dataclass(frozen=True, eq=False)
class RateEvidence:
    """Proof of a bound on the worst-case SNR of one block for a set of nodes and each of its subsets.

    Parameters
    ----------
    mask
        Bit mask of S.
    y
        (m,) weights of the users, > 0, of sum 1.
    mu
        (N,) multipliers of the nodes (unit node power), > 0 in S and 0 elsewhere, as the rounding-safe check proves
        them; infinite in S where it proves nothing.
    mix
        (N, m, m) admissible errors e_{n,u} = G_n mix[n, :, u] of the scaled channels; 0 outside S.
    floors2
        (m,) SNR below which the checker rejects a beam (9b).
    """

    mask: int
    y: NDArray[np.float64]
    mu: NDArray[np.float64]
    mix: NDArray[np.complex128]
    floors2: NDArray[np.float64]

    __repr__ = short_repr

    @classmethod
    def checked(
        cls,
        broadcast: Broadcast,
        mask: int,
        y: NDArray[np.float64],
        mu: NDArray[np.float64],
        mix: NDArray[np.complex128],
    ) -> RateEvidence:
        """Evidence from multipliers as found: those of the nodes are scaled to what is proved from the channels."""
        with np.errstate(all="ignore"):
            errors = admissible_errors(
                broadcast.channels[None], broadcast.radii, broadcast.error_set, mix[None]
            )
        factor = float(proved_factors(broadcast.channels[None], errors, y[None], mu[None])[0])
        if factor < np.inf:
            proved = mu * (factor * (1.0 + MARGIN))
        else:
            proved = np.where((mask >> np.arange(mu.size)) & 1, np.inf, 0.0)
        return cls(mask, y, proved, mix, broadcast.floors2)

    @property
    def proves(self) -> bool:
        """Whether anything is proved."""
        return bool(np.isfinite(self.mu).all())

    @property
    def snr_bound(self) -> float:
        """Proved bound on the worst-case SNR of S under QoS; 0 if it is proved that S cannot meet the QoS."""
        return float(self.snr_bounds(np.array([self.mask]))[0])

    def snr_bounds(self, masks: NDArray[np.int64]) -> NDArray[np.float64]:
        """Proved bounds for many sets at once, infinite where a set has a node outside S.

        Parameters
        ----------
        masks
            (...,) bit masks.
        """
        if not self.proves:
            return np.full(masks.shape, np.inf)
        sending = (masks[..., None] >> np.arange(self.mu.size)) & 1
        bound = worst_snr_bound((sending @ self.mu) * (1.0 + MARGIN), self.y, self.floors2)
        return np.where(masks & ~self.mask, np.inf, bound)


def rate_evidence(
    broadcast: Broadcast,
    mask: int,
    x: NDArray[np.complex128] | None,
    share: NDArray[np.float64] | None,
    settings: BeamformingSettings,
) -> RateEvidence:
    """Evidence for one node set, by the bound at the worst errors of a beam and refinement of the errors.

    Parameters
    ----------
    broadcast
        The reduced block.
    mask
        Bit mask of S; some node of it must be heard.
    x, share
        (m,) and (N,) Gram coordinates of a good beam of S, as kept in a table; None to search for one.
    settings
        ``rounds`` of refinement at most, tolerance, seed of the search.
    """
    heard = broadcast.gram.real.max(axis=(1, 2)) > 0.0
    inside = (mask >> np.arange(heard.size)) & 1 == 1
    members = np.nonzero(inside & heard)[0]
    part = _Part(broadcast, members)
    beam, used = part.best_beam(settings) if x is None or share is None else (x.copy(), share[members])
    level = part.level(beam, used)
    highest = float(broadcast.floors.max())
    weights = np.ones(beam.size)
    if level < highest:
        met = bool((part.amplitudes(beam, used) >= broadcast.floors * (1.0 - ROUNDING)).all())
        weights = np.maximum(level if met else _OUT_OF_REACH * highest, broadcast.floors)
        part = part.weighted(weights)
        beam = beam * weights
        if not met:
            beam, used = part.search(beam, settings)
    y, mu, mix = part.minimise(beam, used, settings)
    y = y / weights**2
    mix = mix * (weights / weights[:, None])
    total = float(y.sum())
    all_mu = np.where(inside, _UNHEARD * mu.min() / total, 0.0)
    all_mu[members] = mu / total
    all_mix = np.zeros_like(broadcast.gram)
    all_mix[members] = mix
    return RateEvidence.checked(broadcast, mask, y / total, all_mu, all_mix)


class _Part:
    """The nodes of one set that are heard, with the kernels that work on them."""

    def __init__(self, broadcast: Broadcast, members: NDArray[np.int64]) -> None:
        self.gram = np.ascontiguousarray(broadcast.gram[members])
        self.radius2 = np.ascontiguousarray(broadcast.radius2[members])
        self.ranks = broadcast.ranks[members]
        self.floors = broadcast.floors
        self.error_code = broadcast.error_set.code

    def weighted(self, weights: NDArray[np.float64]) -> _Part:
        """Channels, radii and floors divided by the users' weights v_u."""
        part = _Part.__new__(_Part)
        part.gram, part.radius2 = np.empty_like(self.gram), np.empty_like(self.radius2)
        weigh_channels(self.gram, self.radius2, weights, part.gram, part.radius2)
        part.ranks, part.floors, part.error_code = self.ranks, self.floors / weights, self.error_code
        return part

    def _received(
        self, x: NDArray[np.complex128], share: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.complex128], NDArray[np.float64]]:
        """(n,) norms ||G_n x||, (m,) signals and (m,) error terms of a beam (F1)."""
        n_nodes, n_users = self.radius2.shape
        projected = np.empty((n_nodes, n_users), np.complex128)
        norms, signal, q = np.empty(n_nodes), np.empty(n_users, np.complex128), np.empty(n_users)
        error_terms(self.radius2, share, self.error_code, q)
        received(self.gram, x, share, projected, norms, signal)
        return norms, signal, q

    def amplitudes(self, x: NDArray[np.complex128], share: NDArray[np.float64]) -> NDArray[np.float64]:
        """(m,) worst-case amplitudes of a beam."""
        _, signal, q = self._received(x, share)
        return np.asarray(np.abs(signal) - q)

    def level(self, x: NDArray[np.complex128], share: NDArray[np.float64]) -> float:
        """Worst-case amplitude of the worst user, at least 0."""
        return max(0.0, float(self.amplitudes(x, share).min()))

    def best_beam(self, settings: BeamformingSettings) -> tuple[NDArray[np.complex128], NDArray[np.float64]]:
        """A good beam under QoS; the plain max-min beam if none is found."""
        n_nodes, n_users = self.radius2.shape
        row = (1 << n_nodes) - 1
        for floors in (self.floors, np.zeros(n_users)):
            status, lower = np.zeros(row + 1, np.int64), np.zeros(row + 1)
            upper = np.full(row + 1, np.inf)
            x, share = np.zeros((row + 1, n_users), np.complex128), np.zeros((row + 1, n_nodes))
            draws = np.random.default_rng(settings.seed).standard_normal((2, 64, n_users))
            solve_sets(
                self.gram,
                self.radius2,
                self.ranks,
                self.error_code,
                floors,
                np.array([row], np.int64),
                draws[0] + 1j * draws[1],
                0,
                settings.tolerance,
                status,
                lower,
                upper,
                x,
                share,
                np.zeros((1, n_users)),
                np.zeros((1, n_nodes)),
                np.zeros((1, n_nodes, n_users, n_users), np.complex128),
            )
            if lower[row] > 0.0:
                return x[row].copy(), share[row].copy()
        return np.ones(n_users, np.complex128), np.ones(n_nodes)

    def search(
        self, start: NDArray[np.complex128], settings: BeamformingSettings
    ) -> tuple[NDArray[np.complex128], NDArray[np.float64]]:
        """Max-min beam of the (weighted) problem near a start."""
        x, share = start.copy(), np.ones(self.ranks.size)
        search_from_starts(
            self.gram, self.radius2, self.error_code, start[None], x, share, -np.inf, 0.1 * settings.tolerance
        )
        return x, share

    def minimise(
        self, x: NDArray[np.complex128], share: NDArray[np.float64], settings: BeamformingSettings
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.complex128]]:
        """(y, mu, mix) of the least bound: worst errors of the beam, then refined against the relaxation."""
        n_users = x.size
        norms, signal, q = self._received(x, share)
        mix, new_mix = np.zeros_like(self.gram), np.zeros_like(self.gram)
        shifted, factor = np.empty_like(self.gram), np.zeros((n_users, n_users), np.complex128)
        beam_errors(self.gram, self.radius2, self.error_code, x, share, norms, signal, q, mix)
        size = np.abs(x)
        y = size / size.sum() if size.sum() > 0.0 else np.full(n_users, 1.0 / n_users)
        mu = norms.copy()
        goal = max(0.0, float((np.abs(signal) - q).min())) ** 2 * (1.0 + 0.3 * settings.tolerance)
        best, stalled, kept = np.inf, 0, (y, mu, mix)
        for done in range(settings.rounds + 1):
            if done:
                relaxation_errors(self.gram, self.radius2, self.error_code, mix, mu, factor, new_mix)
                merge_errors(
                    self.gram,
                    self.radius2,
                    self.error_code,
                    self.ranks,
                    mix,
                    new_mix,
                    y,
                    mu,
                    0.1 * settings.tolerance,
                )
            shifted_gram(self.gram, mix, shifted)
            bound = minimise_bound(shifted, self.ranks, y, mu, factor, 0.1 * settings.tolerance, goal)
            if done and bound < _NEGLIGIBLE * float(self.gram.real.max()):
                break
            stalled = 0 if bound < best * (1.0 - _PROGRESS * settings.tolerance) else stalled + 1
            if bound < best:
                best, kept = bound, (y.copy(), mu.copy(), mix.copy())
            if best <= goal or stalled > 1:
                break
        return kept


def restrict_evidence(
    broadcast: Broadcast, parent: RateEvidence, mask: int, tolerance: float
) -> RateEvidence:
    """Evidence for a subset of a set that has evidence: the same errors, multipliers minimised again.

    It needs no beam and proves nearly what full evidence for the subset would.

    Parameters
    ----------
    broadcast
        The reduced block.
    parent
        Evidence for a set around ``mask``.
    mask
        Bit mask of the subset; some node of it must be heard.
    tolerance
        Relative accuracy of the multipliers.
    """
    inside = (mask >> np.arange(parent.mu.size)) & 1 == 1
    members = np.nonzero(inside & (broadcast.gram.real.max(axis=(1, 2)) > 0.0))[0]
    part = _Part(broadcast, members)
    level = max(parent.snr_bound, _OUT_OF_REACH**2 * float(parent.floors2.max()))
    weights = np.sqrt(np.maximum(level, parent.floors2))
    scaled, gram = part.weighted(weights), np.empty_like(part.gram)
    mix = np.ascontiguousarray(parent.mix[members] * weights[:, None] / weights)
    shifted_gram(scaled.gram, mix, gram)
    y, mu = parent.y * weights**2, parent.mu[members].copy()
    minimise_bound(gram, part.ranks, y, mu, np.zeros_like(gram[0]), 0.1 * tolerance, 0.0)
    y = y / weights**2
    total = float(y.sum())
    all_mu = np.where(inside, _UNHEARD * mu.min() / total, 0.0)
    all_mu[members] = mu / total
    all_mix = np.where(inside[:, None, None], parent.mix, 0.0)
    return RateEvidence.checked(broadcast, mask, y / total, all_mu, all_mix)
