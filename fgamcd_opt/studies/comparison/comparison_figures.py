"""Figures of a comparison, readable without colour: gaps, time against gap, performance profiles, traces."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.io.safe_text import figure_text
from fgamcd_opt.studies.comparison.trace_figure import trace_figure, trace_name
from fgamcd_opt.studies.figure_style import (
    LEAST_FOR_INTERVAL,
    WIDTH_INCHES,
    add_grid,
    add_legend,
    floored_percent,
    gap_axis,
    legend_inches,
    new_figure,
    plain_numbers,
    styles,
)
from fgamcd_opt.studies.scores import SOLVED_CLASSES, Scores

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TARGET_GAP = 0.01
"""Largest (T - best known) / T with which an instance counts as done in the profile over time."""


def comparison_figures(scores: Scores) -> dict[str, Figure]:
    """All figures that the scores have data for, by file name without suffix."""
    figures = {
        "gap_distribution": gap_distribution_figure(scores),
        "time_against_gap": time_against_gap_figure(scores),
        "performance_profile": performance_profile_figure(scores),
    }
    for instance in scores.instances:
        figures[trace_name(instance)] = trace_figure(scores, instance)
    return {name: figure for name, figure in figures.items() if figure is not None}


def gap_distribution_figure(scores: Scores) -> Figure | None:
    """One line per method: a point per cell, and a box over quartiles from three cells on; None without any gap."""
    gaps = {
        method: [v for s in scores.of_method(method) for v in s.values("reference_gap")]
        for method in scores.methods
    }
    drawn = {method: floored_percent(values) for method, values in gaps.items() if values}
    if not drawn:
        return None
    figure, axes = new_figure(1.4 + 0.32 * len(drawn))
    looks = styles(scores.methods)
    for place, (method, values) in enumerate(drawn.items()):
        spread = np.linspace(-0.22, 0.22, values.size) if values.size > 1 else np.zeros(1)
        axes.plot(values, place + spread, markersize=4, **{**looks[method], "linestyle": "none"})
    boxes = [place for place, values in enumerate(drawn.values()) if values.size >= LEAST_FOR_INTERVAL]
    if boxes:
        axes.boxplot(
            [list(drawn.values())[place] for place in boxes], orientation="horizontal", positions=boxes, widths=0.6,
            showfliers=False, whis=(0, 100), medianprops={"color": "black", "linewidth": 2.0},
        )  # fmt: skip
    axes.set_yticks(
        range(len(drawn)), [figure_text(f"{method} ({values.size})") for method, values in drawn.items()]
    )
    axes.set_ylim(len(drawn) - 0.4, -0.6)
    axes.set_ylabel("method (cells)")
    gap_axis(axes, "x")
    return figure


def time_against_gap_figure(scores: Scores) -> Figure | None:
    """Time of a solve against its gap, a point per cell; None without any gap."""
    pairs = {method: _time_and_gap(scores, method) for method in scores.methods}
    pairs = {method: values for method, values in pairs.items() if values}
    if not pairs:
        return None
    figure, axes = new_figure(3.6, legend=len(pairs))
    looks = styles(scores.methods)
    for method, values in pairs.items():
        time_s, gap = zip(*values, strict=True)
        axes.plot(
            time_s, floored_percent(gap), label=figure_text(method), **{**looks[method], "linestyle": "none"}
        )
    axes.set_xscale("log")
    axes.set_xlabel("time of a solve (s)")
    plain_numbers(axes, "x")
    gap_axis(axes, "y")
    add_legend(figure, axes)
    return figure


def _time_and_gap(scores: Scores, method: str) -> list[tuple[float, float]]:
    """Time in s and gap of every cell with an accepted delay that knows both."""
    records = (record for score in scores.of_method(method) for record in score.records)
    accepted = [(r["solve_s"], r["reference_gap"]) for r in records if r["class"] in SOLVED_CLASSES]
    return [(time_s, gap) for time_s, gap in accepted if time_s is not None and gap is not None]


def performance_profile_figure(scores: Scores) -> Figure | None:
    """Share of the instances that a method solves within a factor of the best; None if nothing is solved.

    Above: delay against the least delay of the comparison, as an excess. Below: time against the least time, where an
    instance counts only if the method comes within :data:`TARGET_GAP` of the best delay known (Dolan and Moré, 2002).
    """
    delays = {method: _delays(scores, method) for method in scores.methods}
    times = {method: _times_within_target(scores, method) for method in scores.methods}
    if not any(delays.values()):
        return None
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH_INCHES, 6.2 + legend_inches(len(scores.methods))), layout="constrained")
    above, below = figure.subplots(2, 1)
    excess = {
        method: floored_percent([r - 1.0 for r in sorted(x)]) for method, x in ratios_to_least(delays).items()
    }
    factors = {method: np.sort(x) for method, x in ratios_to_least(times).items()}
    for axes, curves in ((above, excess), (below, factors)):
        _profiles(axes, curves, scores)
        axes.set_xscale("log")
        plain_numbers(axes, "x")
        add_grid(axes)
        axes.set_ylabel(f"share of the {len(scores.instances)} instances")
        axes.set_ylim(-0.02, 1.02)
    above.set_xlabel("delay above the least of the comparison (%)")
    below.set_xlabel(f"time / least time, delay within {TARGET_GAP:.0%} of the best known")
    add_legend(figure, above)
    return figure


def _delays(scores: Scores, method: str) -> dict[str, float]:
    """Mean delay over the seeds on the instances that the method solved."""
    delays = {score.instance: score.mean("delay_s") for score in scores.of_method(method) if score.solved}
    return {instance: delay for instance, delay in delays.items() if delay is not None}


def _times_within_target(scores: Scores, method: str) -> dict[str, float]:
    """Times on the instances where the mean delay over the seeds is within the target of the best delay known."""
    times = {}
    for score in scores.of_method(method):
        gap, time_s = scores.above_best(score), score.time_s
        if score.solved and gap is not None and gap <= TARGET_GAP and time_s is not None:
            times[score.instance] = time_s
    return times


def ratios_to_least(values: Mapping[str, Mapping[str, float]]) -> dict[str, list[float]]:
    """By method, its values over the least of any method on the same instance; methods without values are left out."""
    least: dict[str, float] = {}
    for of_instance in values.values():
        for instance, value in of_instance.items():
            least[instance] = min(value, least.get(instance, value))
    return {
        method: [value / least[i] if least[i] else 1.0 for i, value in of_instance.items()]
        for method, of_instance in values.items()
        if of_instance
    }


def _profiles(axes: Axes, curves: Mapping[str, NDArray[np.float64]], scores: Scores) -> None:
    """Step curves of the share of all instances reached at each sorted value, held to a common right end."""
    end = 1.5 * max((x[-1] for x in curves.values()), default=1.0)
    looks = styles(scores.methods)
    for method, x in curves.items():
        share = np.array([*range(x.size + 1), x.size]) / len(scores.instances)
        axes.plot(
            [x[0], *x, end], share, drawstyle="steps-post", label=figure_text(method), linewidth=1.3, markersize=5,
            markevery=max(1, x.size // 6), **looks[method],
        )  # fmt: skip
