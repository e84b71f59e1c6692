"""``fgamcd solve``: one solver on one instance; certified gap, the checker's verdict, solution file."""

from __future__ import annotations

import argparse
import logging
import math
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from fgamcd_opt.cli.arguments import add_instance, add_json, add_log_level, add_pairs, whole_number
from fgamcd_opt.cli.compilation import compilation_announced
from fgamcd_opt.cli.output import print_json, require_writable
from fgamcd_opt.cli.stopping import orderly_stop
from fgamcd_opt.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from fgamcd_opt.result import Result

DEFAULT_GAP = 1e-3
"""Relative gap at which the command stops by default: 0.1 %."""

log = logging.getLogger("fgamcd_opt.cli")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.epilog = (
        "Ctrl-C, SIGTERM and the time limit end the solve in good order: the best solution and the best "
        "proved bound are printed and saved. A second Ctrl-C ends at once."
    )
    add_instance(parser)
    parser.add_argument("--solver", default="exact", help="see `fgamcd solvers` (default: %(default)s)")
    parser.add_argument(
        "--seed",
        type=whole_number,
        default=0,
        help="of the solver (default: %(default)s); the instance's is --set seed=...",
    )
    parser.add_argument(
        "--time-limit",
        type=float,
        default=math.inf,
        metavar="S",
        help="seconds for the solver (default: no limit)",
    )
    parser.add_argument(
        "--gap",
        type=float,
        default=DEFAULT_GAP,
        help="stop at this certified relative gap of the delay (default: %(default)s)",
    )
    parser.add_argument("--threads", type=int, default=_cores(), metavar="N", help="default: all cores")
    add_pairs(parser, "--option", "NAME=VALUE", "option of this solver, see `fgamcd solvers`; repeatable")
    add_pairs(
        parser,
        "--variant",
        "FIELD=VALUE",
        "another variant of P1, such as csi=nominal or delivery=hybrid(4); repeatable",
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help="write the solution file; replaces FILE if it exists",
    )
    parser.add_argument(
        "--rate-cache",
        type=Path,
        metavar="FOLDER",
        help="keep finished rate tables there; instances that differ in storage or backhaul alone share them",
    )
    parser.add_argument(
        "--record",
        action="store_true",
        help="library instances only: keep delay and bound in the library's table if they improve on it",
    )
    add_json(parser)
    add_log_level(parser, default="info")


def run(args: argparse.Namespace) -> ExitCode:
    """Solve, save, print, record; in this order, so that nothing that was found is lost."""
    _check(args)
    from fgamcd_opt.context import Limits
    from fgamcd_opt.frontdoor import solve
    from fgamcd_opt.instances.resolve import load
    from fgamcd_opt.problem import P1
    from fgamcd_opt.solvers.registry import get_solver
    from fgamcd_opt.variants import Variant

    limits = Limits(time_s=args.time_limit, gap=args.gap, threads=args.threads)
    variant = Variant.parse(args.variant)
    get_solver(args.solver)  # an unknown name is told before the instance is made
    begun = time.monotonic()
    instance = load(args.instance, args.set)
    build_s = time.monotonic() - begun
    log.info(
        "%s: %d nodes, %d users, %d of %d blocks requested, digest %s",
        instance.name,
        instance.n_nodes,
        instance.n_users,
        instance.requested_blocks.size,
        instance.n_blocks,
        instance.digest[:12],
    )
    with orderly_stop() as stop, compilation_announced():
        result = solve(
            P1(instance, variant),
            args.solver,
            limits=limits,
            seed=args.seed,
            options=args.option,
            build_s=build_s,
            stop=stop,
            rate_cache=args.rate_cache,
        )
        try:
            if args.output is not None:
                _save(result, args.output)
        finally:
            if args.json:
                print_json(result.to_json())
            else:
                print(result.summary())
    if args.record:
        _record(result)
    return result.exit_code


def _check(args: argparse.Namespace) -> None:
    """What can be refused before any work."""
    if args.output is not None:
        require_writable(args.output)
        if args.output.absolute() == Path(args.instance).absolute():
            raise UsageError(f"{args.output}: is the instance itself; give the solution another name")
    if args.record:
        from fgamcd_opt.instances.library import library

        if args.instance not in library() or args.set or args.variant:
            raise UsageError("--record: only for a library instance as it is, without --set and --variant")


def _save(result: Result, path: Path) -> None:
    """Write the solution if the checker accepted it."""
    if result.solution is not None and result.objective_s is not None:
        result.solution.save(path)
        log.info("solution written to %s", path)
    else:
        log.warning("%s: not written, since there is no feasible solution", path)


def _record(result: Result) -> None:
    """Keep what improves on the best known values."""
    from fgamcd_opt.instances.best_known import BEST_KNOWN_PATH, record_best

    improved = record_best(
        result.instance_name,
        result.instance_digest,
        delay_s=result.objective_s,
        lower_bound_s=result.bound_s,
        solver=f"{result.solver} {result.solver_version}",
        path=BEST_KNOWN_PATH,
    )
    log.info("best known values %s in %s", "improved" if improved else "not improved", BEST_KNOWN_PATH)


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
