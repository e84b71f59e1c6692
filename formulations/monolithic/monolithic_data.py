"""Scaled data of the monolithic P1: one requested block after the other in coordinates in which all figures are near 1.

Channels are divided by sigma and multiplied by sqrt(P_n), so that noise and node power are 1; beams live in an
orthonormal basis per node (F2). Amplitudes are measured in their Cauchy-Schwarz bounds, delays in the delay bounds
that follow, so that a solver's absolute tolerance is a relative one. Every bound here is derived, none is guessed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.beamforming.broadcast import Broadcast
from fgamcd_opt.formulations.semidefinite.node_subspace import NodeSubspace
from fgamcd_opt.instances.error_sets import ErrorSet
from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.io.short_repr import short_repr
from fgamcd_opt.problem.delay import BITS_PER_BYTE


@dataclass(frozen=True, eq=False)
class MonolithicBlock:
    """One requested block k with its users U_k, N nodes and d beam coordinates.

    Parameters
    ----------
    block
        Index k.
    subspace
        Channels, error radii and floors in the basis per node, for all nodes.
    coordinate_node
        (d,) node of each beam coordinate.
    reference
        The user (position in U_k) whose h^H w is real and not negative: the phase of w_k is free.
    reach
        (|U_k|,) Cauchy-Schwarz bound on |g_u^H w|: sum over n of ||g_{n,u}||.
    load
        D_k / B in bit/Hz; a delay in s is the load over the spectral efficiency in bit/s/Hz.
    links_s
        (N, N) migration times D_k / R_{n,m,k} in s (8), infinite without a link.
    """

    block: int
    subspace: NodeSubspace
    coordinate_node: NDArray[np.int64]
    reference: int
    reach: NDArray[np.float64]
    load: float
    links_s: NDArray[np.float64]

    __repr__ = short_repr

    @classmethod
    def of(cls, instance: Instance, block: int) -> MonolithicBlock:
        """Scale and reduce the data of one requested block."""
        pairs = instance.block_pairs(block)
        broadcast = Broadcast.reduce(
            instance.block_channels(block),
            instance.block_radii(block),
            instance.power_w,
            instance.antennas,
            instance.noise_w,
            instance.qos_bps[instance.pair_user[pairs]],
            instance.bandwidth_hz,
            instance.error_set,
        )
        subspace = NodeSubspace.of(broadcast, range(instance.n_nodes))
        reach = np.linalg.norm(broadcast.channels, axis=2).sum(axis=1)
        bits = BITS_PER_BYTE * float(instance.block_bytes[block])
        backhaul = instance.backhaul_bps[block if instance.backhaul_bps.shape[0] > 1 else 0]
        with np.errstate(divide="ignore"):
            links = bits / backhaul
        return cls(
            block=block,
            subspace=subspace,
            coordinate_node=np.repeat(np.arange(instance.n_nodes), subspace.shape.sizes),
            reference=int(np.argmin(reach)),
            reach=reach,
            load=bits / instance.bandwidth_hz,
            links_s=links,
        )

    @property
    def error_set(self) -> ErrorSet:
        """The set of channel errors (4)."""
        return self.subspace.broadcast.error_set

    @property
    def floors(self) -> NDArray[np.float64]:
        """(|U_k|,) QoS amplitudes sqrt(2^{R_u/B} - 1) (9b), as far as the checker asks for them."""
        return self.subspace.broadcast.owed

    @property
    def loss_cap(self) -> NDArray[np.float64]:
        """(|U_k|,) bound on q_u, what an error can take away (F1), attained at full power; 1 where nothing can."""
        cap = self.error_set.loss(self.subspace.radii)
        return np.where(cap > 0.0, cap, 1.0)

    @property
    def amplitude_cap(self) -> float:
        """Upper bound on the least worst-case amplitude of U_k: the smallest ``reach``."""
        return float(self.reach.min())

    @property
    def efficiency_cap(self) -> float:
        """Upper bound on the spectral efficiency of the slowest user, in bit/s/Hz."""
        return math.log1p(self.amplitude_cap**2) / math.log(2.0)

    @property
    def least_s(self) -> float:
        """Lower bound on the broadcast time (8), in s."""
        return self.load / self.efficiency_cap

    @property
    def floor_share(self) -> float:
        """Lower bound on the least amplitude over ``amplitude_cap``: the smallest QoS floor (9b)."""
        return float(self.floors.min()) / self.amplitude_cap

    @property
    def floor_efficiency(self) -> float:
        """Lower bound on the spectral efficiency of the slowest user, in bit/s/Hz."""
        return math.log1p(float(self.floors.min()) ** 2) / math.log(2.0)
