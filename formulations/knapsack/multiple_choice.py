"""P1 as a multiple-choice multidimensional knapsack (F5): one caching set per block, storage as the only coupling.

min  sum_k sum_C T_k(C) x_{k,C}
s.t. sum_C x_{k,C} = 1                                  for every requested block k
     sum_k sum_{C with n in C} D_k x_{k,C} <= Q_n       for every node n                              (1)
     x binary
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.beamforming.rate_oracle import reduce_pairs
from fgamcd_opt.formulations.knapsack.configuration_delays import (
    caching_units,
    configuration_delays,
    unit_bytes,
)
from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.short_repr import short_repr
from fgamcd_opt.problem.constraints.beams import MaxSenders, Power, Qos, Sender, Silence
from fgamcd_opt.problem.constraints.formulation import Formulation
from fgamcd_opt.problem.constraints.placement import Binary, Coverage, Link, MigrationSource, Storage
from fgamcd_opt.problem.constraints.planning import Cooperation, OwnUsers, WholeModel
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.problem.transmissions import Transmissions

MOST_BYTES = 2**62
"""Sizes of all blocks together: storage less what is used then never overflows 64 bits."""


@dataclass(frozen=True, eq=False)
class Knapsack:
    """Columns of the knapsack, sorted by block and within a block by delay.

    A block stands for a caching unit: with ``granularity=model`` it is a whole model.

    Parameters
    ----------
    block
        (c,) row of each column's block among the requested blocks.
    mask
        (c,) caching set C as a bit mask.
    delay_s
        (c,) T_k(C).
    size_bytes
        (R,) D_k of the requested blocks.
    storage_bytes
        (N,) Q_n.

    Raises
    ------
    InputError
        The sizes sum up to more than :data:`MOST_BYTES`.
    """

    block: NDArray[np.int64]
    mask: NDArray[np.int64]
    delay_s: NDArray[np.float64]
    size_bytes: NDArray[np.int64]
    storage_bytes: NDArray[np.int64]

    __repr__ = short_repr

    def __post_init__(self) -> None:
        if sum(self.size_bytes.tolist()) > MOST_BYTES:
            raise InputError(f"size_bytes: the sum exceeds {MOST_BYTES} bytes")

    @property
    def n_blocks(self) -> int:
        """Number R of requested blocks."""
        return int(self.size_bytes.size)

    @property
    def starts(self) -> NDArray[np.int64]:
        """(R + 1,) first column of every block."""
        return np.searchsorted(self.block, np.arange(self.n_blocks + 1))

    def membership(self) -> NDArray[np.bool_]:
        """(c, N) whether node n belongs to the caching set of the column."""
        nodes = np.arange(self.storage_bytes.size)
        return np.asarray((self.mask[:, None] >> nodes) & 1, dtype=bool)

    def used_bytes(self, columns: NDArray[np.int64]) -> NDArray[np.int64]:
        """(N,) storage used when exactly ``columns`` are chosen, in bytes."""
        sizes = self.size_bytes[self.block[columns]]
        return np.asarray((self.membership()[columns] * sizes[:, None]).sum(axis=0))

    def fits(self, columns: NDArray[np.int64]) -> bool:
        """Whether ``columns`` respect the storage of every node (1), in whole bytes."""
        return bool((self.used_bytes(columns) <= self.storage_bytes).all())

    def total_delay_s(self, columns: NDArray[np.int64]) -> float:
        """Objective of a choice of one column per block."""
        return float(self.delay_s[columns].sum())

    def columns_of(self, masks: NDArray[np.int64]) -> NDArray[np.int64] | None:
        """Per block the quickest column whose caching set lies within ``masks`` (R,); None where there is none."""
        inside = np.nonzero((self.mask & ~masks[self.block]) == 0)[0]
        blocks, first = np.unique(self.block[inside], return_index=True)
        return inside[first] if blocks.size == self.n_blocks else None

    def restrict(self, keep: NDArray[np.bool_]) -> Knapsack:
        """The knapsack with only the columns where ``keep`` is true."""
        return Knapsack(
            self.block[keep], self.mask[keep], self.delay_s[keep], self.size_bytes, self.storage_bytes
        )


def build_knapsack(problem: P1, rate_bps: NDArray[np.float64]) -> Knapsack:
    """The knapsack of a rate table, without dominated configurations.

    C is dropped if a proper subset has no larger delay: it needs more storage for nothing. Ties keep the subset.
    A caching set that holds a block larger than one of its nodes' storage is dropped, too.

    Parameters
    ----------
    problem
        P1 or a variant.
    rate_bps
        (T, 2^N) rates, see :func:`configuration_delays`.
    """
    data = problem.data
    delay, _ = configuration_delays(problem, rate_bps)
    size = unit_bytes(problem)
    rows = np.arange(delay.shape[1])
    best = delay.copy()  # least delay over all subsets, C included
    strict = np.full_like(delay, np.inf)  # least delay over the proper subsets
    for n in range(data.n_nodes):
        larger = rows[(rows >> n) & 1 == 1]
        smaller = larger ^ (1 << n)
        strict[:, larger] = np.minimum(np.minimum(strict[:, larger], strict[:, smaller]), best[:, smaller])
        best[:, larger] = np.minimum(best[:, larger], best[:, smaller])
    holds = (rows[:, None] >> np.arange(data.n_nodes)) & 1 == 1
    fits = ~(holds[None] & (size[:, None, None] > data.storage_bytes)).any(axis=2)
    block, mask = np.nonzero((delay < strict) & np.isfinite(delay) & fits)
    order = np.lexsort((delay[block, mask], block))
    block, mask = block[order], mask[order]
    return Knapsack(
        block.astype(np.int64), mask.astype(np.int64), delay[block, mask], size, data.storage_bytes
    )


KNAPSACK = Formulation(
    name="knapsack over caching sets (F5)",
    builders={
        Storage: Knapsack.fits,
        Binary: build_knapsack,
        Coverage: configuration_delays,
        MigrationSource: configuration_delays,
        Link: configuration_delays,
        Cooperation: configuration_delays,
        OwnUsers: configuration_delays,
        WholeModel: caching_units,
        Qos: reduce_pairs,
        Power: reduce_pairs,
        Silence: Transmissions.sending_sets,
        Sender: Transmissions.sending_sets,
        MaxSenders: Transmissions.sending_sets,
    },
)
"""Beams live in the rates of node sets, sources and links in the delays of caching sets, storage in the rows."""
