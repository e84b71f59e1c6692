"""What the commands that run a solver share: its arguments, loading the problem, and the call of the front door."""

from __future__ import annotations

import argparse
import logging
import math
import threading
import time
from typing import TYPE_CHECKING, Any

from fgamcd_opt.cli.arguments import (
    add_instance,
    add_json,
    add_log_level,
    add_pairs,
    cores,
    named_path,
    whole_number,
)
from fgamcd_opt.io.targets import require_folder
from fgamcd_opt.solving.context import DEFAULT_GAP, Limits

if TYPE_CHECKING:
    from fgamcd_opt.instances.library.best_known import BestKnown
    from fgamcd_opt.problem.p1 import P1
    from fgamcd_opt.solving.result import Result

log = logging.getLogger("fgamcd_opt.cli")


def add_solving(parser: argparse.ArgumentParser) -> None:
    """``INSTANCE``, limits, seed, variant and options of a solver, cache, output."""
    add_instance(parser)
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
    add_threads(parser)
    add_pairs(parser, "--option", "NAME=VALUE", "option of this solver, see `fgamcd solvers`; repeatable")
    add_variant(parser)
    add_rate_cache(parser)
    add_json(parser)
    add_log_level(parser, default="info")


def add_threads(parser: argparse.ArgumentParser) -> None:
    """``--threads``."""
    parser.add_argument("--threads", type=int, default=cores(), metavar="N", help="default: all cores")


def add_variant(parser: argparse.ArgumentParser) -> None:
    """``--variant``."""
    add_pairs(
        parser,
        "--variant",
        "FIELD=VALUE",
        "another variant of P1, such as csi=nominal or delivery=hybrid(4); repeatable",
    )


def add_rate_cache(parser: argparse._ActionsContainer) -> None:
    """``--rate-cache``."""
    parser.add_argument(
        "--rate-cache",
        type=named_path,
        metavar="FOLDER",
        help="keep finished rate tables there; instances that differ in storage or backhaul alone share them",
    )


def limits_of(args: argparse.Namespace) -> Limits:
    """The limits that the arguments set, and the folder of rates; checked before any work."""

    if args.rate_cache is not None:
        require_folder(args.rate_cache)
    return Limits(time_s=args.time_limit, gap=args.gap, threads=args.threads)


def load_problem(args: argparse.Namespace) -> tuple[P1, float]:
    """The problem that the arguments name, and the seconds that making it took."""
    from fgamcd_opt.instances.resolve import load
    from fgamcd_opt.problem.p1 import P1
    from fgamcd_opt.problem.variants import Variant

    variant = Variant.parse(args.variant)
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
    return P1(instance, variant), build_s


def best_known(problem: P1) -> BestKnown | None:
    """Best known values of the library instance with this digest; None for others and for variants of P1."""
    from fgamcd_opt.instances.library.best_known import read_best_known

    same = (known for known in read_best_known().values() if known.digest == problem.instance.digest)
    return None if problem.variant.differences() else next(same, None)


def reference(problem: P1, result: Result) -> dict[str, Any]:
    """The library's bound on the instance, who proved it, and the gap to it; all None where there is none."""
    from fgamcd_opt.solving.status import relative_gap

    known = None if result.variant.differences() else best_known(problem)
    bound_s = None if known is None else known.lower_bound_s
    delay_s = result.delay_s
    return {
        "reference_lower_bound_s": bound_s,
        "reference_bound_by": None
        if known is None or bound_s is None
        else f"the library ({known.bound_solver})",
        "reference_gap": None if bound_s is None or delay_s is None else relative_gap(delay_s, bound_s),
    }


def solve_as_asked(
    args: argparse.Namespace, solver: str, problem: P1, build_s: float, stop: threading.Event
) -> Result:
    """Run one solver with the limits, seed and options of the arguments."""
    from fgamcd_opt.solving.front_door import solve

    limits = limits_of(args)
    return solve(
        problem,
        solver,
        time_limit=limits.time_s,
        gap=limits.gap,
        threads=limits.threads,
        seed=args.seed,
        options=args.option,
        build_s=build_s,
        stop=stop,
        rate_cache=args.rate_cache,
    )
