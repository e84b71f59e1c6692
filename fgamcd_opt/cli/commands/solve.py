"""``fgamcd solve``: one solver on one instance; certified gap, the checker's verdict, solution file."""

from __future__ import annotations

import argparse
import logging
import secrets
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from fgamcd_opt.cli.arguments import add_force, add_output, named_path, require_new_file
from fgamcd_opt.cli.certifying import add_certificate, write_certificate
from fgamcd_opt.cli.output import print_json, say_lines
from fgamcd_opt.cli.solving import add_solving, limits_of, load_problem, reference, solve_as_asked
from fgamcd_opt.cli.stopping import orderly_stop
from fgamcd_opt.io.errors import ExitCode, InputError, UsageError
from fgamcd_opt.io.targets import require_writable, same_file

if TYPE_CHECKING:
    from fgamcd_opt.problem.p1 import P1
    from fgamcd_opt.solving.result import Result

log = logging.getLogger("fgamcd_opt.cli")


EXAMPLES = (
    "fgamcd solve tiny",
    "fgamcd solve tiny --set storage_gb=0.08 --solver greedy -o greedy.npz",
    "fgamcd solve small --gap 0.01 --time-limit 20 -o small.npz --force",
)
"""Commands of the help, which run one after the other in one folder."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.epilog = (
        "Ctrl-C, SIGTERM, SIGHUP and the time limit end the solve in good order: the best solution and the best "
        "proved bound are printed and saved. A second Ctrl-C ends at once."
    )
    parser.add_argument(
        "--solver", default="exact", metavar="NAME", help="see `fgamcd solvers` (default: %(default)s)"
    )
    add_solving(parser)
    parser.add_argument(
        "--policy",
        type=named_path,
        metavar="FILE",
        help="trained policy for --solver maasn-da, short for --option policy=FILE (default: one of the package)",
    )
    add_output(parser, "FILE", "write the solution file")
    add_certificate(parser)
    add_force(parser)
    parser.add_argument(
        "--record",
        action="store_true",
        help="library instances only: keep delay and bound in the library's table if they improve on it",
    )


def run(args: argparse.Namespace) -> ExitCode:
    """Solve, save, print, certify, record; in this order, so that nothing that was found is lost."""
    _check(args)
    from fgamcd_opt.solving.registry import get_solver

    limits_of(args)
    chosen = get_solver(args.solver)  # an unknown name is told before the instance is made
    if args.policy is not None:
        if "policy" not in chosen.options:
            raise UsageError(f"--policy: solver {args.solver} uses no policy; --solver maasn-da does")
        args.option = {**args.option, "policy": str(args.policy)}
    if args.certificate is not None and not chosen.proves_bounds:
        raise UsageError(f"--certificate: solver {args.solver} proves no bounds; see `fgamcd solvers`")
    problem, build_s = load_problem(args)
    if args.certificate is not None and problem.variant.differences():
        raise UsageError(
            f"--certificate: proves a bound on P1 itself, not on {problem.variant}; leave it out"
        )
    with orderly_stop() as stop:
        result = solve_as_asked(args, args.solver, problem, build_s, stop)
        faults = []
        try:
            if args.output is not None:
                _save(result, args.output)
        except InputError as error:
            faults.append(error)
        if args.json:
            print_json(result.to_json() | reference(problem, result))
        else:
            say_lines(result.summary())
            _say_reference(problem, result)
        try:
            if args.certificate is not None:
                write_certificate(problem, result, args.certificate, args.threads, stop)
        except InputError as error:
            faults.append(error)
    if args.record:
        _record(result)
    if faults:
        raise InputError("; ".join(map(str, faults)))
    return result.exit_code


def _say_reference(problem: P1, result: Result) -> None:
    """The gap of a solution whose solver proves no bound, where somebody else's is known."""
    found = reference(problem, result)
    if found["reference_gap"] is not None and result.lower_bound_s is None:
        bound, by = found["reference_lower_bound_s"], found["reference_bound_by"]
        percent = f"{100 * found['reference_gap']:.4f} %"
        say_lines(f"{'reference gap':<17}{percent} to {bound:.6f} s, the lower bound of {by}")


def _check(args: argparse.Namespace) -> None:
    """What can be refused before any work."""
    if args.policy is not None and "policy" in args.option:
        raise UsageError("--policy and --option policy: name the file once")
    written = [path for path in (args.output, args.certificate) if path is not None]
    targets = [require_new_file(args, path, instance=args.instance, policy=args.policy) for path in written]
    if len(written) == 2 and same_file(targets[0], written[1]):
        raise UsageError(f"{written[0]}: is named for the solution and for the certificate; give two names")
    if args.record:
        from fgamcd_opt.instances.library.catalog import library

        if args.instance not in library() or args.set or args.variant:
            raise UsageError("--record: only for a library instance as it is, without --set and --variant")
        from fgamcd_opt.instances.library.best_known import BEST_KNOWN_PATH

        require_writable(BEST_KNOWN_PATH)


def _save(result: Result, path: Path) -> None:
    """Write the solution if the checker accepted it; where that fails after all, keep it in the folder for such files.

    Raises
    ------
    InputError
        It could not be written to ``path``; says where it is kept.
    """
    if result.solution is None or result.delay_s is None:
        log.warning("%s: not written, since there is no feasible solution", path)
        return
    try:
        result.solution.save(path)
    except (
        InputError
    ) as error:  # it could be before the solve: a disk that has filled, a reader that has gone
        kept = Path(tempfile.gettempdir(), f"fgamcd-{secrets.token_hex(8)}.npz")
        result.solution.save(kept)
        raise InputError(f"{error}; the solution is kept in {kept}") from error
    log.info("solution written to %s", path)


def _record(result: Result) -> None:
    """Keep what improves on the best known values."""
    from fgamcd_opt.instances.library.best_known import BEST_KNOWN_PATH, record_best

    improved = record_best(
        result.instance_name,
        result.instance_digest,
        delay_s=result.delay_s,
        lower_bound_s=result.lower_bound_s,
        solver=f"{result.solver} {result.solver_version}",
        path=BEST_KNOWN_PATH,
    )
    log.info("best known values %s in %s", "improved" if improved else "not improved", BEST_KNOWN_PATH)
