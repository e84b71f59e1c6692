"""Beams of many starts at once as second-order cone programs, whose interior-point method keeps every beam explicit.

With the phases phi_u of the received amplitudes fixed, beams w and node amplitudes s >= ||w_n|| are a convex problem:

    max t   s.t.  L_r = Re(conj(phi_u) g_u^H w) - a_r t - b_r >= q_u(s),   ||w_n|| <= s_n <= 1,

with u = u(r) the user of row r. Each row asks a multiple of the common level t, or a floor, of one user. A Newton step
on the log barrier of all starts is a few array operations; the phases then follow the beams, which no row minds.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.instances.error_sets import Balls, Ellipsoid, ErrorSet

_HALVINGS = 30
"""Halvings of a Newton step at most, until it stays inside and gains."""

_ENOUGH_GAIN = 0.1
"""Share of the gain that a Newton step promises with which it is accepted (Armijo's rule)."""

_ROUNDING = 1e-14
"""Relative rounding error that is forgiven when a step is judged by its gain."""

_REGULAR = 1e-12
"""Relative ridge on the diagonal of the Newton system: a lone row leaves some direction without curvature."""


@dataclass(frozen=True, eq=False)
class Cones(ABC):
    """The rows of the problem and the barrier of its cones; a point is (Re w, Im w, s, t) in one row of an array.

    Parameters
    ----------
    channels
        (N k, m) channels of the m users at N nodes with k coordinates each.
    radii
        (N, m) error radii, scaled alike.
    users, level, floor
        (r,) user, a and b of each row.
    """

    channels: NDArray[np.complex128]
    radii: NDArray[np.float64]
    users: NDArray[np.int64]
    level: NDArray[np.float64]
    floor: NDArray[np.float64]

    @property
    def size(self) -> int:
        """Real variables of a point."""
        return 2 * self.channels.shape[0] + self.radii.shape[0] + 1

    def beams(self, points: NDArray[np.float64]) -> NDArray[np.complex128]:
        """(p, N k) the beams w of points."""
        width = self.channels.shape[0]
        return np.asarray(points[:, :width] + 1j * points[:, width : 2 * width])

    def shares(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """(p, N) the node amplitudes s of points."""
        return points[:, 2 * self.channels.shape[0] : -1]

    def phases(self, points: NDArray[np.float64]) -> NDArray[np.complex128]:
        """(p, m) phases of the received amplitudes; 1 where nothing is received."""
        signal = self.beams(points) @ self.channels.conj()
        size = np.abs(signal)
        return np.divide(signal, size, out=np.ones_like(signal), where=size > 0.0)

    def interior(self, count: int) -> NDArray[np.float64]:
        """Points without any beam, whatever the phases: the level t is far enough below 0. Every a must be positive."""
        points = np.zeros((count, self.size))
        points[:, 2 * self.channels.shape[0] : -1] = 0.5
        errors = 0.5 * self.radii[:, self.users].sum(axis=0) + self.floor
        points[:, -1] = -1.1 * (errors / self.level).max() - 0.1
        return points

    def advance(
        self, points: NDArray[np.float64], phase: NDArray[np.complex128], barrier: float
    ) -> tuple[NDArray[np.float64], float]:
        """One Newton step of every point that gains; the points, and the largest squared Newton decrement left.

        Parameters
        ----------
        points, phase
            (p, size) strictly interior and (p, m).
        barrier
            Weight of the barrier.
        """
        gradient, curvature = self._derivatives(points, phase, barrier)
        diagonal = np.arange(self.size)
        curvature[:, diagonal, diagonal] *= 1.0 + _REGULAR
        step = np.linalg.solve(curvature, gradient[:, :, None])[:, :, 0]
        decrement = (gradient * step).sum(axis=1)
        before = self._value(points, phase, barrier)
        length, moved, reached = np.ones(len(points)), np.zeros(len(points), bool), points.copy()
        for _ in range(_HALVINGS):
            trial = points + length[:, None] * step
            least = before + _ENOUGH_GAIN * length * np.maximum(decrement, 0.0) - _ROUNDING * np.abs(before)
            good = ~moved & (self._value(trial, phase, barrier) >= least)
            reached[good] = trial[good]
            moved |= good
            if moved.all():
                break
            length = np.where(moved, length, 0.5 * length)
        return reached, float(decrement[moved].max(initial=0.0)) / barrier

    def multipliers(self, points: NDArray[np.float64], phase: NDArray[np.complex128]) -> NDArray[np.float64]:
        """(p, m) what the barrier asks for each user; on the central path w_n is along sum_u g_{n,u} phi_u times it."""
        left, cone, _ = self._slacks(points, phase)
        return self._prices(left, cone) @ (self.users[:, None] == np.arange(self.channels.shape[1])).astype(
            np.float64
        )

    @abstractmethod
    def _cone(
        self, left: NDArray[np.float64], s: NDArray[np.float64], radii: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """(p, r) what the cones L >= q(s) of the rows leave, c, from L (p, r), s (p, N) and the radii (N, r)."""

    @abstractmethod
    def _prices(self, left: NDArray[np.float64], cone: NDArray[np.float64]) -> NDArray[np.float64]:
        """(p, r) derivatives of log c by L."""

    @abstractmethod
    def _bent(
        self,
        slope: NDArray[np.float64],
        left: NDArray[np.float64],
        cone: NDArray[np.float64],
        s: NDArray[np.float64],
        share: NDArray[np.int64],
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Gradients (p, r, size) of log c, and -sum c'' / c (p, size, size), what is left of the negative Hessian.

        Parameters
        ----------
        slope
            (p, r, size) gradients of L; zero, and free to be written to, in the columns of s.
        left, cone, s
            As in :meth:`_cone`.
        share
            (N,) columns of s.
        """

    def _slacks(
        self, points: NDArray[np.float64], phase: NDArray[np.complex128]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """(p, r) the L of the rows, (p, r) what their cones leave, and (p, N) s_n^2 - ||w_n||^2."""
        w, s = self.beams(points), self.shares(points)
        gain = (phase.conj() * (w @ self.channels.conj())).real[:, self.users]
        left = gain - points[:, -1:] * self.level - self.floor
        radii = self.radii[:, self.users]
        cone = self._cone(left, s, radii)
        power = (np.abs(w) ** 2).reshape(*s.shape, -1).sum(axis=2)
        return left, cone, s**2 - power

    def _value(
        self, points: NDArray[np.float64], phase: NDArray[np.complex128], barrier: float
    ) -> NDArray[np.float64]:
        """(p,) level plus barrier; minus infinity outside of the cones."""
        left, cone, node = self._slacks(points, phase)
        s = self.shares(points)
        inside = np.concatenate([left, cone, node, s, 1.0 - s], axis=1).min(axis=1) > 0.0
        logs = np.concatenate([cone, node, 1.0 - s], axis=1)
        logs = np.log(np.where(inside[:, None], logs, 1.0)).sum(axis=1)
        return np.where(inside, points[:, -1] + barrier * logs, -np.inf)

    def _derivatives(
        self, points: NDArray[np.float64], phase: NDArray[np.complex128], barrier: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Gradient (p, size) and negative Hessian (p, size, size) of level plus barrier."""
        left, cone, node = self._slacks(points, phase)
        s = self.shares(points)
        width, (count, n_nodes) = self.channels.shape[0], s.shape
        share = np.arange(2 * width, 2 * width + n_nodes)
        # the rows: L is linear
        turned = (phase[:, None] * self.channels)[:, :, self.users].transpose(0, 2, 1)
        slope = np.zeros((count, self.users.size, self.size))
        slope[:, :, :width], slope[:, :, width : 2 * width] = turned.real, turned.imag
        slope[:, :, -1] = -self.level
        normal, bend = self._bent(slope, left, cone, s, share)
        gradient = normal.sum(axis=1)
        bend += normal.transpose(0, 2, 1) @ normal
        # the nodes: the cone ||w_n|| <= s_n, and s_n <= 1
        coordinates = np.arange(width).reshape(n_nodes, -1)
        for n in range(n_nodes):
            own = np.concatenate([coordinates[n], width + coordinates[n], share[n : n + 1]])
            sign = np.where(own < 2 * width, -2.0, 2.0)
            normal_n = sign * points[:, own] / node[:, n : n + 1]
            gradient[:, own] += normal_n
            bend[:, own[:, None], own] += normal_n[:, :, None] * normal_n[:, None, :]
            bend[:, own, own] -= sign / node[:, n : n + 1]
        gradient[:, share] -= 1.0 / (1.0 - s)
        bend[:, share, share] += 1.0 / (1.0 - s) ** 2
        gradient *= barrier
        gradient[:, -1] += 1.0
        return gradient, barrier * bend


class EllipsoidCones(Cones):
    """Second-order cones L^2 >= sum_n eps_n^2 s_n^2, L >= 0."""

    def _cone(
        self, left: NDArray[np.float64], s: NDArray[np.float64], radii: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        return np.asarray(left**2 - s**2 @ radii**2)

    def _prices(self, left: NDArray[np.float64], cone: NDArray[np.float64]) -> NDArray[np.float64]:
        return 2.0 * left / cone

    def _bent(
        self,
        slope: NDArray[np.float64],
        left: NDArray[np.float64],
        cone: NDArray[np.float64],
        s: NDArray[np.float64],
        share: NDArray[np.int64],
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        radii = self.radii[:, self.users].T
        scaled = slope * np.sqrt(2.0 / cone)[:, :, None]
        bend = -(scaled.transpose(0, 2, 1) @ scaled)
        bend[:, share, share] += (2.0 * radii**2 / cone[:, :, None]).sum(axis=1)
        normal = 2.0 * left[:, :, None] * slope
        normal[:, :, share] = -2.0 * s[:, None] * radii**2
        normal /= cone[:, :, None]
        return normal, bend


class BallsCones(Cones):
    """Half-spaces L >= sum_n eps_n s_n."""

    def _cone(
        self, left: NDArray[np.float64], s: NDArray[np.float64], radii: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        return np.asarray(left - s @ radii)

    def _prices(self, left: NDArray[np.float64], cone: NDArray[np.float64]) -> NDArray[np.float64]:
        return 1.0 / cone

    def _bent(
        self,
        slope: NDArray[np.float64],
        left: NDArray[np.float64],
        cone: NDArray[np.float64],
        s: NDArray[np.float64],
        share: NDArray[np.int64],
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        slope[:, :, share] = -self.radii[:, self.users].T
        return slope / cone[:, :, None], np.zeros((len(slope), self.size, self.size))


CONES: Mapping[type[ErrorSet], type[Cones]] = {Ellipsoid: EllipsoidCones, Balls: BallsCones}
"""The cones of every error set."""
