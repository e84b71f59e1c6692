"""Delay of a decision and the violation of every constraint of P1, with numpy alone.

Every solver is judged by :func:`evaluate`; it knows nothing about how a decision was found.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.cache_hits import hit_ratio
from fgamcd_opt.decision import Decision
from fgamcd_opt.delay import broadcast_times_s, migration_times_s, pair_rates_bps
from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.violations import TOLERANCE, allowed_violation, measure_violations


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a decision is worth. R requested blocks and P pairs (block, user) in the order of the instance.

    Attributes
    ----------
    delay_s
        T = sum of ``block_delay_s`` (7); infinite if a requested block never arrives.
    block_delay_s
        T_k = ``migration_s`` + ``broadcast_s`` (7), shape (R,).
    migration_s
        Slowest migration of each block (8), shape (R,).
    broadcast_s
        Broadcast of each block to its slowest user (8), shape (R,).
    pair_rate_bps
        Worst-case rate of each pair (6), shape (P,).
    violations
        Largest relative violation of each constraint, 0 where it holds; the keys are the constraint names
        of the P1 object.
    places
        For each violated constraint where its largest violation is.
    served
        Number of users all of whose blocks arrive at their QoS rate.
    hit_ratio
        Share of users for whom one node alone caches the whole model and reaches their QoS for each of its
        blocks with the lone-user beam of F3 (the cache hit of Qu et al., arXiv 2405.03990).
    """

    delay_s: float
    block_delay_s: NDArray[np.float64]
    migration_s: NDArray[np.float64]
    broadcast_s: NDArray[np.float64]
    pair_rate_bps: NDArray[np.float64]
    violations: dict[str, float]
    places: dict[str, str]
    served: int
    hit_ratio: float

    @property
    def max_violation(self) -> float:
        """Largest entry of ``violations``."""
        return max(self.violations.values())

    @property
    def faults(self) -> tuple[str, ...]:
        """Constraints that do not hold, in words, beyond what rounding explains."""
        return tuple(
            f"{name} violated by {value:.3g} (relative) at {self.places[name]}"
            for name, value in self.violations.items()
            if value > allowed_violation(name)
        )

    @property
    def feasible(self) -> bool:
        """No fault, and a finite delay."""
        return not self.faults and bool(np.isfinite(self.delay_s))


def evaluate(instance: Instance, decision: Decision) -> Evaluation:
    """Judge a decision on P1 (default variant) with the true error set.

    Parameters
    ----------
    instance
        Data of the problem.
    decision
        Candidate; it may violate any constraint.

    Raises
    ------
    InputError
        If the decision's shapes do not fit the instance.
    """
    decision.require_fit(instance)
    rate = pair_rates_bps(instance, decision)
    migration = migration_times_s(instance, decision.migration)
    broadcast = broadcast_times_s(instance, rate)
    violations, places = measure_violations(instance, decision, rate)
    return Evaluation(
        delay_s=float((migration + broadcast).sum()),
        block_delay_s=migration + broadcast,
        migration_s=migration,
        broadcast_s=broadcast,
        pair_rate_bps=rate,
        violations=violations,
        places=places,
        served=_served(instance, rate),
        hit_ratio=hit_ratio(instance, decision.caching),
    )


def _served(instance: Instance, rate: NDArray[np.float64]) -> int:
    """Number of users all of whose blocks arrive at their QoS rate."""
    qos = instance.qos_bps[instance.pair_user]
    late = (rate < qos * (1.0 - TOLERANCE)) | (rate <= 0.0)
    return int(instance.n_users - np.unique(instance.pair_user[late]).size)
