"""How the state of the game is laid out, and which of its entries each agent observes.

The state s_k is the union of all observations without repetition; every observation is a fixed gather from it. All
entries lie in [0, 1].
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.io.short_repr import short_repr


@dataclass(frozen=True)
class StateLayout:
    """Positions in the state vector and in the observations of N agents.

    State: ``D_k``, share of the requested bytes that is still to come (this block included), requests (V, N, W) of the
    users associated with each node as V viewers see them, remaining storage (N,) as a share of the requested bytes
    still to come (at most 1), backhaul rates (N, N - 1) from each node to the others
    in increasing order, and neighbourhoods I_{n,m} (N, N - 1).

    A request is 0 or 1, and the same for every viewer (V = 1); or, with ``channels``, it is 0 or how far the viewing
    node's own channel to the user goes towards its QoS (V = N), see :func:`.state_rows`.

    Parameters
    ----------
    n_nodes
        N.
    slots
        W, users that can be associated with one node.
    channels
        Requests are shown by the quality of each node's own channels.
    """

    n_nodes: int
    slots: int
    channels: bool = False

    __repr__ = short_repr

    @property
    def viewers(self) -> int:
        """V: nodes to which the requests look different."""
        return self.n_nodes if self.channels else 1

    @property
    def n_others(self) -> int:
        """N - 1."""
        return self.n_nodes - 1

    @property
    def size(self) -> int:
        """Length of the state vector."""
        return 2 + self.n_nodes * (self.viewers * self.slots + 1 + 2 * self.n_others)

    @property
    def own_size(self) -> int:
        """Length of o_{n,n}: D_k, share to come, requests of own users, own room, backhaul rates to the others."""
        return 3 + self.slots + self.n_others

    @property
    def other_size(self) -> int:
        """Length of o_{n,m}: requests of m's users, room of m, backhaul rate from m to n."""
        return self.slots + 2

    @property
    def observation_size(self) -> int:
        """Length of an agent's whole observation: o_{n,n}, then o_{n,m} for the others in increasing order."""
        return self.own_size + self.n_others * self.other_size

    @property
    def requests(self) -> slice:
        """Requests, (V, N, W) flattened."""
        return slice(2, 2 + self.viewers * self.n_nodes * self.slots)

    @property
    def room(self) -> slice:
        """Remaining storage, (N,)."""
        return slice(self.requests.stop, self.requests.stop + self.n_nodes)

    @property
    def backhaul(self) -> slice:
        """Backhaul rates from each node to the others, (N, N - 1) flattened."""
        return slice(self.room.stop, self.room.stop + self.n_nodes * self.n_others)

    @property
    def neighbours(self) -> slice:
        """I_{n,m}, (N, N - 1) flattened."""
        return slice(self.backhaul.stop, self.size)

    @cached_property
    def others(self) -> NDArray[np.int64]:
        """(N, N - 1) the other nodes of each node, in increasing order."""
        grid = np.arange(self.n_nodes)
        return np.stack([np.delete(grid, n) for n in grid]).reshape(self.n_nodes, self.n_others)

    @cached_property
    def request_index(self) -> NDArray[np.int64]:
        """(N, N, W) positions in the state of what node n sees of the users of node m."""
        index = self.requests.start + np.arange(self.viewers * self.n_nodes * self.slots)
        index = index.reshape(self.viewers, self.n_nodes, self.slots)
        return np.broadcast_to(index, (self.n_nodes, self.n_nodes, self.slots))

    @cached_property
    def own_index(self) -> NDArray[np.int64]:
        """(N, own_size) positions of o_{n,n} in the state."""
        nodes = self.n_nodes
        wants = self.request_index[np.arange(nodes), np.arange(nodes)]
        room = self.room.start + np.arange(nodes)[:, None]
        links = self.backhaul.start + np.arange(nodes * self.n_others).reshape(nodes, self.n_others)
        both = np.broadcast_to(np.arange(2), (nodes, 2))
        return np.concatenate([both, wants, room, links], axis=1)

    @cached_property
    def other_index(self) -> NDArray[np.int64]:
        """(N, N - 1, other_size) positions of o_{n,m} in the state."""
        m = self.others
        me = np.arange(self.n_nodes)[:, None]
        wants = self.request_index[me, m]
        back = self.backhaul.start + m * self.n_others + np.where(me < m, me, me - 1)
        return np.concatenate([wants, (self.room.start + m)[..., None], back[..., None]], axis=-1)

    def observe(self, state: Any) -> tuple[Any, Any]:
        """Observations of all agents; works alike on arrays and tensors.

        Parameters
        ----------
        state
            (..., size) states.

        Returns
        -------
        own
            (..., N, own_size) o_{n,n}.
        other
            (..., N, N - 1, other_size) o_{n,m}, zero where m is no neighbour of n.
        """
        shape = (self.n_nodes, self.n_others)
        near = state[..., self.neighbours].reshape(*state.shape[:-1], *shape, 1)
        return state[..., self.own_index], state[..., self.other_index] * near
