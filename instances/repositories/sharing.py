"""How much models share: of an instance or of a repository, whether requested or not."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Models(Protocol):
    """Models as sets of blocks: an `Instance` or a `Repository`."""

    @property
    def block_bytes(self) -> NDArray[np.int64]:
        """(K,) sizes in bytes."""

    @property
    def model_blocks(self) -> NDArray[np.bool_]:
        """(M, K) whether a model has a block."""


def shared_bytes(models: Models) -> NDArray[np.int64]:
    """(M, M) bytes of the blocks that two models have in common; the diagonal holds the models' sizes."""
    held = models.model_blocks.astype(np.int64)
    shared: NDArray[np.int64] = (held * models.block_bytes) @ held.T
    return shared


def reuse_ratio(models: Models) -> float:
    """Share of all models' bytes, each model counted in full, that lies in blocks of two models or more."""
    holders = models.model_blocks.sum(axis=0)
    counted = holders * models.block_bytes.astype(np.float64)
    return float(counted[holders > 1].sum() / counted.sum())


def bytes_saved(models: Models) -> int:
    """Bytes that storing every block once saves against storing every model on its own."""
    holders = models.model_blocks.sum(axis=0)
    further = (holders - 1).clip(min=0).tolist()
    return sum(size * count for size, count in zip(models.block_bytes.tolist(), further, strict=True))
