"""Profile of the gaps of several methods, readable without colour."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fgamcd_opt.io.safe_text import figure_text
from fgamcd_opt.studies.figure_style import add_legend, floored_percent, gap_axis, new_figure, styles
from fgamcd_opt.studies.statistics import Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def gap_profile_figure(gaps: Mapping[str, Floats]) -> Figure | None:
    """Share of all solves whose gap is at most what the horizontal axis says, one step curve per method.

    Parameters
    ----------
    gaps
        By method, (runs, instances) gaps.
    """
    if not gaps:
        return None
    figure, axes = new_figure(3.4, legend=len(gaps))
    looks = styles(list(gaps))
    ordered = {
        method: floored_percent(np.sort(values, axis=None).tolist()) for method, values in gaps.items()
    }
    end = 1.3 * max(values[-1] for values in ordered.values())
    for method, values in ordered.items():
        _steps(axes, values, end, f"{figure_text(method)} ({values.size})", looks[method])
    gap_axis(axes, "x")
    axes.set_ylabel("share of the solves (runs x instances)")
    axes.set_ylim(-0.02, 1.02)
    add_legend(figure, axes)
    return figure


def _steps(axes: Axes, values: Floats, end: float, label: str, look: Mapping[str, Any]) -> None:
    """Empirical distribution of sorted values, held to ``end``."""
    share = np.array([*range(values.size + 1), values.size]) / values.size
    every = max(1, values.size // 6)
    at = [values[0], *values.tolist(), end]
    axes.plot(
        at, share, drawstyle="steps-post", label=label, linewidth=1.3, markersize=5, markevery=every, **look
    )
