"""Learning curves over training seeds, readable without colour."""

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
    WIDTH_INCHES,
    add_grid,
    add_legend,
    gap_axis,
    legend_inches,
    new_figure,
    plain_numbers,
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

_POINTS = 120
_BAND = f"mean over training seeds, band: {LEVEL:.0%} bootstrap interval of the mean"
_RESAMPLES = 1000


def learning_curves_figure(
    curves: Mapping[str, Sequence[Curve]], x: str = "steps", y: str = "gap"
) -> Figure | None:
    """Mean over the training seeds of each method, and a band.

    Curves are joined linearly between their rows; the mean goes as far as all seeds of the method do. The band is the
    95 % bootstrap interval of the mean, which a single seed has not.

    Parameters
    ----------
    curves
        By method, one curve per training seed.
    x, y
        Keys of :data:`AXES` and :data:`VALUES`.

    Returns
    -------
    Figure or None
        None if no curve has two rows that know ``y``.
    """
    panel = Panel(curves=curves, x=x, y=y)
    if not panel.lines:
        return None
    figure, axes = new_figure(3.8, legend=len(panel.lines))
    _draw(axes, panel, styles(list(curves)))
    axes.set_title(_BAND, fontsize="small")
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
        """Places and values by method, as :func:`joined` gives them."""
        lines = {method: joined(runs, self.x, self.y) for method, runs in self.curves.items()}
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
    figure.suptitle(_BAND, fontsize="small")
    add_legend(figure, *axes)
    return figure


def _draw(axes: Axes, panel: Panel, looks: Mapping[str, Mapping[str, Any]]) -> None:
    """Mean and band of every method of a panel."""
    for place, (method, (at, runs)) in enumerate(panel.lines.items()):
        shown = np.maximum(100.0 * runs, GAP_FLOOR_PERCENT) if panel.y == "gap" else runs
        label = f"{figure_text(method)} ({len(runs)} seed{'s' if len(runs) > 1 else ''})"
        every = (place * _POINTS // (8 * len(panel.lines)), _POINTS // 8)
        look = looks[method]
        axes.plot(at, shown.mean(axis=0), label=label, linewidth=1.5, markersize=5, markevery=every, **look)
        if len(runs) > 1:
            low, high = np.array([_band(column) for column in shown.T]).T
            axes.fill_between(at, low, high, color=look["color"], alpha=0.13, linewidth=0)
            axes.plot(
                at, low, at, high, color=look["color"], linewidth=0.5, linestyle=look["linestyle"], alpha=0.6
            )
    axes.set_xlabel(AXES[panel.x])
    if panel.log_x:
        axes.set_xscale("log")
        plain_numbers(axes, "x")
    else:
        axes.set_xlim(left=0.0)
    if panel.y == "gap":
        gap_axis(axes, "y")
    add_grid(axes)
    axes.set_ylabel(VALUES[panel.y])


def joined(runs: Sequence[Curve], x: str, y: str) -> tuple[Floats, Floats] | None:
    """Curves on common places: (P,) places where all runs are known, and (runs, P) values; None if there are none.

    A row whose policy does not deliver everything has an infinite delay: :data:`FAILED_GAP`. A curve without
    any gap was trained without a bound and is left out.
    """
    known = []
    for run in runs:
        if y == "gap" and all(row.gap is None for row in run):
            continue
        pairs = [(getattr(row, x), _value(row, y)) for row in run]
        pairs = [(place, value) for place, value in pairs if value is not None]
        if len(pairs) > 1:
            known.append(np.array(pairs, dtype=np.float64).T)
    if not known:
        return None
    first, last = max(places[0] for places, _ in known), min(places[-1] for places, _ in known)
    if first >= last:
        return None
    at = np.linspace(first, last, _POINTS)
    return at, np.array([np.interp(at, places, values) for places, values in known])


def _value(row: CurveRow, y: str) -> float | None:
    value: float | None = getattr(row, y)
    return FAILED_GAP if y == "gap" and row.delay_s == math.inf else value


def _band(values: Floats) -> tuple[float, float]:
    estimate = bootstrap([values], lambda drawn: drawn.mean(axis=-1), resamples=_RESAMPLES)
    return estimate.low, estimate.high
