"""``fgamcd evaluate``: trained policies on instances, gaps to the certified bound over instances and training seeds."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from fgamcd_opt.cli.arguments import (
    add_json,
    add_log_level,
    add_output,
    add_pairs,
    positive_number,
    whole_number,
)
from fgamcd_opt.cli.output import command_line, print_json, print_report
from fgamcd_opt.cli.stopping import orderly_stop
from fgamcd_opt.io.errors import ExitCode, InputError, UsageError
from fgamcd_opt.io.targets import require_folder
from fgamcd_opt.solving.context import DEFAULT_GAP

if TYPE_CHECKING:
    from fgamcd_opt.studies.grid.cells import Source
    from fgamcd_opt.studies.policies.policy_evaluation import EvaluationPlan

log = logging.getLogger("fgamcd_opt.cli")

_EPILOG = """\
POLICY is a policy file, the folder of a training, or either with a name: LABEL=PATH; policies of one label differ in
the seed of their training. Names after the policies are instances. Rows are kept in FOLDER/cells as soon as they are
there: the same command started again runs only what is missing. Exit code 6 if a delay contradicts a proved bound.
"""


EXAMPLES = (
    "fgamcd train maasn-da tiny --family --episodes 20 -o policy",
    "fgamcd evaluate policy tiny -o evaluation",
    "fgamcd evaluate policy --family tiny --held-out 2 -o held-out",
)
"""Commands of the help, which run one after the other in one folder."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.epilog = _EPILOG
    parser.add_argument("policies", nargs="+", metavar="POLICY", help="trained policies, then INSTANCES")
    parser.add_argument(
        "--family", metavar="RECIPE", help="preset, library name or recipe of held-out instances"
    )
    parser.add_argument(
        "--held-out",
        type=positive_number,
        metavar="N",
        help="so many instances of the family, the same ones for everyone",
    )
    add_pairs(parser, "--set", "FIELD=VALUE", "change a field of every instance's recipe; repeatable")
    add_pairs(
        parser,
        "--option",
        "NAME=VALUE",
        "option of the solver maasn-da, such as samples=64 or polish=1; repeatable",
    )
    parser.add_argument("--solver", metavar="NAME,...", help="other solvers to set beside the policies")
    parser.add_argument("--seed", type=whole_number, default=0, help="of the solvers (default: %(default)s)")
    parser.add_argument(
        "--gap", type=float, default=DEFAULT_GAP, help="certified gap of the bound (default: %(default)s)"
    )
    parser.add_argument("--time-limit", type=float, metavar="S", help="seconds per solve (default: no limit)")
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="of each solver (default: 1)")
    add_output(parser, "FOLDER", "rows, solutions, tables and figures", required=True)
    parser.add_argument("--retry-failed", action="store_true", help="run again what was not solved before")
    parser.add_argument(
        "--no-shared-rates",
        action="store_true",
        help="every solve computes its own rates: all times include them",
    )
    add_json(parser)
    add_log_level(parser, default="info")


def run(args: argparse.Namespace) -> ExitCode:
    """Run what is missing, then score, write and print everything."""
    from fgamcd_opt.io.optional import require_extra
    from fgamcd_opt.studies.grid.progress import ProgressBar
    from fgamcd_opt.studies.policies.evaluation_report import EvaluatedPolicies
    from fgamcd_opt.studies.policies.policy_evaluation import run_trials

    require_extra("compare", "an evaluation")
    require_extra("learn", "a learned method")
    plan = _plan(args)
    trials = plan.trials()
    require_folder(args.output, EvaluatedPolicies.FILES)
    with orderly_stop("what is evaluated") as stop:
        rows = run_trials(
            trials,
            args.output,
            progress=ProgressBar(sys.stderr),
            share_rates=not args.no_shared_rates,
            retry_failed=args.retry_failed,
            stop=stop,
        )
    evaluation = EvaluatedPolicies.of(plan.contenders, rows)
    written = evaluation.write(args.output, command_line())
    if args.json:
        print_json(evaluation.to_json() | {"files": [str(path) for path in written]})
    else:
        for table in evaluation.tables():
            print_report(table)
    log.info("tables: %s", args.output / "tables.md")
    for pair in evaluation.wrong:
        log.error("%s", pair)
    return ExitCode.VERIFICATION_FAILED if evaluation.wrong else ExitCode.DONE


def _plan(args: argparse.Namespace) -> EvaluationPlan:
    """What the arguments ask for; everything is checked before the first solve."""
    from fgamcd_opt.cli.grid_arguments import solvers_of
    from fgamcd_opt.solvers.learned.maasn_da import require_options
    from fgamcd_opt.solving.arguments import complete_options
    from fgamcd_opt.solving.registry import get_solver
    from fgamcd_opt.studies.grid.cells import CellLimits
    from fgamcd_opt.studies.policies.contender import read_contender
    from fgamcd_opt.studies.policies.policy_evaluation import SOLVER, EvaluationPlan

    if "policy" in args.option:
        raise UsageError("--option policy: the policies are named before the instances")
    require_options(complete_options(get_solver(SOLVER), args.option))
    rivals = solvers_of(args.solver) if args.solver else []
    for rival in rivals:
        get_solver(rival)
    named = [text for text in args.policies if not _is_instance(text)]
    for text in named:
        _require_something(text)
    if not named:
        raise UsageError("no policy: name a policy file or the folder of a training before the instances")
    return EvaluationPlan(
        contenders=[read_contender(text) for text in named],
        sources=_sources(args, [text for text in args.policies if text not in named]),
        rivals=rivals,
        options=args.option,
        seed=args.seed,
        limits=CellLimits(time_s=args.time_limit, gap=args.gap, threads=args.threads),
    )


def _sources(args: argparse.Namespace, names: list[str]) -> list[Source]:
    """The instances that are named, and those of the family.

    Raises
    ------
    UsageError
        There is none, or one comes twice.
    """
    from fgamcd_opt.studies.grid.cells import Source
    from fgamcd_opt.studies.policies.held_out import held_out

    if (args.family is None) != (args.held_out is None):
        raise UsageError("--family and --held-out go together, such as --family small --held-out 20")
    sources = [Source.of(name, args.set) for name in names]
    if args.family is not None:
        sources += held_out(args.family, args.held_out, args.set)
    if not sources:
        raise UsageError("no instance: name some after the policies, or say --family RECIPE --held-out N")
    digests = [source.digest for source in sources]
    for source in sources:
        if digests.count(source.digest) > 1:
            raise UsageError(f"{source.name}: is named twice")
    return sources


def _require_something(text: str) -> None:
    """Raise `InputError` if a word that is no instance names no file or folder either."""
    from fgamcd_opt.instances.library.catalog import library
    from fgamcd_opt.instances.recipes.presets import PRESETS
    from fgamcd_opt.instances.recipes.recipe_fields import nearest

    if not any(Path(name).exists() for name in (text, text.partition("=")[2]) if name):
        raise InputError(
            f"{text}: is neither an instance nor a policy that exists{nearest(text, [*PRESETS, *library()])}"
        )


def _is_instance(text: str) -> bool:
    """Whether a word names an instance rather than a policy."""
    from fgamcd_opt.instances.library.catalog import library
    from fgamcd_opt.instances.recipes.presets import PRESETS

    return text in PRESETS or text in library() or Path(text).suffix in (".json", ".toml", ".npz")
