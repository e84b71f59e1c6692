"""Masked binary actions as actors learn by them: straight-through Gumbel-Softmax, greedy choice, likelihood.

The logits (B, N, N) of agent n are those of a_n, then of b_{n,m} for the other nodes m in increasing order. Every bit
is an independent Bernoulli variable; the masks are exact: a_n = 0 where the block does not fit (1), b_{n,m} <= a_n (2).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def _masked(bits: Tensor, admissible: Tensor) -> Tensor:
    """The bits after both masks: a = 0 where not admissible, b <- a b."""
    caching = bits[..., :1] * admissible.unsqueeze(-1)
    return torch.cat([caching, caching * bits[..., 1:]], dim=-1)


def relaxed_bits(logits: Tensor, generator: torch.Generator, temperature: float) -> Tensor:
    """Gumbel-Softmax over {1, 0} with the logits (l, 0): sigmoid((l + g1 - g0) / temperature).

    Parameters
    ----------
    logits
        Any shape.
    generator
        Source of the noise.
    temperature
        Positive.

    Returns
    -------
    Tensor
        Values in [0, 1] of the same shape; g1 - g0, a difference of two Gumbel variables, is logistic.
    """
    uniform = torch.rand(logits.shape, generator=generator, device=generator.device, dtype=logits.dtype)
    uniform.clamp_(min=torch.finfo(logits.dtype).tiny)
    noise = torch.logit(uniform).to(logits.device)
    return torch.sigmoid((logits + noise) / temperature)


def hard_bits(relaxed: Tensor, admissible: Tensor) -> Tensor:
    """The bits (B, N, N) that relaxed ones stand for, 1 above one half, after the masks."""
    return _masked((relaxed > 0.5).to(relaxed.dtype), admissible)


def straight_through(relaxed: Tensor, admissible: Tensor, slope: Tensor, temperature: float) -> Tensor:
    """Straight-through gradient of the logits: `hard_bits` counts as the relaxed bits after the same masks.

    Parameters
    ----------
    relaxed
        (B, N, N) what `relaxed_bits` drew.
    admissible
        (B, N) bool.
    slope
        (B, N, N) gradient of the bits.
    temperature
        Of the relaxation.

    Returns
    -------
    Tensor
        (B, N, N); with a = admissible relaxed_0 and b = a relaxed_m, the gradient of relaxed_0 is
        admissible (slope_0 + sum_m slope_m relaxed_m) and that of relaxed_m is slope_m a.
    """
    caching, migration = relaxed[..., :1], relaxed[..., 1:]
    fits = admissible.unsqueeze(-1)
    of_caching = fits * (slope[..., :1] + (slope[..., 1:] * migration).sum(-1, keepdim=True))
    of_relaxed = torch.cat([of_caching, slope[..., 1:] * (fits * caching)], dim=-1)
    return of_relaxed * relaxed_rise(relaxed, temperature)


def relaxed_rise(relaxed: Tensor, temperature: float) -> Tensor:
    """Derivative of relaxed bits with respect to their logits."""
    return relaxed * (1.0 - relaxed) / temperature


def greedy_bits(logits: Tensor, admissible: Tensor) -> Tensor:
    """The likelier value of each bit (logit > 0), after the masks: (B, N, N) of 0 and 1."""
    return _masked((logits > 0).to(logits.dtype), admissible)


def log_likelihood(logits: Tensor, admissible: Tensor, bits: Tensor) -> Tensor:
    """Logarithm of the probability that each agent draws the given bits.

    Bits that a mask decides have probability one, so these sum to one over all admissible joint bits.

    Parameters
    ----------
    logits
        (B, N, N).
    admissible
        (B, N) bool.
    bits
        (B, N, N) of 0 and 1.

    Returns
    -------
    Tensor
        (B, N); minus infinity where the bits break a mask.
    """
    log_p = functional.logsigmoid(torch.where(bits > 0.5, logits, -logits))
    cached = (bits[..., 0] > 0.5) & admissible
    caching = torch.where(admissible, log_p[..., 0], torch.zeros_like(log_p[..., 0]))
    migration = torch.where(cached.unsqueeze(-1), log_p[..., 1:], torch.zeros_like(log_p[..., 1:]))
    broken = (bits > _masked(bits, admissible)).any(dim=-1)
    return (caching + migration.sum(dim=-1)).masked_fill(broken, -torch.inf)
