"""Distribution of users' rates under channel errors, robust against nominal design, beside the QoS rate."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fgamcd_opt.sweep.csi import BeamStudy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_STYLES = {"robust": ("black", "-"), "nominal": ("0.45", "--")}


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
    columns = max(1, len(sizes))
    figure = Figure(figsize=(1.5 + 3.4 * columns, 5.0), layout="constrained")
    figure.suptitle(title)
    panels = figure.subplots(1, columns, squeeze=False, sharey=True, sharex=True)[0]
    for delta, panel in zip(sizes, panels, strict=False):
        panel.set_title(rf"$\delta$ = {delta:g}", fontsize=10)
        for design in _STYLES:
            _distribution(panel, [s for s in studies if (s.delta, s.design) == (delta, design)], design)
        panel.axvline(1.0, color="black", linestyle=":", linewidth=1.5, label="QoS rate")
        panel.set_xlabel(r"lowest rate of a user / $R_u$")
        panel.grid(color="0.9", linewidth=0.6)
    panels[0].set_ylabel("share of (user, draw)")
    figure.legend(
        *panels[0].get_legend_handles_labels(),
        title="\n".join(textwrap.wrap(caption, 45 * columns)),
        loc="outside lower center",
        ncols=3,
        fontsize=9,
        title_fontsize=9,
        frameon=False,
    )
    return figure


def _distribution(axes: Axes, studies: Sequence[BeamStudy], design: str) -> None:
    """Empirical distribution of the users' lowest rates in all draws, on a scale around the QoS rate."""
    if not studies:
        return
    lowest = np.sort(np.concatenate([study.lowest().ravel() for study in studies]))
    share = np.arange(1, lowest.size + 1) / lowest.size
    color, line = _STYLES[design]
    axes.step(lowest, share, where="post", color=color, linestyle=line, linewidth=1.6, label=design)
