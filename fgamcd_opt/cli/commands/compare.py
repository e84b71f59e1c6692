"""``fgamcd compare``: instances x solvers x seeds, each cell in its own process, one row per cell."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fgamcd_opt.cli.arguments import add_json, add_log_level, add_output, add_pairs
from fgamcd_opt.cli.grid_arguments import options_by_solver, solvers_of, whole_numbers
from fgamcd_opt.cli.output import command_line, print_json, print_report
from fgamcd_opt.io.errors import ExitCode, UsageError
from fgamcd_opt.io.targets import require_folder
from fgamcd_opt.solving.context import DEFAULT_GAP

if TYPE_CHECKING:
    from fgamcd_opt.studies.grid.cells import Cell, CellLimits
    from fgamcd_opt.studies.grid.row import Row
    from fgamcd_opt.studies.scores import Scores

log = logging.getLogger("fgamcd_opt.cli")

_FEW_INSTANCES = 6
"""Up to so many instances get a table each on the terminal."""

_EPILOG = """\
Rows are kept in FOLDER/cells as soon as they are there. The same command started again runs only what is missing,
and writes tables, plots and report again. Exit code 6 if two results contradict each other: a verified delay below a
proved bound of the same instance and variant.
"""


EXAMPLES = (
    "fgamcd compare tiny --solver exact,greedy -o comparison",
    "fgamcd compare tiny --solver greedy --seeds 0-1 -o seeds --jobs 2",
)
"""Commands of the help, which run one after the other in one folder."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.epilog = _EPILOG
    _add_grid(parser)
    _add_running(parser)
    add_json(parser)
    add_log_level(parser, default="info")


def _add_grid(parser: argparse.ArgumentParser) -> None:
    """What is compared."""
    parser.add_argument(
        "instances",
        nargs="*",
        metavar="INSTANCE",
        help="presets, library names, recipes (.json, .toml) or instance files (.npz)",
    )
    parser.add_argument("--library", action="store_true", help="all library instances")
    parser.add_argument(
        "--solver", required=True, metavar="NAME,...", help="names, see `fgamcd solvers`, or `all`"
    )
    parser.add_argument(
        "--seeds",
        type=whole_numbers,
        default=[0],
        metavar="LIST",
        help="of the solvers, such as 0-9 or 0,3,5 (default: 0); the instance's is --set seed=...",
    )
    add_pairs(parser, "--set", "FIELD=VALUE", "change a field of every instance's recipe; repeatable")
    add_pairs(parser, "--variant", "FIELD=VALUE", "another variant of P1 for every cell; repeatable")
    add_pairs(
        parser, "--option", "SOLVER.NAME=VALUE", "option of one solver, such as exact.rounds=4; repeatable"
    )
    parser.add_argument(
        "--time-limit", type=float, metavar="S", help="seconds for each solve (default: no limit)"
    )
    parser.add_argument(
        "--memory-limit", type=float, metavar="GB", help="1e9 bytes of resident memory for each cell"
    )
    parser.add_argument(
        "--gap",
        type=float,
        default=DEFAULT_GAP,
        help="certified relative gap to stop at (default: %(default)s)",
    )
    parser.add_argument(
        "--threads", type=int, default=1, metavar="N", help="of each solver (default: %(default)s)"
    )


def _add_running(parser: argparse.ArgumentParser) -> None:
    """How it is run and kept."""
    parser.add_argument(
        "--jobs", type=int, default=1, metavar="N", help="cells side by side on this machine (default: 1)"
    )
    parser.add_argument(
        "--scheduler", metavar="ADDRESS", help="run the cells on the workers of this Dask scheduler"
    )
    add_output(parser, "FOLDER", "rows, solutions, tables, report", required=True)
    parser.add_argument("--retry-failed", action="store_true", help="run again what crashed or was killed")
    parser.add_argument("--no-solutions", action="store_true", help="do not keep the solution files")
    parser.add_argument(
        "--no-shared-rates",
        action="store_true",
        help="every cell computes its own rates: slower, but all times include them",
    )


def run(args: argparse.Namespace) -> ExitCode:
    """Run what is missing, then report on all rows."""
    from fgamcd_opt.io.optional import require_extra
    from fgamcd_opt.studies.comparison.classes import contradictions, derive
    from fgamcd_opt.studies.comparison.report import REPORT_FILES, write_report
    from fgamcd_opt.studies.grid.cell_outcome import CellOutcome
    from fgamcd_opt.studies.grid.progress import ProgressBar
    from fgamcd_opt.studies.grid.runner import run_cells
    from fgamcd_opt.studies.scores import scores_of

    require_extra("compare", "a comparison")
    if args.jobs < 1:
        raise UsageError(f"--jobs {args.jobs}: must be at least 1")
    if args.jobs > 1 and args.scheduler:
        raise UsageError("--jobs: the workers of --scheduler run the cells; give one of the two")
    require_folder(args.output, REPORT_FILES)
    rows = run_cells(
        _cells(args),
        args.output,
        jobs=args.jobs,
        scheduler=args.scheduler,
        progress=ProgressBar(sys.stderr),
        retry_failed=args.retry_failed,
        keep_solutions=not args.no_solutions,
        share_rates=not args.no_shared_rates,
    )
    frame, wrong = derive(rows), contradictions(rows)
    written = write_report(frame, args.output, command=command_line())
    if args.json:
        print_json(_report(rows, frame["class"].tolist(), [str(pair) for pair in wrong]))
    else:
        _print_tables(scores_of(frame))
    log.info("report: %s", next(path for path in written if path.suffix == ".html"))
    for pair in wrong:
        log.error("%s", pair)
    refuted = [row for row in rows if row.outcome is CellOutcome.REFUTED]
    for row in refuted:
        log.error("%s: %s", row.instance, row.reason)
    return ExitCode.VERIFICATION_FAILED if wrong or refuted else ExitCode.DONE


def _cells(args: argparse.Namespace) -> list[Cell]:
    """The grid that the arguments name; everything in it is checked before the first cell runs."""
    from fgamcd_opt.instances.library.catalog import library
    from fgamcd_opt.studies.grid.cells import Source, make_grid

    limits, options = _limits(args), options_by_solver(args.option)
    names = [*args.instances, *(library() if args.library else ())]
    if not names:
        raise UsageError("no instance: name some, or say --library")
    solvers = solvers_of(args.solver)
    sources = [Source.of(name, args.set) for name in names]
    return make_grid(sources, solvers, args.seeds, variant=args.variant, options=options, limits=limits)


def _limits(args: argparse.Namespace) -> CellLimits:
    from fgamcd_opt.studies.grid.cells import CellLimits

    memory = None if args.memory_limit is None else round(1e9 * args.memory_limit)
    return CellLimits(time_s=args.time_limit, memory_bytes=memory, gap=args.gap, threads=args.threads)


def _print_tables(scores: Scores) -> None:
    """Every instance if there are few, and the summary; all tables are in the files."""
    from fgamcd_opt.studies.comparison.instance_tables import instance_table
    from fgamcd_opt.studies.comparison.summary_tables import overview

    shown = scores.instances if len(scores.instances) <= _FEW_INSTANCES else []
    for table in [*(instance_table(scores, instance) for instance in shown), *overview(scores)]:
        print_report(table)


def _report(rows: Sequence[Row], classes: Sequence[str], wrong: Sequence[str]) -> dict[str, Any]:
    """Everything for machines."""
    return {
        "rows": [row.to_json() | {"class": name} for row, name in zip(rows, classes, strict=True)],
        "contradictions": list(wrong),
    }
