"""``fgamcd show``: pictures of an instance and, where there is one, of a solution."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from fgamcd_opt.cli.arguments import (
    add_force,
    add_instance,
    add_json,
    add_log_level,
    add_output,
    block_index,
    forgotten_changes,
    named_path,
    require_new_file,
)
from fgamcd_opt.cli.output import print_json, print_rows
from fgamcd_opt.io.errors import ExitCode, InputError, UsageError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from fgamcd_opt.instances.instance import Instance
    from fgamcd_opt.problem.solution_file import Solution

OF_INSTANCE = ("map", "sharing")
OF_SOLUTION = ("caches", "delivery", "delays")
"""Pictures that need a solution."""


EXAMPLES = (
    "fgamcd show tiny -o picture",
    "fgamcd solve tiny -o shown.npz",
    "fgamcd show tiny shown.npz --what caches -o shown",
)
"""Commands of the help, which run one after the other in one folder."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    add_instance(parser)
    parser.add_argument(
        "solution",
        metavar="SOLUTION",
        type=named_path,
        nargs="?",
        help="file written by `fgamcd solve -o`; needed for caches, delivery and delays",
    )
    parser.add_argument(
        "--what",
        choices=(*OF_INSTANCE, *OF_SOLUTION, "all"),
        help="one picture, or all (default: all with a solution, else map and sharing)",
    )
    parser.add_argument(
        "--block", metavar="K", help="block of the delivery, by index or name (default: the slowest one)"
    )
    add_output(parser, "PREFIX", "files are PREFIX-map.png, PREFIX-map.svg and so on", required=True)
    add_force(parser)
    add_json(parser)
    add_log_level(parser)


def run(args: argparse.Namespace) -> ExitCode:
    """Draw and write."""
    names = _chosen(args)
    prefix: Path = args.output
    targets = {name: prefix.with_name(f"{prefix.name}-{name}") for name in names}
    from fgamcd_opt.studies.figure_files import figure_paths

    for target in targets.values():
        for path in figure_paths(target):
            require_new_file(args, path)

    from fgamcd_opt.io.optional import require_extra

    require_extra("show", "a picture")
    from fgamcd_opt.instances.resolve import load
    from fgamcd_opt.problem.solution_file import Solution
    from fgamcd_opt.studies.figure_files import save_figure

    solution = None if args.solution is None else Solution.load(args.solution)
    instance = load(args.instance, args.set)
    if solution is not None and (remedy := forgotten_changes(args, solution, instance)):
        raise InputError(
            f"{args.solution}: the solution is for {solution.instance_name}, not {instance.name}: {remedy}"
        )
    draw = _pictures(instance, solution, args.block)
    files = {name: [str(path) for path in save_figure(draw[name](), targets[name])] for name in names}
    if args.json:
        print_json({"instance": instance.name, "digest": instance.digest, "files": files})
    else:
        print_rows({name: ", ".join(paths) for name, paths in files.items()})
    return ExitCode.DONE


def _chosen(args: argparse.Namespace) -> tuple[str, ...]:
    """Names of the pictures, each of which can be drawn."""
    if args.block is not None and args.what not in (None, "all", "delivery"):
        raise UsageError(f"--block: only the delivery has a block, not --what {args.what}")
    if args.solution is not None:
        return (*OF_INSTANCE, *OF_SOLUTION) if args.what in (None, "all") else (args.what,)
    if args.block is None and (args.what is None or args.what in OF_INSTANCE):
        return OF_INSTANCE if args.what is None else (args.what,)
    changes = "".join(f" --set {name}={value}" for name, value in args.set.items())
    word = "--block" if args.block is not None else f"--what {args.what}"
    raise UsageError(
        f"{word}: needs a SOLUTION; `fgamcd solve {args.instance}{changes} -o solution.npz` makes one"
    )


def _pictures(
    instance: Instance, solution: Solution | None, block: str | None
) -> dict[str, Callable[[], Figure]]:
    """What draws every picture that is possible."""
    from fgamcd_opt.studies.pictures.network_map import map_figure
    from fgamcd_opt.studies.pictures.sharing_graph import sharing_figure

    drawn: dict[str, Callable[[], Figure]] = {
        "map": lambda: map_figure(instance),
        "sharing": lambda: sharing_figure(instance),
    }
    if solution is None:
        return drawn
    import numpy as np

    from fgamcd_opt.io.safe_text import figure_text
    from fgamcd_opt.problem.checker import verify
    from fgamcd_opt.problem.p1 import P1
    from fgamcd_opt.studies.pictures.cache_map import cache_figure
    from fgamcd_opt.studies.pictures.delay_bars import delay_figure
    from fgamcd_opt.studies.pictures.delivery_map import delivery_figure

    verdict = verify(instance, solution)
    evaluation = verdict.evaluation
    if evaluation is None:
        raise InputError(f"the solution cannot be drawn: {verdict.faults[0]}")
    problem, decision = P1(instance, solution.variant), solution.decision
    data = problem.data
    slowest = int(data.requested_blocks[np.argmax(evaluation.block_delay_s)])
    chosen = slowest if block is None else block_index(data, block)
    title = f"{figure_text(instance.name, 40)} by {figure_text(solution.solver, 20)}: T = {evaluation.delay_s:.6g} s"
    title += f"\n{solution.variant}"
    if not verdict.valid:
        title += "\nREJECTED by the checker"
    return drawn | {
        "caches": lambda: cache_figure(data, decision, title),
        "delivery": lambda: delivery_figure(problem, decision, evaluation, chosen, title),
        "delays": lambda: delay_figure(data, evaluation, title),
    }
