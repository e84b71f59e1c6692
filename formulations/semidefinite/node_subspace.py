"""One broadcast in coordinates for the semidefinite formulations: channels in a basis per node (F2).

The error set is a ball per node (up to scale), so that some optimal W lives in the span of the users' channels at
each node: d = sum_n min(N_t, m) coordinates instead of one per antenna. The full space is offered to check that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.beamforming.broadcast import Broadcast
from fgamcd_opt.instances.error_sets import ErrorSet
from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.short_repr import short_repr
from fgamcd_opt.problem.worst_case import worst_case_amplitude


@dataclass(frozen=True)
class SubspaceShape:
    """What decides the structure of the semidefinite program; the numbers enter as parameters.

    Parameters
    ----------
    sizes
        Coordinates of every node of S.
    robust
        Per user, whether its channel has any error.
    error_set
        The set of errors.
    """

    sizes: tuple[int, ...]
    robust: tuple[bool, ...]
    error_set: ErrorSet

    __repr__ = short_repr

    @property
    def cone_sides(self) -> tuple[int, ...]:
        """Sides of the real semidefinite cones: W and one matrix per user with errors (Hermitian: twice the rows)."""
        d = sum(self.sizes)
        return (2 * d, *(2 * (d + 1) for robust in self.robust if robust))

    @property
    def cone_entries(self) -> int:
        """Sum of n (n + 1) / 2 over the sides, the measure of the size limits."""
        return sum(side * (side + 1) // 2 for side in self.cone_sides)

    def __str__(self) -> str:
        return f"semidefinite program of {len(self.robust)} users, {len(self.sizes)} nodes, {sum(self.sizes)} rows in W"


@dataclass(frozen=True, eq=False)
class NodeSubspace:
    """Broadcast of one block from the nodes S; unit noise, unit node power.

    Parameters
    ----------
    broadcast
        The block's data.
    nodes
        Participating nodes S.
    bases
        Per node of S, orthonormal columns (N_t, d_n).
    channels
        (m, d) coordinates of the channels g_u, the nodes of S one after the other.
    radii
        (m, |S|) error radii.
    """

    broadcast: Broadcast
    nodes: tuple[int, ...]
    bases: tuple[NDArray[np.complex128], ...]
    channels: NDArray[np.complex128]
    radii: NDArray[np.float64]

    __repr__ = short_repr

    @classmethod
    def of(cls, broadcast: Broadcast, nodes: Sequence[int], *, full: bool = False) -> NodeSubspace:
        """Coordinates of the node set.

        Parameters
        ----------
        broadcast
            The block's data.
        nodes
            Distinct node indices of S.
        full
            All antennas instead of the span of the channels.

        Raises
        ------
        InputError
            If S is empty, repeats a node or names one that does not exist, or reaches some user with no signal.
        """
        n_nodes = broadcast.power_w.size
        chosen = tuple(int(n) for n in nodes)
        if not chosen or len(set(chosen)) < len(chosen) or not all(0 <= n < n_nodes for n in chosen):
            raise InputError(
                f"nodes {list(nodes)}: expected distinct nodes from 0 to {n_nodes - 1}, at least one"
            )
        make = _antenna_basis if full else _span_basis
        bases = tuple(make(broadcast, n) for n in chosen)
        parts = [broadcast.channels[:, n] @ q.conj() for n, q in zip(chosen, bases, strict=True)]
        channels = np.concatenate(parts, axis=1)
        deaf = np.flatnonzero(~np.any(channels, axis=1))
        if deaf.size:
            raise InputError(
                f"user {deaf[0]} of the block receives nothing from nodes {list(chosen)}: its SNR is 0"
            )
        return cls(broadcast, chosen, bases, channels, np.sqrt(broadcast.radius2[list(chosen)].T))

    @property
    def shape(self) -> SubspaceShape:
        """Structure of the semidefinite program."""
        sizes = tuple(basis.shape[1] for basis in self.bases)
        robust = tuple(bool((radii > 0.0).any()) for radii in self.radii)
        return SubspaceShape(sizes, robust, self.broadcast.error_set)

    def lift(self, w: NDArray[np.complex128]) -> NDArray[np.complex128]:
        """Beam (N, N_t) of the coordinates w (d,), scaled to unit node power; within every budget.

        A node above its budget is scaled down to it, and antennas that no user hears (zero padding) stay silent.
        """
        beam = np.zeros(self.broadcast.channels.shape[1:], complex)
        ends = np.cumsum([basis.shape[1] for basis in self.bases])[:-1]
        for n, basis, part in zip(self.nodes, self.bases, np.split(w, ends), strict=True):
            beam[n] = basis @ part
        beam *= self.broadcast.channels.any(axis=0)
        # a relative 1e-12 below the budget, so that rounding cannot break (9d)
        beam *= ((1.0 - 1e-12) / np.maximum(1.0, np.linalg.norm(beam, axis=1)))[:, None]
        return beam

    def worst_snr(self, beam: NDArray[np.complex128]) -> tuple[float, bool]:
        """Worst user's worst-case SNR of a beam (N, N_t) with unit node power (F1), and whether it meets the QoS."""
        data = self.broadcast
        sent = beam * np.sqrt(data.power_w)[:, None]
        amplitude = worst_case_amplitude(data.estimate, sent, data.estimate_radii, data.error_set) / np.sqrt(
            data.noise_w
        )
        return float(amplitude.min() ** 2), bool((amplitude >= data.owed).all())


def _span_basis(broadcast: Broadcast, node: int) -> NDArray[np.complex128]:
    """(N_t, min(antennas, m)) orthonormal basis that holds every user's channel of one node."""
    left, _, _ = np.linalg.svd(broadcast.channels[:, node].T, full_matrices=False)
    return np.ascontiguousarray(left[:, : int(broadcast.ranks[node])])


def _antenna_basis(broadcast: Broadcast, node: int) -> NDArray[np.complex128]:
    """(N_t, antennas in use) unit vectors; at least one antenna, so that no node vanishes."""
    used = np.nonzero(broadcast.channels[:, node].any(axis=0))[0]
    columns = used if used.size else np.array([0])
    return np.eye(broadcast.channels.shape[2], dtype=complex)[:, columns]
