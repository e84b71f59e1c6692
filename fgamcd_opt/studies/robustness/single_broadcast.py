"""One block sent by chosen nodes: its data for any size of the channel errors, its beam and the certificate."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.beamforming.broadcast import BeamformingSettings, Broadcast, SetTable
from fgamcd_opt.core import FEASIBLE
from fgamcd_opt.instances.error_sets import ErrorSet
from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.short_repr import short_repr
from fgamcd_opt.problem.worst_case import rate_from_amplitude, received_amplitude, worst_case_rate_bps

MAX_SENDERS = 16
"""Nodes that may send: the table of node sets that is screened has 2^n rows."""


@dataclass(frozen=True, eq=False)
class BroadcastData:
    """What one broadcast needs from an instance: S sending nodes, the m users of the block.

    Parameters
    ----------
    block
        Index k; makes the random starts its own.
    nodes, users
        (S,) and (m,) indices in the instance.
    channels, radii
        (m, S, N_t) estimated channels and (m, S) error radii.
    power_w, antennas
        (S,) budgets in W and antenna counts.
    qos_bps
        (m,) rates R_u of (9b).
    noise_w, bandwidth_hz
        sigma^2 in W and B in Hz.
    error_set
        The set of errors. An ellipsoid is the one over the sending nodes: that over all nodes with
        the other nodes' errors left out, which nobody hears.
    """

    block: int
    nodes: NDArray[np.int64]
    users: NDArray[np.int64]
    channels: NDArray[np.complex128]
    radii: NDArray[np.float64]
    power_w: NDArray[np.float64]
    antennas: NDArray[np.int64]
    qos_bps: NDArray[np.float64]
    noise_w: float
    bandwidth_hz: float
    error_set: ErrorSet

    __repr__ = short_repr

    @classmethod
    def of(cls, instance: Instance, block: int, nodes: Sequence[int]) -> BroadcastData:
        """Take the data of one requested block and some nodes.

        Raises
        ------
        InputError
            If nobody requests the block, or the nodes are none, too many, twice or not in the instance.
        """
        chosen = np.unique(np.asarray(nodes, dtype=np.int64))
        if block not in instance.requested_blocks:
            raise InputError(f"block {block}: no user requests it")
        if not 1 <= chosen.size <= MAX_SENDERS or chosen.size != len(nodes):
            raise InputError(f"nodes {list(nodes)}: expected 1 to {MAX_SENDERS} different nodes")
        if chosen[0] < 0 or chosen[-1] >= instance.n_nodes:
            raise InputError(f"nodes {list(nodes)}: the instance has nodes 0 to {instance.n_nodes - 1}")
        users = instance.pair_user[instance.block_pairs(block)]
        return cls(
            block=block,
            nodes=chosen,
            users=users,
            channels=instance.block_channels(block)[:, chosen],
            radii=instance.block_radii(block)[:, chosen],
            power_w=instance.power_w[chosen],
            antennas=instance.antennas[chosen],
            qos_bps=instance.qos_bps[users],
            noise_w=instance.noise_w,
            bandwidth_hz=instance.bandwidth_hz,
            error_set=instance.error_set,
        )

    def with_delta(self, delta: float) -> BroadcastData:
        """The same broadcast with radii eps = delta ||h^||, towards every node."""
        return dataclasses.replace(self, radii=delta * np.linalg.norm(self.channels, axis=2))

    def worst_rates_bps(self, beam: NDArray[np.complex128]) -> NDArray[np.float64]:
        """(m,) worst-case rates (6) of a beam (S, N_t), in bit/s (F1)."""
        return worst_case_rate_bps(
            self.channels,
            beam,
            self.radii,
            self.error_set,
            bandwidth_hz=self.bandwidth_hz,
            noise_w=self.noise_w,
        )

    def rates_bps(self, beam: NDArray[np.complex128], errors: NDArray[np.complex128]) -> NDArray[np.float64]:
        """(..., m) rates in bit/s of a beam (S, N_t) when the channels are h^ + e; errors (..., m, S, N_t)."""
        amplitude = np.abs(received_amplitude(self.channels + errors, beam))
        return rate_from_amplitude(amplitude, self.bandwidth_hz, self.noise_w)

    def solved(self, settings: BeamformingSettings, qos_bps: NDArray[np.float64]) -> SetTable:
        """Table of node sets whose last row, all senders together, has been worked on."""
        broadcast = Broadcast.reduce(
            self.channels,
            self.radii,
            self.power_w,
            self.antennas,
            self.noise_w,
            qos_bps,
            self.bandwidth_hz,
            self.error_set,
        )
        table = SetTable(broadcast)
        table.solve(np.array([table.status.size - 1], np.int64), settings, self.block)
        return table


@dataclass(frozen=True, eq=False)
class Design:
    """A beam for one broadcast.

    Parameters
    ----------
    beam
        (S, N_t) beamformers in sqrt(W); zero if no beam survives the worst error.
    qos
        1 if the beam meets every R_u, -1 if that is proved impossible for these nodes, 0 if open.
    upper_bps
        Proved upper bound on the worst user's rate: over the beams that meet the QoS if ``qos`` is 1, else over
        all beams, because the beam is then the one found without (9b).
    """

    beam: NDArray[np.complex128]
    qos: int
    upper_bps: float

    __repr__ = short_repr


def design_beam(data: BroadcastData, settings: BeamformingSettings) -> Design:
    """Max-min beam under QoS and power; the plain max-min beam where no beam is known to meet the QoS.

    Parameters
    ----------
    data
        The broadcast; its radii are those that the beam is made for.
    settings
        Effort and seed.
    """
    table = data.solved(settings, data.qos_bps)
    status = int(table.status[-1])
    if status != FEASIBLE:
        table = data.solved(settings, np.zeros_like(data.qos_bps))
    beam = table.broadcast.beam(table.x[-1], table.share[-1])
    upper = rate_from_amplitude(np.sqrt(table.upper[-1]), data.bandwidth_hz, 1.0)
    return Design(beam, status, float(upper))
