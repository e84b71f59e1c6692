"""One block's broadcast problem: reduction to Gram coordinates, table over node sets, beams back in antenna space.

Dimension reduction (F2), taken to its end. With C a multiple of I per node, some optimal w_n lies in the span of
the channels g_{n,u} of the users U_k, w_n = G_n c_n. All of (9b), (9d) and F1 then depend on the channels through
the m x m Gram matrices A_n = G_n^H G_n alone: g_u^H w = sum_n (A_n c_n)_u and ||w_n||^2 = c_n^H A_n c_n. They are
computed once per block and serve every node set S, whatever the number of antennas.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.beamforming.kept_proofs import KeptProofs
from fgamcd_opt.beamforming.many_starts import beams_from_many_starts
from fgamcd_opt.certificates.evidence_check import admissible_errors, proved_factors
from fgamcd_opt.certificates.weighted_snr import worst_snr_bound
from fgamcd_opt.instances.error_sets import ErrorSet
from fgamcd_opt.io.errors import UsageError
from fgamcd_opt.io.short_repr import short_repr
from fgamcd_opt.problem.lone_users import owed_snr, scaled_channels
from fgamcd_opt.problem.tolerances import MARGIN, owed_rate_bps
from fgamcd_opt.problem.worst_case import amplitude_from_rate, rate_from_amplitude, worst_case_amplitude

MAX_SEARCHED_USERS = 6
"""Users up to which tables use branch and bound; its trees grow about tenfold with each user."""

_SILENT = 1e-7
"""||G_n x|| below this share of sum_u |x_u| ||g_{n,u}|| is a difference of nearly equal numbers: the node is silent."""

ABOVE = 1e-9
"""How far above the checker's least amplitude a beam is aimed that only has to be accepted; rounding is far below."""

_CHUNK_ENTRIES = 1 << 20
"""Complex numbers per array while evidence is checked; limits memory."""


@dataclass(frozen=True)
class BeamformingSettings:
    """How hard the beamforming works; part of the key of every cached rate.

    Parameters
    ----------
    rounds
        Rounds of extra starts and error refinement per set while its gap is open.
    tolerance
        Relative gap in SNR at which a set counts as solved.
    max_nodes
        Nodes of branch and bound per set whose gap is still open after the rounds (F8); 0 leaves it out.
    seed
        Seed of the random starts. The result does not depend on the number of threads.
    """

    rounds: int = 2
    tolerance: float = 1e-4
    max_nodes: int = 0
    seed: int = 0

    __repr__ = short_repr

    def __post_init__(self) -> None:
        for name in ("rounds", "max_nodes", "seed"):
            if getattr(self, name) < 0:
                raise UsageError(f"{name}: {getattr(self, name)} is negative; expected 0 or more")
        if not 0.0 < self.tolerance < 1.0:
            raise UsageError(f"tolerance: {self.tolerance} is not between 0 and 1")


@dataclass(frozen=True, eq=False)
class Broadcast:
    """Broadcast of one block to its m users, scaled to unit noise and the unit node power that the checker allows.

    Parameters
    ----------
    channels, radii
        (m, N, N_t) scaled channels g_u = sqrt(P_n) h^_{n,u} / sigma and (m, N) error radii, scaled alike.
    gram
        (N, m, m) Gram matrices A_n = G_n^H G_n.
    radius2
        (N, m) squared error radii, scaled as the channels.
    ranks
        (N,) min(N_t, m).
    floors
        (m,) QoS amplitudes sqrt(2^{R_u/B} - 1) (9b), which beams are made for.
    floors2
        (m,) SNR below which the checker rejects a beam, slightly less than the square of ``floors``: what proofs use.
    power_w
        (N,) node powers, to scale beams back.
    error_set
        The set of errors.
    estimate, estimate_radii
        (m, N, N_t) and (m, N): channels and radii in the unit of the instance, by which the checker judges.
    noise_w, bandwidth_hz
        sigma^2 in W and B in Hz.
    qos_bps
        (m,) rates R_u in bit/s.
    """

    channels: NDArray[np.complex128]
    radii: NDArray[np.float64]
    gram: NDArray[np.complex128]
    radius2: NDArray[np.float64]
    ranks: NDArray[np.float64]
    floors: NDArray[np.float64]
    floors2: NDArray[np.float64]
    power_w: NDArray[np.float64]
    error_set: ErrorSet
    estimate: NDArray[np.complex128]
    estimate_radii: NDArray[np.float64]
    noise_w: float
    bandwidth_hz: float
    qos_bps: NDArray[np.float64]

    __repr__ = short_repr

    @classmethod
    def reduce(
        cls,
        channels: NDArray[np.complex128],
        radii: NDArray[np.float64],
        power_w: NDArray[np.float64],
        antennas: NDArray[np.int64],
        noise_w: float,
        qos_bps: NDArray[np.float64],
        bandwidth_hz: float,
        error_set: ErrorSet,
    ) -> Broadcast:
        """Scale and reduce the data of one block.

        Parameters
        ----------
        channels, radii
            (m, N, N_t) estimated channels and (m, N) error radii of the users, as in the instance.
        power_w, antennas
            (N,) power budgets in W and antenna counts.
        noise_w, bandwidth_hz
            sigma^2 in W and B in Hz.
        qos_bps
            (m,) rates R_u in bit/s.
        error_set
            The set of errors.
        """
        scaled, scaled_radii = scaled_channels(channels, radii, power_w, noise_w)
        users = channels.shape[0]
        with np.errstate(over="ignore"):
            floors = amplitude_from_rate(qos_bps, bandwidth_hz, 1.0)
        return cls(
            channels=scaled,
            radii=scaled_radii,
            gram=np.ascontiguousarray(np.einsum("una,vna->nuv", scaled.conj(), scaled)),
            radius2=np.ascontiguousarray(scaled_radii.T**2),
            ranks=np.minimum(antennas, users).astype(np.float64),
            floors=floors,
            floors2=owed_snr(qos_bps, bandwidth_hz),
            power_w=power_w,
            error_set=error_set,
            estimate=channels,
            estimate_radii=radii,
            noise_w=noise_w,
            bandwidth_hz=bandwidth_hz,
            qos_bps=qos_bps,
        )

    @property
    def owed(self) -> NDArray[np.float64]:
        """(m,) amplitudes below which the checker rejects a beam, rounded down."""
        return np.sqrt(self.floors2) * (1.0 - MARGIN)

    def beam(self, x: NDArray[np.complex128], share: NDArray[np.float64]) -> NDArray[np.complex128]:
        """Beamformer of the Gram coordinates (x, share): w_n = sqrt(P_n) s_n G_n x / ||G_n x||, (..., N, N_t), sqrt(W).

        A node where G_n x is numerically zero stays silent.

        Parameters
        ----------
        x, share
            (..., m) and (..., N) coordinates.
        """
        direction = np.tensordot(x, self.channels, axes=1)
        norm = np.linalg.norm(direction, axis=-1)
        largest = np.abs(x) @ np.linalg.norm(self.channels, axis=2)
        size = np.divide(share, norm, out=np.zeros_like(norm), where=norm > _SILENT * largest)
        # a relative 1e-12 below the budget, so that rounding cannot break (9d)
        return np.asarray(direction * (size * np.sqrt(self.power_w) * (1.0 - 1e-12))[..., None])

    def worst_snr(self, beams: NDArray[np.complex128]) -> NDArray[np.float64]:
        """(r,) worst-case SNR of the worst user as the checker computes it; 0 for a beam that it would not accept.

        Parameters
        ----------
        beams
            (r, N, N_t) beamformers in sqrt(W).
        """
        amplitude = worst_case_amplitude(self.estimate, beams[:, None], self.estimate_radii, self.error_set)
        rate = rate_from_amplitude(amplitude, self.bandwidth_hz, self.noise_w)
        met = (rate * (1.0 - MARGIN) >= owed_rate_bps(self.qos_bps)).all(axis=1)
        return np.where(met, amplitude.min(axis=1) ** 2 / self.noise_w, 0.0)

    def beam_from_many_starts(
        self, mask: int, seeds: np.random.SeedSequence
    ) -> tuple[float, NDArray[np.complex128], NDArray[np.float64]]:
        """Worst-case SNR (0 if the checker accepts no beam) and coordinates of the best beam from many starts.

        Parameters
        ----------
        mask
            Bit mask of the nodes that may send; every user hears some of them.
        seeds
            Where the starts come from.
        """
        members = np.flatnonzero((mask >> np.arange(self.ranks.size)) & 1)
        floors = self.owed * (1.0 + ABOVE)
        with np.errstate(all="ignore"):
            try:
                x, part = beams_from_many_starts(
                    self.channels[:, members], self.radii[:, members], floors, self.error_set, seeds
                )
            except np.linalg.LinAlgError:  # a proposal that rounding makes singular is none
                x, part = np.zeros((1, self.owed.size), complex), np.zeros((1, members.size))
            share = np.zeros((len(part), self.ranks.size))
            share[:, members] = part
            snr = self.worst_snr(self.beam(x, share))
        best = int(snr.argmax())
        return float(snr[best]), x[best], share[best]

    def proved_snr(
        self,
        y: NDArray[np.float64],
        mu: NDArray[np.float64],
        mix: NDArray[np.complex128],
    ) -> NDArray[np.float64]:
        """(r,) bounds on the worst-case SNR under QoS that evidence proves; 0: QoS out of reach, infinite: nothing.

        Parameters
        ----------
        y, mu, mix
            (r, m), (r, N) and (r, N, m, m), as in :class:`fgamcd_opt.beamforming.rate_evidence.RateEvidence`; nodes
            that no user hears, or that do not send, may have the multiplier 0.
        """
        users = self.floors2.size
        chunk = max(1, _CHUNK_ENTRIES // (self.channels.size + self.ranks.size * users**2))
        bounds = np.empty(len(y))
        for first in range(0, len(y), chunk):
            part = slice(first, first + chunk)
            with np.errstate(all="ignore"):
                errors = admissible_errors(self.channels[None], self.radii, self.error_set, mix[part])
                factor = proved_factors(self.channels[None], errors, y[part], mu[part])
                total = mu[part].sum(axis=1) * factor * (1.0 + 2.0 * MARGIN)
                bounds[part] = worst_snr_bound(total, y[part], self.floors2)
            bounds[part][~np.isfinite(total)] = np.inf
        return bounds


@dataclass(eq=False)
class SetTable:
    """What is known about every node set S of one block; row = bit mask of S (bit n = node n).

    Parameters
    ----------
    broadcast
        The reduced problem.

    Attributes
    ----------
    status
        (2^N,) 1 QoS met by a known beam, 0 open, -1 proved impossible.
    lower, upper
        (2^N,) worst-case SNR reached (0 without a beam), recomputed from the beam by the checker's formula, and a bound
        on it (at first: lone users, F3), proved from the channels with all rounding accounted for.
    x, share
        (2^N, m) and (2^N, N) coordinates of the beams.
    solved
        (2^N,) sets that the beamforming has worked on (others may still hold values by F4).
    proofs
        The evidence behind ``upper``, from the moment on that it is asked for by :meth:`keep_proofs`; else None.
    """

    broadcast: Broadcast
    status: NDArray[np.int64] = field(init=False)
    lower: NDArray[np.float64] = field(init=False)
    upper: NDArray[np.float64] = field(init=False)
    x: NDArray[np.complex128] = field(init=False)
    share: NDArray[np.float64] = field(init=False)
    solved: NDArray[np.bool_] = field(init=False)
    proofs: KeptProofs | None = field(default=None, init=False)

    __repr__ = short_repr

    def __post_init__(self) -> None:
        n_nodes, users = self.broadcast.radius2.shape
        rows = 1 << n_nodes
        self.status = np.zeros(rows, np.int64)
        self.lower = np.zeros(rows)
        self.upper = np.full(rows, np.inf)
        self.x = np.zeros((rows, users), np.complex128)
        self.share = np.zeros((rows, n_nodes))
        self.solved = np.zeros(rows, np.bool_)
        self.status[0], self.upper[0], self.solved[0] = -1, 0.0, True
        from fgamcd_opt.core import screen_sets

        problem = self.broadcast
        screen_sets(
            problem.gram, problem.radius2, problem.error_set.code, problem.owed, self.status, self.upper
        )

    def solve(self, masks: NDArray[np.int64], settings: BeamformingSettings, stream: int) -> None:
        """Work on the sets ``masks`` (in order of falling size); repeated calls improve and never worsen.

        Sets that are worked on again and still have no beam are searched from many starts: something depends on them.

        Parameters
        ----------
        masks
            Bit masks of the sets.
        settings
            Effort and seed.
        stream
            Number of this block, which makes its random starts its own.
        """
        users = self.broadcast.floors.size
        # the solved share enters the seed, so that working on a set again draws new starts
        again = self.solved[masks]
        repeats = int(again.any()) * (1 + int(settings.rounds))
        seeds = np.random.SeedSequence([settings.seed, stream, repeats])
        draws = np.random.default_rng(seeds).standard_normal((2, 64, users))
        noise = draws[0] + 1j * draws[1]
        self._search(masks, settings, noise, self.broadcast.floors)
        self.solved[masks] = True
        if self.broadcast.floors2.any():  # beams that meet the QoS only as far as the checker asks
            left = masks[(self.status[masks] == 0) & (self.lower[masks] == 0.0)]
            if left.size:
                self._search(left, settings, noise, self.broadcast.owed * (1.0 + ABOVE))
        if users > 1:
            for mask in masks[again & (self.status[masks] == 0) & (self.lower[masks] == 0.0)].tolist():
                self._search_from_many_starts(
                    mask, np.random.SeedSequence([settings.seed, stream, repeats, mask])
                )
        if settings.max_nodes and users <= MAX_SEARCHED_USERS:
            for mask in masks.tolist():
                self._branch(mask, settings)

    def _search(
        self,
        masks: NDArray[np.int64],
        settings: BeamformingSettings,
        noise: NDArray[np.complex128],
        floors: NDArray[np.float64],
    ) -> None:
        """Look for beams and bounds of the sets ``masks`` and keep what is judged and proved."""
        from fgamcd_opt.core import solve_sets

        problem = self.broadcast
        n_nodes, users = problem.radius2.shape
        lower, x, share = self.lower.copy(), self.x.copy(), self.share.copy()
        y, mu = np.zeros((masks.size, users)), np.zeros((masks.size, n_nodes))
        mix = np.zeros((masks.size, n_nodes, users, users), np.complex128)
        solve_sets(
            problem.gram,
            problem.radius2,
            problem.ranks,
            problem.error_set.code,
            floors,
            masks,
            noise,
            settings.rounds,
            settings.tolerance,
            self.status.copy(),
            lower,
            self.upper.copy(),
            x,
            share,
            y,
            mu,
            mix,
        )
        proof = np.nonzero(y.any(axis=1))[0]
        if proof.size:
            snr = problem.proved_snr(y[proof], mu[proof], mix[proof])
            if self.proofs is not None:
                self.proofs.keep(masks[proof], snr, y[proof], mu[proof], mix[proof])
            self._bound(masks[proof], snr)
        found = masks[lower[masks] > self.lower[masks]]
        if found.size:
            self._keep(found, x[found], share[found])

    def _search_from_many_starts(self, mask: int, seeds: np.random.SeedSequence) -> None:
        """Look for a beam of one set where the local search finds none."""
        _, x, share = self.broadcast.beam_from_many_starts(mask, seeds)
        self._keep(np.array([mask]), x[None], share[None])

    def _bound(self, masks: NDArray[np.int64], snr: NDArray[np.float64]) -> None:
        """Take proved bounds on the SNR of the sets ``masks``; 0 says that they cannot meet the QoS."""
        self.upper[masks] = np.minimum(self.upper[masks], snr)
        self.status[masks[self.upper[masks] <= 0.0]] = -1

    def _keep(self, masks: NDArray[np.int64], x: NDArray[np.complex128], share: NDArray[np.float64]) -> None:
        """Take the beams (x, share) of the sets ``masks`` where the checker finds them better than the known ones."""
        snr = self.broadcast.worst_snr(self.broadcast.beam(x, share))
        better = snr > self.lower[masks]
        rows = masks[better]
        self.lower[rows], self.status[rows] = snr[better], 1
        self.x[rows], self.share[rows] = x[better], share[better]

    def _branch(self, mask: int, settings: BeamformingSettings) -> None:
        """Branch and bound on one set whose gap is open."""
        from fgamcd_opt.core import prove_set

        if self.status[mask] < 0 or self.upper[mask] <= self.lower[mask] * (1.0 + settings.tolerance):
            return
        problem = self.broadcast
        members = [n for n in range(problem.power_w.size) if (mask >> n) & 1]
        x, share = self.x[mask].copy(), np.zeros_like(self.share[mask])
        part = self.share[mask, members].copy()
        status, _, upper, _ = prove_set(
            problem.gram[members],
            problem.radius2[members],
            problem.error_set.code,
            problem.owed,
            0.5 * settings.tolerance,
            settings.max_nodes,
            self.status[mask],
            self.lower[mask],
            self.upper[mask],
            x,
            part,
        )
        share[members] = part
        rows = np.array([mask])
        self._bound(rows, np.array([0.0 if status < 0 else upper]))
        self._keep(rows, x[None], share[None])

    def keep_proofs(self) -> None:
        """Keep the evidence of the bounds that are proved from now on."""
        self.proofs = self.proofs or KeptProofs()

    def restore(
        self,
        solved: NDArray[np.int64],
        x: NDArray[np.complex128],
        share: NDArray[np.float64],
        lower: NDArray[np.float64],
        proved: NDArray[np.float64],
    ) -> None:
        """Take what another table of the same problem held, once it was judged and proved again.

        Parameters
        ----------
        solved
            Bit masks of the sets that were worked on.
        x, share, lower
            As the attributes.
        proved
            (2^N,) bounds on the SNR that evidence of the set itself proves; infinite without.
        """
        better = lower > self.lower
        self.lower[better], self.status[better] = lower[better], 1
        self.x[better], self.share[better] = x[better], share[better]
        self.solved[solved] = True
        self._bound(np.flatnonzero(np.isfinite(proved)), proved[np.isfinite(proved)])
        self.close()

    def close(self) -> None:
        """Monotone closure (F4): beams pass from S to larger sets, bounds and infeasibility to smaller ones."""
        n_nodes = self.share.shape[1]
        masks = np.arange(self.status.size)
        for n in range(n_nodes):
            larger = masks[(masks >> n) & 1 == 1]
            smaller = larger ^ (1 << n)
            better = self.lower[smaller] > self.lower[larger]
            to, source = larger[better], smaller[better]
            self.lower[to], self.status[to] = self.lower[source], self.status[source]
            self.x[to], self.share[to] = self.x[source], self.share[source]
            self.upper[smaller] = np.minimum(self.upper[smaller], self.upper[larger])
            impossible = self.status[larger] == -1
            self.status[smaller[impossible]] = -1
            self.upper[smaller[impossible]] = 0.0


def masks_by_size(n_nodes: int) -> NDArray[np.int64]:
    """All non-empty node sets as bit masks, largest first, then by value."""
    masks = np.arange(1, 1 << n_nodes, dtype=np.int64)
    return masks[np.lexsort((masks, -np.bitwise_count(masks).astype(np.int64)))]
