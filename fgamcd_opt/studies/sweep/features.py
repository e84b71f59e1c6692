"""Figures of an instance that explain a sweep: how much is requested, what fits, how much is shared."""

from __future__ import annotations

import numpy as np

from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.instances.repositories.sharing import reuse_ratio


def features_of(instance: Instance) -> dict[str, float]:
    """Columns that every cell of a sweep carries beside its result.

    ``reuse_ratio``
        Share of the bytes of all models that lies in blocks which more than one model uses.
    ``requested_bytes``
        Bytes of the requested blocks, each counted once: what the caches together have to hold.
    ``storage_bytes``
        Bytes of all caches together.
    ``max_block_users``
        Users of the block that most users want.
    """
    sizes = instance.block_bytes.astype(np.float64)
    return {
        "reuse_ratio": reuse_ratio(instance),
        "requested_bytes": float(sizes[instance.requested_blocks].sum()),
        "storage_bytes": float(sum(instance.storage_bytes.tolist())),
        "max_block_users": float(np.bincount(instance.pair_block).max()),
    }
