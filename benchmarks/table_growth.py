"""How the complete rate table grows: ``python benchmarks/table_growth.py [--quick] [--json]``.

The paper preset with one parameter changed at a time: users, antennas, nodes. Seconds for the whole table (beams and
certificates of all block and node-set problems), problems, microseconds per problem, mean certified gap in rate.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from typing import Any

import numpy as np
from machine import machine

from fgamcd_opt.beamforming.rate_oracle import RateOracle
from fgamcd_opt.instances.resolve import load
from fgamcd_opt.problem.p1 import P1

AXES = {"users": (15, 30, 45, 60), "antennas": (4, 10, 20, 40), "nodes": (4, 5, 6, 7, 8)}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="two values per parameter")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    args = parser.parse_args()
    measure("tiny", {}, args.threads)  # compiles
    rows = []
    for axis, values in AXES.items():
        for value in values[:2] if args.quick else values:
            rows.append({axis: value, **measure("paper", {axis: str(value)}, args.threads)})
            print(text(axis, rows[-1]), file=sys.stderr if args.json else sys.stdout, flush=True)
    result = {"command": " ".join(["python", *sys.argv]), "machine": machine(), "rows": rows}
    print(json.dumps(result, indent=1) if args.json else f"{result['command']}  {result['machine']}")


def measure(name: str, overrides: dict[str, str], threads: int) -> dict[str, Any]:
    """The complete table of one instance."""
    problem = P1(load(name, overrides))
    begun = time.perf_counter()
    oracle = RateOracle(problem, threads=threads)
    oracle.compute()
    seconds = time.perf_counter() - begun
    lower, upper = oracle.lower_bps(), oracle.upper_bps()
    served = lower > 0.0
    sizes = [table.floors.size for table in (t.broadcast for t in oracle.tables)]
    return {
        "seconds": seconds,
        "problems": oracle.size,
        "microseconds_per_problem": 1e6 * seconds / oracle.size,
        "mean_gap": float(np.mean(1.0 - lower[served] / upper[served])),
        "mean_users_per_block": float(np.mean(sizes)),
        "most_users_per_block": max(sizes),
    }


def text(axis: str, row: dict[str, Any]) -> str:
    """One line of the table."""
    return (
        f"{axis:<9}{row[axis]:>4}  {row['seconds']:8.2f} s  {row['problems']:>7} problems  "
        f"{row['microseconds_per_problem']:8.1f} us each  mean gap {100 * row['mean_gap']:.4f} %  "
        f"users per block {row['mean_users_per_block']:.2f} (at most {row['most_users_per_block']})"
    )


if __name__ == "__main__":
    main()
