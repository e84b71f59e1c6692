"""Figures of the robustness study, readable without colour. Needs the extra ``plots``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.studies.robustness.channel_errors import DESIGNS, ErrorStudy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_STYLES = {
    "robust": {"color": "black", "linestyle": "-"},
    "nominal": {"color": "0.45", "linestyle": "--"},
}
_MARKERS = {"robust": "v", "nominal": "^"}
_SHOWN_USERS = 8
"""Users up to which the beampattern names them; more labels would cover each other."""
_LABEL_WIDTH_DEG = 8.0


def cdf_figure(studies: Sequence[ErrorStudy], title: str) -> Figure:
    """Robust against nominal beam, one column per delta.

    Top: distribution of the worst user's rate over the uniform errors, on the scale of these rates; dotted lines are
    the users' R_u, and an arrow says where R_u lies if it is outside. Bottom: every user's range of rates over the
    uniform errors, its rate at the worst error of either beam (F1), and its R_u.
    """
    from matplotlib.figure import Figure

    users = studies[0].data.users.size
    height = 0.6 + 0.3 * users
    figure = Figure(figsize=(1.5 + 3.0 * len(studies), 4.0 + height), layout="constrained")
    figure.suptitle(title)
    grid = figure.subplots(
        2, len(studies), squeeze=False, sharex="row", sharey="row", height_ratios=(2.7, height)
    )
    for study, top, bottom in zip(studies, *grid, strict=True):
        top.set_title(rf"$\delta$ = {study.delta:g}")
        _distributions(top, study)
        _user_ranges(bottom, study)
    for top in grid[0]:
        _mark_qos(top, studies[0].data.qos_bps / 1e9)
    grid[0, 0].set_ylabel("share of realisations")
    grid[1, 0].set_ylabel("user")
    figure.legend(*grid[1, 0].get_legend_handles_labels(), loc="outside lower center", ncols=5)
    return figure


def _distributions(axes: Axes, study: ErrorStudy) -> None:
    """Empirical distribution of the worst user's rate over the uniform errors."""
    for design in DESIGNS:
        values = np.sort(study.uniform_rates_bps(design).min(axis=1)) / 1e9
        values = np.concatenate([values[:1], values])
        share = np.linspace(0.0, 1.0, values.size)
        style = _STYLES[design]
        axes.step(
            values, share, where="post", linewidth=1.8, color=style["color"], linestyle=style["linestyle"]
        )
    axes.set_ylim(0.0, 1.02)
    axes.locator_params(axis="x", nbins=5)
    axes.set_xlabel("worst user's rate (Gbit/s)")
    axes.grid(color="0.9", linewidth=0.6)


def _user_ranges(axes: Axes, study: ErrorStudy) -> None:
    """One line per user and design from the least to the largest rate over the uniform errors."""
    place = np.arange(study.data.users.size)
    for design, shift in zip(DESIGNS, (-0.15, 0.15), strict=True):
        style = _STYLES[design]
        rates = study.uniform_rates_bps(design) / 1e9
        axes.hlines(
            place + shift,
            rates.min(axis=0),
            rates.max(axis=0),
            label=f"{design}: uniform errors",
            linewidth=2.5,
            color=style["color"],
            linestyle=style["linestyle"],
        )
        axes.plot(
            study.worst_rates_bps(design) / 1e9,
            place + shift,
            linestyle="none",
            marker=_MARKERS[design],
            markersize=6,
            markeredgecolor=style["color"],
            markerfacecolor=style["color"] if design == "robust" else "white",
            label=f"{design}: worst error",
        )
    qos = study.data.qos_bps / 1e9
    axes.vlines(qos, place - 0.4, place + 0.4, color="black", linestyle=":", linewidth=1.5, label="QoS")
    axes.set_yticks(place, [str(user) for user in study.data.users.tolist()])
    axes.set_ylim(place.size - 0.4, -0.6)
    axes.set_xlabel("rate (Gbit/s)")
    axes.grid(color="0.9", linewidth=0.6, axis="x")


def _mark_qos(axes: Axes, qos_gbps: NDArray[np.float64]) -> None:
    """Dotted lines at the users' R_u > 0 without a change of the scale; an arrow where some lie outside."""
    low, high = axes.get_xlim()
    required = np.unique(qos_gbps[qos_gbps > 0])
    for rate in required[(required >= low) & (required <= high)]:
        axes.axvline(rate, color="black", linestyle=":", linewidth=1.5, zorder=1)
    for outside, x, side, arrow in (
        (required[required < low], 0.02, "left", "\u2190 QoS {}"),
        (required[required > high], 0.98, "right", "QoS {} \u2192"),
    ):
        if outside.size:
            ends = dict.fromkeys(f"{rate:.2f}" for rate in (outside[0], outside[-1]))
            axes.text(x, 0.9, arrow.format(" to ".join(ends)), transform=axes.transAxes, ha=side, fontsize=8)
    axes.set_xlim(low, high)


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
        for angle in angles:
            panel.axvline(angle, color="0.45", linestyle="--", linewidth=1, zorder=1)
        if len(users) <= _SHOWN_USERS:
            _name_users(panel, angles, users)
        panel.set_title(f"node {node}", pad=14)
        panel.set_xlim(-90.0, 90.0)
        panel.set_xticks(range(-90, 91, 30))
        panel.grid(color="0.9", linewidth=0.6)
    panels[0].set_ylim(0.0, 1.05 * max(float(amplitude.max()), 1e-12))  # shared by all
    for panel in panels[len(nodes) :]:
        panel.set_visible(False)
    figure.supxlabel(r"angle to broadside $\theta$ (degrees); dashed: users", fontsize=10)
    figure.supylabel(r"$|w_n^H a(\theta)|$ ($\sqrt{\mathrm{W}}$)", fontsize=10)
    return figure


def _name_users(axes: Axes, angle_deg: NDArray[np.float64], users: Sequence[int]) -> None:
    """Users' indices above their lines; those too close to each other share one label."""
    order = np.argsort(angle_deg, kind="stable")
    for group in np.split(order, np.flatnonzero(np.diff(angle_deg[order]) > _LABEL_WIDTH_DEG) + 1):
        axes.annotate(
            ", ".join(str(users[i]) for i in group),
            (float(angle_deg[group].mean()), 1.0),
            xycoords=("data", "axes fraction"),
            ha="center",
            va="bottom",
            fontsize=7,
        )
