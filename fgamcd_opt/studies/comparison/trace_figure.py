"""Best delay and best bound of every method over time, on one instance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fgamcd_opt.io.safe_text import figure_text, file_name
from fgamcd_opt.studies.figure_style import add_grid, add_legend, new_figure, plain_numbers, styles
from fgamcd_opt.studies.scores import Scores

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DELAY, _BOUND = 1, 2
"""Places in an entry (time in s, delay in s, bound in s) of a trace."""


def trace_name(instance: str) -> str:
    """File name, without suffix, of an instance's figure; another one for every name of an instance."""
    return f"trace_{file_name(instance)}"


def trace_figure(scores: Scores, instance: str) -> Figure | None:
    """Best delay (full line) and bound (dashed) over time, relative to the best delay known; None without traces.

    The first seed of every method is drawn.
    """
    best = scores.best_delay_s(instance)
    traced = {s.method: s.records[0]["trace"] for s in scores.of_instance(instance) if s.records[0]["trace"]}
    if best is None or not traced:
        return None
    figure, axes = new_figure(4.0, legend=len(traced))
    axes.set_xscale("log")
    axes.set_yscale("symlog", linthresh=0.01, linscale=0.5)
    axes.margins(0.08)
    looks = styles(scores.methods)
    for method, trace in traced.items():
        for place, line in ((_DELAY, "-"), (_BOUND, "--")):
            steps = [(row[0], 100.0 * (row[place] / best - 1.0)) for row in trace if row[place] is not None]
            if steps:
                _line(
                    axes,
                    steps,
                    trace[-1][0],
                    {**looks[method], "linestyle": line, "label": figure_text(method)},
                )
    axes.axhline(0.0, color="black", linewidth=0.8)
    plain_numbers(axes, "x")
    plain_numbers(axes, "y")
    axes.set_xlabel("time (s)")
    axes.set_ylabel("distance from the best T known (%)")
    axes.set_title(
        f"{figure_text(instance)}: best T = {best:.6g} s\nfull: delay, dashed: bound", fontsize="medium"
    )
    add_grid(axes)
    add_legend(figure, axes)
    return figure


def _line(axes: Axes, steps: list[tuple[float, float]], end_s: float, look: dict[str, Any]) -> None:
    """Steps (time in s, value), the last one held until the end."""
    time_s, value = np.array([*steps, (end_s, steps[-1][1])]).T
    axes.plot(time_s, value, drawstyle="steps-post", markersize=5, linewidth=1.2, **look)
