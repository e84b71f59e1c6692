"""The surface of the error bound over (zeta, xi), readable without colour."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fgamcd_opt.studies.figure_style import new_figure
from fgamcd_opt.studies.theory.sample_bound import SOURCE_XI, SOURCE_ZETA, ErrorBound, Floats, LeastBound

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LEVELS = 10


def surface_figure(bound: ErrorBound, zeta: Floats, xi: Floats, least: LeastBound) -> Figure:
    """Contours of the bound over the grid, with its minimiser and the one that the paper reports."""
    surface = bound.total(zeta[:, None], xi[None, :])
    figure, axes = new_figure(4.4, legend=2)
    levels = np.unique(np.quantile(surface, np.linspace(0.0, 1.0, _LEVELS)))
    if levels.size > 1:
        shades = [str(shade) for shade in np.linspace(0.62, 1.0, levels.size - 1).tolist()]
        axes.contourf(xi, zeta, surface, levels=levels, colors=shades)
        lines = axes.contour(xi, zeta, surface, levels=levels[1:-1], colors="black", linewidths=0.8)
        axes.clabel(lines, fmt=lambda value: f"{value:.5g}", fontsize=7)
    mark: dict[str, Any] = {
        "linestyle": "none",
        "markeredgecolor": "black",
        "markersize": 13,
        "clip_on": False,
        "zorder": 4,
    }
    axes.plot(
        least.xi, least.zeta, marker="*", markerfacecolor="white", **mark,
        label=f"least bound {least.bound:.6g} at ζ = {least.zeta:.3g}, ξ = {least.xi:.3g}",
    )  # fmt: skip
    if zeta[0] <= SOURCE_ZETA <= zeta[-1] and xi[0] <= SOURCE_XI <= xi[-1]:
        axes.plot(
            SOURCE_XI, SOURCE_ZETA, marker="X", markerfacecolor="0.3", **{**mark, "markersize": 9},
            label=f"reported by Fu et al.: ζ = {SOURCE_ZETA:g}, ξ = {SOURCE_XI:g}",
        )  # fmt: skip
    axes.set_xlabel("ξ, largest distance of a sample that is kept")
    axes.set_ylabel("ζ, share of synthetic samples at first")
    axes.set_title("upper bound on the error of fitted Q (units of return)", fontsize="medium")
    figure.legend(loc="outside lower center", fontsize="small")
    return figure
