"""How one block is delivered: who stores it, over which links it migrates, who sends it, who receives it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fgamcd_opt.io.safe_text import figure_text
from fgamcd_opt.problem.decision import Decision
from fgamcd_opt.problem.evaluation import Evaluation
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.studies.pictures.delay_bars import slowest_user
from fgamcd_opt.studies.pictures.ground import BOX, close_map, draw_nodes, new_map

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Delivery:
    """The delivery of one block.

    Attributes
    ----------
    block
        Its index in ``P1.data``.
    storing, receiving
        Nodes that store it, and nodes that get it over the backhaul.
    sending
        Nodes whose beams have power.
    links
        (from, to) of every migration, with its time in s.
    paths
        (node, user) of every transmission.
    rates_bps
        Worst-case rate of every user that wants it; 0 for one whom no node reaches.
    """

    block: int
    storing: tuple[int, ...]
    receiving: tuple[int, ...]
    sending: tuple[int, ...]
    links: dict[tuple[int, int], float]
    paths: tuple[tuple[int, int], ...]
    rates_bps: dict[int, float]


def delivery_of(problem: P1, decision: Decision, evaluation: Evaluation, block: int) -> Delivery:
    """Read the delivery of a requested block out of a decision."""
    data, sent = problem.data, problem.transmissions
    bits = 8.0 * float(data.block_bytes[block])
    rates = data.backhaul_bps[block if data.backhaul_bps.shape[0] > 1 else 0]
    links = {
        (int(n), int(m)): bits / float(rates[n, m]) if rates[n, m] > 0 else float("inf")
        for n, m in np.argwhere(decision.migration[:, :, block])
    }
    pairs = np.flatnonzero(data.pair_block == block)
    power = (np.abs(decision.beams) ** 2).sum(axis=2) > 0
    paths = [(int(n), int(data.pair_user[p])) for p in pairs for n in np.flatnonzero(power[sent.of_pair[p]])]
    return Delivery(
        block=block,
        storing=_indices(decision.caching[:, block]),
        receiving=_indices(decision.migration[:, :, block].any(axis=0) & ~decision.caching[:, block]),
        sending=tuple(sorted({node for node, _ in paths})),
        links=links,
        paths=tuple(paths),
        rates_bps={int(data.pair_user[p]): float(evaluation.pair_rate_bps[p]) for p in pairs},
    )


def delivery_figure(
    problem: P1, decision: Decision, evaluation: Evaluation, block: int, title: str
) -> Figure:
    """Map in metres of one block's delivery.

    Black squares store the block, grey ones get it over the backhaul first (arrows, with the time each link takes);
    thin lines lead from the nodes that send to the users that receive.
    """
    data, found = problem.data, delivery_of(problem, decision, evaluation, block)
    figure, axes = new_map(f"{title}\n{_heading(problem, evaluation, block)}")
    _draw_links(axes, found, data.node_xy_m.tolist())
    _draw_paths(axes, found, data.node_xy_m.tolist(), data.user_xy_m.tolist())
    holding = set(found.storing) | set(found.receiving)
    for label, fill, number, nodes in (
        ("sends, stores the block", "black", "white", set(found.sending) & set(found.storing)),
        ("sends, got it by backhaul", "0.7", "black", set(found.sending) & set(found.receiving)),
        ("sends without holding it", "0.95", "black", set(found.sending) - holding),
        ("holds it, does not send", "0.4", "white", holding - set(found.sending)),
        ("takes no part", "white", "black", set(range(data.n_nodes)) - holding - set(found.sending)),
    ):
        draw_nodes(axes, data, sorted(nodes), label, fill, number)
    close_map(figure, axes)
    return figure


def _heading(problem: P1, evaluation: Evaluation, block: int) -> str:
    """Name, size and times of the block."""
    data = problem.data
    row = int(np.flatnonzero(data.requested_blocks == block)[0])
    name = (
        f"block {block} ({figure_text(data.block_names[block], 40)}, {data.block_bytes[block] / 1e6:.3g} MB)"
    )
    if not np.isfinite(evaluation.block_delay_s[row]):
        return f"{name} never arrives"
    total, first, air = (
        f"{1e3 * float(times[row]):.3g} ms"
        for times in (evaluation.block_delay_s, evaluation.migration_s, evaluation.broadcast_s)
    )
    users = slowest_user(data, evaluation, block)
    return f"{name}\n{total}: {first} of migration, {air} on the air to {users}"


def _draw_links(axes: Axes, found: Delivery, nodes: list[tuple[float, float]]) -> None:
    """Arrows of the migration; the slowest link is the widest."""
    slowest = max(found.links.values(), default=0.0)
    for (n, m), time_s in found.links.items():
        axes.annotate(
            "",
            nodes[m],
            nodes[n],
            arrowprops={
                "arrowstyle": "-|>",
                "color": "black",
                "linewidth": 2.0 if time_s == slowest else 1.0,
                "shrinkA": 9,
                "shrinkB": 9,
                "connectionstyle": "arc3,rad=0.12",
            },
            zorder=3,
        )
        (x0, y0), (x1, y1) = nodes[n], nodes[m]
        bend = 0.06  # half of that of the arrow, whose middle is that far from the straight line
        place = ((x0 + x1) / 2 + bend * (y1 - y0), (y0 + y1) / 2 - bend * (x1 - x0))
        text = f"{1e3 * time_s:.3g} ms" if np.isfinite(time_s) else "no link"
        axes.text(*place, text, fontsize=7, ha="center", va="center", bbox=BOX, zorder=6)
    if found.links:
        axes.plot(
            [], [], color="black", marker=">", markevery=[], linewidth=1.6, label="migration (its time)"
        )


def _draw_paths(
    axes: Axes, found: Delivery, nodes: list[tuple[float, float]], users: list[tuple[float, float]]
) -> None:
    """Lines from senders to receivers, the receivers with their index, and all other users as small points."""
    for number, (node, user) in enumerate(found.paths):
        label = "sent over the air" if number == 0 else None
        axes.plot(
            *zip(nodes[node], users[user], strict=True), color="0.6", linewidth=0.7, linestyle="--",
            label=label, zorder=1,
        )  # fmt: skip
    others = [place for user, place in enumerate(users) if user not in found.rates_bps]
    if others:
        axes.plot(
            *zip(*others, strict=True), linestyle="none", marker="o", markersize=4, color="0.8",
            label="user of other blocks", zorder=2,
        )  # fmt: skip
    wanted = [users[user] for user in found.rates_bps]
    axes.plot(
        *zip(*wanted, strict=True), linestyle="none", marker="o", markersize=11, markerfacecolor="white",
        markeredgecolor="black", label="receives it", zorder=7,
    )  # fmt: skip
    for user in found.rates_bps:
        axes.text(*users[user], str(user), ha="center", va="center", fontsize=6.5, zorder=8)


def _indices(chosen: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> tuple[int, ...]:
    return tuple(np.flatnonzero(chosen).tolist())
