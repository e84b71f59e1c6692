"""Column generation where nothing can be enumerated: ``python benchmarks/scaling.py [--nodes 6,8,10,12,16] [-o FILE]``.

One instance per number of nodes: 60 users, about 2 000 requested blocks (models of 92 blocks, 36 of them frozen), and
caches that together hold about twice what is requested. Rows: certified gap, seconds, and the share of all
(block, S) problems that were worked on, be it for a beam or for a bound. Ends a row at the gap or the time limit.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from machine import machine, machine_words
from pages import put

from fgamcd_opt.instances.resolve import load
from fgamcd_opt.io.files import write_bytes_atomically
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.solving.front_door import solve

RECIPE = {
    "users": "60",
    "repository": "synthetic",
    "models_per_family": "90",
    "roots_per_family": "10",
    "blocks_per_model": "92",
    "freeze": "36",
    "seed": "1",
}
TOTAL_STORAGE_GB = 20.0
MARK = "<!-- benchmarks/scaling.py -->"
HEAD = (
    "| nodes | radius m | blocks | sets per block | T s | bound s | gap % | seconds | beams | bounds | share % |\n"
    + "|---" * 11
    + "|"
)


def main() -> None:
    """Measure what is missing in FILE, and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--nodes", default="6,8,10,12,16", help="numbers of nodes, comma-separated")
    parser.add_argument("--radius", type=float, default=0.0, help="cooperation radius in m (default none)")
    parser.add_argument("--gap", type=float, default=1e-2, help="relative gap (default 1e-2)")
    parser.add_argument("--time-limit", type=float, default=600.0, help="seconds per instance (default 600)")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument(
        "-o", "--output", type=Path, help="keep every row here; rows that it holds are not run again"
    )
    parser.add_argument("--page", type=Path, help="put the table into this page")
    args = parser.parse_args()
    rows: list[dict[str, Any]] = []
    if args.output and args.output.exists():
        rows = json.loads(args.output.read_text())["rows"]
    for nodes in map(int, args.nodes.split(",")):
        if any(row["nodes"] == nodes and row["radius_m"] == args.radius for row in rows):
            continue
        rows.append(solved(nodes, args))
        print(text(rows[-1]), file=sys.stderr, flush=True)
        if args.output:
            content = {"machine": machine(), "rows": rows}
            write_bytes_atomically(args.output, json.dumps(content, indent=1).encode())
    table = "\n".join([HEAD, *map(text, rows)])
    command = " ".join(["python", *sys.argv])
    print(table)
    if args.page:
        put(args.page, MARK, f"{table}\n\n`{command}`, {machine_words()}")


def solved(nodes: int, args: argparse.Namespace) -> dict[str, Any]:
    """One row."""
    overrides = RECIPE | {
        "nodes": str(nodes),
        "storage_gb": f"{TOTAL_STORAGE_GB / nodes:.6g}",
        "cooperation_radius_m": str(args.radius),
    }
    problem = P1(load("large", overrides))
    limits = {"time_limit": args.time_limit, "gap": args.gap, "threads": args.threads}
    begun = time.perf_counter()
    result = solve(problem, "exact", options={"rates": "demand"}, **limits)
    seconds = time.perf_counter() - begun
    delay = result.solution.delay_s if result.solution and result.verification.valid else None
    return {
        "nodes": nodes,
        "radius_m": args.radius,
        "blocks": int(problem.instance.requested_blocks.size),
        "delay_s": delay,
        "lower_bound_s": result.lower_bound_s,
        "gap": result.gap,
        "seconds": seconds,
        "loading_s": result.times.load_s,
        "counts": dict(result.counts),
        "stop_reason": str(result.stop_reason),
    }


def text(row: dict[str, Any]) -> str:
    """One line of the table; the seconds are without loading."""
    counts = row["counts"]
    worked = counts["rate_problems"] + counts["rate_bounds"]
    delay = "none" if row["delay_s"] is None else f"{row['delay_s']:.4f}"
    gap = "none" if row["gap"] is None else f"{100 * row['gap']:.2f}"
    return (
        f"| {row['nodes']} | {row['radius_m']:g} | {row['blocks']} | {2 ** row['nodes'] - 1} | {delay} "
        f"| {row['lower_bound_s']:.4f} | {gap} | {row['seconds'] - row['loading_s']:.0f} "
        f"| {counts['rate_problems']} | {counts['rate_bounds']} "
        f"| {100 * worked / counts['rate_problems_total']:.3f} |"
    )


if __name__ == "__main__":
    main()
