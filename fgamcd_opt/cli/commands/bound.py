"""``fgamcd bound``: a proved lower bound on the delay, its kind, and how far the best known delay lies above it."""

from __future__ import annotations

import argparse
import logging
from typing import TYPE_CHECKING, Any

from fgamcd_opt.cli.arguments import add_force, require_new_file
from fgamcd_opt.cli.certifying import add_certificate, write_certificate
from fgamcd_opt.cli.output import print_json, print_rows
from fgamcd_opt.cli.solving import add_solving, best_known, limits_of, load_problem, solve_as_asked
from fgamcd_opt.cli.stopping import orderly_stop
from fgamcd_opt.io.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from fgamcd_opt.instances.library.best_known import BestKnown
    from fgamcd_opt.solving.result import Result

log = logging.getLogger("fgamcd_opt.cli")

_ROUNDING = 1e-9
"""A bound above a delay by less than this relative gap is rounding."""


EXAMPLES = (
    "fgamcd bound tiny",
    "fgamcd bound tiny --solver lp --json",
    "fgamcd bound small --time-limit 20 --certificate bound.npz",
)
"""Commands of the help, which run one after the other in one folder."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.epilog = (
        "Ctrl-C, SIGTERM, SIGHUP and the time limit end the work in good order: the best bound proved so far is "
        "printed. A second Ctrl-C ends at once."
    )
    parser.add_argument(
        "--solver",
        default="lagrangian",
        metavar="NAME",
        help="any solver that proves bounds, see `fgamcd solvers` (default: %(default)s)",
    )
    add_solving(parser)
    add_certificate(parser)
    add_force(parser)


def run(args: argparse.Namespace) -> ExitCode:
    """Run the method and print what it proves."""
    if args.certificate is not None:
        require_new_file(args, args.certificate, instance=args.instance)
    limits_of(args)
    _check_method(args.solver)
    problem, build_s = load_problem(args)
    known = best_known(problem)
    with orderly_stop("the best bound") as stop:
        result = solve_as_asked(args, args.solver, problem, build_s, stop)
        report = _report(result, known)
        if args.json:
            print_json(report)
        else:
            print_rows({name: text for name, text in _rows(report, result).items() if text})
        if args.certificate is not None:
            write_certificate(problem, result, args.certificate, args.threads, stop)
    gap = report["gap_of_best"]
    if gap is not None and gap < -_ROUNDING:
        log.error("the bound lies above the best known delay: one of the two is wrong")
        return ExitCode.VERIFICATION_FAILED
    if result.infeasibility:
        return ExitCode.INFEASIBLE
    return ExitCode.NO_SOLUTION if result.lower_bound_s is None else ExitCode.DONE


def _check_method(name: str) -> None:
    """Refuse what proves nothing, before the instance is made."""
    from fgamcd_opt.solving.registry import get_solver, solver_names

    if not get_solver(name).proves_bounds:
        able = ", ".join(other for other in solver_names() if get_solver(other).proves_bounds)
        raise UsageError(f"--solver {name}: proves no bounds; these do: {able}")


def _report(result: Result, known: BestKnown | None) -> dict[str, Any]:
    """The result as far as bounds go, in SI units, with the best known delay."""
    from fgamcd_opt.solving.status import relative_gap

    report = result.to_json()
    keys = ("instance", "digest", "variant", "solver", "solver_version", "options", "seed", "stop_reason")
    best = known.delay_s if known is not None else None
    bound = result.lower_bound_s
    return {key: report[key] for key in keys} | {
        "lower_bound_s": bound,
        "bound_kind": result.bound_kind,
        "delay_s": result.delay_s,
        "best_delay_s": best,
        "best_delay_by": known.delay_solver if known is not None else None,
        "gap_of_best": None if best is None or bound is None else relative_gap(best, bound),
        **result.times.to_json(),
        **{key: report[key] for key in ("infeasibility", "counts", "message")},
    }


def _rows(report: dict[str, Any], result: Result) -> dict[str, str]:
    """The report for people; rows without content are empty."""
    from fgamcd_opt.solving.front_door import BOUNDS_ONLY

    bound, delay, best = (report[key] for key in ("lower_bound_s", "delay_s", "best_delay_s"))
    gap = report["gap_of_best"]
    return {
        "instance": f"{report['instance']}, digest {report['digest'][:12]}",
        "method": f"{report['solver']} {report['solver_version']}, seed {report['seed']}",
        "stopped": report["stop_reason"],
        "reason": report["infeasibility"] or "",
        "lower bound": "none was proved" if bound is None else f"{bound:.6f} s ({report['bound_kind']})",
        "delay found": "" if delay is None else f"{delay:.6f} s",
        "best known": "" if best is None else f"{best:.6f} s by {report['best_delay_by']}",
        "gap to it": "" if gap is None else f"{100.0 * gap:.4f} %",
        "time": str(result.times),
        "work": ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in report["counts"].items()),
        "message": "" if report["message"] == BOUNDS_ONLY else report["message"],
    }
