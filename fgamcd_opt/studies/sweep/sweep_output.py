"""What a sweep writes: cells and table as CSV, both tables as Markdown, figures as PNG and SVG."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fgamcd_opt.instances.recipes.presets import PRESETS
from fgamcd_opt.io.files import write_bytes_atomically
from fgamcd_opt.io.safe_text import csv_cell
from fgamcd_opt.io.sizes import format_size
from fgamcd_opt.problem.metrics import Place, shown_in
from fgamcd_opt.studies.figure_files import save_figure
from fgamcd_opt.studies.figure_style import LEAST_FOR_INTERVAL
from fgamcd_opt.studies.sweep.csi import TRENDS, BeamStudy, study_sweep, study_table
from fgamcd_opt.studies.sweep.csi_figure import rate_figure
from fgamcd_opt.studies.sweep.methods import CLOUD, NOMINAL, REFERENCE
from fgamcd_opt.studies.sweep.own_network import STORAGE, storage_answer
from fgamcd_opt.studies.sweep.run import Placed, SweepPlan
from fgamcd_opt.studies.sweep.sweep_figure import sweep_figure
from fgamcd_opt.studies.sweep.sweep_table import common_seeds, summarise
from fgamcd_opt.studies.sweep.trends import trend_rows, trend_table
from fgamcd_opt.studies.table import Column, Table, without_empty

if TYPE_CHECKING:
    import pandas as pd

_DESCRIBED = {
    "nodes": "{} nodes",
    "users": "{} users",
    "antennas": "{} antennas per node",
    "storage_gb": "{} GB per node",
    "zipf": "Zipf exponent {}",
    "csi_delta": "channel error δ = {}",
    "qos_cap": "QoS at most {} of the rate under full cooperation",
}
"""Recipe fields that the caption states unless the sweep varies them."""


@dataclass(frozen=True, eq=False)
class Report:
    """A sweep that has been run.

    Parameters
    ----------
    plan
        What was asked for.
    cells
        Of `fgamcd_opt.studies.sweep.run.run_sweep`.
    points
        Of `fgamcd_opt.studies.sweep.sweep_table.summarise`.
    studies
        Of the channel errors; empty but for ``csi``.
    """

    plan: SweepPlan
    cells: pd.DataFrame
    points: pd.DataFrame
    studies: Sequence[BeamStudy]

    @classmethod
    def of(cls, plan: SweepPlan, placed: Sequence[Placed], cells: pd.DataFrame, folder: Path) -> Report:
        """Compute what follows from the cells."""
        studies = study_sweep(placed, folder) if plan.sweep.name == "csi" else []
        return cls(plan, cells, summarise(cells), studies)

    @property
    def title(self) -> str:
        """What is shown, and which figure of the paper it stands for."""
        figure = self.plan.sweep.figure(self.plan.instance)
        source = f" (figure {figure} of Fu et al.)" if figure else ""
        return f"Delay over {self.plan.sweep.axis.label}{source}"

    @property
    def caption(self) -> str:
        """The setting in words."""
        plan, used = self.plan, common_seeds(self.cells)
        varied = {plan.sweep.axis.name, plan.sweep.name, plan.sweep.series.name if plan.sweep.series else ""}
        fixed = {k: v for k, v in plan.sweep.changes.get(plan.instance, {}).items() if k not in varied}
        around = f"Preset {plan.instance}" if plan.instance in PRESETS else plan.instance
        setting = []
        if plan.recipe is not None:
            recipe = plan.recipe.with_overrides({**fixed, **plan.changes})
            left, values = {*varied, *recipe.without_effect()}, recipe.to_json()
            setting = [
                text.format(_plain(values[name])) for name, text in _DESCRIBED.items() if name not in left
            ]
        seeds = ", ".join(map(str, sorted(used))) or "none"
        left_out = sorted(set(plan.known_seeds) - used)
        text = ": ".join([around, ", ".join(setting)] if setting else [around])
        if plan.seeds is None:
            left_out = []
        else:
            text += f". Means and 95 % t intervals over the instance seeds {seeds}"
            if len(used) < LEAST_FOR_INTERVAL:
                text += f" (drawn from {LEAST_FOR_INTERVAL} seeds on)"
        if left_out:
            text += (
                f" (seeds {', '.join(map(str, left_out))} left out: not solved by {REFERENCE} at every point)"
            )
        text += f". {REFERENCE}: P1 itself, to a proved gap of {100 * plan.limits.gap:g} %"
        largest = self.points.loc[self.points["method"] == REFERENCE, "gap_max"].max()
        if largest > plan.limits.gap:
            text += f" where that was reached, {100 * largest:.2g} % at most"
        if any(name not in (REFERENCE, NOMINAL) for name in plan.methods):
            text += f"; other methods: unserved={CLOUD}, hollow markers where blocks came from the cloud"
        return f"{text}."

    @property
    def answers(self) -> tuple[str, ...]:
        """What a sweep of storage says about somebody's own network, in words."""
        if self.plan.sweep.axis.name != STORAGE or self.plan.instance in PRESETS:
            return ()
        told = [storage_answer(self.cells)]
        recipe = self.plan.recipe
        if recipe is not None and isinstance(recipe.storage_gb, tuple):
            own = ", ".join(format_size(1e9 * size) for size in recipe.storage_gb)
            told.append(f"At every point all nodes have the same storage; those of the recipe have {own}.")
        return tuple(told)

    def table(self) -> Table:
        """Points and methods, for people."""
        second, metrics = self.plan.sweep.series, shown_in(Place.SWEEP)
        columns = (
            Column("" if second is None else second.label, "g"),
            Column(self.plan.sweep.axis.label, ".4g"),
            Column("method"),
            Column("delay s", ".4f"),
            Column("from s", ".4f"),
            Column("to s", ".4f"),
            Column("gap %", ".2f"),
            Column("largest gap %", ".2f"),
            Column("exact below it by %", ".2f"),
            *(Column(m.heading, m.form, m.meaning) for m in metrics),
            Column("solved"),
        )
        rows = [
            (
                _known(row["series"]),
                row["x"],
                row["method"],
                *(_known(row[name]) for name in ("delay_s", "delay_low_s", "delay_high_s")),
                *(_known(row[name], 100.0) for name in ("gap", "gap_max", "gain")),
                *(_known(row[m.name], m.scale) for m in metrics),
                f"{row['solved']} of {row['cells']}",
            )
            for row in self.points.to_dict("records")
        ]
        return without_empty(
            Table(
                "points",
                self.title,
                columns,
                tuple(rows),
                (*self.answers, self.caption + _OF_INTERVALS * (self.plan.seeds is not None)),
            )
        )

    def trends(self) -> Table:
        """What the paper reports against what was measured; no rows unless the preset is that of a figure."""
        plan = self.plan
        figure = plan.sweep.figure(plan.instance)
        if figure is None:
            return trend_table("", [])
        rows = trend_rows(plan.sweep.name, plan.instance, self.cells)
        if self.studies:
            table = study_table(self.studies)
            rows += [(quantity, reported, judge(table)) for quantity, reported, judge in TRENDS]
        return trend_table(figure, rows)

    def write(self, folder: Path) -> list[Path]:
        """Write everything into ``folder``, named after the sweep; files of the same names are replaced.

        Raises
        ------
        InputError
            If a file cannot be written.
        """
        base = folder / self.plan.sweep.name
        tables = {"": self.points, "-cells": _flat(self.cells)}
        if self.studies:
            tables["-rates"] = study_table(self.studies)
        text = "\n\n".join(f"## {t.title}\n\n{t.markdown()}" for t in (self.table(), self.trends()) if t.rows)
        files = {base.with_name(f"{base.name}.md"): f"{text}\n"}
        for suffix, table in tables.items():
            files[base.with_name(f"{base.name}{suffix}.csv")] = table.map(csv_cell).to_csv(
                index=False, lineterminator="\n"
            )
        for path, content in files.items():
            write_bytes_atomically(path, content.encode())
        caption = " ".join([*self.answers, self.caption])
        figure = sweep_figure(self.points, self.plan.sweep, self.title, caption)
        written = [*files, *save_figure(figure, base)]
        if self.studies:
            title = (
                "Rates under channel errors: all blocks of the optimum's caching (figure 15b of Fu et al.)"
            )
            figure = rate_figure(self.studies, title, self.caption)
            written += save_figure(figure, base.with_name(f"{base.name}-rates"))
        return written


_OF_INTERVALS = " From and to are the ends of the interval."


def _plain(value: object) -> object:
    """A list as its values."""
    return ", ".join(map(str, value)) if isinstance(value, list) else value


def _flat(cells: pd.DataFrame) -> pd.DataFrame:
    """The cells without what no CSV column can hold as it is: traces stay in the rows' own files."""
    texts = {
        name: cells[name].map(lambda value: json.dumps(value, sort_keys=True))
        for name in ("options", "packages")
    }
    return cells.drop(columns="trace").assign(**texts)


def _known(value: object, scale: float = 1.0) -> float | None:
    """A number of the table, or None where there is none."""
    number = float("nan") if value is None else scale * float(str(value))
    return number if number == number else None
