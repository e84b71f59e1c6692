"""``fgamcd beamform``: one block sent by chosen nodes; its certificate, and what channel errors do to it."""

from __future__ import annotations

import argparse
import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING

from fgamcd_opt.cli.arguments import (
    add_broadcast,
    add_force,
    add_instance,
    add_json,
    add_log_level,
    add_output,
    block_index,
    known_nodes,
    positive_number,
    require_new_files,
    whole_number,
)
from fgamcd_opt.cli.output import print_json
from fgamcd_opt.io.errors import ExitCode, UsageError
from fgamcd_opt.io.safe_text import quote
from fgamcd_opt.io.targets import make_folder

if TYPE_CHECKING:
    from fgamcd_opt.beamforming.broadcast import BeamformingSettings
    from fgamcd_opt.instances.instance import Instance
    from fgamcd_opt.studies.robustness.channel_errors import ErrorStudy
    from fgamcd_opt.studies.robustness.single_broadcast import BroadcastData, Design

DEFAULT_DELTAS = (0.0, 0.05, 0.1, 0.2)
DEFAULT_REALISATIONS = 200
DEFAULT_ROUNDS = 8
"""More than solvers spend on one of their many problems; here there is only one."""

EXIT_CODES = {1: ExitCode.DONE, 0: ExitCode.NO_SOLUTION, -1: ExitCode.INFEASIBLE}
"""By QoS status: a beam meets it, open, proved impossible."""

log = logging.getLogger("fgamcd_opt.cli")


EXAMPLES = (
    "fgamcd beamform tiny --block 0",
    "fgamcd beamform tiny --block 1 --nodes 0 --json",
    "fgamcd beamform tiny --block 0 --cdf --realisations 20 -o beams",
)
"""Commands of the help, which run one after the other in one folder."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.epilog = (
        "Exit code 0 if the beam meets every QoS rate, 4 if these nodes are proved unable to, 5 if that is open; "
        "in the last two cases the beam shown is the best one found without QoS."
    )
    add_instance(parser)
    add_broadcast(parser, required=True)
    parser.add_argument("--seed", type=whole_number, default=0, help="of the search and the sampled errors")
    parser.add_argument(
        "--rounds",
        type=whole_number,
        default=DEFAULT_ROUNDS,
        metavar="N",
        help="effort (default: %(default)s)",
    )
    parser.add_argument(
        "--max-nodes",
        type=whole_number,
        default=0,
        metavar="N",
        help="nodes of branch and bound at most, where a gap is left (default: %(default)s, none)",
    )
    _add_study_arguments(parser)
    add_json(parser)
    add_log_level(parser, default="info")


def _add_study_arguments(parser: argparse.ArgumentParser) -> None:
    study = parser.add_argument_group("robustness study (writes CSV, PNG and SVG)")
    study.add_argument(
        "--cdf",
        action="store_true",
        help="rates of the robust and the nominal beam on the same channel errors",
    )
    study.add_argument(
        "--delta",
        type=_delta_list,
        metavar="D,D,...",
        help="sizes of the errors relative to the channels for --cdf "
        f"(default: {','.join(f'{delta:g}' for delta in DEFAULT_DELTAS)})",
    )
    study.add_argument(
        "--realisations",
        type=positive_number,
        metavar="N",
        help=f"uniform errors per user for --cdf (default: {DEFAULT_REALISATIONS})",
    )
    study.add_argument("--pattern", action="store_true", help="beampattern of every sending node, in dB")
    study.add_argument("--polar", action="store_true", help="draw --pattern in polar axes")
    add_output(study, "FOLDER", "where files go; made if missing (default: the current folder)")
    add_force(study)


def run(args: argparse.Namespace) -> ExitCode:
    """Design the beam, study it, write the files, print."""
    folder = _check(args)
    from fgamcd_opt.beamforming.broadcast import BeamformingSettings
    from fgamcd_opt.cli.beamform_report import print_report, report_of
    from fgamcd_opt.instances.resolve import load
    from fgamcd_opt.studies.robustness.single_broadcast import BroadcastData

    instance = load(args.instance, args.set)
    block = block_index(instance, args.block)
    data = BroadcastData.of(instance, block, known_nodes(instance, args.nodes))
    settings = BeamformingSettings(rounds=args.rounds, max_nodes=args.max_nodes, seed=args.seed)
    _check_branch_and_bound(data, settings)
    design, time_s = _timed_design(data, settings)
    studies = _studies(args, data, settings) if args.cdf else []
    report = report_of(instance, data, design, settings, time_s, studies)
    report["files"] = [str(path) for path in _write(args, folder, instance, data, design, studies)]
    if args.json:
        print_json(report)
    else:
        print_report(report)
    return EXIT_CODES[design.qos]


def _check(args: argparse.Namespace) -> Path:
    """What can be refused before any work; the folder for the files."""
    for flag in ("delta", "realisations"):
        if getattr(args, flag) is not None and not args.cdf:
            raise UsageError(f"--{flag}: only with --cdf")
    if args.polar and not args.pattern:
        raise UsageError("--polar: only with --pattern")
    if not (args.cdf or args.pattern):
        if args.output is not None:
            raise UsageError("-o: there is nothing to write without --cdf or --pattern")
        return Path()
    from fgamcd_opt.io.optional import require_extra
    from fgamcd_opt.studies.figure_files import FORMATS

    require_extra("plots", "a figure")
    folder: Path = args.output or Path()
    names = (*(("cdf",) if args.cdf else ()), *(("pattern", "pattern_users") if args.pattern else ()))
    require_new_files(args, folder, [f"{name}.{suffix}" for name in names for suffix in ("csv", *FORMATS)])
    return folder


def _check_branch_and_bound(data: BroadcastData, settings: BeamformingSettings) -> None:
    from fgamcd_opt.beamforming.broadcast import MAX_SEARCHED_USERS

    if settings.max_nodes and data.users.size > MAX_SEARCHED_USERS:
        raise UsageError(
            f"--max-nodes: branch and bound takes at most {MAX_SEARCHED_USERS} users; "
            f"block {data.block} has {data.users.size}"
        )


def _timed_design(data: BroadcastData, settings: BeamformingSettings) -> tuple[Design, float]:
    """Beam and the seconds it took."""
    from fgamcd_opt.studies.robustness.single_broadcast import design_beam

    begun = time.monotonic()
    return design_beam(data, settings), time.monotonic() - begun


def _studies(
    args: argparse.Namespace, data: BroadcastData, settings: BeamformingSettings
) -> list[ErrorStudy]:
    from fgamcd_opt.studies.robustness.channel_errors import study_errors
    from fgamcd_opt.studies.robustness.single_broadcast import design_beam

    nominal = design_beam(data.with_delta(0.0), settings)
    studies = []
    for delta in args.delta or DEFAULT_DELTAS:
        log.info("delta %g", delta)
        count = args.realisations or DEFAULT_REALISATIONS
        studies.append(study_errors(data, delta, nominal, count, settings))
    return studies


def _write(
    args: argparse.Namespace,
    folder: Path,
    instance: Instance,
    data: BroadcastData,
    design: Design,
    studies: list[ErrorStudy],
) -> list[Path]:
    """The files that were asked for."""
    if not (args.cdf or args.pattern):
        return []
    from fgamcd_opt.io.safe_text import figure_text
    from fgamcd_opt.studies.robustness.study_files import write_cdf, write_pattern

    make_folder(folder)
    sent = f"{figure_text(instance.name)}, block {data.block} from nodes {', '.join(map(str, data.nodes.tolist()))}"
    written = []
    if args.cdf:
        written += write_cdf(studies, folder, sent)
    if args.pattern:
        written += write_pattern(instance, data, design, folder, sent, polar=args.polar)
    return written


def _delta_list(text: str) -> list[float]:
    """Different numbers from 0 to 1, as an argparse type."""
    try:
        deltas = [float(part) for part in text.split(",")]
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{quote(text)} is no list of numbers such as 0.05,0.1") from error
    if not all(0.0 <= delta <= 1.0 for delta in deltas):
        raise argparse.ArgumentTypeError(f"{text}: every delta must lie between 0 and 1")
    if len(set(deltas)) != len(deltas):
        raise argparse.ArgumentTypeError(f"{text} names a delta twice")
    return deltas
