"""Lower bounds by method and instance: ``python benchmarks/bounds.py [--methods a,b] [--time-limit S] [NAME ...]``.

A Markdown table: bound, gap of the best known delay of the library to it, and time, every method from scratch. A
method that refuses an instance, or proves nothing in time, has that in its row. ``--page`` puts the table into a page.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from machine import machine_words
from pages import put

from fgamcd_opt.instances.library.best_known import read_best_known
from fgamcd_opt.instances.library.catalog import library
from fgamcd_opt.instances.resolve import load
from fgamcd_opt.io.errors import FgamcdError
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.solving.front_door import solve
from fgamcd_opt.solving.registry import get_solver, solver_names
from fgamcd_opt.solving.status import relative_gap

MARK = "<!-- benchmarks/bounds.py -->"
"""Line before and after the table in a page."""

HEADING = (
    "| instance | method | lower bound s | gap to best known % | stopped | rates s | search s | in all s |\n"
)
RULE = "|---|---|---|---|---|---|---|---|\n"


def main() -> None:
    """Measure and print."""
    able = [name for name in solver_names() if get_solver(name).proves_bounds]
    chosen = [name for name in able if name == "exact" or not get_solver(name).finds_solutions]
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "names", nargs="*", help="library instances (default: tiny, small and the paper's at all storages)"
    )
    parser.add_argument(
        "--methods", default=",".join(chosen), help=f"of {', '.join(able)} (default: %(default)s)"
    )
    parser.add_argument("--time-limit", type=float, default=60.0, help="seconds per bound (default 60)")
    parser.add_argument("--gap", type=float, default=1e-3, help="gap at which `exact` stops (default 1e-3)")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--page", type=Path, help="page whose table is replaced")
    args = parser.parse_args()
    limits = {"time_limit": args.time_limit, "gap": args.gap, "threads": args.threads}
    names = args.names or [n for n in library() if n.startswith(("tiny-s6", "small-s", "paper-s12"))]
    text = HEADING + RULE
    print(text, end="", flush=True)
    for name in names:
        for method in args.methods.split(","):
            line = row(name, method, limits)
            print(line, end="", flush=True)
            text += line
    footer = f"\n`{' '.join(['python', *sys.argv])}`, {machine_words()}\n"
    print(footer, end="")
    if args.page:
        put(args.page, MARK, text + footer)


def row(name: str, method: str, limits: dict[str, Any]) -> str:
    """One method on one instance."""
    known = read_best_known().get(name)
    try:
        result = solve(P1(load(name)), method, **limits)
    except FgamcdError as error:
        return f"| {name} | {method} | refused: {error} | | | | | |\n"
    bound, gap = "none", ""
    if result.lower_bound_s is not None:
        bound = f"{result.lower_bound_s:.6f}"
        if known is not None and known.delay_s is not None:
            gap = f"{100.0 * relative_gap(known.delay_s, result.lower_bound_s):.4f}"
    times = result.times
    seconds = f"{times.rates_s:.2f} | {times.search_s:.2f} | {times.solve_s:.2f}"
    return f"| {name} | {method} | {bound} | {gap} | {result.stop_reason} | {seconds} |\n"


if __name__ == "__main__":
    main()
