"""Closing the knapsack of F5: ``python benchmarks/milp_gap.py [--json] [--backends B,...] [--storage GB,...]``.

For every storage and MILP backend: seconds from the relaxation in hand to the gap asked for, between the best placement
with the beams in hand (T) and the proved bound of its own knapsack. The beams are computed first, outside the clock.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from pathlib import Path
from typing import Any

from machine import machine, machine_words
from pages import put

from fgamcd_opt.beamforming.rate_oracle import RateOracle
from fgamcd_opt.formulations.knapsack.multiple_choice import Knapsack, build_knapsack
from fgamcd_opt.instances.resolve import load
from fgamcd_opt.io.errors import BackendError
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.solvers.exact.knapsack_search import KnapsackSearch
from fgamcd_opt.solving.context import Limits, SolveContext
from fgamcd_opt.solving.rate_tables import complete_table

MARK = "<!-- benchmarks/milp_gap.py -->"

COLUMNS = {
    "storage_gb": "storage GB",
    "backend": "backend",
    "relaxation_s": "LP and moves s",
    "milp_s": "MILP s",
    "delay_s": "T s",
    "bound_s": "bound s",
    "gap": "gap",
    "nodes": "nodes",
    "columns_of_use": "columns of use",
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--instance", default="paper", help="preset, library name or file (default paper)")
    parser.add_argument("--storage", default="0.18,0.25,0.4,0.6,1.25", help="GB per node, comma-separated")
    parser.add_argument("--backends", default="tree,highs,scip", help="MILP backends, comma-separated")
    parser.add_argument("--gap", type=float, default=1e-4, help="relative gap (default 1e-4)")
    parser.add_argument("--time-limit", type=float, default=120.0, help="seconds per MILP (default 120)")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--rate-cache", type=Path, help="folder in which rate tables are kept between runs")
    parser.add_argument("--page", type=Path, help="put the table into this page")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    args = parser.parse_args()
    rows = []
    head = "| " + " | ".join(COLUMNS.values()) + " |\n|" + "---|" * len(COLUMNS)
    if not args.json:
        print(head)
    solved("tiny", "0.05", "tree", args)  # compiles
    for storage in args.storage.split(","):
        for backend in args.backends.split(","):
            rows.append(solved(args.instance, storage, backend, args))
            print(text(rows[-1]), file=sys.stderr if args.json else sys.stdout, flush=True)
    limits = f"--gap {args.gap:g} --time-limit {args.time_limit:g}"
    result = {"command": f"python benchmarks/milp_gap.py {limits}", "machine": machine(), "rows": rows}
    footer = f"\n`{result['command']}`, {machine_words()}"
    print(json.dumps(result, indent=1) if args.json else footer)
    if args.page:
        put(args.page, MARK, "\n".join([head, *map(text, rows), footer]))


def knapsack_of(name: str, storage_gb: str, args: argparse.Namespace) -> tuple[Knapsack, SolveContext]:
    """The knapsack with the beams in hand, and a context whose clock starts now."""
    problem = P1(load(name, {"storage_gb": storage_gb}))
    oracle = RateOracle(problem, threads=args.threads)
    context = SolveContext(Limits(threads=args.threads, gap=args.gap), rate_cache=args.rate_cache)
    complete_table(oracle, context)
    return build_knapsack(problem, oracle.lower_bps()), context


def solved(name: str, storage_gb: str, backend: str, args: argparse.Namespace) -> dict[str, Any]:
    """One row: relaxation, then the MILP to the gap or the time limit."""
    knapsack, context = knapsack_of(name, storage_gb, args)
    found = KnapsackSearch(knapsack, backend, backend)
    begun = time.perf_counter()
    found.relax()
    relaxation_s, begun = time.perf_counter() - begun, time.perf_counter()
    row = {"storage_gb": storage_gb, "backend": backend, "relaxation_s": relaxation_s}
    try:
        found.close(context, target_s=math.inf, good_s=-math.inf, gap=args.gap, time_s=args.time_limit)
    except BackendError as error:
        row["refused"] = str(error)
    reach = found.delay_s * (1.0 - args.gap) - found.relaxed_s
    return row | {
        "milp_s": time.perf_counter() - begun,
        "delay_s": found.delay_s,
        "bound_s": found.bound_s,
        "gap": found.gap,
        "nodes": found.nodes,
        "columns": knapsack.block.size,
        "columns_of_use": int((found.reduced_s <= reach).sum()),
    }


def text(row: dict[str, Any]) -> str:
    """One line of the table."""
    cells = [
        row["storage_gb"],
        row["backend"],
        f"{row['relaxation_s']:.2f}",
        f"{row['milp_s']:.2f}",
        f"{row['delay_s']:.6f}",
        f"{row['bound_s']:.6f}",
        f"{row['gap']:.1e}",
        str(row["nodes"]),
        f"{row['columns_of_use']} of {row['columns']}",
    ]
    return "| " + " | ".join(cells) + " |" + (f" {row['refused']}" if "refused" in row else "")


if __name__ == "__main__":
    main()
