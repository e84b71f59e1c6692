"""Decisions from logits as they are carried out: sampled or likelier bits, within the masks.

The masks are exact: a_n = 0 where the block does not fit (1), b_{n,m} <= a_n (2). The relaxed counterparts, by which
actors learn, are in `gumbel`.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from fgamcd_opt import core


def likelier_bits(logits: NDArray[np.float32], admissible: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The likelier value of each bit (logit > 0), within the masks: (E, N, N) uint8.

    Parameters
    ----------
    logits
        (E, N, N) float32 of a_n, then of b_{n,m} for the other nodes m in increasing order.
    admissible
        (E, N) bool, whether the block fits into each node.
    """
    bits = np.empty(logits.shape, np.uint8)
    core.likelier_bits(np.ascontiguousarray(logits), np.ascontiguousarray(admissible), bits)
    return bits


def draw_chances(admissible: NDArray[np.bool_], generator: torch.Generator) -> NDArray[np.float32]:
    """The ``chances`` of `drawn_bits` for masks (E, N); the generator is on the CPU."""
    return torch.rand((*admissible.shape, 1 + admissible.shape[1]), generator=generator).numpy()


def drawn_bits(
    logits: NDArray[np.float32],
    admissible: NDArray[np.bool_],
    chances: NDArray[np.float32],
    epsilon: float,
    fresh: NDArray[np.float32],
) -> NDArray[np.uint8]:
    """Bits that are 1 with probability sigmoid(logit) before the masks: (E, N, N) uint8.

    Parameters
    ----------
    logits, admissible
        As for `likelier_bits`.
    chances
        (E, N, 1 + N) float32, uniform in [0, 1): whether the agent explores, then one for each of its bits.
    epsilon
        Probability with which an agent explores.
    fresh
        (N,) float32 logits that take the place of those of an agent that explores.
    """
    bits = np.empty(logits.shape, np.uint8)
    decides = np.ascontiguousarray(logits), np.ascontiguousarray(admissible)  # views of networks' outputs
    core.drawn_bits(*decides, chances, epsilon, np.ascontiguousarray(fresh), bits)
    return bits
