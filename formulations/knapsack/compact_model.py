"""A compact mixed-integer relaxation of P1: a, b and delays, with the rates of only the largest node sets.

min  sum_k (mu_k + tau_k)                                                                             (7), (8)
s.t. sum_k D_k a_{n,k} <= Q_n                                                                             (1)
     b_{n,m,k} <= a_{n,k}                                                                                 (2)
     lambda_{m,k} = a_{m,k} + sum_n b_{n,m,k} <= 1                                                        (3)
     mu_k >= sum_n D_k / R_{n,m,k} b_{n,m,k}                        for every node m                      (8)
     tau_k >= f_k(V) - sum_{m not in V} c_{k,V,m} lambda_{m,k}      for every V of the family             (6)
     sum_{m not in V} lambda_{m,k} >= 1                             for every V that misses the QoS      (9b)
     sum_n a_{n,k} >= 1,  a, b binary                                                                     (9c)

f_k(S) = D_k / ub_k(S) with certified upper bounds ub_k on the rates (F6), so f_k falls as S grows (F4). The family
holds the sets V that lack at most ``depth`` nodes; c_{k,V,m} is the largest f_k(S) - f_k(S + m) over the sets S
that contain V but not m. Every feasible point of P1 has a point of this program that costs no more:

* Each node outside C that participates needs one source only, the fastest, and a node in C none. This changes
  neither the participating set S nor makes a migration slower; lambda then is 1 on S and 0 elsewhere.
* With tau_k = f_k(S) the row of V holds: f_k(S) >= f_k(S + V) by F4, and adding the nodes of S \\ V to V one by one
  lowers f_k(V) by at most c_{k,V,m} each.
* If V is proved to miss the QoS, so is every subset of it (F4): some node outside V participates.

With ``depth`` = N the program is P1 with rates ub_k, as F5 is; with less, the rates of small sets are unknown to it.

Storage is given in small whole numbers with half a unit to spare
(:mod:`fgamcd_opt.formulations.knapsack.storage_rows`). With an incumbent of delay T*, links and sets that take longer
than T* on their own are left out: no better point uses them, and the smaller of the optimum and T* is still a bound.
It keeps the coefficients small, against which tolerances count.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.formulations.knapsack.sparse_milp import Rows, SparseMilp, assemble
from fgamcd_opt.formulations.knapsack.storage_rows import StorageRow, storage_rows
from fgamcd_opt.io.short_repr import short_repr
from fgamcd_opt.problem.constraints.beams import MaxSenders, Power, Qos, Sender, Silence
from fgamcd_opt.problem.constraints.formulation import Formulation
from fgamcd_opt.problem.constraints.placement import Binary, Coverage, Link, MigrationSource, Storage
from fgamcd_opt.problem.constraints.planning import Cooperation, OwnUsers, WholeModel
from fgamcd_opt.problem.p1 import P1

ROUNDING = 1e-12
"""Relative margin for floating-point rounding of a sum."""


@dataclass(frozen=True, eq=False)
class CompactRelaxation:
    """The program in scaled units, and where its variables are.

    Parameters
    ----------
    milp
        The program; its cost is in units of ``per_second`` per second of delay.
    per_second
        Units of cost per second.
    caching
        (R, N) column of a_{n,k}.
    least_s
        What its rows for the set of all nodes prove alone: sum_k f_k(N) in s, less a margin for rounding.
    largest
        Largest coefficient of a row with delays, in units of cost.
    """

    milp: SparseMilp
    per_second: float
    caching: NDArray[np.int64]
    least_s: float
    largest: float

    __repr__ = short_repr

    def caching_masks(self, values: NDArray[np.float64]) -> NDArray[np.int64]:
        """(R,) bit mask of the nodes that cache each requested block, from the values (c,) of the variables."""
        return (values[self.caching] > 0.5) @ (1 << np.arange(self.caching.shape[1]))


def compact_relaxation(
    problem: P1,
    upper_bps: NDArray[np.float64],
    depth: int,
    *,
    ceiling_s: float = math.inf,
    further: Sequence[StorageRow] = (),
) -> CompactRelaxation:
    """Build the relaxation.

    Parameters
    ----------
    problem
        P1, default variant.
    upper_bps
        (R, 2^N) proved upper bounds on the rates by bit mask, 0 where S is proved to miss the QoS; they fall
        nowhere as S grows (F4), and are positive for the set of all nodes.
    depth
        Nodes that a set V may lack; at least 0.
    ceiling_s
        Delay of an incumbent: what takes longer on its own is left out.
    further
        Rows of storage beside one per node.
    """
    builder = _Builder(problem, upper_bps, depth, ceiling_s)
    families = [
        builder.storage(further),
        builder.coverage(),
        builder.source(),
        builder.participation(),
        builder.migration(),
        builder.broadcast(),
        builder.qos(),
    ]
    return CompactRelaxation(
        assemble(builder.cost(), builder.upper(), builder.integral(), families),
        builder.per_second,
        builder.a,
        float(builder.delay[:, -1].sum()) / builder.per_second * (1.0 - ROUNDING),
        max(float(np.max(of, where=np.isfinite(of), initial=0.0)) for of in (builder.delay, builder.link)),
    )


class _Builder:
    """Columns a (R, N), b (R, N, N), mu (R,), tau (R,) in this order, and one method per family of constraints."""

    def __init__(self, problem: P1, upper_bps: NDArray[np.float64], depth: int, ceiling_s: float) -> None:
        data = problem.instance
        blocks, n = data.requested_blocks, data.n_nodes
        r = blocks.size
        self.size_bytes, self.storage_bytes = data.block_bytes[blocks], data.storage_bytes
        bits = 8.0 * self.size_bytes
        with np.errstate(divide="ignore"):
            delay = bits[:, None] / upper_bps  # infinite where the QoS is missed
            backhaul = data.backhaul_bps if data.backhaul_bps.shape[0] == 1 else data.backhaul_bps[blocks]
            link = bits[:, None, None] / backhaul
        most_s = ceiling_s * (1.0 + ROUNDING)
        delay[:, :-1] = np.where(delay[:, :-1] <= most_s, delay[:, :-1], np.inf)
        link = np.where(link <= most_s, link, np.inf)
        self.per_second = 10.0 ** round(1.0 - math.log10(float(delay[:, -1].mean())))
        self.delay = delay * self.per_second
        self.link = link * self.per_second
        self.linked = np.isfinite(self.link) & ~np.eye(n, dtype=bool)
        self.a = np.arange(r * n).reshape(r, n)
        self.b = r * n + np.arange(r * n * n).reshape(r, n, n)
        self.mu = r * n * (n + 1) + np.arange(r)
        self.tau = self.mu + r
        lacking = n - np.array([mask.bit_count() for mask in range(1 << n)])
        self.family = np.flatnonzero(lacking <= depth)

    @property
    def shape(self) -> tuple[int, int]:
        """R, N."""
        blocks, nodes = self.a.shape
        return blocks, nodes

    def cost(self) -> NDArray[np.float64]:
        """(7): sum_k mu_k + tau_k."""
        return np.concatenate([np.zeros(self.mu[0]), np.ones(2 * self.mu.size)])

    def upper(self) -> NDArray[np.float64]:
        """Binaries up to 1, 0 for blocks larger than the storage and for b without a link; delays unbounded."""
        fits = self.size_bytes[:, None] <= self.storage_bytes
        return np.concatenate([fits.ravel(), self.linked.ravel(), np.full(2 * self.mu.size, np.inf)])

    def integral(self) -> NDArray[np.bool_]:
        """(9c): a and b."""
        return np.asarray(np.arange(self.tau[-1] + 1) < self.mu[0])

    def storage(self, further: Sequence[StorageRow]) -> Rows:
        """(1), one row per node and the ``further`` ones."""
        blocks, _ = self.shape
        fits = self.size_bytes[:, None] <= self.storage_bytes
        rows = (*storage_rows(self.size_bytes, self.storage_bytes, fits), *further)
        return Rows(
            np.full(len(rows), -np.inf),
            np.array([row.right_side for row in rows]),
            np.repeat(np.arange(len(rows)), blocks),
            np.concatenate([self.a[:, row.node] for row in rows]),
            np.concatenate([row.coefficients for row in rows]),
        )

    def coverage(self) -> Rows:
        """Some node caches every requested block."""
        blocks, nodes = self.shape
        row = np.repeat(np.arange(blocks), nodes)
        return Rows(np.ones(blocks), np.full(blocks, np.inf), row, self.a.ravel(), np.ones(self.a.size))

    def source(self) -> Rows:
        """(2)."""
        k, n, m = np.nonzero(self.linked)
        row = np.arange(k.size)
        column = np.concatenate([self.b[k, n, m], self.a[k, n]])
        value = np.concatenate([np.ones(k.size), -np.ones(k.size)])
        return Rows(np.full(k.size, -np.inf), np.zeros(k.size), np.tile(row, 2), column, value)

    def participation(self) -> Rows:
        """(3): lambda_{m,k} <= 1."""
        blocks, nodes = self.shape
        count = blocks * nodes
        row, column = self._lambda(np.arange(count).reshape(blocks, nodes))
        return Rows(np.full(count, -np.inf), np.ones(count), row, column, np.ones(row.size))

    def migration(self) -> Rows:
        """(8), first part."""
        blocks, nodes = self.shape
        count = blocks * nodes
        k, n, m = np.nonzero(self.linked)
        row = np.concatenate([k * nodes + m, np.arange(count)])
        column = np.concatenate([self.b[k, n, m], np.repeat(self.mu, nodes)])
        value = np.concatenate([self.link[k, n, m], -np.ones(count)])
        return Rows(np.full(count, -np.inf), np.zeros(count), row, column, value)

    def broadcast(self) -> Rows:
        """(8), second part: f_k(V) from below by a linear function of lambda."""
        k, v = np.nonzero(np.isfinite(self.delay[:, self.family]))
        mask = self.family[v]
        steps = _largest_steps(self.delay)
        count = k.size
        place = np.full((count, self.shape[1]), np.arange(count)[:, None])
        row, column = self._lambda(place, k)
        value = steps[k[row], mask[row], self._node(column)]
        return Rows(
            self.delay[k, mask],
            np.full(count, np.inf),
            np.concatenate([np.arange(count), row]),
            np.concatenate([self.tau[k], column]),
            np.concatenate([np.ones(count), value]),
        )

    def qos(self) -> Rows:
        """(9b): the largest sets of the family that miss the QoS leave it to some other node."""
        nodes = self.shape[1]
        missed = np.isinf(self.delay)
        masks = np.arange(missed.shape[1])
        maximal = missed.copy()
        for n in range(nodes):
            without = masks[(masks >> n) & 1 == 0]
            maximal[:, without] &= ~missed[:, without | (1 << n)]
        k, v = np.nonzero(maximal[:, self.family])
        mask = self.family[v]
        count = k.size
        place = np.full((count, nodes), np.arange(count)[:, None])
        row, column = self._lambda(place, k)
        outside = ((mask[row] >> self._node(column)) & 1 == 0).astype(np.float64)
        return Rows(np.ones(count), np.full(count, np.inf), row, column, outside)

    def _lambda(
        self, place: NDArray[np.int64], blocks: NDArray[np.int64] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Entries (row, column) of lambda_{m,k} = a_{m,k} + sum_n b_{n,m,k}, k = blocks[i], in rows place[i, m]."""
        chosen = np.arange(place.shape[0]) if blocks is None else blocks
        i, n, m = np.nonzero(self.linked[chosen])
        row = np.concatenate([place.ravel(), place[i, m]])
        return row, np.concatenate([self.a[chosen].ravel(), self.b[chosen[i], n, m]])

    def _node(self, column: NDArray[np.int64]) -> NDArray[np.int64]:
        """Node m of the columns a_{m,k} and b_{n,m,k}."""
        return column % self.shape[1]


def _largest_steps(delay: NDArray[np.float64]) -> NDArray[np.float64]:
    """(R, 2^N, N) largest f(S) - f(S + m) over all S that contain V but not m; 0 for m in V or where f is infinite."""
    blocks, rows = delay.shape
    nodes = rows.bit_length() - 1
    masks = np.arange(rows)
    steps = np.zeros((blocks, rows, nodes))
    for m in range(nodes):
        without = masks[(masks >> m) & 1 == 0]
        finite = np.isfinite(delay[:, without])
        gain = np.where(finite, delay[:, without], 0.0) - np.where(finite, delay[:, without | (1 << m)], 0.0)
        steps[:, without, m] = np.maximum(gain, 0.0)
        for n in range(nodes):
            smaller = without[(without >> n) & 1 == 0] if n != m else without[:0]
            steps[:, smaller, m] = np.maximum(steps[:, smaller, m], steps[:, smaller | (1 << n), m])
    return steps


_IN_RATES = (
    "in the certified rate bounds of node sets, which hold for all beams that satisfy it: a relaxation"
)
_LARGEST_SETS = (
    "its rows know the rates of the largest node sets alone, with all their nodes sending together"
)
_PER_BLOCK = "its columns are those of P1 itself: blocks that any node may cache and send"

COMPACT = Formulation(
    name="compact relaxation in a, b and outer-approximated rates",
    builders={
        Storage: _Builder.storage,
        Coverage: _Builder.coverage,
        MigrationSource: _Builder.source,
        Link: _Builder.upper,
        Binary: _Builder.integral,
        Qos: _Builder.qos,
    },
    dropped={Power: _IN_RATES, Silence: _IN_RATES},
    refused={
        Sender: _LARGEST_SETS,
        MaxSenders: _LARGEST_SETS,
        WholeModel: _PER_BLOCK,
        Cooperation: _PER_BLOCK,
        OwnUsers: _PER_BLOCK,
    },
)
