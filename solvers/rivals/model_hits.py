"""Placement of whole models by cache hits, shared blocks stored once per node (Qu et al., arXiv 2405.03990)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.problem.cache_hits import lone_service


@dataclass(frozen=True, eq=False)
class ModelHits:
    """What decides about cache hits: N nodes, U users, M models, K blocks.

    Parameters
    ----------
    block_bytes
        (K,) sizes D_k.
    model_blocks
        (M, K) bool, row i is K_i.
    requests
        (U,) model r_u of each user.
    storage_bytes
        (N,) storage Q_n.
    serves
        (N, U) bool, whether node n alone can serve user u at its QoS.
    """

    block_bytes: NDArray[np.int64]
    model_blocks: NDArray[np.bool_]
    requests: NDArray[np.int64]
    storage_bytes: NDArray[np.int64]
    serves: NDArray[np.bool_]

    @classmethod
    def of(cls, instance: Instance) -> ModelHits:
        """The hits of an instance."""
        return cls(
            instance.block_bytes,
            instance.model_blocks,
            instance.requests,
            instance.storage_bytes,
            lone_service(instance),
        )

    def nodes_blocks(self, models: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """(N, K) blocks that the nodes store for their ``models`` (N, M)."""
        return np.asarray(models @ self.model_blocks)

    def users_hit(self, models: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """(U,) users whose model is placed, by ``models`` (N, M), at a node that can serve them."""
        return np.asarray((models[:, self.requests] & self.serves).any(axis=0))

    def gains(self, missed: NDArray[np.bool_]) -> NDArray[np.int64]:
        """(N, M) users among the ``missed`` (U,) whom a copy of model i at node n would hit."""
        gains = np.zeros((self.storage_bytes.size, self.model_blocks.shape[0]), np.int64)
        for user in np.flatnonzero(missed):
            gains[:, self.requests[user]] += self.serves[:, user]
        return gains


def greedy_models(hits: ModelHits) -> NDArray[np.bool_]:
    """TrimCaching Gen: the (node, model) pair with the most new hits, again and again; (N, M) bool.

    A pair must fit: the blocks of the model that the node does not store yet take room, the others none. It ends
    when no pair that fits gains a hit. Ties go to the pair that takes the fewest bytes, then to the lower node
    index, then to the lower model index.
    """
    models = np.zeros((hits.storage_bytes.size, hits.model_blocks.shape[0]), np.bool_)
    while True:
        stored = hits.nodes_blocks(models)
        free = hits.storage_bytes - stored @ hits.block_bytes
        added = (~stored * hits.block_bytes) @ hits.model_blocks.T
        gains = np.where(added <= free[:, None], hits.gains(~hits.users_hit(models)), 0)
        best = gains.max(initial=0)
        if best == 0:
            return models
        nodes, candidates = np.nonzero(gains == best)
        first = np.argmin(added[nodes, candidates])
        models[nodes[first], candidates[first]] = True
