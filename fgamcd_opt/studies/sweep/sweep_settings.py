"""What every sweep varies: one declarative entry each, with the figure of the paper that it stands for."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from fgamcd_opt.instances.generation.from_recipe import build_repository
from fgamcd_opt.instances.recipes.recipe import Recipe
from fgamcd_opt.io.errors import UsageError
from fgamcd_opt.io.safe_text import quote
from fgamcd_opt.io.short_repr import short_repr
from fgamcd_opt.studies.sweep.methods import REFERENCE

QUICK = "tiny"
"""Preset of the quick form."""

RIVALS = (
    "greedy",
    "greedy-delay",
    "trimcaching",
    "coarse",
    "coarse-exact",
    "no-cooperation",
    "tdma-unicast",
    "hybrid",
)
"""Methods beside the reference that a sweep runs by default."""


@dataclass(frozen=True)
class Axis:
    """A parameter that is varied.

    Parameters
    ----------
    name
        Recipe field, or the name of the sweep where a value is no recipe field.
    label
        Of the axis, with its unit.
    values
        Values by preset; ``paper`` also stands for presets that are not named.
    scale
        Factor from a value to the unit of the label.
    """

    name: str
    label: str
    values: Mapping[str, tuple[float, ...]]
    scale: float = 1.0

    __repr__ = short_repr

    def values_for(self, preset: str) -> tuple[float, ...]:
        """The values of a preset."""
        return self.values.get(preset, self.values["paper"])


@dataclass(frozen=True)
class Sweep:
    """One sweep.

    Parameters
    ----------
    name
        On the command line.
    figures
        Figure of the paper, by preset.
    axis
        What is varied.
    overrides
        From a value and the preset's recipe to the recipe fields that it sets, as text.
    series
        A second parameter, one curve per value and method, if there is one.
    rivals
        Methods beside the reference.
    feature
        Feature of the instances that stands on the axis instead of the value (see `features`), if any.
    option
        Solver and option that the value sets, where it changes no instance.
    quantities
        Metrics beside the delay that the figure shows.
    changes
        Recipe fields that the sweep needs changed for a preset, such as a quick form with enough users.
    """

    name: str
    figures: Mapping[str, str]
    axis: Axis
    overrides: Callable[[float, Recipe], dict[str, str]]
    series: Axis | None = None
    rivals: tuple[str, ...] = RIVALS
    feature: str | None = None
    option: tuple[str, str] | None = None
    quantities: tuple[str, ...] = ()
    changes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    __repr__ = short_repr

    def figure(self, preset: str) -> str | None:
        """The paper's figure that this sweep of a preset stands for, or None."""
        return self.figures.get(preset)

    def series_values(self, preset: str) -> tuple[float | None, ...]:
        """Values of the second parameter; one None where there is none."""
        return (None,) if self.series is None else self.series.values_for(preset)

    def fields(self, value: float, second: float | None, instance: str, recipe: Recipe) -> dict[str, str]:
        """Recipe fields, as text, of one point of the sweep around an instance and its recipe."""
        changes = dict(self.changes.get(instance, {}))
        recipe = recipe.with_overrides(changes)
        if self.series is not None and second is not None:
            changes[self.series.name] = f"{second:g}"
        return changes | self.overrides(value, recipe)


def _field(name: str) -> Callable[[float, Recipe], dict[str, str]]:
    """The value is the recipe field of that name."""
    return lambda value, recipe: {name: f"{value:.15g}"}


def freeze_depths(share: float, recipe: Recipe) -> dict[str, str]:
    """Freeze depth of every family: that share of its PBs, rounded.

    Raises
    ------
    UsageError
        If the share is outside [0, 1].
    """
    if not 0.0 <= share <= 1.0:
        raise UsageError(f"reuse {share:g}: is the share of each family's blocks that are frozen, 0 to 1")
    repository = build_repository(recipe)
    models = range(0, len(repository.model_names), recipe.models_per_family)
    depths = [round(share * int(repository.model_blocks[model].sum())) for model in models]
    return {"freeze": ",".join(map(str, depths))}


def _backhaul(mean_gbps: float, recipe: Recipe) -> dict[str, str]:
    """Interval of 20 % either side of the mean, as the paper's 8 to 12 Gbit/s are around 10."""
    return {"backhaul_gbps_min": f"{0.8 * mean_gbps:g}", "backhaul_gbps_max": f"{1.2 * mean_gbps:g}"}


_STORAGE = Axis(
    "storage_gb",
    "storage per node (GB)",
    {"paper": (0.2, 0.3, 0.45, 0.7, 1.25), "llm": (16.0, 24.0, 36.0, 48.0), QUICK: (0.04, 0.12)},
)
_NODES = Axis("nodes", "nodes", {"paper": (4, 5, 6, 7, 8), QUICK: (2, 3)})
_ANTENNAS = Axis("antennas", "antennas per node", {"paper": (10, 15, 20, 25, 30), QUICK: (2, 4)})
_FEW_ANTENNAS = Axis("antennas", "antennas", {"paper": (10, 20, 30), QUICK: (2, 4)})
_SHARED = {QUICK: {"users": "3", "storage_gb": "0.1"}}
"""Quick forms whose blocks have several users and fit."""

SWEEPS = {
    sweep.name: sweep
    for sweep in (
        Sweep("storage", {"paper": "9", "llm": "18"}, _STORAGE, _field("storage_gb")),
        Sweep(
            "users",
            {"paper": "9b"},
            Axis("users", "users", {"paper": (18, 24, 30, 36, 42, 48), "llm": (6, 12, 18), QUICK: (2, 3)}),
            _field("users"),
            changes={QUICK: {"storage_gb": "0.1"}},
        ),
        Sweep(
            "nodes",
            {"paper": "11", "llm": "18"},
            _NODES,
            _field("nodes"),
            changes={QUICK: {"storage_gb": "0.1"}},
        ),
        Sweep("antennas", {"paper": "11"}, _ANTENNAS, _field("antennas"), changes=_SHARED),
        Sweep(
            "zipf",
            {"paper": "13"},
            Axis("zipf", "Zipf exponent", {"paper": (0.4, 0.8, 1.2, 1.6, 2.0), QUICK: (0.5, 2.0)}),
            _field("zipf"),
            changes=_SHARED,
        ),
        Sweep(
            "reuse",
            {"paper": "13b"},
            Axis(
                "reuse",
                "reuse ratio (share of bytes)",
                {"paper": (0.0, 0.53, 0.6, 0.7, 0.8), QUICK: (0.0, 0.5)},
            ),
            freeze_depths,
            feature="reuse_ratio",
            changes={QUICK: {"users": "3", "storage_gb": "0.15"}},
        ),
        Sweep(
            "backhaul",
            {"paper": "15"},
            Axis("backhaul", "mean backhaul rate (Gbit/s)", {"paper": (2, 5, 10, 20), QUICK: (1, 10)}),
            _backhaul,
            series=Axis("nodes", "nodes", {"paper": (4, 6, 8), QUICK: (2, 3)}),
            rivals=(),
            quantities=("mean_user_rate_bps",),
            changes={"paper": {"storage_gb": "0.4"}, QUICK: {"storage_gb": "0.06"}},
        ),
        Sweep(
            "threshold",
            {"paper": "17"},
            Axis(
                "threshold",
                "users above which a block is broadcast",
                {"paper": (0, 1, 2, 3, 4, 6, 9), QUICK: (0, 1)},
            ),
            lambda value, recipe: {},
            series=_FEW_ANTENNAS,
            rivals=("hybrid",),
            option=("hybrid", "threshold"),
            changes=_SHARED,
        ),
        Sweep(
            "csi",
            {"paper": "15b"},
            Axis(
                "csi_delta",
                "size of the channel error δ",
                {"paper": (0.0, 0.02, 0.05, 0.1, 0.15), QUICK: (0.0, 0.1)},
            ),
            _field("csi_delta"),
            rivals=("exact-nominal",),
            changes={"paper": {"qos_cap": "0.98"}, **_SHARED},
        ),
    )
}
"""Every sweep by name; the paper's experiments give the ranges of users, nodes, and the defaults."""


def get_sweep(name: str) -> Sweep:
    """The sweep of that name.

    Raises
    ------
    UsageError
        Unknown name; says which are known.
    """
    if name not in SWEEPS:
        near = difflib.get_close_matches(name, SWEEPS, 1)
        hint = f"; did you mean {near[0]!r}?" if near else "."
        raise UsageError(f"sweep {quote(name)} is unknown{hint} Known: {', '.join(SWEEPS)}")
    return SWEEPS[name]


def methods_of(sweep: Sweep, chosen: tuple[str, ...] | None) -> tuple[str, ...]:
    """The reference and the methods beside it, each once."""
    return (REFERENCE, *(name for name in dict.fromkeys(chosen or sweep.rivals) if name != REFERENCE))
