"""Reward as regret against a proved bound on what is still to come, so that the return of an episode is its gap.

Let Lambda be any finite set of storage multipliers lambda >= 0 (N,) in s per byte that contains 0, T^low_k(C) the
delays of F5 over certified upper rates, and v_k(lambda) = min_C [ T^low_k(C) + sum_{n in C} lambda_n D_k ]. For the
blocks from step k on and room q,

    L_k(q) = max over lambda in Lambda of [ sum_{j >= k} v_j(lambda) - sum_n lambda_n q_n ]

is a lower bound on their delay: for each lambda it is the Lagrangian bound of the knapsack of F5 (F7) with q in place
of Q. L_1(Q) =: L bounds P1 itself. The reward of the step from room q to q' = q - D_k a_k is

    -(T_k + L_{k+1}(q') - L_k(q)) / tau.

*The return is the gap.* The bounds telescope, and nothing is to come after the end (L = max -lambda . q = 0 there), so
the undiscounted return of an episode that delivers every requested block is -(T - L) / tau.

*No step gains.* Take the lambda that attains L_k(q). Then T_k + L_{k+1}(q') is at least
T_k + sum_{j > k} v_j(lambda) - lambda . q' = T_k + lambda . (D_k a_k) - v_k(lambda) + L_k(q), and T_k is at least
T^low_k(C): the regret of every step is >= 0, and 0 only for a choice that the bound rests on. A node whose room falls
behind what is to come becomes dearer, one with room to spare cheaper.

*The best policy stays the same.* This is potential-based shaping (Ng, Harada, Russell, 1999) with the potential
-L_k(q): with gamma = 1 all policies that deliver everything keep their order. The potential being close to the best
cost to go, a much smaller gamma does, even 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.formulations.knapsack.dual_function import priced_delays
from fgamcd_opt.formulations.knapsack.dual_simplex import solve_storage_lp
from fgamcd_opt.formulations.knapsack.multiple_choice import build_knapsack
from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.short_repr import short_repr
from fgamcd_opt.learning.environment.scenario import Scenario
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.solving.rate_tables import NO_PLACEMENT

_LEVELS = (0.25, 0.5, 0.7, 0.85, 1.0, 1.15, 1.3, 1.6, 2.0, 3.0, 5.0)
"""All prices together, as multiples of the best ones of the whole problem."""

_TILTS = (0.5, 0.8, 1.25, 2.0)
"""One node's price, as a multiple of what it is at each level."""


@dataclass(frozen=True, eq=False)
class StoragePrices:
    """Storage multipliers of one problem and what they prove.

    Parameters
    ----------
    multipliers
        (M, N) Lambda in s per byte; the first are those of the LP relaxation, the last 0.
    least_s
        (M, R) v_k of the requested blocks, in s.
    bound_s
        L in s.
    """

    multipliers: NDArray[np.float64]
    least_s: NDArray[np.float64]
    bound_s: float

    __repr__ = short_repr


def storage_prices(problem: P1, upper_bps: NDArray[np.float64]) -> StoragePrices:
    """Multipliers around those of the LP relaxation of the knapsack over proved rate bounds, and what follows.

    Parameters
    ----------
    problem
        P1.
    upper_bps
        (R, 2^N) proved upper bounds on rho_k(S), of the complete table.

    Raises
    ------
    InputError
        It is proved that no placement fits, so that P1 has no finite bound.
    """
    knapsack = build_knapsack(problem, upper_bps)
    if np.unique(knapsack.block).size < knapsack.n_blocks:
        raise InputError(f"{problem.instance.name}: {NO_PLACEMENT}; regret needs a feasible problem")
    best, feasible = solve_storage_lp(knapsack)
    if not feasible:
        raise InputError(f"{problem.instance.name}: {NO_PLACEMENT}; regret needs a feasible problem")
    multipliers = _around(best)
    least = np.stack(
        [np.minimum.reduceat(priced_delays(knapsack, each), knapsack.starts[:-1]) for each in multipliers]
    )
    bound_s = float((least.sum(axis=1) - multipliers @ knapsack.storage_bytes).max())
    return StoragePrices(multipliers, least, bound_s)


def _around(best: NDArray[np.float64]) -> NDArray[np.float64]:
    """(M, N) the best multipliers, multiples of them, and multiples with one node's price changed; 0."""
    tilted = [best]
    for level in _LEVELS:
        tilted.append(level * best)
        for node in range(best.size):
            for tilt in _TILTS:
                factors = np.full(best.size, level)
                factors[node] *= tilt
                tilted.append(factors * best)
    return np.stack([*tilted, np.zeros_like(best)])


class RegretReward:
    """The reward of the module's text, for scenarios as they come.

    The first step on a scenario completes its table of rates, all 2^N sets of every block, and solves one linear
    program; in family mode every episode pays this once.
    """

    __repr__ = short_repr

    def __init__(self) -> None:
        self._prices: WeakKeyDictionary[Scenario, StoragePrices] = WeakKeyDictionary()
        self._to_come_s: WeakKeyDictionary[Scenario, NDArray[np.float64]] = WeakKeyDictionary()

    def prices(self, scenario: Scenario) -> StoragePrices:
        """Multipliers and bound of a scenario, computed when first asked for.

        Raises
        ------
        InputError
            It is proved that no placement fits.
        """
        if scenario not in self._prices:
            scenario.warm()
            prices = storage_prices(scenario.problem, scenario.oracle.upper_bps())
            least = np.where(scenario.requested, prices.least_s[:, scenario.step_row], 0.0)
            behind = np.zeros((least.shape[0], 1))
            to_come = np.concatenate([least[:, ::-1].cumsum(axis=1)[:, ::-1], behind], axis=1)
            self._prices[scenario] = prices
            self._to_come_s[scenario] = np.ascontiguousarray(to_come.T)
        return self._prices[scenario]

    def to_come_s(
        self, scenario: Scenario, step: NDArray[np.int64], room_bytes: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """(B,) L_k(q) in s before steps (B,) with room (B, N)."""
        prices = self.prices(scenario)
        return np.asarray((self._to_come_s[scenario][step] - room_bytes @ prices.multipliers.T).max(axis=1))

    def reward(
        self,
        scenario: Scenario,
        step: NDArray[np.int64],
        caching_mask: NDArray[np.int64],
        delay_s: NDArray[np.float64],
        room_bytes: NDArray[np.int64],
    ) -> NDArray[np.float64]:
        """(B,) minus the regret over tau of steps that leave room (B, N)."""
        caches = (caching_mask[:, None] >> np.arange(room_bytes.shape[1])) & 1
        before = room_bytes + caches * scenario.step_bytes[step][:, None]
        change = self.to_come_s(scenario, step + 1, room_bytes) - self.to_come_s(scenario, step, before)
        return np.asarray(-(delay_s + change) / scenario.time_scale_s)
