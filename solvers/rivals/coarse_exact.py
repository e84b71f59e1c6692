"""`coarse-exact`: whole models are cached and delivered, nothing is shared; placed as well as possible."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from fgamcd_opt.problem.variants import Granularity
from fgamcd_opt.solvers.rivals.imposed_variant import ExactVariantSolver, supported_besides


class CoarseExactSolver(ExactVariantSolver):
    """P1 with granularity=model, by `exact`."""

    name: ClassVar[str] = "coarse-exact"
    summary: ClassVar[str] = (
        "whole models (granularity=model), placed exactly; its bound is one on that variant"
    )
    imposes: ClassVar[Mapping[str, object]] = {"granularity": Granularity.MODEL}
    variants: ClassVar[Mapping[str, frozenset[str]]] = supported_besides("granularity")
