"""Distribution of users' rates under channel errors, robust against nominal design, beside the QoS rate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.studies.figure_style import WIDTH_INCHES, wrapped
from fgamcd_opt.studies.sweep.csi import BeamStudy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_STYLES = {"robust": ("black", "-", "v"), "nominal": ("#D55E00", "--", "^")}
_LEAST_SHOWN = 0.85
"""Left end of the axis, unless all rates are above it; how many rates are below shows at the curve's beginning."""


def rate_figure(studies: Sequence[BeamStudy], title: str, caption: str) -> Figure:
    """One panel per error size above zero; all seeds, users and draws together.

    Parameters
    ----------
    studies
        Of both designs.
    title, caption
        Above, and below: the setting.
    """
    from matplotlib.figure import Figure

    sizes = sorted({study.delta for study in studies if study.delta > 0})
    count = max(1, len(sizes))
    figure = Figure(figsize=(WIDTH_INCHES, 1.6 + 2.3 * count), layout="constrained")
    figure.suptitle(title, fontsize=10, wrap=True)
    panels = figure.subplots(count, 1, squeeze=False, sharey=True, sharex=True)[:, 0]
    for delta, panel in zip(sizes, panels, strict=False):
        panel.set_title(rf"$\delta$ = {delta:g}", fontsize=10)
        for design in _STYLES:
            _distributions(panel, [s for s in studies if (s.delta, s.design) == (delta, design)], design)
        panel.axvline(1.0, color="black", linestyle=":", linewidth=1.5, label="QoS rate")
        panel.set_xlabel(r"lowest rate of a user / $R_u$", fontsize=9)
        panel.set_ylabel("share of users,\nor of (user, draw)", fontsize=9)
        panel.tick_params(labelbottom=True)
        panel.grid(color="0.9", linewidth=0.6)
    least = min([1.0, *(float(study.lowest_worst().min()) for study in studies)])
    panels[0].set_xlim(left=max(_LEAST_SHOWN, least - 0.02))
    figure.legend(
        *panels[0].get_legend_handles_labels(),
        title=wrapped(caption),
        loc="outside lower center",
        ncols=2,
        fontsize=8,
        title_fontsize=8,
        frameon=False,
    )
    return figure


def _distributions(axes: Axes, studies: Sequence[BeamStudy], design: str) -> None:
    """Empirical distributions of the users' lowest rates: in all draws, and at the worst errors with markers."""
    color, line, marker = _STYLES[design]
    if not studies:
        return
    drawn = _steps(np.concatenate([study.lowest().ravel() for study in studies]))
    worst = _steps(np.concatenate([study.lowest_worst() for study in studies]))
    axes.step(
        *drawn, where="post", color=color, linestyle=line, linewidth=1.8, label=f"{design}: uniform errors"
    )
    axes.step(
        *worst,
        where="post",
        color=color,
        linestyle=line,
        linewidth=0.8,
        marker=marker,
        markersize=4,
        markerfacecolor="white",
        label=f"{design}: worst errors",
    )


def _steps(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Places and heights of a distribution function, from zero on."""
    return np.concatenate([[0.0], np.sort(values)]), np.linspace(0.0, 1.0, values.size + 1)
