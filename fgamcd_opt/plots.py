"""Figures of the robustness study, readable without colour, as PNG and SVG. Needs the extra ``plots``."""

from __future__ import annotations

import io
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.errors import BackendError
from fgamcd_opt.files import write_bytes_atomically
from fgamcd_opt.robustness import DESIGNS, ErrorStudy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = ("png", "svg")

_STYLES = {
    "robust": {"color": "black", "linestyle": "-"},
    "nominal": {"color": "0.45", "linestyle": "--"},
}
_MARKERS = {"robust": "v", "nominal": "^"}
_SHOWN_USERS = 8
"""Users up to which the beampattern names them; more labels would cover each other."""


def require_plotting() -> None:
    """Refuse, before long work starts, if figures cannot be drawn.

    Raises
    ------
    BackendError
        If matplotlib is not installed.
    """
    if find_spec("matplotlib") is None:
        raise BackendError('figures need matplotlib: pip install "fgamcd-opt[plots]"')


def save_figure(figure: Figure, path: Path) -> list[Path]:
    """Write a figure as ``path``.png and ``path``.svg; the same figure gives the same bytes.

    Parameters
    ----------
    figure
        What to draw.
    path
        File name without its suffix.
    """
    import matplotlib

    written = []
    for suffix in FORMATS:
        data = io.BytesIO()
        stamp = {"Date": None} if suffix == "svg" else {"Software": None}
        with matplotlib.rc_context({"svg.hashsalt": "fgamcd"}):
            figure.savefig(data, format=suffix, dpi=150, metadata=stamp)
        written.append(path.with_name(f"{path.name}.{suffix}"))
        write_bytes_atomically(written[-1], data.getvalue())
    return written


def cdf_figure(studies: Sequence[ErrorStudy], title: str) -> Figure:
    """Distribution over the uniform errors, one column per delta, robust against nominal.

    Top: the worst user's rate, with the users' R_u as dotted lines. Bottom, if some R_u > 0: the least ratio of a
    user's rate to its R_u, with 1 as a dotted line. Triangles on the axis: the worst case of either beam (F1).
    """
    from matplotlib.figure import Figure

    qos = studies[0].data.qos_bps
    required = qos > 0
    rows = 1 + int(required.any())
    figure = Figure(figsize=(1.5 + 3.0 * len(studies), 0.9 + 2.7 * rows), layout="constrained")
    figure.suptitle(title)
    grid = figure.subplots(rows, len(studies), squeeze=False, sharex="row", sharey=True)
    for column, study in enumerate(studies):
        grid[0, column].set_title(rf"$\delta$ = {study.delta:g}")
        _step_curves(grid[0, column], study, np.full(qos.size, 1e9))
        for rate in np.unique(qos[required]):
            grid[0, column].axvline(rate / 1e9, color="0.3", linestyle=":", linewidth=1, zorder=1)
        grid[0, column].set_xlabel("worst user's rate (Gbit/s)")
        if rows == 2:
            _step_curves(grid[1, column], study, np.where(required, qos, np.nan))
            grid[1, column].axvline(1.0, color="0.3", linestyle=":", linewidth=1.5, zorder=1)
            grid[1, column].set_xlabel("least rate / QoS")
    for row in grid:
        row[0].set_ylabel("share of realisations")
    handles, labels = grid[0, 0].get_legend_handles_labels()
    if required.any():
        handles.append(grid[0, 0].lines[-1])
        labels.append("QoS")
    figure.legend(handles, labels, loc="outside lower center", ncols=len(handles))
    return figure


def _step_curves(axes: Axes, study: ErrorStudy, unit_bps: NDArray[np.float64]) -> None:
    """Empirical distribution of the least rate in ``unit_bps`` (m,), users whose unit is NaN left out."""
    for design in DESIGNS:
        values = np.sort(np.nanmin(study.uniform_rates_bps(design) / unit_bps, axis=1))
        values = np.concatenate([values[:1], values])
        share = np.linspace(0.0, 1.0, values.size)
        style = _STYLES[design]
        axes.step(values, share, where="post", label=f"{design}, uniform errors", linewidth=1.8, **style)
        axes.plot(
            [np.nanmin(study.worst_rates_bps(design) / unit_bps)],
            [0.0],
            linestyle="none",
            marker=_MARKERS[design],
            markersize=8,
            markeredgecolor=style["color"],
            markerfacecolor=style["color"] if design == "robust" else "white",
            label=f"{design}, worst error",
            clip_on=False,
            zorder=3,
        )
    axes.set_ylim(0.0, 1.02)
    axes.grid(color="0.9", linewidth=0.6)


def pattern_figure(
    angle_deg: NDArray[np.float64],
    amplitude: NDArray[np.float64],
    user_angle_deg: NDArray[np.float64],
    nodes: Sequence[int],
    users: Sequence[int],
    title: str,
) -> Figure:
    """One panel per sending node with its beampattern; vertical lines mark the users' angles.

    Parameters
    ----------
    angle_deg, amplitude
        (A,) angles in degrees and (S, A) amplitudes in sqrt(W).
    user_angle_deg
        (S, m) angles of the users in degrees.
    nodes, users
        Their S and m indices.
    title
        Above the panels.
    """
    from matplotlib.figure import Figure

    columns = min(3, len(nodes))
    rows = -(-len(nodes) // columns)
    figure = Figure(figsize=(1.0 + 4.0 * columns, 0.9 + 2.6 * rows), layout="constrained")
    figure.suptitle(title)
    panels = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).ravel()
    for panel, node, curve, angles in zip(panels, nodes, amplitude, user_angle_deg, strict=False):
        panel.plot(angle_deg, curve, color="black", linewidth=1.2)
        for user, angle in zip(users, angles, strict=True):
            panel.axvline(angle, color="0.45", linestyle="--", linewidth=1, zorder=1)
            if len(users) <= _SHOWN_USERS:
                panel.annotate(
                    f"{user}",
                    (angle, 1.0),
                    xycoords=("data", "axes fraction"),
                    ha="center",
                    va="bottom",
                    fontsize=7,
                )
        panel.set_title(f"node {node}", pad=14)
        panel.set_xlim(-90.0, 90.0)
        panel.set_xticks(range(-90, 91, 30))
        panel.grid(color="0.9", linewidth=0.6)
    for panel in panels[len(nodes) :]:
        panel.set_visible(False)
    figure.supxlabel(r"angle to broadside $\theta$ (degrees); dashed: users", fontsize=10)
    figure.supylabel(r"$|w_n^H a(\theta)|$ ($\sqrt{\mathrm{W}}$)", fontsize=10)
    return figure
