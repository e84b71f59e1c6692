"""Redundant inequalities for the monolithic model: none of them removes every optimal point, all are proved here.

Level 1 follows from section 3 alone. Level 2 adds the certified rate bounds F6 of node sets; it is left out where the
model is to be an independent check of the rates.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.formulations.monolithic.monolithic_data import MonolithicBlock

_TANGENTS = 12


def add_analytic_cuts(model: Any, blocks: tuple[MonolithicBlock, ...], unit_s: float) -> None:
    """Level 1 for every block."""
    for r, data in enumerate(blocks):
        add_single_source(model.pb[r], data, unit_s)
        add_reach(model.pb[r], data)
        add_time_tangents(model.pb[r], data)


def add_single_source(pb: Any, data: MonolithicBlock, unit_s: float) -> None:
    """A node that caches the block or receives it once needs no further copy: a_m + sum_n b_{n,m} <= 1.

    Dropping the others changes no participation and shortens no other term, so some optimum remains; and then
    M >= sum_n D / R_{n,m} b_{n,m} for every m. Some node caches the block, since (2) starts every migration there.
    """
    import pyomo.environ as pyo

    nodes = range(data.links_s.shape[0])

    def into(pb: Any, m: int) -> list[tuple[int, int]]:
        return [link for link in pb.b if link[1] == m]

    pb.single_source = pyo.Constraint(
        nodes, rule=lambda pb, m: pb.a[m] + sum(pb.b[link] for link in into(pb, m)) <= 1
    )

    def slowest(pb: Any, m: int) -> Any:
        terms = [float(data.links_s[link]) / unit_s * pb.b[link] for link in into(pb, m)]
        return sum(terms) <= pb.M if terms else pyo.Constraint.Skip

    pb.slowest_into = pyo.Constraint(nodes, rule=slowest)
    pb.cached_somewhere = pyo.Constraint(expr=sum(pb.a[n] for n in nodes) >= 1)


def add_reach(pb: Any, data: MonolithicBlock) -> None:
    """s_u <= sum_n ||g_{n,u}|| lambda_n by Cauchy-Schwarz and (9d)."""
    import pyomo.environ as pyo

    gain = np.linalg.norm(data.subspace.broadcast.channels, axis=2) / data.reach[:, None]
    pb.reach = pyo.Constraint(
        range(data.reach.size),
        rule=lambda pb, u: pb.s[u] <= sum(float(g) * pb.lam[n] for n, g in enumerate(gain[u])),
    )


def add_time_tangents(pb: Any, data: MonolithicBlock) -> None:
    """Tangents of t >= f(A), f(A) = c / log2(1 + p A^2), which is convex where A > 0.

    With L = ln(1 + p A^2) and z = p A^2: f'' has the sign of 2 L'^2 - L L'' = (2 p / (1+z)^2) (4 z - (1-z) L), and
    L <= z makes that positive for z < 1; for z >= 1 both terms are positive or zero.
    """
    import pyomo.environ as pyo

    p, c = data.amplitude_cap**2, data.efficiency_cap
    low = max(data.floor_share, 0.01)
    if low >= 1.0:
        return
    points = np.geomspace(low, 1.0, _TANGENTS)

    def tangent(pb: Any, i: int) -> Any:
        at = float(points[i])
        nats = math.log1p(p * at**2)
        value = c * math.log(2.0) / nats
        slope = -value / nats * 2.0 * p * at / (1.0 + p * at**2)
        return pb.t >= value + slope * (pb.A - at)

    pb.time_tangents = pyo.Constraint(range(_TANGENTS), rule=tangent)


def add_rate_cuts(model: Any, blocks: tuple[MonolithicBlock, ...], efficiency: NDArray[np.float64]) -> None:
    """Level 2: broadcast times and QoS by node sets from certified upper bounds on rho_k(S) (F6).

    Parameters
    ----------
    model, blocks
        The model and its scaled blocks.
    efficiency
        (R, 2^N) upper bounds on rho_k(S) / B in bit/s/Hz by bit mask, 0 where S is proved unable to meet the QoS.
    """
    for r, data in enumerate(blocks):
        pb, bounds = model.pb[r], efficiency[r]
        with np.errstate(divide="ignore"):
            times = data.efficiency_cap / bounds
        pb.t.setlb(max(1.0, float(times[-1])))
        pb.rate.setub(min(1.0, float(bounds[-1]) / data.efficiency_cap))
        add_set_times(pb, times)
        add_set_covers(pb, times)


def add_set_times(pb: Any, times: NDArray[np.float64]) -> None:
    """t >= f(S) - sum_{n not in S} d_n lambda_n with f the least broadcast time of a set and f falling in S (F4).

    If X is the set of participating nodes outside S, the participating set lies in S and X together, so t >= f(S + X);
    and d_n = max over X with n in X of (f(S) - f(S + X)) / |X| makes the right-hand side at most that.
    """
    import pyomo.environ as pyo

    everything = times.size - 1

    def cut(pb: Any, mask: int) -> Any:
        drop: dict[int, float] = {}
        extra = everything & ~mask
        while extra:
            members = [n for n in range(everything.bit_length()) if (extra >> n) & 1]
            share = (times[mask] - times[mask | extra]) / len(members)
            for n in members:
                drop[n] = max(drop.get(n, 0.0), float(share))
            extra = (extra - 1) & everything & ~mask
        return pb.t >= float(times[mask]) - sum(d * pb.lam[n] for n, d in drop.items())

    masks = [mask for mask in range(1, everything + 1) if np.isfinite(times[mask])]
    pb.set_times = pyo.Constraint(masks, rule=cut)


def add_set_covers(pb: Any, times: NDArray[np.float64]) -> None:
    """sum_{n not in S} lambda_n >= 1 for every largest S that is proved unable to meet the QoS (9b)."""
    import pyomo.environ as pyo

    everything = times.size - 1
    nodes = range(everything.bit_length())
    unable = [mask for mask in range(1, everything) if np.isinf(times[mask])]
    largest = [
        mask for mask in unable if all((mask >> n) & 1 or np.isfinite(times[mask | 1 << n]) for n in nodes)
    ]
    pb.set_covers = pyo.Constraint(
        largest, rule=lambda pb, mask: sum(pb.lam[n] for n in nodes if not (mask >> n) & 1) >= 1
    )
