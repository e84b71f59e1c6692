"""A sweep around somebody's own network: its values, its axis, and what fixes a parameter."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.instances.recipes.recipe import Recipe
from fgamcd_opt.io.errors import UsageError
from fgamcd_opt.io.sizes import format_size
from fgamcd_opt.studies.sweep.methods import REFERENCE
from fgamcd_opt.studies.sweep.sweep_settings import Axis, Sweep

if TYPE_CHECKING:
    import pandas as pd

STORAGE = "storage_gb"

_STEPS = 5
"""Storages by default, besides one that is too small."""

_TOO_SMALL, _LEAST = 0.9, 1.05
"""First storages by default, as shares of what every node would hold if each requested block lay somewhere once."""

_NEAR = 0.01
"""A delay is as good as the least one if it exceeds it by at most this share of it."""

_COUNTED = ("users", "nodes", "antennas")


def own_axis(axis: Axis, largest: float) -> Axis:
    """The axis in MB where GB would be small fractions."""
    if axis.name == STORAGE and largest < 0.1:
        return dataclasses.replace(axis, label="storage per node (MB)", scale=1e3)
    return axis


def own_values(axis: Axis, instance: Instance, recipe: Recipe | None) -> tuple[float, ...]:
    """Values that suit a network: storages around what is requested, numbers in the paper's proportion to its own."""
    if axis.name == STORAGE:
        requested = float(instance.block_bytes[instance.requested_blocks].sum())
        share = requested / instance.n_nodes
        shares = np.geomspace(min(_LEAST * share, requested), requested, _STEPS).tolist()
        return tuple(dict.fromkeys(_rounded_up(size) / 1e9 for size in (_TOO_SMALL * share, *shares)))
    values = axis.values_for("paper")
    if axis.name in _COUNTED and recipe is not None:
        factor = getattr(recipe, axis.name) / getattr(Recipe(), axis.name)
        return tuple(dict.fromkeys(max(1.0, math.floor(factor * value + 0.5)) for value in values))
    return values


def _rounded_up(size: float) -> int:
    """Bytes rounded up to three digits."""
    digit: int = 10 ** max(0, math.floor(math.log10(size)) - 2)
    return math.ceil(size / digit - 1e-9) * digit


def require_free(sweep: Sweep, instance: str, recipe: Recipe | None, varied: Mapping[str, str]) -> None:
    """Refuse to vary what the recipe fixes.

    Raises
    ------
    UsageError
        Naming the field and what fixes it.
    """
    if recipe is None:
        if set(varied) - {STORAGE}:
            raise UsageError(
                f"sweep {sweep.name}: {instance} carries no recipe, so that {next(iter(varied))} cannot be varied; "
                "sweep storage, or a recipe"
            )
        return
    for name in varied:
        if reason := recipe.fixed(name):
            raise UsageError(
                f"sweep {sweep.name}: {instance} fixes {name} by {reason}; leave that out of the recipe, or sweep "
                "storage"
            )


def storage_answer(cells: pd.DataFrame) -> str:
    """How much storage is needed, in words: what is too small, what suffices, from where on more hardly helps."""
    exact = cells[cells["method"] == REFERENCE]
    delays = exact.groupby("value")["delay_s"].agg(lambda values: values.mean(skipna=False)).dropna()
    others = exact[exact["class"] != "infeasible"]["value"].tolist()
    infeasible = [value for value in exact["value"].tolist() if value not in others]
    if delays.empty:
        return "No storage that was tried led to a solution; try larger --values."
    least = float(delays.index.min())
    told = f"Least storage tried with a solution: {_named(least)} per node"
    too_small = [value for value in infeasible if value < least]
    told += f"; {_named(max(too_small))} are proved to be too little." if too_small else "."
    enough, most = (
        float(delays[delays <= (1.0 + _NEAR) * delays.min()].index.min()),
        float(delays.index.max()),
    )
    if enough > least:
        shortened = f"from {delays[least]:.4g} to {delays[enough]:.4g} s"
        told += f" Going from {_named(least)} to {_named(enough)} shortens T {shortened}."
    if enough < most:
        told += f" The larger ones tried are shorter by at most {100 * _NEAR:g} %."
    if 1e9 * most >= float(exact["requested_bytes"].max()):
        told += f" With {_named(most)} every node can hold all requested blocks, so that more cannot help."
    return told


def _named(gigabytes: float) -> str:
    return format_size(1e9 * gigabytes)
