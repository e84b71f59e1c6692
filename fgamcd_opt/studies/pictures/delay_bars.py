"""Where the time goes: migration and broadcast of every requested block, and who is slow in the slowest ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.safe_text import figure_text
from fgamcd_opt.problem.evaluation import Evaluation
from fgamcd_opt.studies.figure_style import WIDTH_INCHES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_NAMED_BLOCKS = 15
_NAME_LETTERS = 26
_MIGRATION: dict[str, Any] = {"color": "black"}
_AIR: dict[str, Any] = {"facecolor": "0.8", "edgecolor": "0.35"}
_SHARE: dict[str, Any] = {"color": "black", "linestyle": "--", "linewidth": 1.2}


def delay_figure(instance: Instance, evaluation: Evaluation, title: str) -> Figure:
    """Stacked bars of T_k, slowest block first: above all requested blocks, below the slowest ones by index and name.

    The curve is the share of T that the blocks up to there take together. At the right of a named bar stand the number
    of users that want the block and the one with the least worst-case rate.

    Raises
    ------
    InputError
        If T is infinite.
    """
    from matplotlib.figure import Figure

    if not np.isfinite(evaluation.delay_s):
        lost = instance.requested_blocks[~np.isfinite(evaluation.block_delay_s)]
        raise InputError(
            f"delays: block {instance.block_names[lost[0]]} never arrives, so that T is infinite"
        )
    order = np.argsort(-evaluation.block_delay_s, kind="stable")
    named = order[:_NAMED_BLOCKS]
    figure = Figure(figsize=(WIDTH_INCHES, 3.4 + 0.21 * len(named)), layout="constrained")
    figure.suptitle(title, fontsize=9, wrap=True)
    above, below = figure.subplots(2, 1, height_ratios=(2.2, 0.6 + 0.21 * len(named)))
    _draw_all(above, evaluation, order)
    migration, broadcast = 1e3 * evaluation.migration_s[named], 1e3 * evaluation.broadcast_s[named]
    place = np.arange(len(named))
    below.barh(place, migration, label="migration", **_MIGRATION)
    below.barh(
        place, broadcast, left=migration, hatch="////", linewidth=0.5, label="sent to the users", **_AIR
    )
    below.plot([], [], label="share of T up to here", **_SHARE)
    blocks = instance.requested_blocks[named].tolist()
    below.set_yticks(
        place, [f"{k} {figure_text(instance.block_names[k], _NAME_LETTERS)}" for k in blocks], fontsize=7
    )
    for y, (end, block) in enumerate(zip((migration + broadcast).tolist(), blocks, strict=True)):
        below.text(end, y, f" {slowest_user(instance, evaluation, block)}", fontsize=7, va="center")
    below.set_ylim(len(named) - 0.4, -0.6)
    below.set_xlim(0.0, 1.95 * float((migration + broadcast).max()))
    below.set_xlabel(f"delay of the {len(named)} slowest blocks (ms)")
    figure.legend(*below.get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=8)
    return figure


def slowest_user(instance: Instance, evaluation: Evaluation, block: int) -> str:
    """How many users want a block and which of them has the least worst-case rate, in words.

    Users that no node reaches are served from the cloud, for T is finite.
    """
    pairs = instance.block_pairs(block)
    users, rates = instance.pair_user[pairs], evaluation.pair_rate_bps[pairs]
    count = "1 user" if users.size == 1 else f"{users.size} users"
    if not rates.any():
        return f"{count}, from the cloud"
    if not rates.all():
        return f"{count}, {int((rates == 0).sum())} of them from the cloud"
    worst = int(np.argmin(rates))
    if users.size == 1:
        return f"user {users[worst]} alone at {rates[worst] / 1e9:.2f} Gbit/s"
    return f"{count}, worst {users[worst]} at {rates[worst] / 1e9:.2f} Gbit/s"


def _draw_all(axes: Axes, evaluation: Evaluation, order: np.ndarray[tuple[int], np.dtype[np.intp]]) -> None:
    """Bars of all blocks in this order, and the share of T that they add up to."""
    from matplotlib.ticker import MaxNLocator

    migration, broadcast = 1e3 * evaluation.migration_s[order], 1e3 * evaluation.broadcast_s[order]
    rank = np.arange(1, len(order) + 1)
    axes.bar(rank, migration, width=1.0, **_MIGRATION)
    axes.bar(rank, broadcast, width=1.0, bottom=migration, linewidth=0.2, **_AIR)
    axes.set_xlim(0.5, len(order) + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("requested blocks, slowest first")
    axes.set_ylabel("delay (ms)")
    share = axes.twinx()
    total = np.cumsum(migration + broadcast)
    share.plot(rank, 100 * total / total[-1], **_SHARE)
    share.set_ylim(0.0, 105.0)
    share.set_ylabel("share of T (%)")
