"""Learning curves over training seeds, as they were measured; readable without colour."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from fgamcd_opt.io.safe_text import figure_text
from fgamcd_opt.io.short_repr import short_repr
from fgamcd_opt.learning.training.curve import CurveRow
from fgamcd_opt.studies.figure_style import (
    GAP_FLOOR_PERCENT,
    LEAST_FOR_INTERVAL,
    WIDTH_INCHES,
    add_grid,
    add_legend,
    gap_axis,
    legend_inches,
    new_figure,
    plain_numbers,
    scale_to,
    styles,
)
from fgamcd_opt.studies.policies.gap_summary import FAILED_GAP
from fgamcd_opt.studies.statistics import LEVEL, Floats, bootstrap

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

AXES = {"steps": "environment steps", "episode": "episodes", "seconds": "wall-clock time of the training (s)"}
"""What a curve can be drawn over."""

VALUES = {"gap": "gap to the certified bound (%)", "return_": "return of an episode"}
"""What a curve can show."""

Curve = Sequence[CurveRow]

_CAPTION = "markers: mean over the training seeds, at evaluations; thin lines only lead the eye"
_CAPTION_WITH_BARS = (
    f"{_CAPTION}\nbars: {LEVEL:.0%} bootstrap interval of the mean, cut off where it leaves the frame"
)
_RESAMPLES = 1000
_MOST_MARKERS = 60
"""Evaluations up to which markers have their full size."""


def learning_curves_figure(
    curves: Mapping[str, Sequence[Curve]], x: str = "steps", y: str = "gap"
) -> Figure | None:
    """A marker per evaluation: the mean over the training seeds of each method, with a bar for its interval.

    Nothing is drawn between the evaluations but a thin line that leads the eye; evaluations count that all seeds of a
    method have. The bar is the 95 % bootstrap interval of the mean, where there are three seeds or more; bars do not
    change the scale.

    Parameters
    ----------
    curves
        By method, one curve per training seed.
    x, y
        Keys of :data:`AXES` and :data:`VALUES`.

    Returns
    -------
    Figure or None
        None if no curve has a row that knows ``y``.
    """
    panel = Panel(curves=curves, x=x, y=y)
    if not panel.lines:
        return None
    figure, axes = new_figure(3.8, legend=len(panel.lines))
    _draw(axes, panel, styles(list(curves)))
    axes.set_title(_caption([panel]), fontsize="x-small")
    add_legend(figure, axes)
    return figure


@dataclass(frozen=True, kw_only=True)
class Panel:
    """Learning curves in one pair of axes.

    Parameters
    ----------
    curves, x, y
        As for :func:`learning_curves_figure`.
    title
        Above the axes.
    log_x
        Logarithmic horizontal axis, for trainings of very different lengths.
    """

    curves: Mapping[str, Sequence[Curve]]
    x: str = "steps"
    y: str = "gap"
    title: str = ""
    log_x: bool = False

    __repr__ = short_repr

    @cached_property
    def lines(self) -> dict[str, tuple[Floats, Floats]]:
        """Places and values by method, as :func:`measured` gives them."""
        lines = {method: measured(runs, self.x, self.y) for method, runs in self.curves.items()}
        return {method: line for method, line in lines.items() if line is not None}


def curve_panels_figure(panels: Sequence[Panel]) -> Figure | None:
    """Panels of learning curves one below the other; a method has the same look in all of them.

    Panels without a curve are left out.

    Returns
    -------
    Figure or None
        None if no panel has a curve.
    """
    from matplotlib.figure import Figure

    shown = [panel for panel in panels if panel.lines]
    if not shown:
        return None
    methods = list(dict.fromkeys(method for panel in panels for method in panel.curves))
    size = (WIDTH_INCHES, 2.8 * len(shown) + legend_inches(len(methods)) + 0.2)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(len(shown), squeeze=False)[:, 0].tolist()
    for each, panel in zip(axes, shown, strict=True):
        _draw(each, panel, styles(methods))
        each.set_title(panel.title, fontsize="medium")
    figure.suptitle(_caption(shown), fontsize="x-small")
    add_legend(figure, *axes)
    return figure


def _caption(panels: Sequence[Panel]) -> str:
    """What markers and bars are, where there are any."""
    bars = any(len(runs) >= LEAST_FOR_INTERVAL for panel in panels for _, runs in panel.lines.values())
    return _CAPTION_WITH_BARS if bars else _CAPTION


def _draw(axes: Axes, panel: Panel, looks: Mapping[str, Mapping[str, Any]]) -> None:
    """Evaluations of every method of a panel: means, and intervals where there are seeds enough."""
    means = []
    for method, (at, runs) in panel.lines.items():
        shown = np.maximum(100.0 * runs, GAP_FLOOR_PERCENT) if panel.y == "gap" else runs
        label = f"{figure_text(method)} ({len(runs)} seed{'s' if len(runs) > 1 else ''})"
        look = looks[method]
        size = 4.0 if at.size <= _MOST_MARKERS else 2.5
        axes.plot(at, shown.mean(axis=0), label=label, linewidth=0.5, markersize=size, **look)
        if len(runs) >= LEAST_FOR_INTERVAL:
            low, high = np.array([_interval(column) for column in shown.T]).T
            axes.vlines(at, low, high, color=look["color"], linewidth=0.8, alpha=0.45, zorder=1)
        means.append(shown.mean(axis=0))
    axes.set_xlabel(AXES[panel.x])
    if panel.log_x:
        axes.set_xscale("log")
        plain_numbers(axes, "x")
    else:
        axes.set_xlim(left=0.0)
    if panel.y == "gap":
        gap_axis(axes, "y")
    add_grid(axes)
    scale_to(axes, np.concatenate(means))
    axes.set_ylabel(VALUES[panel.y])


def measured(runs: Sequence[Curve], x: str, y: str) -> tuple[Floats, Floats] | None:
    """Evaluations that all runs have: (P,) places, the mean over the runs, and (runs, P) values; None without any.

    Runs meet at the same episode. A row whose policy does not deliver everything has an infinite delay:
    :data:`FAILED_GAP`. A curve without any gap was trained without a bound and is left out.
    """
    known: list[dict[int, tuple[float, float]]] = []
    for run in runs:
        if y == "gap" and all(row.gap is None for row in run):
            continue
        pairs = {row.episode: (getattr(row, x), _value(row, y)) for row in run}
        known.append(
            {episode: (place, value) for episode, (place, value) in pairs.items() if value is not None}
        )
    episodes = sorted(set.intersection(*map(set, known))) if known else []
    if not episodes:
        return None
    values = np.array([[run[episode] for episode in episodes] for run in known], dtype=np.float64)
    return values[..., 0].mean(axis=0), values[..., 1]


def _value(row: CurveRow, y: str) -> float | None:
    value: float | None = getattr(row, y)
    return FAILED_GAP if y == "gap" and row.delay_s == math.inf else value


def _interval(values: Floats) -> tuple[float, float]:
    estimate = bootstrap([values], lambda drawn: drawn.mean(axis=-1), resamples=_RESAMPLES)
    return estimate.low, estimate.high
