"""Constraints on caching and migration: storage (1), sources (2), coverage (3), links (8), binaries (9c)."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from fgamcd_opt.problem.constraints.constraint import Candidate, Constraint, Measured
from fgamcd_opt.problem.tolerances import BINARY_TOLERANCE
from fgamcd_opt.problem.variants import Unserved, Variant


class Storage(Constraint):
    """The blocks that a node caches fit into its storage, in whole bytes."""

    name: ClassVar[str] = "storage"
    equation: ClassVar[str] = "(1)"
    index_sets: ClassVar[str] = "n in N"
    formula = "sum_k D_k a_{n,k} <= Q_n"

    def measure(self, candidate: Candidate) -> Measured:
        """Excess relative to the storage."""
        data = candidate.instance
        excess = candidate.decision.caching @ data.block_bytes - data.storage_bytes
        return np.maximum(excess, 0) / np.maximum(data.storage_bytes, 1), lambda n: f"node {n}"


class MigrationSource(Constraint):
    """Only a node that caches a block sends it over the backhaul."""

    name: ClassVar[str] = "migration_source"
    equation: ClassVar[str] = "(2)"
    index_sets: ClassVar[str] = "n, m in N, k in K"
    formula = "b_{n,m,k} <= a_{n,k}"

    def measure(self, candidate: Candidate) -> Measured:
        """Migrations without a source."""
        decision = candidate.decision
        return decision.migration & ~decision.caching[:, None, :], _migration


class Link(Constraint):
    """Blocks migrate over existing links only."""

    name: ClassVar[str] = "link"
    equation: ClassVar[str] = "(8)"
    index_sets: ClassVar[str] = "n, m in N, k in K"
    formula = "b_{n,m,k} = 0 if n = m or R_{n,m,k} = 0"

    def measure(self, candidate: Candidate) -> Measured:
        """Migrations without a link."""
        missing = candidate.instance.backhaul_bps.transpose(1, 2, 0) <= 0.0
        return candidate.decision.migration & missing, _migration


class Coverage(Constraint):
    """Every requested block has a participating node, unless there is a cloud."""

    name: ClassVar[str] = "coverage"
    equation: ClassVar[str] = "(3)"
    index_sets: ClassVar[str] = "k in R"
    formula = "a_{n,k} = 1 or b_{m,n,k} = 1 for some n, m"

    @classmethod
    def applies(cls, variant: Variant) -> bool:
        """Not where the cloud delivers what no node does."""
        return variant.unserved is not Unserved.CLOUD

    def measure(self, candidate: Candidate) -> Measured:
        """Requested blocks that no node holds."""
        blocks = candidate.instance.requested_blocks
        covered = candidate.decision.participation[:, blocks].any(axis=0)
        return np.asarray(~covered), lambda r: f"block {blocks[r]}"


class Binary(Constraint):
    """Caching and migration are yes or no."""

    name: ClassVar[str] = "binary"
    equation: ClassVar[str] = "(9c)"
    index_sets: ClassVar[str] = "n, m in N, k in K"
    tolerance: ClassVar[float] = BINARY_TOLERANCE
    formula = "a_{n,k}, b_{n,m,k} in {0,1}"

    def measure(self, candidate: Candidate) -> Measured:
        """Largest distance from 0 or 1 before rounding."""
        return np.array(candidate.decision.integrality), lambda: "some binary before rounding"


def _migration(n: int, m: int, k: int) -> str:
    """Place of a migration in words."""
    return f"block {k} from node {n} to node {m}"


PLACEMENT = (Storage, MigrationSource, Link, Coverage, Binary)
"""The families of this module."""
