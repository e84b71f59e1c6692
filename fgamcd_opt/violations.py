"""How far a decision is from satisfying each constraint of P1, with numpy alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.decision import Decision
from fgamcd_opt.instances.instance import Instance

TOLERANCE = 1e-6
"""Largest relative violation that is put down to rounding, in the constraints on real numbers."""

_REAL_CONSTRAINTS = frozenset({"qos", "power", "binary"})
_Measured = dict[str, tuple[NDArray[Any], Callable[..., str]]]


def allowed_violation(constraint: str) -> float:
    """:data:`TOLERANCE` for the constraints on real numbers; 0 for the logical and integer ones."""
    return TOLERANCE if constraint in _REAL_CONSTRAINTS else 0.0


def measure_violations(
    instance: Instance, decision: Decision, rate_bps: NDArray[np.float64]
) -> tuple[dict[str, float], dict[str, str]]:
    """Largest relative violation of every constraint of P1 (0 where it holds), and where that is.

    Relative to the QoS rate (9b), the node's power budget (9d) or its storage (1); a violated logical
    constraint counts 1, the integrality of the binaries (9c) is their largest distance from 0 or 1.

    Parameters
    ----------
    instance, decision
        The problem and a candidate of matching shape.
    rate_bps
        Worst-case rates of the pairs, shape (P,).

    Returns
    -------
        Violation by constraint name, and the place of each one that is not 0.
    """
    measured = _of_beams(instance, decision, rate_bps) | _of_placement(instance, decision)
    violations = {name: float(value.max(initial=0)) for name, (value, _) in measured.items()}
    places = {
        name: place(*(int(i) for i in np.unravel_index(int(value.argmax()), value.shape)))
        for name, (value, place) in measured.items()
        if violations[name] > 0.0
    }
    violations["binary"] = decision.integrality
    if decision.integrality > 0.0:
        places["binary"] = "some binary before rounding"
    return violations, places


def _of_beams(instance: Instance, decision: Decision, rate_bps: NDArray[np.float64]) -> _Measured:
    """QoS (9b), power and silence (9d), with the place as a function of the index."""
    blocks = instance.requested_blocks
    qos = instance.qos_bps[instance.pair_user]
    with np.errstate(over="ignore"):
        power = (np.abs(decision.beams) ** 2).sum(axis=2) / instance.power_w
    silent = ~decision.participation[:, blocks].T
    return {
        "qos": (
            np.maximum(qos - rate_bps, 0.0) / np.where(qos > 0.0, qos, 1.0),
            lambda p: f"block {instance.pair_block[p]}, user {instance.pair_user[p]}",
        ),
        "power": (np.maximum(power - 1.0, 0.0), lambda r, n: f"block {blocks[r]}, node {n}"),
        "silence": (np.where(silent, power, 0.0), lambda r, n: f"block {blocks[r]}, node {n}"),
    }


def _of_placement(instance: Instance, decision: Decision) -> _Measured:
    """Storage (1), source of migrations (2), existing links (8), coverage (3), with their places."""
    blocks = instance.requested_blocks
    excess = decision.caching @ instance.block_bytes - instance.storage_bytes
    uncovered = np.asarray(~decision.participation[:, blocks].any(axis=0))
    without_source = decision.migration & ~decision.caching[:, None, :]
    without_link = decision.migration & (instance.backhaul_bps.transpose(1, 2, 0) <= 0.0)
    return {
        "storage": (np.maximum(excess, 0) / np.maximum(instance.storage_bytes, 1), lambda n: f"node {n}"),
        "migration_source": (without_source, lambda n, m, k: f"block {k} from node {n} to node {m}"),
        "link": (without_link, lambda n, m, k: f"block {k} from node {n} to node {m}"),
        "coverage": (uncovered, lambda r: f"block {blocks[r]}"),
    }
