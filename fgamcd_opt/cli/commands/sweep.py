"""``fgamcd sweep``: one parameter varied, all methods, several seeds: a figure of the paper, with proved optima."""

from __future__ import annotations

import argparse
import dataclasses
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from fgamcd_opt.cli.arguments import add_json, add_log_level, add_output, add_pairs, cores, positive_number
from fgamcd_opt.cli.grid_arguments import whole_numbers
from fgamcd_opt.cli.output import print_json, print_report, print_rows, say
from fgamcd_opt.io.errors import ExitCode, UsageError
from fgamcd_opt.io.safe_text import quote
from fgamcd_opt.io.sizes import has_unit, parse_size
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


EXAMPLES = (
    "fgamcd sweep storage --quick --values 0.03 --seeds 0 -o storage-sweep",
    "fgamcd sweep users --quick --values 2,3 --seeds 0 --solver greedy -o users",
)
"""Commands of the help, which run one after the other in one folder."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.epilog = (
        "Sweeps: storage, users, nodes, antennas, zipf, reuse, backhaul, threshold, csi. A sweep that was stopped is "
        "continued by the same command. Exit code 6 if a delay contradicts a proved bound."
    )
    parser.add_argument("sweep", metavar="SWEEP", help="what is varied")
    parser.add_argument(
        "instance",
        nargs="?",
        metavar="INSTANCE",
        help="around what: preset, library name, recipe or instance file (default: paper)",
    )
    parser.add_argument(
        "--quick", action="store_true", help="preset tiny, few values and seeds: a minute or two"
    )
    parser.add_argument(
        "--values",
        type=_values,
        metavar="V,V,...",
        help="of the parameter, such as 5MB,10MB,20MB (default: the paper's, or what suits the instance)",
    )
    parser.add_argument(
        "--seeds",
        type=whole_numbers,
        metavar="LIST",
        help=f"of the instances (default: {DEFAULT_SEEDS}, with --quick {QUICK_SEEDS}; of your own, the one it has)",
    )
    parser.add_argument(
        "--solver",
        metavar="NAME,...",
        help="methods beside exact (default: those of the sweep; mostly none around your own network)",
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
    from fgamcd_opt.studies.sweep.methods import REFERENCE
    from fgamcd_opt.studies.sweep.run import SweepPlan, own_plan
    from fgamcd_opt.studies.sweep.sweep_settings import QUICK, RIVALS, get_sweep, methods_of

    sweep = get_sweep(args.sweep)
    if args.quick and args.instance not in (None, QUICK):
        raise UsageError(f"--quick: takes preset {QUICK}; leave {args.instance} out")
    instance = QUICK if args.quick else args.instance or "paper"
    seeds = args.seeds
    if seeds is None and instance in PRESETS:
        seeds = whole_numbers(QUICK_SEEDS if args.quick else DEFAULT_SEEDS)
    chosen = tuple(args.solver.split(",")) if args.solver else None
    if chosen is None and instance not in PRESETS and sweep.rivals == RIVALS:
        chosen = (REFERENCE,)  # the paper's rivals answer the paper's question
    plan = SweepPlan(
        sweep=sweep,
        instance=instance,
        values=_of_axis(args.values or (), sweep.axis.name),
        seeds=None if seeds is None else _different("--seeds", seeds),
        methods=methods_of(sweep, chosen),
        changes=args.set,
        limits=CellLimits(time_s=args.time_limit, gap=args.gap),
    )
    plan = plan if instance in PRESETS else own_plan(plan)
    values = plan.values or sweep.axis.values_for(instance)
    return dataclasses.replace(plan, values=_different("--values", values))


def _content(report: Report, written: list[Path]) -> dict[str, object]:
    """The sweep as plain JSON values."""
    points, trends = report.table(), report.trends()
    return {
        "sweep": report.plan.sweep.name,
        "instance": report.plan.instance,
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
    print_report(points)
    trends = report.trends()
    for figure, quantity, reported, measured, verdict, why in trends.texts:
        say(f"\nfigure {figure}, {quantity}: {verdict}")
        print_rows({"  reported": reported, "  measured": measured, "  why": why})
    say()
    for path in written:
        say(f"written {path}")


def _values(text: str) -> tuple[float | str, ...]:
    """Numbers, and sizes with units as they are, as an argparse type."""
    parts = [part.strip() for part in text.split(",")]
    try:
        return tuple(part if has_unit(part) else float(part) for part in parts)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"{quote(text)} is no list of numbers or sizes such as 0.25,0.4 or 250MB,400MB"
        ) from error


def _of_axis(values: Sequence[float | str], axis: str) -> tuple[float, ...]:
    """Values of a sweep as numbers in the unit of its recipe field."""
    sized = next((value for value in values if isinstance(value, str)), None)
    if sized is not None and axis != "storage_gb":
        raise UsageError(f"--values {quote(sized)}: has a unit of size; only the sweep storage takes sizes")
    return tuple(parse_size("--values", value) / 1e9 if isinstance(value, str) else value for value in values)


def _different(flag: str, numbers: Sequence[_Number]) -> Sequence[_Number]:
    """The numbers, refused if one comes twice."""
    if len(set(numbers)) != len(numbers):
        raise UsageError(f"{flag}: names a number twice")
    return numbers
