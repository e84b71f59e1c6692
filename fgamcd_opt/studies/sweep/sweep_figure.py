"""The figure of a sweep: delay of every method beside the certified optimum, and gaps to the proved bound."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fgamcd_opt.studies.figure_style import (
    LEAST_FOR_INTERVAL,
    WIDTH_INCHES,
    legend_inches,
    plain_numbers,
    scale_to,
    styles,
    wrapped,
)
from fgamcd_opt.studies.sweep.methods import REFERENCE
from fgamcd_opt.studies.sweep.sweep_settings import Sweep

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

_SHIFT = 0.005
"""Distance of neighbouring curves, as a share of the axis."""

_SHORT_LABEL = 20
"""Letters up to which three names stand side by side in the legend."""

_MARKERS = "os^vDP"
"""Markers that tell values of a second parameter."""

QUANTITIES = {"mean_user_rate_bps": ("mean user rate (Gbit/s)", 1e9)}
"""Label and divisor of the metrics that a figure can show beside the delay."""


def sweep_figure(table: pd.DataFrame, sweep: Sweep, title: str, caption: str) -> Figure:
    """Delay over the parameter, gaps beside it, then the metrics of the sweep; one curve per method and second value.

    Parameters
    ----------
    table
        Of `fgamcd_opt.studies.sweep.sweep_table.summarise`.
    sweep
        What was varied.
    title, caption
        Above, and below: the setting.
    """
    from matplotlib.figure import Figure

    count = 2 + len(sweep.quantities)
    curves = _curves_of(table, sweep)
    height = 0.9 + 2.7 * count + legend_inches(len(curves) + 1)
    figure = Figure(figsize=(WIDTH_INCHES, height), layout="constrained")
    figure.suptitle(title, fontsize=10, wrap=True)
    panels = figure.subplots(count, 1, squeeze=False)[:, 0]
    for curve in curves:
        curve.draw(panels[0], curve.rows["delay_s"], curve.rows["delay_low_s"], curve.rows["delay_high_s"])
        curve.draw(panels[1], 100.0 * curve.rows["gap"])
        for panel, quantity in zip(panels[2:], sweep.quantities, strict=True):
            curve.draw(panel, curve.rows[quantity] / QUANTITIES[quantity][1])
    _proved_optimum(panels[0], table)
    _without_solution(panels[0], table)
    scale_to(panels[0], table["delay_s"].to_numpy(dtype=float))
    panels[1].set_yscale("symlog", linthresh=0.1)
    plain_numbers(panels[1], "y")
    panels[1].set_ylim(0.0, 200.0 * max([0.001, *table["gap"].dropna()]))
    labels = [
        "delay T (s)",
        "gap to the proved bound (%)",
        *(QUANTITIES[name][0] for name in sweep.quantities),
    ]
    for panel, label in zip(panels, labels, strict=True):
        panel.set_ylabel(label, fontsize=9)
        panel.set_xlabel(sweep.axis.label, fontsize=9)
        panel.grid(color="0.9", linewidth=0.6)
    handles = [curve.handle() for curve in curves]
    handles += panels[0].get_legend_handles_labels()[0]
    figure.legend(
        handles=handles,
        title=wrapped(caption),
        loc="outside lower center",
        ncols=3 if max(len(curve.label) for curve in curves) <= _SHORT_LABEL else 1,
        fontsize=8,
        title_fontsize=8,
        frameon=False,
    )
    return figure


@dataclass(frozen=True, eq=False)
class _Curve:
    """Rows of one curve, in the order of the axis, and how it looks."""

    method: str
    label: str
    rows: pd.DataFrame
    look: dict[str, Any]
    shift: float
    """Along the axis where it has intervals, so that those of several curves stand side by side."""

    def draw(
        self,
        axes: Axes,
        values: pd.Series[float],
        low: pd.Series[float] | None = None,
        high: pd.Series[float] | None = None,
    ) -> None:
        """Line and markers, hollow where blocks came from the cloud; intervals of three seeds or more as bars."""
        x, color = self.rows["x"], self.look["color"]
        if low is not None and high is not None:
            x = x + self.shift
            known = self.rows["seeds"] >= LEAST_FOR_INTERVAL
            axes.vlines(x[known], low[known], high[known], color=color, linewidth=0.8, alpha=0.6, zorder=2)
        level = 5 if self.method == REFERENCE else 3  # over the curves that coincide with it
        axes.plot(x, values, color=color, linestyle=self.look["linestyle"], linewidth=1.3, zorder=level)
        cloud = self.rows["cloud_blocks"] > 0
        marks = {"color": color, "marker": self.look["marker"], "linestyle": "none", "zorder": level + 1}
        axes.plot(x[~cloud], values[~cloud], **marks)
        axes.plot(x[cloud], values[cloud], markerfacecolor="white", **marks)

    def handle(self) -> Line2D:
        """Its entry in the legend."""
        from matplotlib.lines import Line2D

        return Line2D([], [], label=self.label, **self.look)


def _curves_of(table: pd.DataFrame, sweep: Sweep) -> list[_Curve]:
    """One curve per method; with a second parameter one per method and value, each with its own look."""
    methods = list(dict.fromkeys(table["method"]))
    series = sorted(set(table["series"].dropna().tolist())) or [math.nan]
    keys = [(method, value) for method in methods for value in series]
    looks = styles([f"{method} {value:g}" for method, value in keys])
    step = _SHIFT * float(table["x"].max() - table["x"].min())
    curves = []
    for method, value in keys:
        rows = table[table["method"] == method].sort_values("x")
        place = methods.index(method) - len(methods) // 2
        shift = 0.0 if method == REFERENCE else step * (place if place < 0 else place + 1)
        look = {k: v for k, v in looks[f"{method} {value:g}"].items() if k != "markerfacecolor"}
        if sweep.series is None:
            curves.append(_Curve(method, method, rows, look, shift))
        else:
            label = f"{method}, {sweep.series.label} {value:g}"
            curves.append(_Curve(method, label, rows[rows["series"] == value], look, shift))
    return curves


def _without_solution(axes: Axes, table: pd.DataFrame) -> None:
    """Crosses on the axis where the reference proved that there is no solution."""
    exact = table[(table["method"] == REFERENCE) & (table["infeasible"] == table["cells"])]
    if not exact.empty:
        axes.plot(
            exact["x"],
            [0.03] * len(exact),
            "x",
            color="tab:red",
            markersize=7,
            markeredgewidth=2,
            transform=axes.get_xaxis_transform(),
            label="proved: no solution",
            zorder=6,
        )


def _proved_optimum(axes: Axes, table: pd.DataFrame) -> None:
    """The band from the proved bound to T of the reference: the optimum lies in it."""
    label = "proved: the optimum lies here"
    for _, rows in table[table["method"] == REFERENCE].groupby("series", dropna=False):
        rows = rows.sort_values("x")
        axes.fill_between(
            rows["x"],
            rows["lower_bound_s"],
            rows["delay_s"],
            color="0.8",
            linewidth=2.0,
            label=label,
            zorder=1,
        )
        label = ""
