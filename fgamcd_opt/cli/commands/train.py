"""``fgamcd train``: a learned method on an instance or a family of them; curve, checkpoints, policy."""

from __future__ import annotations

import argparse
import logging
import math
from contextlib import ExitStack
from typing import TYPE_CHECKING

from fgamcd_opt.cli.arguments import (
    add_instance,
    add_json,
    add_log_level,
    add_output,
    add_pairs,
    named_path,
    whole_number,
)
from fgamcd_opt.cli.stopping import orderly_stop
from fgamcd_opt.io.errors import BackendError, ExitCode, InputError, UsageError
from fgamcd_opt.io.targets import require_folder
from fgamcd_opt.learning.config import METHODS, TrainConfig, method_config, parse_settings, read_settings

if TYPE_CHECKING:
    from fgamcd_opt.learning.training.training_task import Task

_JUDGED = 4
"""Instances of a family to judge on, by default: of many, proving bounds takes longer than training."""

log = logging.getLogger("fgamcd_opt.cli")


EXAMPLES = (
    "fgamcd train maasn-da tiny --episodes 20 -o run",
    "fgamcd train maasn-da tiny --episodes 20 -o run --resume",
    "fgamcd solve tiny --solver maasn-da --policy run/policy.safetensors",
)
"""Commands of the help, which run one after the other in one folder."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.epilog = (
        "Ctrl-C, SIGTERM, SIGHUP and the time limit end a training in good order: checkpoint and policy are kept, and "
        "the same command with --resume goes on to the same curve. A second Ctrl-C ends at once."
    )
    defaults = TrainConfig()
    parser.add_argument("method", metavar="METHOD", help=f"one of {', '.join(METHODS)}")
    add_instance(parser)
    parser.add_argument(
        "--family",
        action="store_true",
        help="train on the recipe of INSTANCE: other requests, positions and channels in every episode",
    )
    parser.add_argument(
        "--judged",
        type=whole_number,
        metavar="N",
        help=f"instances of the family on which the policy is judged (default: {_JUDGED}); it never trains on them",
    )
    add_output(parser, "FOLDER", "folder of the training", required=True)
    parser.add_argument("--resume", action="store_true", help="go on with the training in FOLDER")
    parser.add_argument("--episodes", type=whole_number, metavar="N", help=f"default: {defaults.episodes}")
    parser.add_argument(
        "--seed",
        type=whole_number,
        help=f"of the training (default: {defaults.seed}); the instance's is --set seed=...",
    )
    parser.add_argument(
        "--config",
        type=named_path,
        metavar="FILE",
        help="settings as a table (.toml); --option goes before it",
    )
    add_pairs(parser, "--option", "NAME=VALUE", "a setting, such as gamma=0.9; repeatable")
    parser.add_argument("--device", help=f"cpu, or one of PyTorch such as cuda (default: {defaults.device})")
    parser.add_argument(
        "--threads", type=int, default=1, metavar="N", help="of PyTorch (default: %(default)s)"
    )
    parser.add_argument(
        "--time-limit", type=float, default=math.inf, metavar="S", help="seconds in all (default: no limit)"
    )
    parser.add_argument(
        "--rate-cache",
        type=named_path,
        metavar="FOLDER",
        help="keep finished rate tables there, for other trainings",
    )
    add_json(parser)
    add_log_level(parser, default="info")


def run(args: argparse.Namespace) -> ExitCode:
    """Prove the bound, train, keep what came of it, print."""
    from fgamcd_opt.io.optional import require_extra
    from fgamcd_opt.learning.training.run_folder import RunFolder
    from fgamcd_opt.solving.context import Limits, SolveContext

    config, folder = _config(args), RunFolder(args.output)
    limits = Limits(time_s=args.time_limit, threads=args.threads)
    require_extra("learn", "training")
    if args.rate_cache is not None:
        require_folder(args.rate_cache)
    _prepare_process(config.device, args.threads)
    if not args.resume:
        folder.require_new()
    from fgamcd_opt.cli import training_start as start
    from fgamcd_opt.cli.training_report import Progress, print_summary
    from fgamcd_opt.learning.training.checkpoint import has_checkpoint
    from fgamcd_opt.learning.training.proved_bound import SOLVER
    from fgamcd_opt.learning.training.training_run import TrainingRun
    from fgamcd_opt.solving.registry import get_solver

    task = _task(args, config)
    held = folder.reopen(task.identity) if args.resume else None
    with orderly_stop("the training") as stop, ExitStack() as until_end:
        if held is not None:
            until_end.enter_context(folder.locked())
        get_solver(SOLVER).prepare()  # time limits do not count it
        context = SolveContext(limits, config.seed, stop=stop)
        if held is None:
            benchmarks = start.prove_benchmarks(task, context)
        else:
            benchmarks = start.held_benchmarks(task, folder, held)
        resumed = held is not None and has_checkpoint(folder.checkpoint)
        if held is not None and not resumed:
            log.warning("%s: holds no checkpoint; the training starts from the beginning", folder.checkpoint)
        trainer = start.make_trainer(task, benchmarks, context, resumed=resumed)
        if held is None:
            until_end.enter_context(folder.locked())
            folder.begin(start.content(task, benchmarks))
        progress = Progress(context, config.episodes)
        description = start.description(task, benchmarks, task.command(args.instance, args.set))
        training = TrainingRun(trainer, folder, description, progress.tell)
        training.go(config.episodes, progress.must_stop)
    bounds = [each.bound for each in benchmarks]
    print_summary(task, training, progress, bounds, as_json=args.json)
    if training.last is not None and training.last.updates == 0:
        log.warning(
            "no update was made: a training begins to learn after warmup_steps = %d steps; these were %d",
            config.warmup_steps,
            training.last.steps,
        )
    return ExitCode.DONE


def _config(args: argparse.Namespace) -> TrainConfig:
    """The method's preset, then the file, then the options, then the flags: the later goes before the earlier."""
    values = {}
    if args.config is not None:
        values = read_settings(args.config)
        try:
            TrainConfig().replaced(values)
        except InputError as error:
            raise InputError(f"{args.config}: {error}") from error
    options = parse_settings(args.option)
    flags = {name: getattr(args, name) for name in ("episodes", "seed", "device")}
    options |= {name: value for name, value in flags.items() if value is not None}
    config = method_config(args.method, values)
    try:
        return config.replaced(options)
    except InputError as error:
        raise UsageError(str(error)) from error


def _prepare_process(device: str, threads: int) -> None:
    """Set threads and memory up for training; refuse a device that PyTorch does not have here."""
    import torch

    from fgamcd_opt.learning.training.allocator import keep_freed_memory

    torch.set_num_threads(threads)
    keep_freed_memory()
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).partition("\n")[0]
        raise BackendError(f"--device {device}: PyTorch cannot use it here ({reason}); use cpu") from error


def _task(args: argparse.Namespace, config: TrainConfig) -> Task:
    """What the arguments name."""
    from fgamcd_opt.instances.resolve import load
    from fgamcd_opt.learning.training.training_task import Task

    instance = load(args.instance, args.set)
    log.info(
        "%s%s: %d nodes, %d users, %d of %d blocks requested",
        "family of " if args.family else "",
        instance.name,
        instance.n_nodes,
        instance.n_users,
        instance.requested_blocks.size,
        instance.n_blocks,
    )
    if args.judged is not None and not args.family:
        raise UsageError("--judged: only with --family; a training on one instance is judged on that")
    judged = (_JUDGED if args.judged is None else args.judged) if args.family else None
    if judged == 0:
        log.warning("--judged 0: no instances to judge on; no delays, no gaps and no best.safetensors")
    return Task(args.method, config, instance, judged, args.threads, args.rate_cache)
