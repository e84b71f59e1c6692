"""Runs a sweep: its instances and methods as cells of a comparison, and their rows with the place on the axis."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from fgamcd_opt.instances.recipes.recipe import Recipe
from fgamcd_opt.instances.resolve import load, optional_recipe
from fgamcd_opt.io.errors import UsageError
from fgamcd_opt.io.short_repr import short_repr
from fgamcd_opt.studies.comparison.classes import derive
from fgamcd_opt.studies.grid.cells import Cell, CellLimits, Source
from fgamcd_opt.studies.grid.runner import Progress, run_cells
from fgamcd_opt.studies.sweep.features import features_of
from fgamcd_opt.studies.sweep.methods import Method, get_method
from fgamcd_opt.studies.sweep.own_network import own_axis, own_values, require_free
from fgamcd_opt.studies.sweep.sweep_settings import Sweep
from fgamcd_opt.studies.sweep.sweep_table import averaged

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class SweepPlan:
    """A sweep with everything that was chosen about it.

    Parameters
    ----------
    sweep
        What is varied.
    instance
        Around what: a preset, a library name, a recipe or an instance file.
    values
        Values of the parameter.
    seeds
        Of the instances; every point is generated once per seed. None takes the instance with the seed that it has.
    methods
        Names, the reference among them.
    changes
        Further recipe fields, as text, for all instances.
    limits
        Of every cell.
    """

    sweep: Sweep
    instance: str
    values: Sequence[float]
    seeds: Sequence[int] | None
    methods: Sequence[str]
    changes: Mapping[str, str] = field(default_factory=dict)
    limits: CellLimits = field(default_factory=CellLimits)

    __repr__ = short_repr

    @cached_property
    def recipe(self) -> Recipe | None:
        """The recipe of the instance; None for an instance file without one."""
        return optional_recipe(self.instance)

    @property
    def known_seeds(self) -> Sequence[int]:
        """Seeds of the instances."""
        return self.seeds if self.seeds is not None else [self.recipe.seed if self.recipe else 0]

    def fields(self, value: float, second: float | None) -> dict[str, str]:
        """Recipe fields of one point, without the seed.

        Raises
        ------
        UsageError
            If a field that the sweep varies is also among the changes, or the recipe fixes it.
        """
        recipe = self.recipe or Recipe()
        varied = self.sweep.fields(value, second, self.instance, recipe)
        fixed = self.sweep.changes.get(self.instance, {})
        changes = {"storage_gb" if name == "storage" else name for name in self.changes}
        for name in changes:
            if name == "seed" or (name in varied and name not in fixed):
                raise UsageError(f"--set {name}: the sweep varies it; use --values or --seeds")
        require_free(self.sweep, self.instance, self.recipe, varied)
        return {**{name: text for name, text in varied.items() if name not in changes}, **self.changes}


def own_plan(plan: SweepPlan) -> SweepPlan:
    """The plan around somebody's own network: without a second parameter, with values and an axis that suit it.

    Raises
    ------
    InputError, UsageError
        The instance cannot be read, or its recipe fixes what is varied.
    """
    sweep = dataclasses.replace(plan.sweep, series=None)
    plan = dataclasses.replace(plan, sweep=sweep)
    values = plan.values
    if not values:
        values = own_values(sweep.axis, load(plan.instance, plan.changes), plan.recipe)
    axis = own_axis(sweep.axis, max(values))
    return dataclasses.replace(plan, sweep=dataclasses.replace(sweep, axis=axis), values=values)


@dataclass(frozen=True)
class Placed:
    """A cell and where it belongs: point of the sweep, seed, method, features of the instance."""

    series: float
    value: float
    x: float
    seed: int
    method: str
    features: Mapping[str, float]
    cell: Cell

    __repr__ = short_repr


def plan_cells(plan: SweepPlan) -> list[Placed]:
    """All cells of a sweep; where the value changes no instance, one cell may stand at several points.

    Raises
    ------
    InputError
        A value that the recipe does not take.
    UsageError
        An unknown method, or a change of what is varied.
    """
    return [
        placed
        for second in plan.sweep.series_values(plan.instance)
        for value in plan.values
        for seed in plan.known_seeds
        for placed in _cells_of_instance(plan, value, second, seed)
    ]


def _cells_of_instance(plan: SweepPlan, value: float, second: float | None, seed: int) -> Iterable[Placed]:
    """The cells of one point and seed."""
    fields = plan.fields(value, second) | ({} if plan.seeds is None else {"seed": str(seed)})
    instance = load(plan.instance, fields)
    features = features_of(instance)
    source = Source(instance=plan.instance, changes=fields, name=instance.name, digest=instance.digest)
    x = plan.sweep.axis.scale * value if plan.sweep.feature is None else features[plan.sweep.feature]
    for name in plan.methods:
        method = _method(plan.sweep, name, value)
        cell = Cell(
            source=source,
            solver=method.solver,
            variant=method.variant,
            options=method.options,
            limits=plan.limits,
        )
        yield Placed(math.nan if second is None else second, value, x, seed, name, features, cell)


def _method(sweep: Sweep, name: str, value: float) -> Method:
    """The method, with the option that the value sets if it is the one that has it."""
    if sweep.option is None or sweep.option[0] != name:
        return get_method(name)
    if value < 0 or value != int(value):
        raise UsageError(f"{sweep.name} {value:g}: is no whole number of at least 0")
    return get_method(name, {sweep.option[1]: int(value)})


def run_sweep(
    placed: Sequence[Placed],
    folder: Path,
    *,
    jobs: int = 1,
    scheduler: str | None = None,
    progress: Progress | None = None,
    retry_failed: bool = False,
) -> pd.DataFrame:
    """Run the cells that have no row in ``folder`` yet; return all with their places.

    Parameters
    ----------
    placed
        Cells of `plan_cells`.
    folder, jobs, scheduler, progress, retry_failed
        As in `fgamcd_opt.studies.grid.runner.run_cells`.

    Returns
    -------
    pandas.DataFrame
        One line per placed cell: ``series``, ``value``, ``x``, ``seed`` of the instance, ``method``, the features,
        and all columns of `fgamcd_opt.studies.comparison.classes.derive`; its ``seed`` as ``solver_seed``. The
        columns that the table averages are always there.
    """
    import pandas as pd

    unique = {place.cell.id: place.cell for place in placed}
    rows = run_cells(
        list(unique.values()),
        folder,
        jobs=jobs,
        scheduler=scheduler,
        progress=progress,
        retry_failed=retry_failed,
    )
    derived = derive(rows).rename(columns={"seed": "solver_seed"})
    derived = derived.reindex(columns=list(dict.fromkeys([*derived.columns, *averaged()])))
    places = pd.DataFrame(
        [
            {
                "series": place.series,
                "value": place.value,
                "x": place.x,
                "seed": place.seed,
                "method": place.method,
                **place.features,
                "cell": place.cell.id,
            }
            for place in placed
        ]
    )
    return places.merge(derived, on="cell", how="left", validate="many_to_one")
