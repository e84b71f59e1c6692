"""What ``fgamcd beamform`` prints: the beam with its certificate, and the summary of the error study."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fgamcd_opt.beamforming.broadcast import BeamformingSettings
from fgamcd_opt.cli.output import print_rows, print_table, say, say_text
from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.studies.robustness.channel_errors import DESIGNS, ErrorStudy, below_qos
from fgamcd_opt.studies.robustness.single_broadcast import BroadcastData, Design

QOS_WORDS = {1: "met", 0: "open", -1: "proved impossible"}
"""QoS status of a design, by its number."""


def report_of(
    instance: Instance,
    data: BroadcastData,
    design: Design,
    settings: BeamformingSettings,
    time_s: float,
    studies: Sequence[ErrorStudy],
) -> dict[str, Any]:
    """All figures as plain JSON values, in SI units."""
    worst = data.worst_rates_bps(design.beam)
    return {
        "instance": instance.name,
        "digest": instance.digest,
        "block": data.block,
        "block_name": instance.block_names[data.block],
        "block_bytes": int(instance.block_bytes[data.block]),
        "nodes": data.nodes.tolist(),
        "csi_set": data.error_set.name,
        "seed": settings.seed,
        "rounds": settings.rounds,
        "max_nodes": settings.max_nodes,
        "worst_rate_bps": float(worst.min()),
        "upper_bound_bps": design.upper_bps,
        "gap": 1.0 - float(worst.min()) / design.upper_bps if design.upper_bps > 0 else 0.0,
        "qos": QOS_WORDS[design.qos],
        "designed_with_qos": design.qos == 1,
        "users": _users(data, design),
        "node_power": [
            {"node": node, "power_w": power, "budget_w": budget}
            for node, power, budget in zip(
                data.nodes.tolist(),
                (np.linalg.norm(design.beam, axis=1) ** 2).tolist(),
                data.power_w.tolist(),
                strict=True,
            )
        ],
        "solve_s": time_s,
        "cdf": [row for study in studies for row in _summary(study)],
    }


def _users(data: BroadcastData, design: Design) -> list[dict[str, Any]]:
    """Per user: worst-case rate, rate if the estimate were exact, QoS."""
    worst = data.worst_rates_bps(design.beam)
    return [
        {
            "user": user,
            "worst_rate_bps": rate,
            "estimated_rate_bps": estimated,
            "qos_bps": qos,
            "meets_qos": not late,
        }
        for user, rate, estimated, qos, late in zip(
            data.users.tolist(),
            worst.tolist(),
            data.rates_bps(design.beam, np.zeros_like(data.channels)).tolist(),
            data.qos_bps.tolist(),
            below_qos(worst, data.qos_bps).tolist(),
            strict=True,
        )
    ]


def _summary(study: ErrorStudy) -> list[dict[str, Any]]:
    """One row per design."""
    rows = []
    for name in DESIGNS:
        uniform, worst = study.uniform_rates_bps(name), study.worst_rates_bps(name)
        late = below_qos(uniform, study.data.qos_bps)
        rows.append(
            {
                "delta": study.delta,
                "design": name,
                "qos_of_design": QOS_WORDS[study.designs[name].qos],
                "realisations": uniform.shape[0],
                "worst_rate_bps": float(worst.min()),
                "least_rate_bps": float(uniform.min()),
                "median_least_rate_bps": float(np.median(uniform.min(axis=1))),
                "share_below_qos": float(late.any(axis=1).mean()),
                "user_share_below_qos": float(late.mean()),
                "users_below_qos_at_worst": int(below_qos(worst, study.data.qos_bps).sum()),
            }
        )
    return rows


def print_report(report: dict[str, Any]) -> None:
    """The figures for people."""
    nodes = ", ".join(map(str, report["nodes"]))
    found_without = "" if report["designed_with_qos"] else "; the beam is the best one found without it"
    print_rows(
        {
            "instance": f"{report['instance']}, digest {report['digest'][:12]}",
            "broadcast": f"block {report['block']} ({report['block_name']}, {report['block_bytes'] / 1e6:.3f} MB) "
            f"from nodes {nodes} to {len(report['users'])} users",
            "errors": f"{report['csi_set']}",
            "worst rate": _gbit(report["worst_rate_bps"]) + " Gbit/s",
            "upper bound": _gbit(report["upper_bound_bps"]) + " Gbit/s, proved",
            "gap": f"{100 * report['gap']:.4f} %",
            "QoS": report["qos"] + found_without,
            "time": f"{1e3 * report['solve_s']:.1f} ms",
        }
    )
    say()
    print_table(
        ["user", "worst case Gbit/s", "exact channel Gbit/s", "QoS Gbit/s", "met"],
        [
            [
                str(user["user"]),
                *(_gbit(user[key]) for key in ("worst_rate_bps", "estimated_rate_bps", "qos_bps")),
                "yes" if user["meets_qos"] else "NO",
            ]
            for user in report["users"]
        ],
    )
    say()
    print_table(
        ["node", "power W", "budget W"],
        [
            [str(row["node"]), f"{row['power_w']:.4f}", f"{row['budget_w']:.4f}"]
            for row in report["node_power"]
        ],
    )
    if report["cdf"]:
        _print_summary(report["cdf"])
    if report["files"]:
        say("\n" + "\n".join(report["files"]))


def _print_summary(rows: Sequence[dict[str, Any]]) -> None:
    say(f"\n{rows[0]['realisations']} uniform errors per user, and the worst error of each beam:")
    print_table(
        [
            "delta",
            "design",
            "QoS",
            "worst case Gbit/s",
            "least Gbit/s",
            "median Gbit/s",
            "below QoS",
            "users late",
        ],
        [
            [
                f"{row['delta']:g}",
                row["design"],
                row["qos_of_design"],
                *(_gbit(row[key]) for key in ("worst_rate_bps", "least_rate_bps", "median_least_rate_bps")),
                f"{100 * row['share_below_qos']:.1f} %",
                str(row["users_below_qos_at_worst"]),
            ]
            for row in rows
        ],
    )
    say_text(
        "least and median: the worst user's rate over the uniform errors; below QoS: uniform errors that leave some "
        "user below its QoS; users late: users below their QoS at the worst error"
    )


def _gbit(rate_bps: float) -> str:
    return f"{rate_bps / 1e9:.4f}"
