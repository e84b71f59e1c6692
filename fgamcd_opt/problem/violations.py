"""How far a decision is from satisfying each constraint of a variant of P1, with numpy alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.problem.decision import Decision
from fgamcd_opt.problem.tolerances import BINARY_TOLERANCE, POWER_TOLERANCE, QOS_TOLERANCE
from fgamcd_opt.problem.transmissions import BEST_NODE, JOINT, Transmissions
from fgamcd_opt.problem.variants import Delivery, Granularity, Unserved, Variant

ALLOWED = {"qos": QOS_TOLERANCE, "power": POWER_TOLERANCE, "binary": BINARY_TOLERANCE}
"""Largest relative violation that is put down to rounding, in the constraints on real numbers."""

_Measured = dict[str, tuple[NDArray[Any], Callable[..., str]]]


def allowed_violation(constraint: str) -> float:
    """What :data:`ALLOWED` says of the constraints on real numbers; 0 for the logical and integer ones."""
    return ALLOWED.get(constraint, 0.0)


def measure_violations(
    instance: Instance,
    variant: Variant,
    sent: Transmissions,
    decision: Decision,
    rate_bps: NDArray[np.float64],
    from_cloud: NDArray[np.bool_],
) -> tuple[dict[str, float], dict[str, str]]:
    """Largest relative violation of every constraint (0 where it holds), and where that is.

    Relative to the QoS rate (9b), the node's power budget (9d) or its storage (1); a violated logical
    constraint counts 1, the integrality of the binaries (9c) is their largest distance from 0 or 1.

    Parameters
    ----------
    instance, variant, sent
        The problem: its data, its variant and its T transmissions.
    decision
        A candidate of matching shape.
    rate_bps
        Worst-case rates of the pairs, shape (P,).
    from_cloud
        (T,) transmissions that the cloud makes; their users are owed no QoS.

    Returns
    -------
        Violation by constraint name, and the place of each one that is not 0.
    """
    measured = _of_beams(instance, sent, decision, np.where(from_cloud[sent.of_pair], np.inf, rate_bps))
    measured |= _of_placement(instance, decision)
    measured |= _of_variant(instance, variant, sent, decision)
    if variant.unserved is Unserved.CLOUD:
        del measured["coverage"]
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


def _relative_power(instance: Instance, decision: Decision) -> NDArray[np.float64]:
    """(T, N) power of each beam relative to the node's budget."""
    with np.errstate(over="ignore"):
        return np.asarray((np.abs(decision.beams) ** 2).sum(axis=2) / instance.power_w)


def _of_beams(
    instance: Instance, sent: Transmissions, decision: Decision, rate_bps: NDArray[np.float64]
) -> _Measured:
    """QoS (9b), power and silence (9d), with the place as a function of the index."""
    qos = instance.qos_bps[instance.pair_user]
    power = _relative_power(instance, decision)
    silent = ~decision.participation[:, sent.block].T
    return {
        "qos": (
            np.maximum(qos - rate_bps, 0.0) / np.where(qos > 0.0, qos, 1.0),
            lambda p: f"block {instance.pair_block[p]}, user {instance.pair_user[p]}",
        ),
        "power": (np.maximum(power - 1.0, 0.0), lambda t, n: f"block {sent.block[t]}, node {n}"),
        "silence": (np.where(silent, power, 0.0), lambda t, n: f"block {sent.block[t]}, node {n}"),
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


def _of_variant(instance: Instance, variant: Variant, sent: Transmissions, decision: Decision) -> _Measured:
    """What only some variants ask for: one sender, whole models, no cooperation."""
    measured: _Measured = {}
    if variant.delivery in (Delivery.HYBRID, Delivery.LOCAL_BROADCAST):
        others = _relative_power(instance, decision)
        rows, nodes = np.arange(sent.count), sent.sender.copy()
        free = sent.sender == BEST_NODE
        nodes[free] = others[free].argmax(axis=1)
        alone = nodes != JOINT
        others[rows[alone], nodes[alone]] = 0.0
        others[~alone] = 0.0
        measured["sender"] = (others, lambda t, n: f"block {sent.block[t]}, node {n}")
    if variant.granularity is Granularity.MODEL:
        measured["whole_model"] = (
            np.stack([_split(instance, held) for held in (decision.caching, decision.participation)]),
            lambda what, n, k: f"block {instance.block_names[k]!r}, node {n}",
        )
    if not variant.cooperation:
        measured["cooperation"] = (
            decision.migration,
            lambda n, m, k: f"block {k} from node {n} to node {m}",
        )
        measured["own_users"] = (
            decision.caching & ~wanted_by_own_users(instance),
            lambda n, k: f"node {n}, block {k}",
        )
    return measured


def _split(instance: Instance, held: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(N, K) requested blocks that a node does not hold like the first requested block of the same model."""
    requested = np.zeros(instance.n_blocks, np.bool_)
    requested[instance.requested_blocks] = True
    model = instance.model_blocks.argmax(axis=0)  # nothing is shared: every block has one model
    _, first, row = np.unique(model, return_index=True, return_inverse=True)
    return np.asarray((held != held[:, first[row]]) & requested)


def wanted_by_own_users(instance: Instance) -> NDArray[np.bool_]:
    """(N, K) whether some user nearest to the node wants the block."""
    wanted = np.zeros((instance.n_nodes, instance.n_blocks), np.bool_)
    wanted[instance.association[instance.pair_user], instance.pair_block] = True
    return wanted
