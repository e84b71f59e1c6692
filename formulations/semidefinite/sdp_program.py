"""The robust semidefinite program of one broadcast, parametrised in cvxpy: (27), (33), (34) and the penalty of (36).

    maximise   t - Re tr(M W)
    subject to W >= 0,  tr(W_nn) <= 1 for every node n of S                                          (9d)
               worst-case SNR_u(W) >= max(t, s_u^2) for every user u                                 (6), (9b)

The worst case over all errors is a linear matrix inequality by the S-procedure. With e_n = eps_{n,u} z_n, so that
z runs over the unit ball, and E_u the diagonal matrix of the radii, it reads for user u and its level l_u

    [[ E W E + D(nu), E W g ], [ g^H W E, g^H W g - l_u - sum nu ]] >= 0  for some nu >= 0,

which is the P1 form after a congruence with diag(E, 1), but holds for zero radii as well. D(nu) = nu I for the
ellipsoid, where the S-procedure loses nothing. Independent balls have one multiplier per node, D(nu) = nu_n on the
rows of node n. That loses nothing either: as W >= 0, the worst error minimises a convex function over a convex set
with interior points, so that multipliers certify the minimum exactly. (Rank one by hand: with r_n = eps_n ||w_n|| and
a = |g^H w| > r = sum_n r_n, nu_n = r_n (a - r) certifies (a - r)^2.) A user without errors needs only g^H W g >= l_u.

Each user's row is divided by its largest possible SNR and levels by the smallest of these, so that t <= 1. Channels,
radii, floors and the penalty M are parameters (products of two channels are one parameter each, which keeps the
program affine in its parameters): another block of the same shape is solved without building anything again.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.formulations.semidefinite.node_subspace import NodeSubspace, SubspaceShape
from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.short_repr import short_repr


class SdpProgram:
    """The program of one shape as a cvxpy problem; `load` puts in the numbers of a broadcast.

    Parameters
    ----------
    shape
        Of the broadcasts that it takes.

    Attributes
    ----------
    problem
        ``cvxpy.Problem``.
    w, t
        Its variables W (d, d), Hermitian, and t.
    unit_snr
        SNR that is t = 1, of the numbers loaded last.
    """

    __repr__ = short_repr

    def __init__(self, shape: SubspaceShape) -> None:
        import cvxpy as cp

        self.shape = shape
        self.unit_snr = np.nan
        d, users = sum(shape.sizes), len(shape.robust)
        self.w = cp.Variable((d, d), hermitian=True, name="W")
        self.t = cp.Variable(name="t")
        level = cp.Variable(users)
        self._share = cp.Parameter(users, nonneg=True)  # smallest of the largest SNRs over the user's own
        self._floor = cp.Parameter(users, nonneg=True)
        self._penalty = cp.Parameter((d, d), hermitian=True)
        self._terms = [_UserTerms(d, robust) for robust in shape.robust]
        self._levels = [level >= cp.multiply(self._share, self.t), level >= self._floor]
        self._budgets = []
        ends = np.cumsum(shape.sizes)
        for first, last in zip(ends - shape.sizes, ends, strict=True):
            self._budgets.append(cp.real(cp.trace(self.w[first:last, first:last])) <= 1)
        self._served = [
            terms.constraint(self.w, level[user], shape) for user, terms in enumerate(self._terms)
        ]
        constraints = [self.w >> 0, *self._levels, *self._budgets, *self._served]
        # an array's sum of products, not a trace of a matrix product, keeps the compiled program sparse
        objective = self.t - cp.real(cp.sum(cp.multiply(self._penalty, self.w)))
        self.problem = cp.Problem(cp.Maximize(objective), constraints)

    def load(self, space: NodeSubspace, *, for_qos: bool = False) -> None:
        """Set the channels, radii and QoS floors of a broadcast, without penalty.

        Parameters
        ----------
        space
            The broadcast.
        for_qos
            Maximise the smallest SNR_u / s_u^2 instead, without floors: below 1 the QoS is out of reach. Some floor
            must be positive.

        Raises
        ------
        InputError
            If it has another shape.
        """
        if space.shape != self.shape:
            raise InputError(f"a program built for {self.shape} cannot take a {space.shape}")
        ends = np.cumsum(self.shape.sizes)[:-1]
        largest = sum(np.linalg.norm(part, axis=1) for part in np.split(space.channels, ends, axis=1))
        floors = (space.broadcast.owed / largest) ** 2
        self.unit_snr = float(1.0 / floors.max() if for_qos else largest.min() ** 2)
        self._share.value = self.unit_snr * (floors if for_qos else 1.0 / largest**2)
        self._floor.value = np.zeros_like(floors) if for_qos else floors
        self._largest = largest
        for user, terms in enumerate(self._terms):
            radii = np.repeat(space.radii[user], self.shape.sizes)
            terms.load(space.channels[user] / largest[user], radii / largest[user])
        self.penalise(None)

    def penalise(self, matrix: NDArray[np.complex128] | None) -> None:
        """Set the Hermitian penalty M (d, d) in units of `unit_snr`; None for none."""
        d = sum(self.shape.sizes)
        # Re tr(M W) is the sum of conj(M) * W entry by entry
        self._penalty.value = np.zeros((d, d), complex) if matrix is None else matrix.conj()


class _UserTerms:
    """Parameters and constraint of one user."""

    def __init__(self, d: int, robust: bool) -> None:
        import cvxpy as cp

        self.robust = robust
        self.channel_channel = cp.Parameter((d, d), hermitian=True)  # conj(g) g^T
        if robust:
            self.radius_radius = cp.Parameter((d, d), symmetric=True)  # eps eps^T
            self.radius_channel = cp.Parameter((d, d), complex=True)  # eps g^T

    def load(self, channel: NDArray[np.complex128], radii: NDArray[np.float64]) -> None:
        """Channel and radii (d,), scaled."""
        self.channel_channel.value = np.outer(channel.conj(), channel)
        if self.robust:
            self.radius_radius.value = np.outer(radii, radii)
            self.radius_channel.value = np.outer(radii, channel)

    def constraint(self, w: Any, level: Any, shape: SubspaceShape) -> Any:
        """Worst-case SNR of the covariance W at least ``level``: (33), (34)."""
        import cvxpy as cp

        d = sum(shape.sizes)
        received = cp.real(cp.sum(cp.multiply(self.channel_channel, w)))
        if not self.robust:
            return received >= level
        rows = shape.error_set.multiplier_rows(shape.sizes)
        nu = cp.Variable(rows.shape[1], nonneg=True)
        block = cp.multiply(self.radius_radius, w) + cp.diag(rows @ nu)
        column = cp.reshape(cp.sum(cp.multiply(self.radius_channel, w), axis=1), (d, 1), order="F")
        corner = cp.reshape(received - level - cp.sum(nu), (1, 1), order="F")
        return cp.bmat([[block, column], [column.H, corner]]) >> 0
