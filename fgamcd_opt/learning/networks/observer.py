"""Observations of all agents from a batch of states, by index tensors kept on the device."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from fgamcd_opt.io.short_repr import short_repr
from fgamcd_opt.learning.environment.layout import StateLayout


class Observer:
    """`StateLayout.observe` for the networks of all agents: one gather, agents first.

    Parameters
    ----------
    layout
        The gathers.
    device
        Where the states are.
    """

    __repr__ = short_repr

    def __init__(self, layout: StateLayout, device: torch.device) -> None:
        self._layout = layout
        other = layout.other_index.reshape(layout.n_nodes, -1)
        index = np.concatenate([layout.own_index, other], axis=1)
        self._index = torch.as_tensor(index.ravel(), device=device)

    def __call__(self, state: Tensor) -> Tensor:
        """(B, S) states to o_n, that is o_{n,n} and then o_{n,m}: (N, B, observation_size)."""
        layout, batch = self._layout, state.shape[0]
        seen = state.index_select(1, self._index).view(batch, layout.n_nodes, layout.observation_size)
        near = state[:, layout.neighbours].reshape(batch, layout.n_nodes, layout.n_others, 1)
        others = seen[..., layout.own_size :]
        others.view(batch, layout.n_nodes, layout.n_others, layout.other_size).mul_(near)
        return seen.transpose(0, 1)
