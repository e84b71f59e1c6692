"""Who caches what: what fills every node's storage, and which share of each requested model it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.io.safe_text import figure_text
from fgamcd_opt.problem.decision import Decision
from fgamcd_opt.studies.figure_style import WIDTH_INCHES, add_grid, add_legend, legend_inches
from fgamcd_opt.studies.pictures.families import model_families, requested_by_family

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MODELS_IN_LINE = 32
"""Requested models side by side at most; more go on in a panel below."""

_FILLS: tuple[dict[str, Any], ...] = tuple(
    {"facecolor": fill, "hatch": hatch}
    for fill, hatch in (
        ("0.35", ""), ("0.8", "////"), ("0.65", ""), ("0.95", "...."), ("0.5", "\\\\\\\\"), ("0.85", ""),
        ("0.9", "xxxx"),
    )
)  # fmt: skip
_OTHERS: dict[str, Any] = {"facecolor": "1.0", "hatch": "||||"}
"""Families after the seventh."""

_EDGE: dict[str, Any] = {"edgecolor": "black", "linewidth": 0.4}
_HELD = {"stores": "black", "gets over the backhaul": "0.6", "does not hold": "0.9"}
_SHADES = tuple(_HELD.values())

Floats = NDArray[np.float64]


def cache_figure(instance: Instance, decision: Decision, title: str) -> Figure:
    """Above: what every node stores, and what it gets over the backhaul, in MB by family. Below: models by node.

    A cell below is a node and a requested model: the black part is the share of the model's bytes that the node
    stores, the grey one the share that it gets over the backhaul before sending. Models stand together by family, and
    the strip above them has the family's look.
    """
    from matplotlib.figure import Figure

    families = _requested_models(instance)
    models = [model for members in families.values() for model in members]
    lines = np.array_split(np.array(models), -(-len(models) // _MODELS_IN_LINE))
    looks = {
        family: _FILLS[place] if place < len(_FILLS) else _OTHERS
        for place, family in enumerate(model_families(instance))
    }
    heights = [0.8 + 0.34 * instance.n_nodes, *[1.0 + 0.22 * instance.n_nodes] * len(lines)]
    legend = legend_inches(len(looks) + len(_HELD)) + 0.2
    figure = Figure(figsize=(WIDTH_INCHES, 0.7 + sum(heights) + legend), layout="constrained")
    figure.suptitle(title, fontsize=9, wrap=True)
    storage, *panels = figure.subplots(1 + len(lines), 1, height_ratios=heights, squeeze=False)[:, 0]
    _draw_storage(storage, instance, decision, looks)
    stored, received = model_shares(instance, decision)
    family_of = {model: family for family, members in families.items() for model in members}
    width = max(len(line) for line in lines)
    for axes, line in zip(panels, lines, strict=True):
        chosen = line.tolist()
        _draw_models(axes, stored[:, chosen], received[:, chosen], chosen)
        for place, model in enumerate(chosen):
            axes.bar(place, 0.35, width=1.0, bottom=-0.55, **looks[family_of[model]], **_EDGE)
        axes.set_xlim(-0.5, max(width, 8) - 0.5)
    for label, shade in _HELD.items():
        panels[0].bar([0], [0], color=shade, label=label)
    add_legend(figure, storage, panels[0])
    return figure


def family_bytes(
    instance: Instance, held: NDArray[np.bool_], *, requested: bool = True
) -> dict[str, NDArray[np.int64]]:
    """By family, the (N,) bytes of the requested blocks that nodes hold; a block counts for its first model.

    Parameters
    ----------
    held
        (N, K) which node holds which block.
    requested
        False for all blocks that nobody requests, under the empty name.
    """
    if requested:
        return {
            family: held[:, blocks] @ instance.block_bytes[blocks]
            for family, blocks in requested_by_family(instance).items()
        }
    others = np.setdiff1d(np.arange(instance.n_blocks), instance.requested_blocks)
    return {"": held[:, others] @ instance.block_bytes[others]}


def model_shares(instance: Instance, decision: Decision) -> tuple[Floats, Floats]:
    """Shares of every model's bytes that a node stores, and that it gets over the backhaul; both (N, models)."""
    size = (instance.model_blocks * instance.block_bytes).astype(np.float64).T
    total = np.maximum(size.sum(axis=0), 1.0)
    received = decision.participation & ~decision.caching
    return decision.caching @ size / total, received @ size / total


def _requested_models(instance: Instance) -> dict[str, list[int]]:
    """Requested models by family."""
    wanted = set(instance.requests.tolist())
    families = {
        name: [model for model in members if model in wanted]
        for name, members in model_families(instance).items()
    }
    return {name: members for name, members in families.items() if members}


def _draw_storage(
    axes: Axes, instance: Instance, decision: Decision, looks: dict[str, dict[str, Any]]
) -> None:
    """Two bars per node: what it stores, and thinner below what it gets over the backhaul."""
    place = np.arange(instance.n_nodes)
    received = decision.participation & ~decision.caching
    named: set[str] = set()
    ends = []
    for held, shift, height in ((decision.caching, 0.0, 0.5), (received, 0.4, 0.2)):
        left = np.zeros(instance.n_nodes)
        for family, count in family_bytes(instance, held).items():
            label = figure_text(family, 30) if looks[family] is not _OTHERS else "other families"
            axes.barh(
                place + shift, count / 1e6, height, left=left, label="" if label in named else label,
                **looks[family], **_EDGE,
            )  # fmt: skip
            named.add(label)
            left = left + count / 1e6
        if held is decision.caching:
            (rest,) = family_bytes(instance, held, requested=False).values()
            if rest.any():
                axes.barh(
                    place,
                    rest / 1e6,
                    height,
                    left=left,
                    label="requested by nobody",
                    facecolor="white",
                    **_EDGE,
                )
            left = left + rest / 1e6
        ends.append(left)
    used, limit = ends[0], instance.storage_bytes / 1e6
    longest = float(np.max(ends))
    for node, (end, most) in enumerate(zip(used.tolist(), limit.tolist(), strict=True)):
        share = f"{100 * end / most:.0f} % of " if most > 0 else ""
        size = f"{most:.4g} MB" if most < 1000 else f"{most / 1000:.4g} GB"
        axes.text(end, node, f" {share}{size}", fontsize=7, va="center")
    axes.set_xlim(0.0, 1.35 * longest if longest > 0 else 1.0)
    axes.set_yticks(place, [str(node) for node in place.tolist()], fontsize=8)
    axes.set_ylim(instance.n_nodes - 0.3, -0.5)
    axes.set_ylabel("node", fontsize=9)
    axes.set_xlabel("stored (wide bars) and got over the backhaul (narrow bars), in MB", fontsize=9)
    add_grid(axes)
    axes.set_axisbelow(True)


def _draw_models(axes: Axes, stored: Floats, received: Floats, models: list[int]) -> None:
    """One row per node, from the top; in every cell the stored share from below, the received one on it."""
    column = np.arange(len(models))
    for node, (have, got) in enumerate(zip(stored, received, strict=True)):
        floor = np.full(len(models), node + 0.92)
        for height, shade in zip((have, got, 1.0 - have - got), _SHADES, strict=True):
            axes.bar(column, -0.84 * height, width=0.84, bottom=floor, color=shade)
            floor = floor - 0.84 * height
    axes.set_ylim(len(stored), -0.7)
    axes.set_yticks(np.arange(len(stored)) + 0.5, [str(node) for node in range(len(stored))], fontsize=8)
    axes.set_xticks(
        column, [str(model) for model in models], fontsize=7, rotation=90 if len(models) > 20 else 0
    )
    axes.tick_params(length=0)
    axes.set_ylabel("node", fontsize=9)
    axes.set_xlabel("requested model, by family; shares of its bytes", fontsize=9)
    for side in ("top", "right", "bottom", "left"):
        axes.spines[side].set_visible(False)
