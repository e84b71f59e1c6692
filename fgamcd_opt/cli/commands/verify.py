"""``fgamcd verify``: the independent checker on a solution and its certificate. Loads NumPy and nothing that solves."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fgamcd_opt.cli.arguments import add_instance, add_json, add_log_level, forgotten_changes, named_path
from fgamcd_opt.cli.output import print_json, print_rows
from fgamcd_opt.io.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from fgamcd_opt.certificates.certificate import Certificate
    from fgamcd_opt.instances.instance import Instance


EXAMPLES = (
    "fgamcd solve tiny -o checked.npz --certificate checked-bound.npz",
    "fgamcd verify tiny checked.npz",
    "fgamcd verify tiny checked.npz --certificate checked-bound.npz --json",
)
"""Commands of the help, which run one after the other in one folder."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    add_instance(parser)
    parser.add_argument(
        "solution", metavar="SOLUTION", type=named_path, help="file written by `fgamcd solve -o`"
    )
    parser.add_argument(
        "--certificate",
        type=named_path,
        metavar="FILE",
        help="prove a lower bound again, from the file written by `fgamcd solve --certificate`",
    )
    add_json(parser)
    add_log_level(parser)


def run(args: argparse.Namespace) -> ExitCode:
    """Recompute everything from the stored binaries and beams, and compare; prove the bound of a certificate."""
    from fgamcd_opt.certificates.certificate import Certificate
    from fgamcd_opt.instances.resolve import load
    from fgamcd_opt.problem.checker import verify
    from fgamcd_opt.problem.solution_file import Solution

    solution = Solution.load(args.solution)
    certificate = None if args.certificate is None else Certificate.load(args.certificate)
    if certificate is not None and solution.variant.differences():
        raise UsageError(
            f"--certificate: proves a bound on P1 itself; {args.solution} is for {solution.variant}, leave it out"
        )
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
        "remedy": forgotten_changes(args, solution, instance),
    }
    if certificate is not None:
        report |= {"certificate_file": str(args.certificate), **_judged(instance, certificate, report)}
    if args.json:
        print_json(report)
    else:
        print_rows(_rows(report))
    return ExitCode.DONE if report["valid"] else ExitCode.VERIFICATION_FAILED


def _judged(instance: Instance, certificate: Certificate, report: Mapping[str, Any]) -> dict[str, Any]:
    """What the check of a certificate adds to the report or changes in it."""
    from fgamcd_opt.certificates.certificate_check import check_certificate
    from fgamcd_opt.problem.tolerances import CLAIM_TOLERANCE
    from fgamcd_opt.solving.status import relative_gap

    check = check_certificate(instance, certificate)
    faults = [f"certificate: {fault}" for fault in check.faults]
    delay, gap = report["delay_s"], None
    if delay is not None and check.bound_s is not None:
        gap = max(0.0, relative_gap(delay, check.bound_s))
        if report["valid"] and check.bound_s > delay * (1.0 + CLAIM_TOLERANCE):
            faults.append(f"certificate: the bound {check.bound_s!r} s is above the delay {delay!r} s")
    return {
        "certificate_made_by": certificate.made_by,
        "lower_bound_s": check.bound_s,
        "gap": gap,
        "valid": report["valid"] and not faults,
        "faults": [*report["faults"], *faults],
    }


def _rows(report: Mapping[str, Any]) -> dict[str, str]:
    """The report for people."""
    from fgamcd_opt.problem.metrics import text_rows

    rows = {
        "instance": f"{report['instance']}  {report['digest'][:12]}",
        "solution": f"{report['solution']}, by {report['solver']} {report['solver_version']}",
        "verdict": "valid" if report["valid"] else "REJECTED",
    }
    rows |= {f"fault {number}": fault for number, fault in enumerate(report["faults"], 1)}
    if report["remedy"] is not None:
        rows["remedy"] = report["remedy"]
    if "certificate_file" in report:
        rows["certificate"] = f"{report['certificate_file']}, by {report['certificate_made_by']}"
        if report["lower_bound_s"] is not None:
            rows["lower bound"] = (
                f"{report['lower_bound_s']:.6f} s, proved again (knapsack and rate bounds, F5 to F7)"
            )
        if report["gap"] is not None:
            rows["gap"] = f"{100 * report['gap']:.4f} %"
    if report["violations"]:
        delay = report["delay_s"]
        rows["delay"] = "infinite" if delay is None else f"{delay:.6f} s, recomputed"
        if report["claimed_lower_bound_s"] is not None:
            claim = report["claimed_lower_bound_s"]
            proved = (report.get("lower_bound_s") or 0.0) >= claim
            rows["claimed bound"] = f"{claim:.6f} s ({report['claimed_bound_kind']}); " + (
                "proved by the certificate" if proved else "not proved again here"
            )
        rows |= text_rows(report)
        rows["violation"] = (
            f"{_relative(report['max_violation'])} at most, tolerance {report['tolerance']:.0e}"
        )
        rows |= {f"  {name}": _relative(value) for name, value in report["violations"].items()}
    return rows


def _relative(value: float | None) -> str:
    return "infinite" if value is None else f"{value:.2e}"
