"""Observations of all agents from a batch of states, by index tensors kept on the device."""

from __future__ import annotations

import torch
from torch import Tensor

from fgamcd_opt.learning.environment.layout import StateLayout


class Observer:
    """`StateLayout.observe` for tensors, without the cost of turning its indices into tensors at each call.

    Parameters
    ----------
    layout
        The gathers.
    device
        Where the states are.
    """

    def __init__(self, layout: StateLayout, device: torch.device) -> None:
        self._layout = layout
        self._own = torch.as_tensor(layout.own_index.ravel(), device=device)
        self._other = torch.as_tensor(layout.other_index.ravel(), device=device)

    def __call__(self, state: Tensor) -> tuple[Tensor, Tensor]:
        """(B, S) states to o_{n,n} (B, N, own_size) and o_{n,m} (B, N, N - 1, other_size)."""
        layout, batch = self._layout, state.shape[0]
        near = state[:, layout.neighbours].reshape(batch, layout.n_nodes, layout.n_others, 1)
        own = state.index_select(1, self._own).view(batch, layout.n_nodes, layout.own_size)
        other = state.index_select(1, self._other).view(
            batch, layout.n_nodes, layout.n_others, layout.other_size
        )
        return own, other * near
