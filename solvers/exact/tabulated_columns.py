"""All caching sets of all caching units, with rates from a table of all node sets."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.beamforming.broadcast import BeamformingSettings
from fgamcd_opt.beamforming.rate_oracle import RateOracle
from fgamcd_opt.formulations.knapsack.configuration_delays import caching_units, configuration_delays
from fgamcd_opt.formulations.knapsack.multiple_choice import Knapsack, build_knapsack
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.solvers.exact.knapsack_search import KnapsackSearch
from fgamcd_opt.solving.context import SolveContext
from fgamcd_opt.solving.rate_tables import reporter


@dataclass(frozen=True, eq=False)
class TabulatedColumns:
    """The columns of F5, enumerated.

    Parameters
    ----------
    problem
        P1 or a variant.
    context
        Seed, clock, progress.
    oracle
        The table.
    max_nodes
        Nodes of branch and bound (F8) per set that is tightened; 0: none.
    """

    problem: P1
    context: SolveContext
    oracle: RateOracle
    max_nodes: int
    beyond_s: float = math.inf
    all_solved: bool = True

    def by_beams(self) -> Knapsack:
        """With delays of the known beams."""
        return build_knapsack(self.problem, self.oracle.lower_bps())

    def by_bounds(self) -> Knapsack:
        """With delays by proved rate bounds."""
        return build_knapsack(self.problem, self.oracle.upper_bps())

    def participating(self, caching: NDArray[np.int64]) -> NDArray[np.int64]:
        """(units,) the sets S of the known beams for the caching sets C (units,)."""
        _, participating = configuration_delays(self.problem, self.oracle.lower_bps())
        return participating[np.arange(caching.size), caching]

    def tighten(self, searches: Sequence[KnapsackSearch], number: int) -> bool:
        """Work harder on the (transmission, S) that the current choices rest on, by their bounds or by their beams."""
        _, by_bound = configuration_delays(self.problem, self.oracle.upper_bps())
        _, by_beam = configuration_delays(self.problem, self.oracle.lower_bps())
        wanted = np.zeros(by_bound.shape, bool)
        for search in searches:
            used = search.reduced_s <= 0.0
            if search.columns is not None:
                used[search.columns] = True
            block, mask = search.knapsack.block[used], search.knapsack.mask[used]
            wanted[block, by_bound[block, mask]] = True
            wanted[block, by_beam[block, mask]] = True
        tolerance = self.oracle.settings.tolerance
        settings = BeamformingSettings(
            rounds=4 * (number + 1) + self.oracle.settings.rounds,
            tolerance=tolerance,
            max_nodes=self.max_nodes,
            seed=self.context.seed,
        )
        self.oracle.compute(
            self.oracle.open_masks(self._by_transmission(wanted)),
            settings,
            reporter(self.context, "tighter beams"),
        )
        return False

    def _by_transmission(self, wanted: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """(T, 2^N) from (units, 2^N): the sets wanted for each transmission's caching unit."""
        blocks = self.problem.data.requested_blocks
        return np.asarray(wanted[caching_units(self.problem)[np.searchsorted(blocks, self.oracle.blocks)]])
