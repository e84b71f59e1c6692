"""``fgamcd export``: P1 as a file that other solvers read; the suffix says which formulation."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from fgamcd_opt.cli.arguments import (
    add_broadcast,
    add_force,
    add_instance,
    add_json,
    add_log_level,
    add_output,
    require_new_file,
    whole_number,
)
from fgamcd_opt.cli.output import print_json, print_rows
from fgamcd_opt.cli.solving import add_rate_cache, add_threads, add_variant, load_problem
from fgamcd_opt.io.errors import ExitCode, UsageError
from fgamcd_opt.io.targets import require_folder

FORMULATIONS = {
    ".mps": "knapsack",
    ".lp": "knapsack",
    ".npz": "knapsack",
    ".nl": "monolithic",
    ".cbf": "semidefinite",
}
"""What a file holds, by its suffix."""

OPTIONS = {
    "rates": "knapsack",
    "rounds": "knapsack",
    "rate_cache": "knapsack",
    "block": "semidefinite",
    "nodes": "semidefinite",
}
"""Options that belong to one formulation."""

DEFAULT_ROUNDS = 8
"""Effort per node set: more than `exact` begins with, since nothing is tightened afterwards."""


EXAMPLES = (
    "fgamcd export tiny -o tiny.mps",
    "fgamcd export tiny --rates bound -o tiny-bound.lp",
    "fgamcd export tiny -o tiny-knapsack.npz --json",
)
"""Commands of the help, which run one after the other in one folder."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    add_instance(parser)
    add_variant(parser)
    add_output(
        parser,
        "FILE",
        ".mps or .lp for the knapsack as a MILP, .npz for its arrays, .nl for the monolithic MINLP, .cbf for the "
        "semidefinite relaxation of one broadcast",
        required=True,
    )
    add_force(parser)
    knapsack = parser.add_argument_group("knapsack (.mps, .lp, .npz)")
    knapsack.add_argument(
        "--rates",
        choices=("placement", "bound"),
        help="placement: those of the beams found, so that every feasible choice is a placement with its delay "
        "(default); bound: proved upper bounds, so that the optimum is a lower bound on the delay",
    )
    knapsack.add_argument(
        "--rounds",
        type=whole_number,
        metavar="N",
        help=f"beamforming effort per node set (default: {DEFAULT_ROUNDS})",
    )
    add_rate_cache(knapsack)
    add_broadcast(parser.add_argument_group("one broadcast (.cbf)"), required=False)
    add_threads(parser)
    add_json(parser)
    add_log_level(parser, default="info")


def run(args: argparse.Namespace) -> ExitCode:
    """Build, write, say what was written."""
    formulation = _check(args)
    problem, _ = load_problem(args)
    from fgamcd_opt.cli.commands.making.exporting import write_broadcast, write_knapsack, write_monolithic

    write = {"knapsack": write_knapsack, "monolithic": write_monolithic, "semidefinite": write_broadcast}
    report = {
        "file": str(args.output),
        "instance": problem.instance.name,
        "digest": problem.instance.digest,
        "variant": problem.variant.to_dict(),
        "formulation": formulation,
        **write[formulation](args, problem),
    }
    if args.json:
        print_json(report)
    else:
        print_rows(_rows(report, str(problem.variant)))
    return ExitCode.DONE


def _check(args: argparse.Namespace) -> str:
    """The formulation, with defaults filled in; what can be is refused before any work."""
    from fgamcd_opt.solving.context import Limits

    path: Path = args.output
    formulation = FORMULATIONS.get(path.suffix)
    if formulation is None:
        raise UsageError(f"{path}: the name must end in one of {', '.join(FORMULATIONS)}")
    for option, owner in OPTIONS.items():
        if getattr(args, option) is not None and owner != formulation:
            suffixes = ", ".join(suffix for suffix, name in FORMULATIONS.items() if name == owner)
            raise UsageError(f"--{option.replace('_', '-')}: only for {suffixes}, not for {path.suffix}")
    if formulation == "semidefinite" and args.block is None:
        raise UsageError(f"{path}: a .cbf file holds one broadcast; name its block by --block")
    require_new_file(args, path, instance=args.instance)
    if args.rate_cache is not None:
        require_folder(args.rate_cache)
    Limits(threads=args.threads)  # refuses what are none
    args.rates = args.rates or "placement"
    args.rounds = DEFAULT_ROUNDS if args.rounds is None else args.rounds
    return formulation


def _rows(report: dict[str, Any], variant: str) -> dict[str, str]:
    """The report for people."""
    meaning = {"delay_s": ("delay", " s"), "snr": ("worst user's SNR", "")}
    quantity, unit = meaning[report["objective"]]
    rates = f" at rates of {report['rates']}" if "rates" in report else ""
    return {
        "file": report["file"],
        "instance": f"{report['instance']}, digest {report['digest'][:12]}",
        "variant": variant,
        "formulation": f"{report['formulation']}{rates}",
        "objective": f"{quantity} in units of {report['objective_unit']:.17g}{unit}",
        "size": f"{report['variables']} variables, {report['constraints']} constraints",
    }
