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

from fgamcd_opt.errors import UsageError

MAX_SEARCHED_USERS = 6
"""Users up to which tables use branch and bound; its trees grow about tenfold with each user."""


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

    def __post_init__(self) -> None:
        for name in ("rounds", "max_nodes", "seed"):
            if getattr(self, name) < 0:
                raise UsageError(f"{name}: {getattr(self, name)} is negative; expected 0 or more")
        if not 0.0 < self.tolerance < 1.0:
            raise UsageError(f"tolerance: {self.tolerance} is not between 0 and 1")


@dataclass(frozen=True, eq=False)
class Broadcast:
    """Broadcast of one block to its m users, scaled to unit noise and unit node power.

    Parameters
    ----------
    channels
        (m, N, N_t) scaled channels g_u = sqrt(P_n) h^_{n,u} / sigma.
    gram
        (N, m, m) Gram matrices A_n = G_n^H G_n.
    radius2
        (N, m) squared error radii, scaled as the channels.
    ranks
        (N,) min(N_t, m).
    floors
        (m,) QoS amplitudes sqrt(2^{R_u/B} - 1) (9b).
    power_w
        (N,) node powers, to scale beams back.
    balls
        Independent balls instead of one ellipsoid.
    """

    channels: NDArray[np.complex128]
    gram: NDArray[np.complex128]
    radius2: NDArray[np.float64]
    ranks: NDArray[np.float64]
    floors: NDArray[np.float64]
    power_w: NDArray[np.float64]
    balls: bool

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
        csi_set: str,
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
        csi_set
            ``"ellipsoid"`` or ``"balls"``.
        """
        scale = np.sqrt(power_w / noise_w)
        scaled = channels * scale[None, :, None]
        users = channels.shape[0]
        return cls(
            channels=scaled,
            gram=np.ascontiguousarray(np.einsum("una,vna->nuv", scaled.conj(), scaled)),
            radius2=np.ascontiguousarray((radii * scale).T ** 2),
            ranks=np.minimum(antennas, users).astype(np.float64),
            floors=np.sqrt(np.expm1(qos_bps / bandwidth_hz * np.log(2.0))),
            power_w=power_w,
            balls=csi_set == "balls",
        )

    def beam(self, x: NDArray[np.complex128], share: NDArray[np.float64]) -> NDArray[np.complex128]:
        """Beamformer of the Gram coordinates (x, share): w_n = sqrt(P_n) s_n G_n x / ||G_n x||, (N, N_t), sqrt(W)."""
        direction = np.einsum("una,u->na", self.channels, x)
        norm = np.linalg.norm(direction, axis=1, keepdims=True)
        unit = np.divide(direction, norm, out=np.zeros_like(direction), where=norm > 0)
        # a relative 1e-12 below the budget, so that rounding cannot break (9d)
        return np.asarray(unit * (share * np.sqrt(self.power_w) * (1.0 - 1e-12))[:, None])


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
        (2^N,) 1 QoS met by a beam in hand, 0 open, -1 proved impossible.
    lower, upper
        (2^N,) worst-case SNR reached (0 without a beam) and a proved bound on it (at first: lone users, F3).
    x, share
        (2^N, m) and (2^N, N) coordinates of the beams.
    solved
        (2^N,) sets that the beamforming has worked on (others may still hold values by F4).
    """

    broadcast: Broadcast
    status: NDArray[np.int64] = field(init=False)
    lower: NDArray[np.float64] = field(init=False)
    upper: NDArray[np.float64] = field(init=False)
    x: NDArray[np.complex128] = field(init=False)
    share: NDArray[np.float64] = field(init=False)
    solved: NDArray[np.bool_] = field(init=False)

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
        from fgamcd_opt.beamforming.broadcast_kernel import screen_sets

        problem = self.broadcast
        screen_sets(problem.gram, problem.radius2, problem.balls, problem.floors, self.status, self.upper)

    def solve(self, masks: NDArray[np.int64], settings: BeamformingSettings, stream: int) -> None:
        """Work on the sets ``masks`` (in order of falling size); repeated calls improve and never worsen.

        Parameters
        ----------
        masks
            Bit masks of the sets.
        settings
            Effort and seed.
        stream
            Number of this block, which makes its random starts its own.
        """
        from fgamcd_opt.beamforming.broadcast_kernel import solve_sets

        problem = self.broadcast
        users = problem.floors.size
        # the solved share enters the seed, so that working on a set again draws new starts
        repeats = int(self.solved[masks].any()) * (1 + int(settings.rounds))
        seeds = np.random.SeedSequence([settings.seed, stream, repeats])
        draws = np.random.default_rng(seeds).standard_normal((2, 64, users))
        solve_sets(
            problem.gram,
            problem.radius2,
            problem.ranks,
            problem.balls,
            problem.floors,
            masks,
            draws[0] + 1j * draws[1],
            settings.rounds,
            settings.tolerance,
            self.status,
            self.lower,
            self.upper,
            self.x,
            self.share,
        )
        self.solved[masks] = True
        if settings.max_nodes and users <= MAX_SEARCHED_USERS:
            for mask in masks.tolist():
                self._prove(mask, settings)

    def _prove(self, mask: int, settings: BeamformingSettings) -> None:
        """Branch and bound on one set whose gap is open."""
        from fgamcd_opt.beamforming.set_proof import prove_set

        if self.status[mask] < 0 or self.upper[mask] <= self.lower[mask] * (1.0 + settings.tolerance):
            return
        problem = self.broadcast
        members = [n for n in range(problem.power_w.size) if (mask >> n) & 1]
        x, share = self.x[mask].copy(), self.share[mask, members].copy()
        self.status[mask], self.lower[mask], self.upper[mask], _ = prove_set(
            problem.gram[members],
            problem.radius2[members],
            problem.balls,
            problem.floors,
            0.5 * settings.tolerance,
            settings.max_nodes,
            self.status[mask],
            self.lower[mask],
            self.upper[mask],
            x,
            share,
        )
        self.x[mask], self.share[mask] = x, 0.0
        self.share[mask, members] = share

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
            np.minimum.at(self.upper, smaller, self.upper[larger])
            impossible = self.status[larger] == -1
            self.status[smaller[impossible]] = -1
            self.upper[smaller[impossible]] = 0.0


def masks_by_size(n_nodes: int) -> NDArray[np.int64]:
    """All non-empty node sets as bit masks, largest first, then by value."""
    masks = np.arange(1, 1 << n_nodes, dtype=np.int64)
    return masks[np.lexsort((masks, -np.bitwise_count(masks).astype(np.int64)))]
