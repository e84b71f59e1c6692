"""Beams, worst-case amplitudes (F1), rates (6) and broadcast times (8) of one block of the monolithic model.

The signal of user u is in units of its ``reach``, what an error takes away in units of its ``loss_cap``, the least
amplitude A in units of ``amplitude_cap``, spectral efficiency in units of ``efficiency_cap``, the broadcast time t in
units of ``least_s``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.formulations.monolithic.monolithic_data import MonolithicBlock
from fgamcd_opt.instances.error_sets import Balls, Ellipsoid, ErrorSet

_LINEAR_SNR = 1e-9
"""Below this SNR log(1 + x) is replaced by x, which lets rates be higher: 1 + x has lost most digits of x by then."""


def add_power(pb: Any, data: MonolithicBlock) -> None:
    """w_n = re_n + j im_n with ||w_n||^2 <= lambda_n^2 (9d); lambda is binary, so w_n = 0 where lambda_n = 0."""
    import pyomo.environ as pyo

    coordinates = range(data.coordinate_node.size)
    pb.re = pyo.Var(coordinates, bounds=(-1.0, 1.0))
    pb.im = pyo.Var(coordinates, bounds=(-1.0, 1.0))
    pb.power = pyo.Constraint(
        range(data.links_s.shape[0]), rule=lambda pb, n: node_power(pb, data, n) <= pb.lam[n] ** 2
    )


def add_silence(pb: Any, data: MonolithicBlock) -> None:
    """|re|, |im| <= lambda_n: w_n = 0 where node n does not participate (9d), (3).

    The squares of :func:`add_power` alone would leave an amplitude of 1e-3 to a silent node at a tolerance of 1e-6.
    """
    pb.silence = _bounded_by(pb.lam, data)


def add_max_senders(pb: Any, data: MonolithicBlock, most: int) -> None:
    """At most so many nodes send: w_n = 0 unless the binary sends_n = 1, and sum_n sends_n <= ``most``."""
    import pyomo.environ as pyo

    nodes = range(data.links_s.shape[0])
    pb.sends = pyo.Var(nodes, domain=pyo.Binary)
    pb.senders = pyo.Constraint(expr=sum(pb.sends[n] for n in nodes) <= most)
    pb.sending = _bounded_by(pb.sends, data)


def _bounded_by(switch: Any, data: MonolithicBlock) -> Any:
    """Constraints that keep the coordinates of every node within its binary."""
    import pyomo.environ as pyo

    def bounded(pb: Any, i: int, part: str, sign: int) -> Any:
        return sign * getattr(pb, part)[i] <= switch[int(data.coordinate_node[i])]

    return pyo.Constraint(range(data.coordinate_node.size), ("re", "im"), (-1, 1), rule=bounded)


def node_power(pb: Any, data: MonolithicBlock, node: int) -> Any:
    """||w_n||^2 as an expression, in units of P_n."""
    own = [i for i, n in enumerate(data.coordinate_node) if n == node]
    return sum(pb.re[i] ** 2 + pb.im[i] ** 2 for i in own)


def add_received(pb: Any, data: MonolithicBlock) -> None:
    """x_u + j y_u = g_u^H w; at most 1 in modulus by Cauchy-Schwarz."""
    import pyomo.environ as pyo

    users = range(data.reach.size)
    pb.x = pyo.Var(users, bounds=(-1.0, 1.0))
    pb.y = pyo.Var(users, bounds=(-1.0, 1.0))

    def part(u: int, other: Any, sign: float, one: Any) -> Any:
        g = data.subspace.channels[u] / data.reach[u]
        return sum(float(h.real) * one[i] + sign * float(h.imag) * other[i] for i, h in enumerate(g))

    pb.real_part = pyo.Constraint(users, rule=lambda pb, u: pb.x[u] == part(u, pb.im, 1.0, pb.re))
    pb.imaginary_part = pyo.Constraint(users, rule=lambda pb, u: pb.y[u] == part(u, pb.re, -1.0, pb.im))


def add_phase(pb: Any, data: MonolithicBlock) -> None:
    """g_u^H w is real and not negative for the reference user: a common phase of w_k changes nothing in P1."""
    pb.y[data.reference].fix(0.0)
    pb.x[data.reference].setlb(0.0)


def add_signal(pb: Any, data: MonolithicBlock) -> None:
    """s_u <= |g_u^H w|, the nonconvex part of F1: s_u^2 <= x_u^2 + y_u^2, linear for the reference user."""
    import pyomo.environ as pyo

    users = range(data.reach.size)
    pb.s = pyo.Var(users, bounds=lambda pb, u: (float(data.floors[u] / data.reach[u]), 1.0))

    def signal(pb: Any, u: int) -> Any:
        if u == data.reference:
            return pb.s[u] <= pb.x[u]
        return pb.s[u] ** 2 <= pb.x[u] ** 2 + pb.y[u] ** 2

    pb.signal = pyo.Constraint(users, rule=signal)


def add_uncertainty(pb: Any, data: MonolithicBlock) -> None:
    """q_u, what an error takes away (F1), at least as large as the error set makes it."""
    import pyomo.environ as pyo

    pb.q = pyo.Var(range(data.reach.size), bounds=(0.0, 1.0))
    UNCERTAINTY[type(data.error_set)](pb, data, data.subspace.radii / data.loss_cap[:, None])


def add_ellipsoid(pb: Any, data: MonolithicBlock, radii: NDArray[np.float64]) -> None:
    """q_u^2 >= sum_n eps_n^2 ||w_n||^2; radii (|U_k|, N) in units of ``loss_cap``."""
    import pyomo.environ as pyo

    users, nodes = range(data.reach.size), range(data.links_s.shape[0])
    pb.uncertainty = pyo.Constraint(
        users,
        rule=lambda pb, u: (
            sum(float(radii[u, n]) ** 2 * node_power(pb, data, n) for n in nodes) <= pb.q[u] ** 2
        ),
    )


def add_balls(pb: Any, data: MonolithicBlock, radii: NDArray[np.float64]) -> None:
    """q_u >= sum_n eps_n ||w_n||; radii (|U_k|, N) in units of ``loss_cap``."""
    import pyomo.environ as pyo

    users, nodes = range(data.reach.size), range(data.links_s.shape[0])
    pb.norm = pyo.Var(nodes, bounds=(0.0, 1.0))
    pb.norms = pyo.Constraint(nodes, rule=lambda pb, n: node_power(pb, data, n) <= pb.norm[n] ** 2)
    pb.uncertainty = pyo.Constraint(
        users, rule=lambda pb, u: sum(float(radii[u, n]) * pb.norm[n] for n in nodes) <= pb.q[u]
    )


UNCERTAINTY: Mapping[type[ErrorSet], Callable[[Any, MonolithicBlock, NDArray[np.float64]], None]] = {
    Ellipsoid: add_ellipsoid,
    Balls: add_balls,
}
"""How the model writes the loss of every error set."""


def worst_amplitude(pb: Any, data: MonolithicBlock, u: int, unit: float) -> Any:
    """s_u - q_u, the worst-case amplitude of a user (F1), in a unit of choice."""
    return float(data.reach[u] / unit) * pb.s[u] - float(data.loss_cap[u] / unit) * pb.q[u]


def add_qos(pb: Any, data: MonolithicBlock) -> None:
    """s_u - q_u >= sqrt(2^{R_u/B} - 1): rate_{u,k} >= R_u (9b), as an amplitude, which is defined here, too."""
    import pyomo.environ as pyo

    add_received(pb, data)
    add_phase(pb, data)
    add_signal(pb, data)
    add_uncertainty(pb, data)
    pb.qos = pyo.Constraint(
        range(data.reach.size),
        rule=lambda pb, u: (
            worst_amplitude(pb, data, u, float(data.reach[u])) >= float(data.floors[u] / data.reach[u])
        ),
    )


def add_air_time(pb: Any, data: MonolithicBlock) -> None:
    """From the worst-case amplitudes to the broadcast time of the objective (6), (8)."""
    add_least_amplitude(pb, data)
    add_rate(pb, data)
    add_broadcast_time(pb, data)


def add_least_amplitude(pb: Any, data: MonolithicBlock) -> None:
    """A <= s_u - q_u for every user: rates are monotone in the amplitude, so the slowest user is the weakest one."""
    import pyomo.environ as pyo

    pb.A = pyo.Var(bounds=(data.floor_share, 1.0))
    pb.least = pyo.Constraint(
        range(data.reach.size), rule=lambda pb, u: worst_amplitude(pb, data, u, data.amplitude_cap) >= pb.A
    )


def add_rate(pb: Any, data: MonolithicBlock) -> None:
    """rate <= B log2(1 + A^2) (6), in units of B times ``efficiency_cap``."""
    import pyomo.environ as pyo

    pb.rate = pyo.Var(bounds=(data.floor_efficiency / data.efficiency_cap, 1.0))
    nats = math.log(2.0) * data.efficiency_cap
    snr_cap = data.amplitude_cap**2
    if snr_cap < _LINEAR_SNR:
        pb.spectral_efficiency = pyo.Constraint(expr=pb.rate <= (snr_cap / nats) * pb.A**2)
    else:
        pb.spectral_efficiency = pyo.Constraint(expr=nats * pb.rate <= pyo.log(1.0 + snr_cap * pb.A**2))


def add_broadcast_time(pb: Any, data: MonolithicBlock) -> None:
    """t rate >= D (8); the QoS bounds t from above."""
    import pyomo.environ as pyo

    longest = data.efficiency_cap / data.floor_efficiency if data.floor_efficiency > 0.0 else None
    pb.t = pyo.Var(bounds=(1.0, longest))
    pb.broadcast = pyo.Constraint(expr=pb.t * pb.rate >= 1.0)
