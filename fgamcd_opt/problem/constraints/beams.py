"""Constraints on beams: QoS (9b), power (9d), silence of nodes that do not participate (9d, 3), number of senders."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import numpy as np

from fgamcd_opt.problem.constraints.constraint import Candidate, Constraint, Measured
from fgamcd_opt.problem.tolerances import POWER_TOLERANCE, QOS_TOLERANCE
from fgamcd_opt.problem.transmissions import BEST_NODE, JOINT
from fgamcd_opt.problem.variants import Delivery, Variant


class Qos(Constraint):
    """Every user gets every block of its model at its QoS rate, whatever the channel error in the set."""

    name: ClassVar[str] = "qos"
    equation: ClassVar[str] = "(9b)"
    index_sets: ClassVar[str] = "k in R, u in U_k"
    tolerance: ClassVar[float] = QOS_TOLERANCE
    formula = "rate_{u,k} >= R_u"

    def measure(self, candidate: Candidate) -> Measured:
        """Missing rate relative to the QoS rate; pairs that the cloud serves are owed none."""
        data = candidate.instance
        qos = data.qos_bps[data.pair_user]
        rate = np.where(candidate.from_cloud[candidate.sent.of_pair], np.inf, candidate.rate_bps)
        return (
            np.maximum(qos - rate, 0.0) / np.where(qos > 0.0, qos, 1.0),
            lambda p: f"block {data.pair_block[p]}, user {data.pair_user[p]}",
        )


class Power(Constraint):
    """No beam exceeds its node's power budget."""

    name: ClassVar[str] = "power"
    equation: ClassVar[str] = "(9d)"
    index_sets: ClassVar[str] = "k in R, n in N"
    tolerance: ClassVar[float] = POWER_TOLERANCE
    formula = "||w_{n,k}||^2 <= P_n"

    def measure(self, candidate: Candidate) -> Measured:
        """Excess relative to the budget."""
        return np.maximum(candidate.power_share - 1.0, 0.0), _beam_of(candidate)


class Silence(Constraint):
    """A node that does not participate sends nothing."""

    name: ClassVar[str] = "silence"
    equation: ClassVar[str] = "(9d), (3)"
    index_sets: ClassVar[str] = "k in R, n in N"
    formula = "w_{n,k} = 0 if a_{n,k} = 0 and b_{m,n,k} = 0 for all m"

    def measure(self, candidate: Candidate) -> Measured:
        """Power of silent nodes relative to their budget."""
        silent = ~candidate.decision.participation[:, candidate.sent.block].T
        return np.where(silent, candidate.power_share, 0.0), _beam_of(candidate)


class Sender(Constraint):
    """One node alone makes a transmission that is no joint one."""

    name: ClassVar[str] = "sender"
    field: ClassVar[str] = "delivery"
    index_sets: ClassVar[str] = "t in T, n in N"
    formula = "w_{n,k} = 0 for all nodes but one in a transmission that one node makes"

    @classmethod
    def applies(cls, variant: Variant) -> bool:
        """Where some transmissions have a single sender."""
        return variant.delivery in (Delivery.HYBRID, Delivery.LOCAL_BROADCAST)

    def measure(self, candidate: Candidate) -> Measured:
        """Power of the other nodes relative to their budget."""
        sent, others = candidate.sent, candidate.power_share.copy()
        rows, nodes = np.arange(sent.count), sent.sender.copy()
        free = sent.sender == BEST_NODE
        nodes[free] = others[free].argmax(axis=1)
        alone = nodes != JOINT
        others[rows[alone], nodes[alone]] = 0.0
        others[~alone] = 0.0
        return others, _beam_of(candidate)


class MaxSenders(Constraint):
    """At most so many nodes send a block at the same time (not a part of P1)."""

    name: ClassVar[str] = "max_senders"
    field: ClassVar[str] = "max_senders"
    index_sets: ClassVar[str] = "t in T"

    @property
    def formula(self) -> str:
        """With the number of the variant."""
        return f"|{{n : w_{{n,k}} != 0}}| <= {self.variant.max_senders}"

    @classmethod
    def applies(cls, variant: Variant) -> bool:
        """Where the variant limits the senders."""
        return variant.max_senders is not None

    def measure(self, candidate: Candidate) -> Measured:
        """1 for a transmission with too many senders."""
        limit = self.variant.max_senders
        assert limit is not None
        senders = candidate.decision.beams.any(axis=2).sum(axis=1)
        return senders > limit, lambda t: f"block {candidate.sent.block[t]}"


def _beam_of(candidate: Candidate) -> Callable[..., str]:
    """Place of a beam in words."""
    return lambda t, n: f"block {candidate.sent.block[t]}, node {n}"


BEAMS = (Qos, Power, Silence, Sender, MaxSenders)
"""The families of this module."""
