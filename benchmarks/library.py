"""Best known values of the library: ``python benchmarks/library.py [--gap G] [--time-limit S] [NAME ...]``.

Solves every library instance (or those named) with `exact` and keeps delay and bound where they improve on the table.
An instance whose recorded gap is small enough already is skipped, so a run that was stopped can be started again.
``make docs`` then refreshes the table in the documentation.
"""

from __future__ import annotations

import argparse
import math
import os
import time

from fgamcd_opt.context import Limits
from fgamcd_opt.frontdoor import solve
from fgamcd_opt.instances.best_known import BestKnown, read_best_known, record_best
from fgamcd_opt.instances.library import library
from fgamcd_opt.instances.resolve import load
from fgamcd_opt.problem import P1
from fgamcd_opt.status import relative_gap


def main() -> None:
    """Solve, record, report."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", help="library instances (default: all)")
    parser.add_argument("--gap", type=float, default=1e-4, help="relative gap that is enough (default 1e-4)")
    parser.add_argument("--time-limit", type=float, default=60.0, help="seconds per instance (default 60)")
    args = parser.parse_args()
    limits = Limits(time_s=args.time_limit, gap=args.gap, threads=os.cpu_count() or 1)
    for name in args.names or library():
        known = recorded_gap(read_best_known().get(name))
        if known <= args.gap:
            print(f"{name:<24} recorded gap {100 * known:.4f} %")
            continue
        begun = time.monotonic()
        result = solve(P1(load(name)), "exact", limits=limits)
        if result.objective_s is not None:
            record_best(
                name,
                result.instance_digest,
                delay_s=result.objective_s,
                lower_bound_s=result.bound_s,
                solver=f"{result.solver} {result.solver_version}",
            )
        gap = "unknown" if result.gap is None else f"{100 * result.gap:.4f} %"
        print(f"{name:<24} {result.status}, gap {gap}, {time.monotonic() - begun:.1f} s", flush=True)


def recorded_gap(known: BestKnown | None) -> float:
    """Gap of the recorded delay to the recorded bound; infinite if one is missing."""
    if known is None or known.delay_s is None or known.lower_bound_s is None:
        return math.inf
    return relative_gap(known.delay_s, known.lower_bound_s)


if __name__ == "__main__":
    main()
