"""Bounds on P1 from the knapsack of F5 over certified rates (F7) with storage relaxed: what several solvers share.

A method only chooses storage multipliers. The bound is the exact Lagrangian value at them, whatever the accuracy of
the linear program that they come from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.beamforming.broadcast import BeamformingSettings
from fgamcd_opt.beamforming.rate_oracle import RateOracle
from fgamcd_opt.formulations.knapsack.dual_function import lagrangian_bound
from fgamcd_opt.formulations.knapsack.dual_simplex import solve_storage_lp
from fgamcd_opt.formulations.knapsack.multiple_choice import Knapsack, build_knapsack
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.solving.context import SolveContext
from fgamcd_opt.solving.rate_tables import NO_PLACEMENT, complete_table, unservable_block
from fgamcd_opt.solving.solver import Outcome
from fgamcd_opt.solving.status import StopReason


@dataclass(eq=False)
class StorageRelaxation:
    """Bounds on one problem from ever better rate bounds; the best bound is kept.

    Parameters
    ----------
    problem
        P1 or a variant.
    context
        Clock, stop flag, progress.

    Attributes
    ----------
    multipliers
        (N,) storage multipliers of the last bound, in s per byte.
    bound_s
        Best proved lower bound in s; infinite if it is proved that no placement fits.
    """

    problem: P1
    context: SolveContext
    multipliers: NDArray[np.float64] = field(init=False)
    bound_s: float = -np.inf

    def __post_init__(self) -> None:
        self.multipliers = np.zeros(self.problem.instance.n_nodes)

    @property
    def infeasible(self) -> bool:
        """Whether it is proved that no placement fits."""
        return self.bound_s == np.inf

    def knapsack(self, upper_bps: NDArray[np.float64]) -> Knapsack | None:
        """The knapsack over proved rate bounds (R, 2^N); None if some block has no column, so that nothing fits."""
        knapsack = build_knapsack(self.problem, upper_bps)
        if np.unique(knapsack.block).size == knapsack.n_blocks:
            return knapsack
        self.bound_s = np.inf
        return None

    def evaluate(self, knapsack: Knapsack, multipliers: NDArray[np.float64]) -> NDArray[np.float64]:
        """Take multipliers (N,) >= 0 over, and the bound that they prove; returns the columns' reduced costs in s."""
        value, reduced = lagrangian_bound(knapsack, multipliers)
        self.multipliers = multipliers
        self.bound_s = max(self.bound_s, value)
        self.context.record(lower_bound_s=self.bound_s)
        return reduced

    def ascend(self, knapsack: Knapsack) -> NDArray[np.float64]:
        """Bound by the best multipliers, or prove that nothing fits; returns the columns' reduced costs in s."""
        multipliers, feasible = solve_storage_lp(knapsack)
        if not feasible:
            self.bound_s = np.inf
        return self.evaluate(knapsack, multipliers)

    def outcome(self, kind: str, counts: Mapping[str, int]) -> Outcome:
        """What the solver returns."""
        if self.infeasible:
            return Outcome(stop_reason=StopReason.INFEASIBLE, infeasibility=NO_PLACEMENT, counts=counts)
        return Outcome(
            stop_reason=self.context.stop_reason(),
            lower_bound_s=self.bound_s,
            bound_kind=kind,
            multipliers=self.multipliers,
            counts=counts,
        )


def bound_over_certified_rates(
    problem: P1,
    context: SolveContext,
    rounds: int,
    kind: str,
    improve: Callable[[StorageRelaxation, Knapsack], object],
) -> Outcome:
    """Bound P1 by one relaxation of storage over the rate bounds of all node sets.

    The relaxation is solved for the rates of lone users (F3) first: a bound and multipliers are known whenever the
    time is up.

    Parameters
    ----------
    problem
        P1 or a variant.
    context
        Limits, seed, clock.
    rounds
        Beamforming effort per set.
    kind
        Kind of the bound, in words.
    improve
        Improves multipliers and bound for a knapsack.
    """
    reason = problem.infeasibility_reason()
    if reason:
        return Outcome(stop_reason=StopReason.INFEASIBLE, infeasibility=reason)
    relaxation = StorageRelaxation(problem, context)
    settings = BeamformingSettings(rounds=rounds, seed=context.seed)
    with context.stage("rates"):
        oracle = RateOracle(problem, settings, context.limits.threads)
    for complete in (False, True):
        with context.stage("rates"):
            if complete:
                complete_table(oracle, context)
            bad = unservable_block(oracle)
        if bad:
            return Outcome(stop_reason=StopReason.INFEASIBLE, infeasibility=bad)
        with context.stage("search"):
            knapsack = relaxation.knapsack(oracle.upper_bps())
            if knapsack is not None:
                improve(relaxation, knapsack)
        if relaxation.infeasible:
            break
    return relaxation.outcome(kind, {"rate_problems": oracle.solved, "rate_problems_total": oracle.size})
