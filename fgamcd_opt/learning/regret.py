"""Reward as regret against the proved bound per block, so that the return of an episode is its gap.

Let lambda_n >= 0 be any storage multipliers in s per byte, T^low_k(C) the delays of F5 over certified upper rates, and

    v_k = min_C [ T^low_k(C) + sum_{n in C} lambda_n D_k ],    L = sum_k v_k - sum_n lambda_n Q_n.

L is the Lagrangian bound of the knapsack (F5, F7): no point of P1 has a delay below it. With the rent
r_k = sum_n lambda_n D_k a_{n,k} of the copies made, the step reward is

    -(T_k + r_k - v_k) / tau,    and at the last step besides  -(sum_n lambda_n q_n) / tau  with the room left over.

*The return is the gap.* The room goes from q = Q to what is left over by the copies made, so that the sum of all r_k
is lambda . Q - lambda . q_end, and the undiscounted return of an episode that delivers every requested block is

    -(T + lambda . Q - lambda . q_end - sum_k v_k + lambda . q_end) / tau = -(T - L) / tau.

*No step gains.* T_k is the delay (8) of beams in hand and of one migration for the caching set C, so T_k is at least
T^low_k(C), and T_k + r_k is at least v_k: every step's regret is >= 0, and 0 only for a choice that the bound rests
on. So is the last term; both vanish together exactly where the bound is tight (complementary slackness).

*The best policy stays the same.* -r_k = Phi(q_{k+1}) - Phi(q_k) for the potential Phi(q) = lambda . q, which is 0
after the end: potential-based shaping (Ng, Harada, Russell, 1999), besides the constants v_k. With gamma = 1 all
policies that deliver everything keep their order; with gamma < 1 this differs from gamma Phi(q') - Phi(q) by
(1 - gamma) Phi(q') per step, a premium on room that is kept. Blocks that nobody requests have T_k = v_k = 0
and pay their rent.
"""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.errors import InputError
from fgamcd_opt.formulations.knapsack import build_knapsack
from fgamcd_opt.learning.environment.scenario import Scenario
from fgamcd_opt.problem import P1
from fgamcd_opt.solvers.lagrangian import priced_delays
from fgamcd_opt.solvers.rate_tables import NO_PLACEMENT
from fgamcd_opt.solvers.storage_lp import solve_storage_lp


@dataclass(frozen=True, eq=False)
class StoragePrices:
    """Storage multipliers of one problem and what they prove.

    Parameters
    ----------
    multipliers
        (N,) lambda in s per byte, >= 0.
    least_s
        (R,) v_k of the requested blocks, in s.
    bound_s
        L in s.
    """

    multipliers: NDArray[np.float64]
    least_s: NDArray[np.float64]
    bound_s: float


def storage_prices(problem: P1, upper_bps: NDArray[np.float64]) -> StoragePrices:
    """Multipliers of the LP relaxation of the knapsack over proved rate bounds, and what follows from them.

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
    multipliers, feasible = solve_storage_lp(knapsack)
    if not feasible:
        raise InputError(f"{problem.instance.name}: {NO_PLACEMENT}; regret needs a feasible problem")
    least = np.minimum.reduceat(priced_delays(knapsack, multipliers), knapsack.starts[:-1])
    return StoragePrices(multipliers, least, float(least.sum() - multipliers @ knapsack.storage_bytes))


class RegretReward:
    """The reward of the module's text, for scenarios as they come.

    The first step on a scenario completes its table of rates, all 2^N sets of every block, and solves one linear
    program; in family mode every episode pays this once.
    """

    def __init__(self) -> None:
        self._prices: WeakKeyDictionary[Scenario, StoragePrices] = WeakKeyDictionary()

    def prices(self, scenario: Scenario) -> StoragePrices:
        """Multipliers and bound of a scenario, computed when first asked for.

        Raises
        ------
        InputError
            It is proved that no placement fits.
        """
        if scenario not in self._prices:
            scenario.warm()
            self._prices[scenario] = storage_prices(scenario.problem, scenario.oracle.upper_bps())
        return self._prices[scenario]

    def reward(
        self,
        scenario: Scenario,
        step: NDArray[np.int64],
        caching_mask: NDArray[np.int64],
        delay_s: NDArray[np.float64],
        room_bytes: NDArray[np.int64],
    ) -> NDArray[np.float64]:
        """(B,) minus the regret over tau, with the value of the room left over (B, N) at the last step."""
        prices = self.prices(scenario)
        caches = (caching_mask[:, None] >> np.arange(prices.multipliers.size)) & 1
        rent = scenario.step_bytes[step] * (caches @ prices.multipliers)
        least = np.where(scenario.requested[step], prices.least_s[scenario.step_row[step]], 0.0)
        left = np.where(step == scenario.n_steps - 1, room_bytes @ prices.multipliers, 0.0)
        return np.asarray(-(delay_s + rent - least + left) / scenario.time_scale_s)
