"""Who is sent what together, and by whom: the transmissions into which a variant of P1 divides the delivery of a block.

A transmission is one use of the channel: a block, some of its users and a sender. The air time of a block is the sum
over its transmissions of D_k / (worst rate among their users).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.io.short_repr import short_repr
from fgamcd_opt.problem.variants import Delivery, Variant

JOINT = -1
"""Sender of a transmission that all participating nodes make together (CoMP)."""

BEST_NODE = -2
"""Sender of a transmission that one participating node makes, any of them."""


@dataclass(frozen=True, eq=False)
class Transmissions:
    """The T transmissions of a problem, sorted by block; read-only arrays.

    Attributes
    ----------
    block
        (T,) block of each.
    sender
        (T,) the only node that may send, or :data:`JOINT` or :data:`BEST_NODE`.
    of_pair
        (P,) transmission of each requested pair.
    max_senders
        Most nodes that send in a joint transmission, or None.
    """

    block: NDArray[np.int64]
    sender: NDArray[np.int64]
    of_pair: NDArray[np.int64]
    max_senders: int | None = None

    __repr__ = short_repr

    @property
    def count(self) -> int:
        """Number T."""
        return int(self.block.size)

    def users(self) -> NDArray[np.int64]:
        """(T,) number of users of each."""
        return np.bincount(self.of_pair, minlength=self.count).astype(np.int64)

    def sending_sets(self, row: int, participating: int) -> list[int]:
        """Largest node sets that may make the ``row``-th transmission when the nodes of ``participating`` hold it.

        Node sets are bit masks. Smaller sets need not be looked at, since rates grow with the set (F4).
        """
        sender = int(self.sender[row])
        members = [1 << n for n in range(participating.bit_length()) if (participating >> n) & 1]
        if sender == BEST_NODE or not members:
            return members
        if sender != JOINT:
            return [1 << sender] if (participating >> sender) & 1 else []
        if self.max_senders is None or len(members) <= self.max_senders:
            return [participating]
        return [sum(chosen) for chosen in combinations(members, self.max_senders)]


def transmissions(instance: Instance, variant: Variant) -> Transmissions:
    """Divide the delivery of every requested block as the variant says.

    Parameters
    ----------
    instance
        The data as the variant sees them (``P1.data``).
    variant
        ``delivery`` decides: one transmission per block (CoMP broadcast); one per pair (TDMA); per block or per
        pair by the number of users (hybrid); one per block and node with its own users (local broadcast).
    """
    block, user = instance.pair_block, instance.pair_user
    pairs = np.arange(block.size)
    part, sender = np.zeros_like(pairs), np.full(block.size, JOINT)
    if variant.delivery is Delivery.UNICAST_TDMA:
        part = pairs
    elif variant.delivery is Delivery.HYBRID:
        assert variant.hybrid_threshold is not None
        alone = np.bincount(block, minlength=instance.n_blocks)[block] <= variant.hybrid_threshold
        part, sender = np.where(alone, pairs, 0), np.where(alone, BEST_NODE, JOINT)
    elif variant.delivery is Delivery.LOCAL_BROADCAST:
        part = sender = instance.association[user]
    _, first, of_pair = np.unique(np.stack([block, part]), axis=1, return_index=True, return_inverse=True)
    parts = block[first], sender[first].astype(np.int64), np.array(of_pair.ravel(), np.int64)
    for part in parts:
        part.setflags(write=False)
    return Transmissions(*parts, variant.max_senders)
