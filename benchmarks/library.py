"""Best known values of the library: ``python benchmarks/library.py [--gap G] [--time-limit S] [NAME ...]``.

Solves every library instance (or those named) with `exact` and keeps delay and bound where they improve on the table.
An instance whose recorded gap is small enough already is skipped, so a run that was stopped can be started again.
An instance without a certificate (or every one, with ``--certificates``) gets one, which is checked before it is kept.
``make docs`` then refreshes the table in the documentation.
"""

from __future__ import annotations

import argparse
import math
import os
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

import fgamcd_opt
from fgamcd_opt.beamforming.broadcast import BeamformingSettings
from fgamcd_opt.instances.library.best_known import BestKnown, read_best_known, record_best
from fgamcd_opt.instances.library.catalog import library
from fgamcd_opt.instances.resolve import load
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.solvers.bounds.certify import certify
from fgamcd_opt.solving.front_door import solve
from fgamcd_opt.solving.status import relative_gap
from fgamcd_opt.studies.library.library_certificates import (
    certificate_path,
    record_certificate,
    stored_certificate,
)


def main() -> None:
    """Solve, record, report."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", help="library instances (default: all)")
    parser.add_argument("--gap", type=float, default=1e-4, help="relative gap that is enough (default 1e-4)")
    parser.add_argument("--time-limit", type=float, default=60.0, help="seconds per instance (default 60)")
    parser.add_argument(
        "--certificates", action="store_true", help="make certificates anew, keep better ones"
    )
    args = parser.parse_args()
    limits = {"time_limit": args.time_limit, "gap": args.gap, "threads": os.cpu_count() or 1}
    for name in args.names or library():
        known = recorded_gap(read_best_known().get(name))
        if known <= args.gap:
            print(f"{name:<24} recorded gap {100 * known:.4f} %")
            if args.certificates or stored_certificate(name) is None:
                keep_certificate(P1(load(name)), None, limits)
            continue
        begun = time.monotonic()
        problem = P1(load(name))
        result = solve(problem, "exact", **limits)
        if result.delay_s is not None:
            record_best(
                name,
                result.instance_digest,
                delay_s=result.delay_s,
                lower_bound_s=result.lower_bound_s,
                solver=f"{result.solver} {result.solver_version}",
            )
        gap = "unknown" if result.gap is None else f"{100 * result.gap:.4f} %"
        print(f"{name:<24} {result.status}, gap {gap}, {time.monotonic() - begun:.1f} s", flush=True)
        if args.certificates or stored_certificate(name) is None:
            keep_certificate(problem, result.multipliers, limits)


def keep_certificate(problem: P1, multipliers: NDArray[np.float64] | None, limits: dict[str, Any]) -> None:
    """Make, check and keep a certificate for given storage multipliers, or for those of the Lagrangian relaxation."""
    instance = problem.instance
    if multipliers is None:
        multipliers = solve(problem, "lagrangian", threads=limits["threads"]).multipliers
    if multipliers is None:
        print(f"{instance.name:<24} no multipliers, no certificate")
        return
    begun = time.monotonic()
    made_by = f"fgamcd_opt {fgamcd_opt.__version__}"
    effort = BeamformingSettings(rounds=16)
    certificate = certify(problem, multipliers, made_by, settings=effort, threads=limits["threads"])
    made = time.monotonic()
    kept = "kept" if record_certificate(instance, certificate) else "not better than the stored one"
    checked = time.monotonic()
    size = certificate_path(instance.name).stat().st_size
    print(
        f"{instance.name:<24} certificate of T >= {certificate.bound_s:.6f} s {kept}, {size} bytes, "
        f"made in {made - begun:.1f} s, checked in {checked - made:.1f} s",
        flush=True,
    )
    record_best(
        instance.name,
        instance.digest,
        delay_s=None,
        lower_bound_s=certificate.bound_s,
        solver=f"certificate {fgamcd_opt.__version__}",
    )


def recorded_gap(known: BestKnown | None) -> float:
    """Gap of the recorded delay to the recorded bound; infinite if one is missing."""
    if known is None or known.delay_s is None or known.lower_bound_s is None:
        return math.inf
    return relative_gap(known.delay_s, known.lower_bound_s)


if __name__ == "__main__":
    main()
