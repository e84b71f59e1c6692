"""The methods of a sweep: which solver, of which variant of P1, with which options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from fgamcd_opt.io.short_repr import short_repr
from fgamcd_opt.solving.front_door import supports
from fgamcd_opt.solving.registry import get_solver

REFERENCE = "exact"
"""The method whose delay and proved bound every other one is measured against; it solves P1 itself."""

CLOUD = "cloud(1e9)"
"""What the others may do with a block that no node can deliver; the blocks are counted."""

NOMINAL = "exact-nominal"
"""The reference's solver with beams designed as if there were no channel error."""


@dataclass(frozen=True)
class Method:
    """One curve of a sweep.

    Parameters
    ----------
    name
        Of the curve.
    solver
        Registered name.
    variant
        Variant fields asked for.
    options
        Options of the solver.
    """

    name: str
    solver: str
    variant: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, object] = field(default_factory=dict)

    __repr__ = short_repr


def get_method(name: str, options: Mapping[str, object] | None = None) -> Method:
    """The method of that name: a registered solver, or `NOMINAL`.

    Every solver that can leave blocks to the cloud may do so, so that there is a delay to compare; the reference
    solves P1 itself.

    Raises
    ------
    UsageError
        Unknown name; says which are known.
    """
    if name == NOMINAL:
        return Method(name, REFERENCE, {"csi": "nominal"})
    variant = {}
    if name != REFERENCE and supports(get_solver(name), "unserved", CLOUD):
        variant["unserved"] = CLOUD
    return Method(name, name, variant, options or {})
