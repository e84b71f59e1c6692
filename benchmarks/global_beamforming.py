"""Global beamforming by branch and bound (F8): ``python benchmarks/global_beamforming.py [--quick] [--json]``.

Fresh channels of the paper's network (6 nodes, 20 antennas), no QoS, all nodes. For every number of users: time and
nodes until the rate is proved optimal to 1e-3, twice: with F6 at the root, as the toolkit does it (``root and
search``), and with nothing but the closed-form bound of the worst single user at the root (``search alone``), which
shows what the search itself can do. Medians over the seeds; a run that hits the node limit counts with its gap.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import Any

import numpy as np
from fresh_broadcasts import broadcast_of
from machine import machine

from fgamcd_opt.beamforming.broadcast import BeamformingSettings, Broadcast, SetTable
from fgamcd_opt.core import branch_and_bound
from fgamcd_opt.instances.recipes.recipe import Recipe

USERS = (2, 3, 4, 5, 6)
RATE_GAP = 1e-3
MAX_NODES = 400_000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="two seeds and up to 4 users")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    parser.add_argument("--seed", type=int, default=2000, help="first seed of the channels (default 2000)")
    args = parser.parse_args()
    recipe = Recipe()
    count = 2 if args.quick else 10
    prove(broadcast_of(recipe, 2, 1), alone=True)  # compiles
    rows = []
    for users in USERS[:3] if args.quick else USERS:
        for alone in (False, True):
            runs = [prove(broadcast_of(recipe, users, args.seed + i), alone=alone) for i in range(count)]
            rows.append(summary(users, alone, runs))
            print(text(rows[-1]), file=sys.stderr if args.json else sys.stdout, flush=True)
    result = {
        "command": " ".join(["python", *sys.argv]),
        "machine": machine(),
        "rate_gap": RATE_GAP,
        "max_nodes": MAX_NODES,
        "seeds": [args.seed, args.seed + count - 1],
        "rows": rows,
    }
    print(json.dumps(result, indent=1) if args.json else f"{result['command']}  {result['machine']}")


def prove(problem: Broadcast, *, alone: bool) -> dict[str, float]:
    """One broadcast to ``RATE_GAP``: seconds, nodes, gap in rate at the root and at the end."""
    begun = time.perf_counter()
    table = SetTable(problem)
    everything = table.status.size - 1
    ceiling = float(np.sqrt(table.upper[everything]))
    table.solve(np.array([everything], np.int64), BeamformingSettings(), 0)
    snr, proved = table.lower[everything], table.upper[everything]
    root = rate_gap(snr, proved)
    # amplitude that stands for the relative gap in rate
    goal = np.sqrt(np.expm1((1.0 + RATE_GAP) * np.log1p(snr)))
    nodes = 0
    if alone or root > RATE_GAP:
        x, share = table.x[everything].copy(), table.share[everything].copy()
        amplitude = float(np.sqrt(snr))
        best, upper, nodes = branch_and_bound(
            problem.gram,
            problem.radius2,
            problem.error_set.code,
            float(goal) / amplitude - 1.0,
            MAX_NODES,
            ceiling if alone else float(np.sqrt(proved)),
            amplitude,
            x,
            share,
        )
        snr, proved = best**2, upper**2
    return {
        "seconds": time.perf_counter() - begun,
        "nodes": nodes,
        "root": root,
        "gap": rate_gap(snr, proved),
    }


def rate_gap(snr: float, bound: float) -> float:
    """1 - rate / bound on the rate."""
    return float(1.0 - np.log1p(snr) / np.log1p(bound))


def summary(users: int, alone: bool, runs: list[dict[str, float]]) -> dict[str, Any]:
    """Medians and extremes over the seeds."""
    return {
        "users": users,
        "method": "search alone" if alone else "root and search",
        "seeds": len(runs),
        "median_s": float(np.median([run["seconds"] for run in runs])),
        "max_s": max(run["seconds"] for run in runs),
        "median_nodes": float(np.median([run["nodes"] for run in runs])),
        "max_nodes": max(run["nodes"] for run in runs),
        "mean_root_gap": float(np.mean([run["root"] for run in runs])),
        "max_gap": max(run["gap"] for run in runs),
        "proved": sum(run["gap"] <= RATE_GAP * (1 + 1e-6) for run in runs),
    }


def text(row: dict[str, Any]) -> str:
    """One line of the table."""
    return (
        f"{row['users']} users  {row['method']:<16} proved {row['proved']} of {row['seeds']}  "
        f"median {row['median_s']:8.4f} s  max {row['max_s']:8.3f} s  "
        f"nodes median {row['median_nodes']:9.0f}  max {row['max_nodes']:9.0f}  "
        f"largest gap {100 * row['max_gap']:.4f} %  (F6 at the root: mean {100 * row['mean_root_gap']:.4f} %)"
    )


if __name__ == "__main__":
    main()
