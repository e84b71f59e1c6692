"""The monolithic MINLP against `exact` on the tiny library instances: ``python benchmarks/minlp_agreement.py``.

Every method solves every instance to a relative gap of 1e-5. Cells are kept in the file of ``-o`` as soon as they are
measured; started again with the same file, only missing ones are. ``--page`` puts the table into a page, between its
two comments that name this script. Ends with 1 if a proved optimum differs from that of `exact` by more than 1e-4.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from machine import machine
from pages import put

from fgamcd_opt.instances.library.catalog import library
from fgamcd_opt.instances.resolve import load
from fgamcd_opt.io.errors import BackendError
from fgamcd_opt.io.files import read_json, write_bytes_atomically
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.solving.front_door import solve

METHODS: dict[str, tuple[str, dict[str, Any]]] = {
    "exact": ("exact", {}),
    "SCIP": ("minlp", {"backend": "scip"}),
    "SCIP, no F6, no start": ("minlp", {"backend": "scip", "cuts": 1, "start": 0}),
    "SCIP, plain": ("minlp", {"backend": "scip", "cuts": 0, "start": 0}),
    "Gurobi": ("minlp", {"backend": "gurobi"}),
    "Gurobi, plain": ("minlp", {"backend": "gurobi", "cuts": 0, "start": 0}),
}
"""Column of the table: solver and options."""

GAP = 1e-5
AGREED = 1e-4
MARK = "<!-- benchmarks/minlp_agreement.py -->"


def main() -> int:
    """Measure what is missing, print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", help="library instances (default: all tiny ones)")
    parser.add_argument("--time-limit", type=float, default=60.0, help="seconds per cell (default 60)")
    parser.add_argument("-o", "--output", type=Path, help="JSON file that keeps the cells")
    parser.add_argument("--page", type=Path, help="page whose table is replaced")
    args = parser.parse_args()
    names = args.names or [name for name in library() if name.startswith("tiny")]
    cells: dict[str, Any] = {}
    if args.output and args.output.exists():
        cells = read_json(args.output, args.output.read_bytes())["cells"]
    for name in names:
        for method in METHODS:
            key = f"{name} / {method}"
            if key not in cells:
                cells[key] = measure(name, method, args.time_limit)
                print(f"{key}: {json.dumps(cells[key])}", file=sys.stderr, flush=True)
            if args.output:
                state = {"machine": machine(), "time_limit_s": args.time_limit, "gap": GAP, "cells": cells}
                write_bytes_atomically(args.output, (json.dumps(state, indent=1) + "\n").encode())
    text = table(names, cells)
    if args.page:
        put(args.page, MARK, text)
    print(text, end="")
    return 0 if largest_difference(names, cells) <= AGREED else 1


def measure(name: str, method: str, time_limit_s: float) -> dict[str, Any]:
    """One instance by one method; seconds without loading."""
    solver, options = METHODS[method]
    try:
        result = solve(P1(load(name)), solver, time_limit=time_limit_s, gap=GAP, options=options)
    except BackendError as error:
        return {"error": str(error)}
    return {
        "delay_s": result.delay_s,
        "lower_bound_s": result.lower_bound_s,
        "gap": result.gap,
        "seconds": result.times.solve_s,
        "nodes": result.counts.get("nodes"),
    }


def proved(cell: dict[str, Any]) -> bool:
    """Whether the cell holds an optimum, proved to the gap."""
    return cell.get("gap") is not None and cell["gap"] <= GAP


def difference(name: str, cells: dict[str, Any]) -> float:
    """Largest relative difference of a proved optimum from that of `exact`; infinite if `exact` proves none."""
    reference = cells[f"{name} / exact"]
    if not proved(reference):
        return float("inf")
    others = [cells[f"{name} / {method}"] for method in METHODS]
    return max(abs(c["delay_s"] / reference["delay_s"] - 1.0) for c in others if proved(c))


def largest_difference(names: list[str], cells: dict[str, Any]) -> float:
    """The worst of all instances."""
    return max(difference(name, cells) for name in names)


def table(names: list[str], cells: dict[str, Any]) -> str:
    """Markdown: seconds until the optimum is proved, or the gap that is left at the time limit."""
    rows = [["instance", "T in s", "largest difference", *METHODS]]
    rows.append(["---"] * len(rows[0]))
    for name in names:
        delay = cells[f"{name} / exact"]["delay_s"]
        figures = [text(cells[f"{name} / {method}"]) for method in METHODS]
        rows.append([f"`{name}`", f"{delay:.6f}", f"{difference(name, cells):.1e}", *figures])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def text(cell: dict[str, Any]) -> str:
    """One cell."""
    if "error" in cell:
        return "refused"
    seconds = f"{cell['seconds']:.2g} s" if cell["seconds"] < 9.95 else f"{cell['seconds']:.0f} s"
    if proved(cell):
        return seconds
    return "no solution" if cell["gap"] is None else f"gap {100 * cell['gap']:.2g} % after {seconds}"


if __name__ == "__main__":
    sys.exit(main())
