"""Constraints of variants on how caches are planned: whole models, no cooperation."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.problem.constraints.constraint import Candidate, Constraint, Measured
from fgamcd_opt.problem.variants import Granularity, Variant


class WholeModel(Constraint):
    """Whole models are cached and delivered (``granularity=model``)."""

    name: ClassVar[str] = "whole_model"
    field: ClassVar[str] = "granularity"
    index_sets: ClassVar[str] = "n in N, i in M"
    formula = "a_{n,k} and participation (3) are the same for all blocks of a model"

    @classmethod
    def applies(cls, variant: Variant) -> bool:
        """Where the model is the unit."""
        return variant.granularity is Granularity.MODEL

    def measure(self, candidate: Candidate) -> Measured:
        """Requested blocks that a node holds unlike the first requested block of the same model."""
        data, decision = candidate.instance, candidate.decision
        held = (decision.caching, decision.participation)
        return (
            np.stack([_split(data, each) for each in held]),
            lambda what, n, k: f"block {data.block_names[k]!r}, node {n}",
        )


class Cooperation(Constraint):
    """Nothing migrates (``cooperation=false``)."""

    name: ClassVar[str] = "cooperation"
    field: ClassVar[str] = "cooperation"
    index_sets: ClassVar[str] = "n, m in N, k in K"
    formula = "b_{n,m,k} = 0"

    @classmethod
    def applies(cls, variant: Variant) -> bool:
        """Where nodes do not cooperate."""
        return not variant.cooperation

    def measure(self, candidate: Candidate) -> Measured:
        """Migrations."""
        return candidate.decision.migration, lambda n, m, k: f"block {k} from node {n} to node {m}"


class OwnUsers(Constraint):
    """Each node caches for its own users alone (``cooperation=false``)."""

    name: ClassVar[str] = "own_users"
    field: ClassVar[str] = "cooperation"
    index_sets: ClassVar[str] = "n in N, k in K"
    formula = "a_{n,k} = 0 unless a user nearest to n wants k"

    @classmethod
    def applies(cls, variant: Variant) -> bool:
        """Where nodes do not cooperate."""
        return not variant.cooperation

    def measure(self, candidate: Candidate) -> Measured:
        """Blocks cached for nobody nearby."""
        own = wanted_by_own_users(candidate.instance)
        return candidate.decision.caching & ~own, lambda n, k: f"node {n}, block {k}"


def wanted_by_own_users(instance: Instance) -> NDArray[np.bool_]:
    """(N, K) whether some user nearest to the node wants the block."""
    wanted = np.zeros((instance.n_nodes, instance.n_blocks), np.bool_)
    wanted[instance.association[instance.pair_user], instance.pair_block] = True
    return wanted


def _split(instance: Instance, held: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(N, K) requested blocks that a node does not hold like the first requested block of the same model."""
    requested = np.zeros(instance.n_blocks, np.bool_)
    requested[instance.requested_blocks] = True
    model = instance.model_blocks.argmax(axis=0)  # nothing is shared: every block has one model
    _, first, row = np.unique(model, return_index=True, return_inverse=True)
    return np.asarray((held != held[:, first[row]]) & requested)


PLANNING = (WholeModel, Cooperation, OwnUsers)
"""The families of this module."""
