"""``fgamcd``: runs one command; every deliberate error becomes one line on stderr and an exit code."""

from __future__ import annotations

import argparse
import sys
import threading
from collections.abc import Sequence
from importlib import import_module

from fgamcd_opt.cli.command_parser import CommandParser
from fgamcd_opt.cli.logs import logging_to_stderr
from fgamcd_opt.cli.stopping import interrupting_signals
from fgamcd_opt.cli.streams import BROKEN_PIPE, sturdy_streams
from fgamcd_opt.io.errors import ExitCode, FgamcdError
from fgamcd_opt.io.safe_text import one_line
from fgamcd_opt.io.version import package_version

GROUPS = {
    "make": {
        "generate": "make an instance file or a recipe file",
        "repository": "find the blocks that real checkpoints share, for your instances",
        "export": "write an instance as a model for other solvers: MPS, LP, NL, CBF",
    },
    "solve": {
        "solve": "solve an instance to a certified gap",
    },
    "prove and check": {
        "bound": "prove a lower bound on the delay of an instance",
        "verify": "check a solution and its certificate, without any solver",
    },
    "compare and study": {
        "compare": "compare solvers on instances: tables, plots, report",
        "sweep": "vary one parameter: a figure with all methods and proved optima",
        "beamform": "send one block from chosen nodes: rates, bound, robustness",
        "theory": "where the paper's error bound with synthetic samples is least",
    },
    "learn": {
        "train": "train a learned method: curve, checkpoints, policy",
        "evaluate": "judge trained policies by their gaps to certified bounds",
    },
    "look": {
        "info": "show what an instance holds, or the problem P1",
        "instances": "list the library of instances with their best known values",
        "show": "draw an instance and a solution: map, caches, delays, sharing",
        "solvers": "list the solvers by their roles, or show one with its options",
        "completion": "print the script that completes commands in your shell",
    },
}
"""Name and one line of every command, by what it is for."""

COMMANDS = {name: line for group in GROUPS.values() for name, line in group.items()}
"""The same without groups; the module of a name is imported only when the command is used."""

_FOLDERS = {"make": "making."}
"""Groups whose modules have a folder of their own in `fgamcd_opt/cli/commands/`."""

INTERRUPTED = 130
"""Exit code (128 + SIGINT) when Ctrl-C, SIGTERM or SIGHUP leaves nothing to keep."""

SUMMARY = "Certified optimisation of fine-grained AI model caching and CoMP downloading."

EPILOG = f"""\
An INSTANCE is the name of a preset (tiny, small, paper, large, llm), the name
of a library instance (`fgamcd instances`), a recipe (.json, .toml) or an
instance file (.npz). Data goes to stdout, log and progress to stderr. Text fits
the width of the terminal, or COLUMNS if it is set; else, in a pipe or a file,
every row is one line.

exit codes:
  {ExitCode.DONE:>3}  done; a solution, if there is one, passed the independent checker
  {ExitCode.USAGE:>3}  the command line is wrong, a file exists and --force is not given, or the
       solver does not support the variant
  {ExitCode.INPUT_REJECTED:>3}  a file, field or value of the input is rejected, or a file cannot be
       written; or standard output cannot: its text is on standard error then,
       and files that were asked for are there
  {ExitCode.INFEASIBLE:>3}  the problem is proved to have no feasible point
  {ExitCode.NO_SOLUTION:>3}  stopped without a feasible point and without such a proof
       (bound: without a bound)
  {ExitCode.VERIFICATION_FAILED:>3}  the checker rejected a solution, a solver contradicts itself, a bound
       exceeds the best known delay, two rows of a comparison contradict each
       other, or a library instance has another digest
  {ExitCode.BACKEND_MISSING:>3}  a solver backend or its licence is missing
  {ExitCode.CRASHED:>3}  a bug: a crash file holds what is needed to report it
  {INTERRUPTED:>3}  interrupted (Ctrl-C, SIGTERM, SIGHUP) before there was a solution to keep
       (compare, sweep: rows are kept, the same command runs the others)
  {BROKEN_PIPE:>3}  done, but the reader of standard output left early; files that were
       asked for are there
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
        args = _parsed(words)
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


def _parsed(words: Sequence[str]) -> argparse.Namespace:
    """The arguments of the command, which is the first word, or the first that names one if options come before."""
    command = words[0] if words else "--help"
    if command.startswith("-"):
        command = next((word for word in words if word in COMMANDS), command)
    if command in ("-h", "--help", "--version"):
        print(f"fgamcd {package_version()}" if command == "--version" else overview())
        raise SystemExit(ExitCode.DONE)
    if command not in COMMANDS:
        from fgamcd_opt.instances.recipes.recipe_fields import nearest

        told = f"invalid choice: {command!r} is no command{nearest(command, COMMANDS)}"
        print(f"usage: fgamcd COMMAND [options]\nfgamcd: error: {one_line(told)}", end="", file=sys.stderr)
        print(" (`fgamcd --help` lists the commands)", file=sys.stderr)
        raise SystemExit(ExitCode.USAGE)
    rest = list(words)
    rest.remove(command)
    return command_parser(command).parse(rest)


def overview() -> str:
    """What `fgamcd --help` says, within 80 columns."""
    lines = ["usage: fgamcd COMMAND [options]", "", SUMMARY]
    for group, commands in GROUPS.items():
        lines += ["", f"{group}:", *(f"  {name:<12}{line}" for name, line in commands.items())]
    lines += [
        "",
        "`fgamcd COMMAND --help` has options and examples; --version, -h, --help",
        "",
        EPILOG.strip(),
    ]
    return "\n".join(lines)


def command_module(command: str) -> str:
    """Name of the module of a command."""
    folder = next(_FOLDERS.get(group, "") for group, commands in GROUPS.items() if command in commands)
    return f"fgamcd_opt.cli.commands.{folder}{command}"


def command_parser(command: str) -> CommandParser:
    """The parser of a command; no other command's module is imported."""
    module = import_module(command_module(command))
    parser = CommandParser(command, COMMANDS[command], module.EXAMPLES)
    module.add_arguments(parser)
    parser.set_defaults(run=module.run)
    return parser.complete()


def _fail(message: str, code: int) -> int:
    print(f"fgamcd: error: {one_line(' '.join(message.split()))}", file=sys.stderr)
    return code
