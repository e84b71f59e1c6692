"""``fgamcd``: runs one command; every deliberate error becomes one line on stderr and an exit code."""

from __future__ import annotations

import argparse
import sys
import threading
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

from fgamcd_opt.cli.logs import logging_to_stderr
from fgamcd_opt.cli.stopping import interrupting_signals
from fgamcd_opt.cli.streams import BROKEN_PIPE, sturdy_streams
from fgamcd_opt.io.errors import ExitCode, FgamcdError
from fgamcd_opt.io.safe_text import one_line
from fgamcd_opt.io.version import package_version

COMMANDS = {
    "generate": "make an instance file or a recipe file",
    "info": "show what an instance holds",
    "instances": "list the library of named instances with their best known values",
    "solve": "solve an instance to a certified gap",
    "bound": "prove a lower bound on the delay of an instance",
    "export": "write an instance as a model that other solvers read: MPS, LP, NL, CBF or arrays",
    "train": "train a learned method on an instance or a family of them: curve, checkpoints, policy",
    "sweep": "vary one parameter: a figure of the paper with all methods and proved optima",
    "beamform": "send one block from chosen nodes: rates, proved bound, robustness study",
    "compare": "compare solvers on instances: one process and one row per cell, tables, plots, report",
    "verify": "check a solution against its instance, without any solver",
    "repository": "find the blocks that real checkpoints (safetensors) share, for instances of your own",
    "show": "draw an instance and a solution: map, caches, delays, sharing of blocks",
    "evaluate": "judge trained policies: gaps to the certified bound over instances and training seeds",
    "theory": "where the paper's error bound of learning with synthetic samples is least",
    "solvers": "list the solvers, their options and whether their backends are installed",
}
"""Name and one line of every command; the module of that name is imported only when the command is used."""

INTERRUPTED = 130
"""Exit code (128 + SIGINT) when Ctrl-C, SIGTERM or SIGHUP leaves nothing to keep."""

EPILOG = f"""\
An INSTANCE is the name of a preset (tiny, small, paper, large, llm), the name of a library instance
(see `fgamcd instances`), a recipe (.json) or an instance file (.npz).
Data goes to stdout, log and progress to stderr.

exit codes:
  {ExitCode.DONE:>3}  done; a solution, if there is one, passed the independent checker
  {ExitCode.USAGE:>3}  the command line is wrong, or the solver does not support the variant
  {ExitCode.INPUT_REJECTED:>3}  a file, field or value of the input is rejected, or a file cannot be written; or
       standard output cannot: its text is on standard error then, and files that were asked for are there
  {ExitCode.INFEASIBLE:>3}  the problem is proved to have no feasible point
  {ExitCode.NO_SOLUTION:>3}  stopped without a feasible point and without such a proof (bound: without a bound)
  {ExitCode.VERIFICATION_FAILED:>3}  the checker rejected a solution, a solver contradicts itself, a bound exceeds the
       best known delay, two rows of a comparison contradict each other, or a library instance has another digest
  {ExitCode.BACKEND_MISSING:>3}  a solver backend or its licence is missing
  {ExitCode.CRASHED:>3}  a bug: a crash file holds what is needed to report it
  {INTERRUPTED:>3}  interrupted (Ctrl-C, SIGTERM, SIGHUP) before there was a solution to keep (compare, sweep: rows
       are kept, the same command runs the others)
  {BROKEN_PIPE:>3}  done, but the reader of standard output left early; files that were asked for are there
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    argv
        Arguments without the program's name; those of the process by default.

    Returns
    -------
    int
        The exit code.
    """
    words = sys.argv[1:] if argv is None else list(argv)
    with sturdy_streams() as streams:
        try:
            with interrupting_signals() as interrupted:
                code = _run(words, interrupted)
        except SystemExit as left:  # argparse, after help or a usage error
            if streams is None:
                raise
            code = int(left.code or 0)
        return code if streams is None else streams.settled(code)


def _run(words: Sequence[str], interrupted: threading.Event) -> int:
    """Parse and run; every deliberate error becomes a line and an exit code."""
    args = argparse.Namespace()
    try:
        args = _parser(next((word for word in words if not word.startswith("-")), "")).parse_args(words)
        with logging_to_stderr(args.log_level):
            return int(args.run(args))
    except FgamcdError as error:
        return _fail(str(error), error.exit_code)
    except OSError as error:
        return _fail(str(error), ExitCode.INPUT_REJECTED)
    except KeyboardInterrupt:
        return _fail("interrupted", INTERRUPTED)
    except Exception as error:  # nobody raises these on purpose; here alone they are caught
        if (
            interrupted.is_set()
        ):  # compiled modules that are interrupted while they load make other errors of it
            return _fail("interrupted", INTERRUPTED)
        from fgamcd_opt.cli.crash import report_crash

        return _fail(report_crash(error, words, args), ExitCode.CRASHED)


class _Parser(argparse.ArgumentParser):
    """A parser whose errors quote arguments without what a terminal would obey."""

    def error(self, message: str) -> NoReturn:
        super().error(one_line(message))


def _parser(command: str) -> argparse.ArgumentParser:
    """The parser; only ``command`` gets its arguments, so that no other command's module is imported."""
    parser = _Parser(
        prog="fgamcd",
        description="Certified optimisation of fine-grained AI model caching and robust CoMP downloading.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"fgamcd {package_version()}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, summary in COMMANDS.items():
        subparser = commands.add_parser(
            name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.", allow_abbrev=False
        )
        if name == command:
            module = import_module(f"fgamcd_opt.cli.commands.{name}")
            module.add_arguments(subparser)
            subparser.set_defaults(run=module.run)
    return parser


def _fail(message: str, code: int) -> int:
    print(f"fgamcd: error: {one_line(' '.join(message.split()))}", file=sys.stderr)
    return code
