"""Delay of a decision and the violation of every constraint of P1, with numpy alone.

Every solver is judged by :func:`evaluate`; it knows nothing about how a decision was found.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.problem.cache_hits import hit_ratio
from fgamcd_opt.problem.constraints.constraint import Candidate
from fgamcd_opt.problem.constraints.families import TOLERANCES, constraints_of
from fgamcd_opt.problem.decision import Decision
from fgamcd_opt.problem.delay import pair_rates_bps
from fgamcd_opt.problem.metrics import backhaul_bytes, mean_user_rate_bps, storage_saved_bytes
from fgamcd_opt.problem.objective import TotalDelay
from fgamcd_opt.problem.tolerances import owed_rate_bps
from fgamcd_opt.problem.transmissions import transmissions
from fgamcd_opt.problem.variants import Unserved, Variant

METRICS = (
    "served",
    "served_share",
    "hit_ratio",
    "storage_saved_bytes",
    "backhaul_bytes",
    "mean_user_rate_bps",
    "cloud_blocks",
)
"""Attributes of :class:`Evaluation` that are reported beside the delay."""


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
        Air time of each block (8), shape (R,): its broadcast to the slowest user, or the sum over its transmissions.
    pair_rate_bps
        Worst-case rate of each pair (6), shape (P,).
    violations
        Largest relative violation of each constraint, 0 where it holds; the keys are the constraint names
        of the P1 object.
    places
        For each violated constraint where its largest violation is.
    served, served_share
        Number and share of users all of whose blocks arrive at their QoS rate.
    hit_ratio
        Share of users for whom one node alone caches the whole model and reaches their QoS for each of its
        blocks with the lone-user beam of F3 (the cache hit of Qu et al., arXiv 2405.03990).
    storage_saved_bytes
        What the same caching would need more if no two models shared a block.
    backhaul_bytes
        Traffic of all migrations.
    mean_user_rate_bps
        Mean over the users of the rate at which their models arrive, the cloud's rate where it sends.
    cloud_blocks
        Number of blocks that some user gets from the cloud (``unserved=cloud``); 0 in P1 itself.
    """

    delay_s: float
    block_delay_s: NDArray[np.float64]
    migration_s: NDArray[np.float64]
    broadcast_s: NDArray[np.float64]
    pair_rate_bps: NDArray[np.float64]
    violations: dict[str, float]
    places: dict[str, str]
    served: int
    served_share: float
    hit_ratio: float
    storage_saved_bytes: int
    backhaul_bytes: int
    mean_user_rate_bps: float
    cloud_blocks: int

    def metrics(self) -> dict[str, float]:
        """The figures beside the delay, by name."""
        return {name: getattr(self, name) for name in METRICS}

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
            if value > TOLERANCES[name]
        )

    @property
    def feasible(self) -> bool:
        """No fault, and a finite delay."""
        return not self.faults and bool(np.isfinite(self.delay_s))


def evaluate(instance: Instance, decision: Decision, variant: Variant | None = None) -> Evaluation:
    """Judge a decision on a variant of P1 with the true error set.

    Parameters
    ----------
    instance
        Data of the problem as the variant sees them (``P1.data``).
    decision
        Candidate; it may violate any constraint.
    variant
        Which declaration of P1 is changed; P1 itself by default.

    Raises
    ------
    InputError
        If the decision's shapes do not fit the instance.
    """
    variant = variant or Variant()
    sent = transmissions(instance, variant)
    decision.require_fit(instance, sent.count)
    rate = pair_rates_bps(instance, decision.beams, sent.of_pair)
    from_cloud = np.zeros(sent.count, np.bool_)
    if variant.unserved is Unserved.CLOUD:
        from_cloud = np.asarray(~decision.beams.any(axis=(1, 2)))
    candidate = Candidate(instance, variant, sent, decision, rate, from_cloud)
    migration, broadcast = TotalDelay(variant).block_times_s(candidate)
    found = {rule.name: rule.violation(candidate) for rule in constraints_of(variant)}
    served = _served(instance, rate)
    return Evaluation(
        delay_s=float((migration + broadcast).sum()),
        block_delay_s=migration + broadcast,
        migration_s=migration,
        broadcast_s=broadcast,
        pair_rate_bps=rate,
        violations={name: violation.value for name, violation in found.items()},
        places={name: violation.place for name, violation in found.items() if violation.place is not None},
        served=served,
        served_share=served / instance.n_users,
        hit_ratio=hit_ratio(instance, decision.caching),
        storage_saved_bytes=storage_saved_bytes(instance, decision.caching),
        backhaul_bytes=backhaul_bytes(instance, decision),
        mean_user_rate_bps=mean_user_rate_bps(
            instance, np.where(from_cloud[sent.of_pair], variant.cloud_rate_bps or 0.0, rate)
        ),
        cloud_blocks=int(np.unique(sent.block[from_cloud]).size),
    )


def _served(instance: Instance, rate: NDArray[np.float64]) -> int:
    """Number of users all of whose blocks arrive at their QoS rate."""
    qos = instance.qos_bps[instance.pair_user]
    late = (rate < owed_rate_bps(qos)) | (rate <= 0.0)
    return int(instance.n_users - np.unique(instance.pair_user[late]).size)
