"""``fgamcd verify``: the independent checker on a solution file. Loads NumPy and nothing that solves."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fgamcd_opt.cli.arguments import add_instance, add_json, add_log_level
from fgamcd_opt.cli.output import print_json, print_rows
from fgamcd_opt.errors import ExitCode


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    add_instance(parser)
    parser.add_argument("solution", metavar="SOLUTION", type=Path, help="file written by `fgamcd solve -o`")
    add_json(parser)
    add_log_level(parser)


def run(args: argparse.Namespace) -> ExitCode:
    """Recompute everything from the stored binaries and beams, and compare."""
    from fgamcd_opt.checker import verify
    from fgamcd_opt.instances.resolve import load
    from fgamcd_opt.solution import Solution

    solution = Solution.load(args.solution)
    instance = load(args.instance, args.set)
    verdict = verify(instance, solution)
    report: dict[str, Any] = {
        "instance": instance.name,
        "digest": instance.digest,
        "solution": str(args.solution),
        "solver": solution.solver,
        "solver_version": solution.solver_version,
        "variant": solution.variant.to_dict(),
        "claimed_delay_s": solution.delay_s,
        "claimed_lower_bound_s": solution.lower_bound_s,
        "claimed_bound_kind": solution.bound_kind,
        **verdict.to_json(),
    }
    if args.json:
        print_json(report)
    else:
        print_rows(_rows(report))
    return ExitCode.DONE if verdict.valid else ExitCode.VERIFICATION_FAILED


def _rows(report: Mapping[str, Any]) -> dict[str, str]:
    """The report for people."""
    rows = {
        "instance": f"{report['instance']}  {report['digest'][:12]}",
        "solution": f"{report['solution']}, by {report['solver']} {report['solver_version']}",
        "verdict": "valid" if report["valid"] else "REJECTED",
    }
    rows |= {f"fault {number}": fault for number, fault in enumerate(report["faults"], 1)}
    if report["violations"]:
        delay = report["delay_s"]
        rows["delay"] = "infinite" if delay is None else f"{delay:.6f} s, recomputed"
        if report["claimed_lower_bound_s"] is not None:
            rows["lower bound"] = (
                f"{report['claimed_lower_bound_s']:.6f} s, claimed ({report['claimed_bound_kind']}); "
                "not proved again here"
            )
        rows["served"] = f"{report['served']} users, hit ratio {report['hit_ratio']:.3f}"
        rows["violation"] = (
            f"{_relative(report['max_violation'])} at most, tolerance {report['tolerance']:.0e}"
        )
        rows |= {f"  {name}": _relative(value) for name, value in report["violations"].items()}
    return rows


def _relative(value: float | None) -> str:
    return "infinite" if value is None else f"{value:.2e}"
