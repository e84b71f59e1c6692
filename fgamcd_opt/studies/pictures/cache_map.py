"""Who caches what: one cell per node and requested block."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.io.safe_text import figure_text
from fgamcd_opt.problem.decision import Decision
from fgamcd_opt.studies.pictures.families import block_owners, requested_by_family

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LINE = 90
"""Blocks on one line at most; longer families go on below."""

_FILLS = {"cached": "black", "received over the backhaul": "0.7", "neither": "white"}


def cache_figure(instance: Instance, decision: Decision, title: str) -> Figure:
    """Requested blocks, grouped by family of models and by the first model that has them; other blocks are left out.

    Black cells are cached, grey ones arrive over the backhaul before the block is sent. Triangles mark blocks that more
    than one requested model has. The share of its storage that a node uses stands beside it.
    """
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    lines = [
        (f"{figure_text(family)}{' (continued)' if part else ''}", line.tolist())
        for family, blocks in requested_by_family(instance).items()
        for part, line in enumerate(np.array_split(blocks, -(-len(blocks) // _LINE)))
    ]
    width = max(len(blocks) for _, blocks in lines)
    size = (max(6.6, 2.2 + 0.062 * width), 1.2 + len(lines) * (0.6 + 0.14 * instance.n_nodes))
    figure = Figure(figsize=size, layout="constrained")
    figure.suptitle(title, fontsize=9, wrap=True)
    panels = figure.subplots(len(lines), 1, squeeze=False)[:, 0]
    for axes, (family, blocks) in zip(panels, lines, strict=True):
        _draw_line(axes, instance, decision, blocks)
        axes.set_xlim(-0.5, max(width, 50) - 0.5)
        axes.set_title(family, fontsize=8, loc="left", pad=2)
    panels[-1].set_xlabel(
        "requested blocks; above them the number of the first model that has them", fontsize=8
    )
    figure.supylabel("node (storage used)", fontsize=8)
    handles: list[Patch | Line2D] = [
        Patch(facecolor=fill, edgecolor="0.5", label=label) for label, fill in _FILLS.items()
    ]
    handles.append(
        Line2D(
            [],
            [],
            linestyle="none",
            marker="^",
            color="black",
            markersize=4,
            label="of several requested models",
        )
    )
    figure.legend(handles=handles, loc="outside lower center", ncols=4, fontsize=8)
    return figure


def cell_states(decision: Decision, blocks: Sequence[int]) -> NDArray[np.int64]:
    """(N, B) 2 where a node caches a block, 1 where it receives it, else 0."""
    cached = decision.caching[:, blocks]
    states: NDArray[np.int64] = np.where(cached, 2, np.where(decision.participation[:, blocks], 1, 0))
    return states


def _draw_line(axes: Axes, instance: Instance, decision: Decision, blocks: Sequence[int]) -> None:
    from matplotlib.colors import ListedColormap

    colours = ListedColormap([_FILLS["neither"], _FILLS["received over the backhaul"], _FILLS["cached"]])
    states = cell_states(decision, blocks)
    edges = [np.arange(len(blocks) + 1) - 0.5, np.arange(instance.n_nodes + 1) - 0.5]
    axes.pcolormesh(*edges, states, cmap=colours, vmin=0, vmax=2, edgecolors="0.85", linewidth=0.2)
    used = decision.caching @ instance.block_bytes
    share = np.divide(used, instance.storage_bytes, out=np.zeros(len(used)), where=instance.storage_bytes > 0)
    axes.set_yticks(
        range(instance.n_nodes), [f"{n} ({100 * s:.0f} %)" for n, s in enumerate(share)], fontsize=7
    )
    axes.set_ylim(instance.n_nodes + 0.4, -1.7)
    axes.set_xticks([])
    for side in ("top", "right", "bottom", "left"):
        axes.spines[side].set_visible(False)
    _mark_shared(axes, instance, blocks)
    _name_models(axes, instance, blocks)


def _mark_shared(axes: Axes, instance: Instance, blocks: Sequence[int]) -> None:
    """Triangles under blocks of several requested models."""
    holders = instance.model_blocks[np.unique(instance.requests)][:, blocks].sum(axis=0)
    axes.plot(
        np.flatnonzero(holders > 1),
        np.full(int((holders > 1).sum()), instance.n_nodes),
        linestyle="none",
        marker="^",
        markersize=2.5,
        color="black",
    )


def _name_models(axes: Axes, instance: Instance, blocks: Sequence[int]) -> None:
    """Lines between the blocks of different first models, and these models' numbers where there is room."""
    owners = np.array(block_owners(instance))[list(blocks)]
    starts = [0, *(np.flatnonzero(np.diff(owners)) + 1).tolist(), len(blocks)]
    for begin, end in pairwise(starts):
        axes.vlines(begin - 0.5, -1.5, instance.n_nodes - 0.5, color="black", linewidth=0.8)
        if end - begin >= 2:
            axes.text((begin + end - 1) / 2, -0.6, str(owners[begin]), fontsize=6, ha="center", va="bottom")
