"""``fgamcd sweep``: one parameter varied, all methods, several seeds: a figure of the paper, with proved optima."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from fgamcd_opt.cli.arguments import add_json, add_log_level, add_output, add_pairs, cores, positive_number
from fgamcd_opt.cli.grid_arguments import whole_numbers
from fgamcd_opt.cli.output import print_json, print_rows, print_table, say
from fgamcd_opt.io.errors import ExitCode, UsageError
from fgamcd_opt.io.safe_text import quote
from fgamcd_opt.io.targets import require_folder
from fgamcd_opt.solving.context import DEFAULT_GAP

if TYPE_CHECKING:
    from fgamcd_opt.studies.sweep.run import SweepPlan
    from fgamcd_opt.studies.sweep.sweep_output import Report

DEFAULT_TIME_LIMIT_S = 60.0
DEFAULT_SEEDS = "0-4"
QUICK_SEEDS = "0-1"

_Number = TypeVar("_Number", int, float)

log = logging.getLogger("fgamcd_opt.cli")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.epilog = (
        "Sweeps: storage, users, nodes, antennas, zipf, reuse, backhaul, threshold, csi. A sweep that was stopped is "
        "continued by the same command. Exit code 6 if a delay contradicts a proved bound."
    )
    parser.add_argument("sweep", metavar="SWEEP", help="what is varied")
    parser.add_argument("--preset", help="around which preset (default: paper)")
    parser.add_argument(
        "--quick", action="store_true", help="preset tiny, few values and seeds: a minute or two"
    )
    parser.add_argument(
        "--values", type=_numbers, metavar="V,V,...", help="of the parameter (default: the paper's)"
    )
    parser.add_argument(
        "--seeds",
        type=whole_numbers,
        metavar="LIST",
        help=f"of the instances (default: {DEFAULT_SEEDS}; with --quick {QUICK_SEEDS})",
    )
    parser.add_argument(
        "--solver", metavar="NAME,...", help="methods beside exact (default: those of the sweep)"
    )
    add_pairs(parser, "--set", "FIELD=VALUE", "change a field of all recipes; repeatable")
    parser.add_argument(
        "--time-limit",
        type=float,
        default=DEFAULT_TIME_LIMIT_S,
        metavar="S",
        help="seconds per solve (default: %(default)s)",
    )
    parser.add_argument(
        "--gap", type=float, default=DEFAULT_GAP, help="proved gap of exact (default: %(default)s)"
    )
    parser.add_argument(
        "--jobs",
        type=positive_number,
        default=cores(),
        metavar="N",
        help="solves side by side (default: all cores)",
    )
    parser.add_argument("--retry-failed", action="store_true", help="run again what was not solved before")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="of a Dask cluster that does the solves")
    add_output(parser, "FOLDER", "tables, figures and cells", required=True)
    add_json(parser)
    add_log_level(parser, default="info")


def run(args: argparse.Namespace) -> ExitCode:
    """SweepPlan, run what is missing, write, print."""
    from fgamcd_opt.io.optional import require_extra

    require_extra("compare", "a sweep")
    from fgamcd_opt.studies.figure_files import FORMATS
    from fgamcd_opt.studies.grid.progress import ProgressBar
    from fgamcd_opt.studies.sweep.run import plan_cells, run_sweep
    from fgamcd_opt.studies.sweep.sweep_output import Report

    plan = _plan(args)
    require_folder(args.output, [f"{plan.sweep.name}.{suffix}" for suffix in ("md", "csv", *FORMATS)])
    placed = plan_cells(plan)
    log.info("%s: %d cells", plan.sweep.name, len({place.cell.id for place in placed}))
    cells = run_sweep(
        placed,
        args.output,
        jobs=args.jobs,
        scheduler=args.scheduler,
        progress=ProgressBar(sys.stderr),
        retry_failed=args.retry_failed,
    )
    report = Report.of(plan, placed, cells, args.output)
    written = report.write(args.output)
    if args.json:
        print_json(_content(report, written))
    else:
        _print(report, written)
    return ExitCode.VERIFICATION_FAILED if (cells["class"] == "wrong").any() else ExitCode.DONE


def _plan(args: argparse.Namespace) -> SweepPlan:
    """What the arguments ask for.

    Raises
    ------
    UsageError
        Unknown sweep, preset or method, or arguments that exclude each other.
    """
    from fgamcd_opt.instances.recipes.presets import PRESETS
    from fgamcd_opt.studies.grid.cells import CellLimits
    from fgamcd_opt.studies.sweep.run import SweepPlan
    from fgamcd_opt.studies.sweep.sweep_settings import QUICK, get_sweep, methods_of

    sweep = get_sweep(args.sweep)
    if args.quick and args.preset not in (None, QUICK):
        raise UsageError(f"--quick: takes preset {QUICK}; leave --preset {args.preset} out")
    preset = QUICK if args.quick else args.preset or "paper"
    if preset not in PRESETS:
        raise UsageError(f"--preset {preset}: is unknown; known: {', '.join(PRESETS)}")
    chosen = tuple(args.solver.split(",")) if args.solver else None
    return SweepPlan(
        sweep=sweep,
        preset=preset,
        values=_different("--values", args.values or sweep.axis.values_for(preset)),
        seeds=_different(
            "--seeds", args.seeds or whole_numbers(QUICK_SEEDS if args.quick else DEFAULT_SEEDS)
        ),
        methods=methods_of(sweep, chosen),
        changes=args.set,
        limits=CellLimits(time_s=args.time_limit, gap=args.gap),
    )


def _content(report: Report, written: list[Path]) -> dict[str, object]:
    """The sweep as plain JSON values."""
    points, trends = report.table(), report.trends()
    return {
        "sweep": report.plan.sweep.name,
        "preset": report.plan.preset,
        "caption": report.caption,
        "points": [
            {name: None if value != value else value for name, value in row.items()}
            for row in report.points.to_dict("records")
        ],
        "trends": [dict(zip(trends.headings, row, strict=True)) for row in trends.rows],
        "notes": [*points.notes, *trends.notes],
        "files": [str(path) for path in written],
    }


def _print(report: Report, written: list[Path]) -> None:
    """Both tables as text, and the files."""
    points = report.table()
    say(points.title)
    print_table(points.headings, points.texts)
    say("\n".join(points.notes))
    trends = report.trends()
    for figure, quantity, reported, measured, verdict, why in trends.texts:
        say(f"\nfigure {figure}, {quantity}: {verdict}")
        print_rows({"  reported": reported, "  measured": measured, "  why": why})
    say()
    for path in written:
        say(f"written {path}")


def _numbers(text: str) -> tuple[float, ...]:
    """Numbers, as an argparse type."""
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{quote(text)} is no list of numbers such as 0.25,0.4") from error


def _different(flag: str, numbers: Sequence[_Number]) -> Sequence[_Number]:
    """The numbers, refused if one comes twice."""
    if len(set(numbers)) != len(numbers):
        raise UsageError(f"{flag}: names a number twice")
    return numbers
