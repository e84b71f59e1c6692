"""`no-cooperation`: no migration, each node caches for its own users and broadcasts to them alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from fgamcd_opt.problem.variants import Delivery
from fgamcd_opt.solvers.rivals.imposed_variant import ExactVariantSolver, supported_besides


class NoCooperationSolver(ExactVariantSolver):
    """P1 with cooperation=false and delivery=local_broadcast, by `exact`: one knapsack per node."""

    name: ClassVar[str] = "no-cooperation"
    summary: ClassVar[str] = (
        "each node for its own users (cooperation=false, delivery=local_broadcast), placed exactly"
    )
    imposes: ClassVar[Mapping[str, object]] = {"cooperation": False, "delivery": Delivery.LOCAL_BROADCAST}
    variants: ClassVar[Mapping[str, frozenset[str]]] = supported_besides("cooperation", "delivery")
