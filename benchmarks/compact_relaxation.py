"""The compact relaxation by depth, beside `exact`: ``python benchmarks/compact_relaxation.py [--time-limit S] [NAME]``.

A Markdown table: size of the program, bound, gap of the best known delay of the library to it, and seconds of search.
The rates are computed once, outside the clock. ``--page`` puts the table into a page.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

from machine import machine_words
from pages import put

from fgamcd_opt.instances.library.best_known import read_best_known
from fgamcd_opt.instances.resolve import load
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.solving.front_door import solve
from fgamcd_opt.solving.status import relative_gap

MARK = "<!-- benchmarks/compact_relaxation.py -->"
"""Line before and after the table in a page."""

HEADING = (
    "| solver | variables | constraints | lower bound s | gap to best known % | stopped | search s |\n"
    "|---|---|---|---|---|---|---|\n"
)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("name", nargs="?", default="paper-s12-0250MB", help="library instance")
    parser.add_argument("--time-limit", type=float, default=30.0, help="seconds per row (default 30)")
    parser.add_argument("--gap", type=float, default=1e-3, help="gap at which a search stops (default 1e-3)")
    parser.add_argument("--page", type=Path, help="page whose table is replaced")
    args = parser.parse_args()
    problem = P1(load(args.name))
    limits = {"time_limit": args.time_limit, "gap": args.gap}
    nodes = problem.instance.n_nodes
    cases: list[tuple[str, dict[str, Any]]] = [("compact", {"depth": d}) for d in (0, 1, 2, nodes)]
    text = HEADING
    print(text, end="", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        solve(problem, "compact", options={"depth": 0}, rate_cache=Path(folder))
        for name, options in [*cases, ("exact", {})]:
            line = row(problem, args.name, name, options, limits, Path(folder))
            print(line, end="", flush=True)
            text += line
    footer = f"\n`{' '.join(['python', *sys.argv])}`, {machine_words()}\n"
    print(footer, end="")
    if args.page:
        put(args.page, MARK, text + footer)


def row(
    problem: P1, instance: str, name: str, options: dict[str, Any], limits: dict[str, float], rate_cache: Path
) -> str:
    """One solver on the instance."""
    result = solve(problem, name, **limits, options=options, rate_cache=rate_cache)
    delay, bound = read_best_known()[instance].delay_s, result.lower_bound_s
    if delay is None or bound is None:
        sys.exit(f"{instance}: there is no delay in the library or no bound by {name}")
    size = [str(result.counts.get(key, "")) for key in ("variables", "constraints")]
    title = " ".join([name, *(f"{key}={value}" for key, value in options.items())])
    gap = f"{100.0 * relative_gap(delay, bound):.3f}"
    cells = [title, *size, f"{bound:.6f}", gap, str(result.stop_reason), f"{result.times.search_s:.2f}"]
    return f"| {' | '.join(cells)} |\n"


if __name__ == "__main__":
    main()
