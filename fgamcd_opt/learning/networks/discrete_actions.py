"""The actions of one node as a list: do nothing, or cache and migrate to any subset of the other nodes.

Action 0 does nothing; action 1 + s caches and sends to those of the others whose bit is set in s (bit j for the j-th of
the others in increasing order). So every action satisfies b_{n,m} <= a_n (2).
"""

from __future__ import annotations

import torch
from torch import Tensor

from fgamcd_opt.io.errors import UsageError

MOST_NODES = 13
"""Largest number of nodes; an agent then has 4097 actions."""


def action_table(n_nodes: int) -> Tensor:
    """Bits of all actions of one agent.

    Parameters
    ----------
    n_nodes
        N.

    Returns
    -------
    Tensor
        (1 + 2^(N-1), N) of 0.0 and 1.0: the caching bit, then the migration bits.

    Raises
    ------
    UsageError
        There are too many nodes to list the actions.
    """
    if n_nodes > MOST_NODES:
        raise UsageError(
            f"qmix lists all 1 + 2^(N-1) actions of a node; that is meant for at most {MOST_NODES} nodes, "
            f"not {n_nodes}; use a method with an actor, such as maasn-da"
        )
    subsets = torch.arange(2 ** (n_nodes - 1))
    sends = subsets.unsqueeze(-1) >> torch.arange(n_nodes - 1) & 1
    table = torch.zeros(1 + len(subsets), n_nodes)
    table[1:, 0] = 1.0
    table[1:, 1:] = sends.to(table.dtype)
    return table


def action_index(bits: Tensor) -> Tensor:
    """Which action the bits are: (..., N) of 0 and 1, b <= a, to (...) int64."""
    weights = 2 ** torch.arange(bits.shape[-1] - 1, device=bits.device)
    subset = (bits[..., 1:].to(torch.int64) * weights).sum(-1)
    return bits[..., 0].to(torch.int64) * (1 + subset)


def best_action(q: Tensor, admissible: Tensor) -> Tensor:
    """Action of the largest value among those allowed; nothing but action 0 where the block does not fit (1).

    Parameters
    ----------
    q
        (B, N, 1 + 2^(N-1)).
    admissible
        (B, N) bool.

    Returns
    -------
    Tensor
        (B, N) int64; the first of several equally good ones.
    """
    return torch.where(admissible, q.argmax(-1), 0)
