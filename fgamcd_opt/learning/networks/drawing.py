"""Decisions from logits as they are carried out, in one compiled loop: sampled or likelier bits, within the masks.

The masks are exact: a_n = 0 where the block does not fit (1), b_{n,m} <= a_n (2). The relaxed counterparts, by which
actors learn, are in `gumbel`.
"""

from __future__ import annotations

import math

import numpy as np
import torch

from fgamcd_opt.io.compiled import Array, inlined_kernel, kernel


@kernel
def likelier_bits(logits: Array, admissible: Array) -> Array:
    """The likelier value of each bit (logit > 0), within the masks: (E, N, N) uint8.

    Parameters
    ----------
    logits
        (E, N, N) float32 of a_n, then of b_{n,m} for the other nodes m in increasing order.
    admissible
        (E, N) bool, whether the block fits into each node.
    """
    bits = np.zeros(logits.shape, np.uint8)
    for e in range(logits.shape[0]):
        for n in range(logits.shape[1]):
            if admissible[e, n] and logits[e, n, 0] > 0.0:
                for j in range(logits.shape[2]):
                    bits[e, n, j] = logits[e, n, j] > 0.0
    return bits


def draw_chances(admissible: Array, generator: torch.Generator) -> Array:
    """The ``chances`` of `drawn_bits` for masks (E, N); the generator is on the CPU."""
    return torch.rand((*admissible.shape, 1 + admissible.shape[1]), generator=generator).numpy()


@kernel
def drawn_bits(logits: Array, admissible: Array, chances: Array, epsilon: float, fresh: Array) -> Array:
    """Bits that are 1 with probability sigmoid(logit) before the masks: (E, N, N) uint8.

    Parameters
    ----------
    logits, admissible
        As for `likelier_bits`.
    chances
        (E, N, 1 + N) uniform in [0, 1): whether the agent explores, then one for each of its bits.
    epsilon
        Probability with which an agent explores.
    fresh
        (N,) float32 logits that take the place of those of an agent that explores.
    """
    bits = np.zeros(logits.shape, np.uint8)
    for e in range(logits.shape[0]):
        for n in range(logits.shape[1]):
            decides = fresh if chances[e, n, 0] < epsilon else logits[e, n]
            if admissible[e, n] and _happens(chances[e, n, 1], decides[0]):
                bits[e, n, 0] = 1
                for j in range(1, logits.shape[2]):
                    bits[e, n, j] = _happens(chances[e, n, 1 + j], decides[j])
    return bits


@inlined_kernel
def _happens(chance: float, logit: float) -> bool:
    """Whether a uniform variable is below sigmoid(logit)."""
    return chance * (1.0 + math.exp(-logit)) < 1.0
