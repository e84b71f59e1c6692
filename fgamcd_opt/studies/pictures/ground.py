"""What maps share: axes in metres, squares for nodes, and texts that stand clear of the points."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.studies.figure_style import WIDTH_INCHES, add_legend

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MAP_INCHES = 5.2
"""Height of a map without its title and legend."""

BOX: dict[str, Any] = {"boxstyle": "round,pad=0.1", "facecolor": "white", "edgecolor": "none", "alpha": 0.85}
"""Behind texts on lines."""


def new_map(title: str) -> tuple[Figure, Axes]:
    """An empty map in metres."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH_INCHES, _MAP_INCHES), layout="constrained")
    axes = figure.subplots()
    axes.set_aspect("equal", adjustable="box")
    axes.margins(0.08)
    axes.set_xlabel("x (m)")
    axes.set_ylabel("y (m)")
    axes.grid(color="0.92", linewidth=0.5)
    axes.set_axisbelow(True)
    figure.suptitle(title, fontsize=9, wrap=True)
    return figure, axes


def close_map(figure: Figure, axes: Axes) -> None:
    """Add the legend, and room for it and the title."""
    rows = add_legend(figure, axes) + 1 + figure.get_suptitle().count("\n")
    figure.set_size_inches(WIDTH_INCHES, _MAP_INCHES + 0.2 * rows)


def draw_nodes(axes: Axes, instance: Instance, nodes: list[int], label: str, fill: str, number: str) -> None:
    """Squares with the nodes' numbers, in the colours ``fill`` and ``number``; nothing without nodes."""
    if not nodes:
        return
    axes.plot(
        *instance.node_xy_m[nodes].T,
        linestyle="none",
        marker="s",
        markersize=13,
        markerfacecolor=fill,
        markeredgecolor="black",
        label=label,
        zorder=5,
    )
    for node in nodes:
        x, y = instance.node_xy_m[node].tolist()
        axes.text(x, y, str(node), color=number, ha="center", va="center", fontsize=8, zorder=6)


def name_point(
    axes: Axes, place: tuple[float, float], text: str, centre_x: float, *, bold: bool = False
) -> None:
    """A text beside a point, on the side that faces away from the edge of the map."""
    side = 1 if place[0] <= centre_x else -1
    axes.annotate(
        text,
        place,
        (7 * side, 0),
        textcoords="offset points",
        ha="left" if side > 0 else "right",
        va="center",
        fontsize=7,
        fontweight="bold" if bold else "normal",
        bbox=BOX,
        zorder=4,
    )
