"""Which models share blocks, and how much of them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.instances.repositories.sharing import shared_bytes
from fgamcd_opt.io.safe_text import figure_text
from fgamcd_opt.studies.figure_style import WIDTH_INCHES, add_legend
from fgamcd_opt.studies.pictures.families import family_markers, model_families

if TYPE_CHECKING:
    import networkx as nx
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_NAMED_MODELS = 16
_SPACING = 1.0
_WIDEST = 5.0

Places = dict[int, tuple[float, float]]


def sharing_figure(instance: Instance) -> Figure:
    """Models as points, one shape per family, black where requested; the width of an edge is what two models share.

    Every group of models that share something is a circle.
    """
    from matplotlib.figure import Figure

    graph = sharing_graph(instance)
    places = group_places(graph)
    extent = np.ptp(np.array([*places.values()]), axis=0) + 2 * _SPACING
    unit = 0.9 if instance.n_models <= _NAMED_MODELS else 0.5
    height = (extent * min(unit, *(np.array([WIDTH_INCHES, 8.0]) / extent)))[1]
    figure = Figure(figsize=(WIDTH_INCHES, height + 1.3), layout="constrained")
    axes = figure.subplots()
    _draw_edges(axes, graph, places)
    _draw_models(axes, instance, places)
    if instance.n_models <= _NAMED_MODELS:
        _name_models(axes, instance, graph, places)
    axes.set_aspect("equal")
    low = np.array([*places.values()]).min(axis=0) - _SPACING
    axes.set(xlim=(low[0], low[0] + extent[0]), ylim=(low[1], low[1] + extent[1]))
    axes.axis("off")
    shared = int((instance.model_blocks.sum(axis=0) > 1).sum())
    figure.suptitle(
        f"{figure_text(instance.name, 40)}: {shared} of {instance.n_blocks} blocks are in several of "
        f"{instance.n_models} models",
        fontsize=9,
        wrap=True,
    )
    add_legend(figure, axes)
    return figure


def sharing_graph(instance: Instance) -> nx.Graph[int]:
    """Models as nodes, an edge with ``shared_bytes`` where two have a block in common."""
    import networkx as nx

    shared = np.triu(shared_bytes(instance), 1)
    graph: nx.Graph[int] = nx.Graph()
    graph.add_nodes_from(range(instance.n_models))
    for first, second in zip(*np.nonzero(shared), strict=True):
        graph.add_edge(int(first), int(second), shared_bytes=int(shared[first, second]))
    return graph


def group_places(graph: nx.Graph[int]) -> Places:
    """Places of the models: every connected group on a circle, the circles in rows, largest first."""
    import networkx as nx

    groups = sorted(
        (sorted(group) for group in nx.connected_components(graph)), key=lambda g: (-len(g), g[0])
    )
    radii = [_radius(len(group)) for group in groups]
    row_width = max(
        2 * radii[0] + _SPACING, math.sqrt(1.2 * sum((2 * r + 1.5 * _SPACING) ** 2 for r in radii))
    )
    places: Places = {}
    x, y, height = 0.0, 0.0, 2 * radii[0]
    for group, radius in zip(groups, radii, strict=True):
        if x + 2 * radius > row_width:
            x, y, height = 0.0, y - height - 1.5 * _SPACING, 2 * radius
        for number, model in enumerate(group):
            turn = 2 * math.pi * number / len(group)
            places[model] = (x + radius * (1 + math.sin(turn)), y - height / 2 + radius * math.cos(turn))
        x += 2 * radius + 1.5 * _SPACING
    return places


def _radius(count: int) -> float:
    """Radius of the circle on which ``count`` points are a spacing apart; 0 for one point."""
    return 0.0 if count == 1 else _SPACING / (2.0 * math.sin(math.pi / count))


def _draw_edges(axes: Axes, graph: nx.Graph[int], places: Places) -> None:
    sizes = sorted({size for _, _, size in graph.edges(data="shared_bytes")})
    most = max((degree for _, degree in graph.degree()), default=0)
    widest = min(_WIDEST, 3 * _WIDEST / max(most, 1))
    for first, second, size in graph.edges(data="shared_bytes"):
        axes.plot(
            *zip(places[first], places[second], strict=True),
            color="0.55",
            linewidth=widest * size / sizes[-1],
            zorder=1,
        )
    for size in dict.fromkeys([sizes[0], sizes[len(sizes) // 2], sizes[-1]]) if sizes else []:
        label = f"{size / 1e6:.3g} MB shared" if size < 1e9 else f"{size / 1e9:.3g} GB shared"
        axes.plot([], [], color="0.55", linewidth=widest * size / sizes[-1], label=label)


def _draw_models(axes: Axes, instance: Instance, places: Places) -> None:
    requested = set(instance.requests.tolist())
    shapes = family_markers(instance)
    for family, members in model_families(instance).items():
        for wanted in (True, False):
            models = [model for model in members if (model in requested) == wanted]
            if models:
                axes.plot(
                    *np.array([places[i] for i in models]).T,
                    linestyle="none",
                    marker=shapes[family],
                    markersize=10,
                    markerfacecolor="black" if wanted else "white",
                    markeredgecolor="black",
                    label=f"{figure_text(family, 30)}{', requested' if wanted else ''}",
                    zorder=2,
                )
    for model, (x, y) in places.items():
        colour = "white" if model in requested else "black"
        axes.text(x, y, str(model), color=colour, ha="center", va="center", fontsize=6.5, zorder=3)


def _name_models(axes: Axes, instance: Instance, graph: nx.Graph[int], places: Places) -> None:
    """Names beside the points, on the side away from the models that they share with."""
    for model, place in places.items():
        others = [places[other][0] for other in graph.neighbors(model)]
        side = -1 if others and place[0] < np.mean(others) - 1e-9 else 1
        axes.annotate(
            figure_text(instance.model_names[model], 20),
            place,
            (9 * side, 0),
            textcoords="offset points",
            ha="left" if side > 0 else "right",
            va="center",
            fontsize=6.5,
        )
