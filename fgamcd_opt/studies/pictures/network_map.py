"""The network on the ground: nodes, users with what they request, and the backhaul links with their rates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.io.safe_text import figure_text
from fgamcd_opt.studies.pictures.families import family_markers, family_name
from fgamcd_opt.studies.pictures.ground import BOX, close_map, draw_nodes, name_point, new_map

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
    """Map in metres: squares are nodes, dotted lines lead to the nearest node, full lines are backhaul links.

    A user has the shape of the family of the model that it requests; the index of the user stands in it, that of the
    model beside it. A link's width grows with its rate, the mean over blocks and both directions; up to 28 links show
    it in Gbit/s.
    """
    figure, axes = new_map(
        f"{figure_text(instance.name, 40)}: {instance.n_nodes} nodes, {instance.n_users} users\n"
        + ("in a mark: the user; bold beside it: the model requested" if _named(instance) else "")
    )
    _draw_links(axes, cooperation_graph(instance))
    _draw_users(axes, instance)
    draw_nodes(axes, instance, list(range(instance.n_nodes)), "node", "black", "white")
    close_map(figure, axes)
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
    named = len(rates) <= _NAMED_LINKS
    thin = 1.0 if named else _NAMED_LINKS / len(rates)
    widths = [thin * (0.4 + 1.8 * rate / top) for rate in rates.values()]
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
    axes.plot([], [], color="0.65", linewidth=2.0, label=f"backhaul link{' (mean rate in Gbit/s)' * named}")
    if named:
        names = {edge: f"{rate:.1f}" for edge, rate in rates.items()}
        nx.draw_networkx_edge_labels(
            graph, places, names, label_pos=0.36, ax=axes, font_size=7, bbox=BOX, connectionstyle=_CURVE
        )
    axes.tick_params(left=True, bottom=True, labelleft=True, labelbottom=True)


def _named(instance: Instance) -> bool:
    """Whether there is room for the numbers of users and models."""
    return instance.n_users <= _NAMED_USERS


def _draw_users(axes: Axes, instance: Instance) -> None:
    users, nearest = instance.user_xy_m, instance.node_xy_m[instance.association]
    for number, (user, node) in enumerate(zip(users, nearest, strict=True)):
        label = "nearest node" if number == 0 else None
        axes.plot(
            *zip(user, node, strict=True), linestyle=":", color="black", linewidth=0.8, zorder=2, label=label
        )
    families = [family_name(instance.model_names[model]) for model in instance.requests.tolist()]
    for family, marker in family_markers(instance).items():
        chosen = [user for user, name in enumerate(families) if name == family]
        if chosen:
            axes.plot(
                *users[chosen].T,
                linestyle="none",
                marker=marker,
                markersize=11 if _named(instance) else 4,
                markerfacecolor="white",
                markeredgecolor="black",
                label=f"requests {figure_text(family, 30)}",
                zorder=7,
            )
    centre = float(instance.node_xy_m[:, 0].mean())
    for user, (x, y) in enumerate(users.tolist() if _named(instance) else []):
        axes.text(x, y, str(user), ha="center", va="center", fontsize=6.5, zorder=8)
        name_point(axes, (x, y), str(int(instance.requests[user])), centre, bold=True)
