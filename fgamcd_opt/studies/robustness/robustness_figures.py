"""Figures of the robustness study, readable without colour. Needs the extra ``plots``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.studies.figure_style import WIDTH_INCHES
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
_LABEL_WIDTH_DEG = 18.0
_SHOWN_DB = 40.0
"""Powers further below the largest one are drawn at the lower end."""

_ANGLE = r"angle $\theta$ (degrees)"
_POWER = r"$|w_n^H a(\theta)|^2$ (dBW)"


def cdf_figure(studies: Sequence[ErrorStudy], title: str) -> Figure:
    """Robust against nominal beam, one row of panels per delta.

    Left: distribution of the worst user's rate over the uniform errors, on the scale of these rates; dotted lines are
    the users' R_u, and an arrow says where R_u lies if it is outside. Right: every user's range of rates over the
    uniform errors, its rate at the worst error of either beam (F1), and its R_u.
    """
    from matplotlib.figure import Figure

    height = max(1.9, 0.7 + 0.24 * studies[0].data.users.size)
    figure = Figure(figsize=(WIDTH_INCHES, 1.2 + height * len(studies)), layout="constrained")
    figure.suptitle(title, fontsize=9, wrap=True)
    grid = figure.subplots(len(studies), 2, squeeze=False, sharex="col")
    for study, (left, right) in zip(studies, grid, strict=True):
        _distributions(left, study)
        _user_ranges(right, study)
        for panel in (left, right):
            panel.set_title(rf"$\delta$ = {study.delta:g}", fontsize=9)
            panel.tick_params(labelbottom=True, labelsize=8)
    for left, _ in grid:
        _mark_qos(left, studies[0].data.qos_bps / 1e9)
    figure.legend(
        *grid[0, 1].get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize="small"
    )
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
    axes.set_xlabel("worst user's rate (Gbit/s)", fontsize=8)
    axes.set_ylabel("share of the errors", fontsize=8)
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
    axes.set_xlabel("rate (Gbit/s)", fontsize=8)
    axes.set_ylabel("user", fontsize=8)
    axes.locator_params(axis="x", nbins=5)
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
    *,
    polar: bool = False,
) -> Figure:
    """One panel per sending node with its beampattern in dB; dashed lines mark the users' angles.

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
    polar
        Whether the angle is an angle of the picture, too.
    """
    from matplotlib.figure import Figure

    columns = min(2, len(nodes))
    rows = -(-len(nodes) // columns)
    figure = Figure(figsize=(WIDTH_INCHES, 0.7 + (1.8 if polar else 2.1) * rows), layout="constrained")
    figure.suptitle(f"{title}\n$\\theta$ = 0: broadside of the array; dashed: users", fontsize=9, wrap=True)
    grid = figure.subplots(
        rows, columns, squeeze=False, subplot_kw={"projection": "polar"} if polar else None
    )
    panels = grid.ravel().tolist()
    power_dbw = decibels(amplitude)
    top = 5.0 * np.ceil(float(power_dbw.max()) / 5.0)
    for panel, node, curve, angles in zip(panels, nodes, power_dbw, user_angle_deg, strict=False):
        panel.set_ylim(top - _SHOWN_DB, top)
        _half_circle(panel) if polar else _angle_axis(panel)
        turn = np.radians if polar else np.asarray
        panel.plot(turn(angle_deg), curve, color="black", linewidth=1.0)
        panel.vlines(
            turn(angles), top - _SHOWN_DB, top, color="0.45", linestyle="--", linewidth=0.9, zorder=1
        )
        panel.tick_params(labelsize=7)
        panel.grid(color="0.9", linewidth=0.6)
        named = not polar and len(users) <= _SHOWN_USERS
        if named:
            _name_users(panel, angles, users)
        panel.set_title(f"node {node}", fontsize=9, pad=14 if named else 4)
    for panel in panels[len(nodes) :]:
        panel.set_visible(False)
    return figure


def decibels(amplitude: NDArray[np.float64]) -> NDArray[np.float64]:
    """Powers |amplitude|^2 in dBW, at most 40 dB below the largest of all."""
    largest = max(float(amplitude.max()), 1e-12)
    shown: NDArray[np.float64] = 20.0 * np.log10(np.maximum(amplitude, largest * 10.0 ** (-_SHOWN_DB / 20.0)))
    return shown


def _angle_axis(axes: Axes) -> None:
    axes.set_xlim(-90.0, 90.0)
    axes.set_xticks(range(-90, 91, 30))
    axes.set_xlabel(_ANGLE, fontsize=8)
    axes.set_ylabel(_POWER, fontsize=8)


def _half_circle(axes: Any) -> None:
    """The half of a polar axis in front of the array, broadside up."""
    axes.set_theta_zero_location("N")
    axes.set_theta_direction(-1)
    axes.set_thetamin(-90.0)
    axes.set_thetamax(90.0)
    axes.set_thetagrids(range(-90, 91, 30))
    high = axes.get_ylim()[1]
    axes.set_yticks([high - _SHOWN_DB, high - _SHOWN_DB / 2, high])
    axes.set_xlabel(f"{_POWER} over {_ANGLE}", fontsize=8)


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
