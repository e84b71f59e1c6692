"""The network on the ground: nodes, users with their nearest node, and the backhaul links with their rates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.io.safe_text import figure_text

if TYPE_CHECKING:
    import networkx as nx
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_NAMED_LINKS = 28
"""Links up to which each shows its rate: all of 8 nodes; more labels would cover each other."""
_NAMED_USERS = 60
_CURVE = "arc3,rad=0.1"
"""Links are bent, so that those along one line do not cover each other."""


def map_figure(instance: Instance) -> Figure:
    """Map in metres: squares are nodes, circles users, dotted lines the nearest node, full lines the backhaul links.

    A link's width grows with its rate, the mean over blocks and both directions; up to 28 links show it in Gbit/s.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.3, 6.6), layout="constrained")
    axes = figure.subplots()
    graph = cooperation_graph(instance)
    _draw_links(axes, graph)
    _draw_users(axes, instance)
    nodes = instance.node_xy_m
    axes.plot(*nodes.T, linestyle="none", marker="s", markersize=13, color="black", label="node", zorder=3)
    for node, (x, y) in enumerate(nodes.tolist()):
        axes.text(x, y, str(node), color="white", ha="center", va="center", fontsize=8, zorder=4)
    axes.set_aspect("equal", adjustable="datalim")
    axes.margins(0.06)
    axes.set_xlabel("x (m)")
    axes.set_ylabel("y (m)")
    axes.grid(color="0.92", linewidth=0.5)
    axes.set_axisbelow(True)
    axes.set_title(
        f"{figure_text(instance.name)}: {instance.n_nodes} nodes, {instance.n_users} users",
        fontsize=10,
        wrap=True,
    )
    figure.legend(loc="outside lower center", ncols=4, fontsize=8)
    return figure


def cooperation_graph(instance: Instance) -> nx.Graph[int]:
    """Nodes with ``xy_m``, edges with ``rate_bps``, where some link leads, in one direction at least.

    The rate is the mean over the blocks and the directions that have a link.
    """
    import networkx as nx

    graph: nx.Graph[int] = nx.Graph()
    for node, place in enumerate(instance.node_xy_m.tolist()):
        graph.add_node(node, xy_m=place)
    rates = np.concatenate([instance.backhaul_bps, instance.backhaul_bps.swapaxes(1, 2)])
    count = (rates > 0).sum(axis=0)
    for first, second in zip(*np.nonzero(np.triu(count, 1)), strict=True):
        mean = rates[:, first, second].sum() / count[first, second]
        graph.add_edge(int(first), int(second), rate_bps=float(mean))
    return graph


def _draw_links(axes: Axes, graph: nx.Graph[int]) -> None:
    import networkx as nx

    if not graph.number_of_edges():
        return
    places: dict[int, Any] = dict(graph.nodes(data="xy_m"))
    rates = {(a, b): rate / 1e9 for a, b, rate in graph.edges(data="rate_bps")}
    top = max(rates.values())
    widths = [0.4 + 1.8 * rate / top for rate in rates.values()]
    curves = nx.draw_networkx_edges(
        graph,
        places,
        ax=axes,
        width=widths,
        edge_color="0.65",
        arrows=True,
        arrowstyle="-",
        connectionstyle=_CURVE,
    )
    for curve in curves:
        curve.set_zorder(1)
    axes.plot([], [], color="0.65", linewidth=2.0, label="backhaul link (mean rate in Gbit/s)")
    if len(rates) <= _NAMED_LINKS:
        names = {edge: f"{rate:.1f}" for edge, rate in rates.items()}
        box = {"boxstyle": "round,pad=0.08", "facecolor": "white", "edgecolor": "none"}
        nx.draw_networkx_edge_labels(
            graph, places, names, label_pos=0.36, ax=axes, font_size=6, bbox=box, connectionstyle=_CURVE
        )
    axes.tick_params(left=True, bottom=True, labelleft=True, labelbottom=True)


def _draw_users(axes: Axes, instance: Instance) -> None:
    users, nearest = instance.user_xy_m, instance.node_xy_m[instance.association]
    for number, (user, node) in enumerate(zip(users, nearest, strict=True)):
        label = "nearest node" if number == 0 else None
        axes.plot(
            *zip(user, node, strict=True), linestyle=":", color="black", linewidth=0.9, zorder=2, label=label
        )
    named = instance.n_users <= _NAMED_USERS
    axes.plot(
        *users.T,
        linestyle="none",
        marker="o",
        markersize=10 if named else 4,
        markerfacecolor="white",
        markeredgecolor="black",
        label="user",
        zorder=3,
    )
    for user, (x, y) in enumerate(users.tolist() if named else []):
        axes.text(x, y, str(user), ha="center", va="center", fontsize=6.5, zorder=4)
