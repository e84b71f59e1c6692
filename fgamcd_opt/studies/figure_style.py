"""What the figures of a comparison share: one look per method, axes, legend."""

from __future__ import annotations

import itertools
import math
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GAP_FLOOR_PERCENT = 1e-4
"""Gaps at most this large, negative ones included, are drawn at this value of a logarithmic axis."""

WIDTH_INCHES = 5.6
"""Narrow enough for texts that can be read on a phone."""

LEAST_FOR_INTERVAL = 3
"""Values from which an interval of their mean is drawn; that of two would say nothing."""

_LEGEND_COLUMNS = 3
_LEGEND_LETTERS = 62
"""Letters in a row of a legend that fit, with the lines beside them."""
_CAPTION_LETTERS = 92
_COLORS = ("black", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "0.5", "#56B4E9", "#E69F00")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "h", "*", "d", "+", "x", "1", "2", "3")
_LINES = ("-", "--", "-.")


def styles(methods: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Colour, marker and line of every method, the same in all figures of a comparison."""
    looks = zip(itertools.cycle(_COLORS), itertools.cycle(_MARKERS), itertools.cycle(_LINES), strict=False)
    return {
        method: {"color": color, "marker": marker, "linestyle": line, "markerfacecolor": "none"}
        for method, (color, marker, line) in zip(methods, looks, strict=False)
    }


def new_figure(height: float, legend: int = 0) -> tuple[Figure, Axes]:
    """An empty figure with one pair of axes; ``height`` in inches, and room for ``legend`` names below."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH_INCHES, height + legend_inches(legend)), layout="constrained")
    return figure, figure.subplots()


def legend_inches(names: int) -> float:
    """Height of a legend."""
    return 0.2 * -(-names // _LEGEND_COLUMNS)


def add_legend(figure: Figure, *axes: Axes) -> int:
    """All labels of the axes below them, each once with its first line; returns the number of its rows."""
    first: dict[str, Any] = {}
    for each in axes:
        for handle, label in zip(*each.get_legend_handles_labels(), strict=True):
            first.setdefault(label, handle)
    columns = next(n for n in range(_LEGEND_COLUMNS, 0, -1) if n == 1 or _fits(list(first), n))
    figure.legend(
        list(first.values()),
        list(first),
        loc="outside lower center",
        ncols=columns,
        fontsize="small",
        markerscale=0.8,
    )
    return -(-len(first) // columns)


def _fits(labels: Sequence[str], columns: int) -> bool:
    """Whether so many columns of labels, filled one after the other, are narrow enough for the figure."""
    parts = np.array_split(np.array([len(label) for label in labels]), columns)
    return sum(int(part.max(initial=0)) for part in parts) <= _LEGEND_LETTERS


def wrapped(caption: str) -> str:
    """A caption in small letters, in lines that the figure is wide enough for."""
    return "\n".join(textwrap.wrap(caption.replace("$", r"\$"), _CAPTION_LETTERS))


def add_grid(axes: Axes) -> None:
    """Fine grey lines."""
    axes.grid(visible=True, color="0.88", linewidth=0.6)


def plain_numbers(axes: Axes, name: str) -> None:
    """Ticks such as 0.01 rather than powers of ten, on the axis "x" or "y"; 2 and 5 in between if it is short."""
    axis = axes.xaxis if name == "x" else axes.yaxis

    def between(value: float, _: float) -> str:
        low, high = axis.get_view_interval()
        return f"{value:g}" if 0 < high < 20 * low and f"{value:e}"[0] in "25" else ""

    axis.set_major_formatter(lambda value, _: f"{value:g}")
    axis.set_minor_formatter(between)


def gap_axis(axes: Axes, name: str) -> None:
    """Logarithmic axis "x" or "y" of gaps in percent."""
    axes.set(**{f"{name}scale": "log", f"{name}label": "gap to the best certified bound of P1 (%)"})
    plain_numbers(axes, name)
    add_grid(axes)


def floored_percent(gaps: Sequence[float]) -> NDArray[np.float64]:
    """Gaps in percent, at least :data:`GAP_FLOOR_PERCENT`."""
    return np.maximum(100.0 * np.asarray(gaps, dtype=np.float64), GAP_FLOOR_PERCENT)


def scale_to(axes: Axes, values: NDArray[np.float64]) -> None:
    """Limits of the vertical axis by what was measured alone: wide intervals are cut off."""
    known = values[np.isfinite(values)]
    if not known.size:
        return
    low, high = float(known.min()), float(known.max())
    if axes.get_yscale() == "log":
        factor = max((high / low) ** 0.15, math.sqrt(10.0 * low / high))  # a decade at least
        axes.set_ylim(low / factor, high * factor)
    else:
        room = max(0.15 * (high - low), 0.05 * max(abs(low), abs(high)), 1e-12)
        axes.set_ylim(low - room, high + room)
