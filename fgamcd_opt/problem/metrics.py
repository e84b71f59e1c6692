"""Figures of a decision beside its delay: storage that sharing saves, backhaul traffic, user rates; numpy alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.problem.decision import Decision
from fgamcd_opt.problem.delay import BITS_PER_BYTE


def storage_saved_bytes(instance: Instance, caching: NDArray[np.bool_]) -> int:
    """Storage of all nodes that the same caching would need in addition if no two models shared a block.

    Every requested model would then have a copy of its own of each of its blocks, and a node that caches a block would
    cache all of these copies: ``sum_n sum_k a_{n,k} D_k (m_k - 1)`` with m_k requested models that contain k.

    Parameters
    ----------
    instance
        Data of the problem.
    caching
        a_{n,k}, shape (N, K).
    """
    requested = np.unique(instance.requests)
    further = np.maximum(instance.model_blocks[requested].sum(axis=0) - 1, 0)
    copies = (further * caching.sum(axis=0)).tolist()
    return sum(size * count for size, count in zip(instance.block_bytes.tolist(), copies, strict=True))


def backhaul_bytes(instance: Instance, decision: Decision) -> int:
    """Traffic of all migrations, ``sum b_{n,m,k} D_k``, in bytes."""
    copies = decision.migration.sum(axis=(0, 1)).tolist()
    return sum(size * count for size, count in zip(instance.block_bytes.tolist(), copies, strict=True))


def mean_user_rate_bps(instance: Instance, pair_rate_bps: NDArray[np.float64]) -> float:
    """Mean over the users of the rate at which a user's whole model arrives, in bit/s.

    A user's rate is the size of its model over the time in which the blocks are sent to it, ``sum_k D_k / sum_k
    (D_k / rate_{u,k})``: the size-weighted harmonic mean of its rates (6). Migration and the time in which others are
    sent to do not count. It is 0 if a block never arrives.

    Parameters
    ----------
    instance
        Data of the problem.
    pair_rate_bps
        (P,) rate of each requested pair.
    """
    bits = instance.block_bytes[instance.pair_block].astype(np.float64) * BITS_PER_BYTE
    with np.errstate(divide="ignore", over="ignore"):
        time_s = np.bincount(instance.pair_user, bits / pair_rate_bps, minlength=instance.n_users)
    size = np.bincount(instance.pair_user, bits, minlength=instance.n_users)
    return float((size / time_s).mean())
