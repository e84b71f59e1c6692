"""Size, times and strength of certificates: ``python benchmarks/certificates.py [--gap G] [NAME ...]``.

Solves, certifies and checks the instances, and prints a Markdown table. The Lagrangian bound is that of the linear
relaxation (solver `lp`), which the certificate proves anew from less evidence and with rounding to the safe side.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from machine import machine_words
from pages import put

from fgamcd_opt.certificates.certificate import Certificate
from fgamcd_opt.certificates.certificate_check import check_certificate
from fgamcd_opt.instances.resolve import load
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.solvers.bounds.certify import certify
from fgamcd_opt.solving.front_door import solve
from fgamcd_opt.solving.status import relative_gap

MARK = "<!-- benchmarks/certificates.py -->"

COLUMNS = (
    "instance",
    "rows of evidence",
    "bytes",
    "solve s",
    "make s",
    "check s",
    "proved bound s",
    "Lagrangian bound s",
    "solver's bound s",
    "delay s",
    "proved gap %",
)


def main() -> None:
    """Solve, certify, check, report."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", default=["paper-s12-1250MB", "paper-s12-0250MB"])
    parser.add_argument("--gap", type=float, default=1e-3, help="relative gap of the solve (default 1e-3)")
    parser.add_argument("--time-limit", type=float, default=120.0, help="seconds per solve (default 120)")
    parser.add_argument("--page", type=Path, help="put the table into this page")
    args = parser.parse_args()
    limits = {"time_limit": args.time_limit, "gap": args.gap, "threads": os.cpu_count() or 1}
    lines = [f"| {' | '.join(COLUMNS)} |", f"|---|{'--:|' * (len(COLUMNS) - 1)}"]
    print("\n".join(lines))
    for name in args.names:
        lines.append(f"| {' | '.join(measured(name, limits))} |")
        print(lines[-1], flush=True)
    if args.page:
        command = f"python benchmarks/certificates.py --gap {args.gap:g}"
        put(args.page, MARK, "\n".join([*lines, "", f"`{command}`, {machine_words()}"]))


def measured(name: str, limits: dict[str, Any]) -> list[str]:
    """One row of the table."""
    instance = load(name)
    problem = P1(instance)
    result = solve(problem, "exact", **limits)
    relaxed = solve(problem, "lp", **limits)
    if result.multipliers is None or result.lower_bound_s is None or relaxed.lower_bound_s is None:
        raise SystemExit(f"{name}: no bound within the time limit")
    begun = time.perf_counter()
    certificate = certify(problem, result.multipliers, "benchmark", threads=limits["threads"])
    made = time.perf_counter() - begun
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "certificate.npz"
        certificate.save(path)
        size = path.stat().st_size
        begun = time.perf_counter()
        check = check_certificate(instance, Certificate.load(path))
        checked = time.perf_counter() - begun
    if not check.valid:
        raise SystemExit(f"{name}: {check.faults[0]}")
    delay = result.delay_s
    return [
        name,
        str(certificate.evidence_block.size),
        str(size),
        f"{result.times.solve_s:.1f}",
        f"{made:.1f}",
        f"{checked:.2f}",
        f"{certificate.bound_s:.6f}",
        f"{relaxed.lower_bound_s:.6f}",
        f"{result.lower_bound_s:.6f}",
        "-" if delay is None else f"{delay:.6f}",
        "-" if delay is None else f"{100 * relative_gap(delay, certificate.bound_s):.4f}",
    ]


if __name__ == "__main__":
    main()
