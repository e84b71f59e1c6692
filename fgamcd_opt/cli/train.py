"""``fgamcd train``: a learned method on an instance or a family of them; curve, checkpoints, policy."""

from __future__ import annotations

import argparse
import logging
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fgamcd_opt.cli.arguments import add_instance, add_json, add_log_level, add_pairs, whole_number
from fgamcd_opt.cli.compilation import compilation_announced
from fgamcd_opt.cli.stopping import orderly_stop
from fgamcd_opt.errors import BackendError, ExitCode
from fgamcd_opt.learning.config import METHODS, TrainConfig, method_config, parse_settings, read_settings

if TYPE_CHECKING:
    from fgamcd_opt.cli.training_report import Progress
    from fgamcd_opt.context import SolveContext
    from fgamcd_opt.learning.run_folder import RunFolder
    from fgamcd_opt.learning.training_run import TrainingRun
    from fgamcd_opt.learning.training_task import Task

log = logging.getLogger("fgamcd_opt.cli")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.epilog = (
        "Ctrl-C, SIGTERM and the time limit end a training in good order: checkpoint and policy are kept, and the "
        "same command with --resume goes on to the same curve. A second Ctrl-C ends at once."
    )
    defaults = TrainConfig()
    parser.add_argument("method", metavar="METHOD", help=f"one of {', '.join(METHODS)}")
    add_instance(parser)
    parser.add_argument(
        "--family",
        action="store_true",
        help="train on the recipe of INSTANCE: other requests, positions and channels in every episode",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the training")
    parser.add_argument("--resume", action="store_true", help="go on with the training in DIR")
    parser.add_argument("--episodes", type=whole_number, metavar="N", help=f"default: {defaults.episodes}")
    parser.add_argument(
        "--seed",
        type=whole_number,
        help=f"of the training (default: {defaults.seed}); the instance's is --set seed=...",
    )
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="settings as a table (.toml); --option goes before it"
    )
    add_pairs(parser, "--option", "NAME=VALUE", "a setting, such as gamma=0.9; repeatable")
    parser.add_argument("--device", help=f"cpu, or one of PyTorch such as cuda (default: {defaults.device})")
    parser.add_argument(
        "--threads", type=int, default=1, metavar="N", help="of PyTorch (default: %(default)s)"
    )
    parser.add_argument(
        "--time-limit", type=float, default=math.inf, metavar="S", help="seconds in all (default: no limit)"
    )
    add_json(parser)
    add_log_level(parser, default="info")


def run(args: argparse.Namespace) -> ExitCode:
    """Prove the bound, train, keep what came of it, print."""
    from fgamcd_opt.cli.training_report import Progress, print_summary
    from fgamcd_opt.context import Limits, SolveContext
    from fgamcd_opt.learning.requirements import require_learning
    from fgamcd_opt.learning.run_folder import RunFolder

    config, folder = _config(args), RunFolder(args.out)
    limits = Limits(time_s=args.time_limit, threads=args.threads)
    require_learning()
    _prepare_device(config.device, args.threads)
    if not args.resume:
        folder.require_new()
    task = _task(args, config)
    held = folder.reopen(task.identity) if args.resume else None
    with orderly_stop() as stop, compilation_announced():
        context = SolveContext(limits, config.seed, stop=stop)
        held = _begin(task, folder, context) if held is None else _announced(held)
        if held is None:
            return ExitCode.INFEASIBLE
        progress = Progress(context, config.episodes)
        training = _training(task, task.command(args.instance, args.set), folder, held["bound"], progress)
        training.go(config.episodes, progress.must_stop)
    print_summary(task, training, progress, held["bound"], as_json=args.json)
    return ExitCode.DONE


def _config(args: argparse.Namespace) -> TrainConfig:
    """The method's preset, then the file, then the options, then the flags: the later goes before the earlier."""
    values = read_settings(args.config) if args.config is not None else {}
    values |= parse_settings(args.option)
    flags = {name: getattr(args, name) for name in ("episodes", "seed", "device")}
    values |= {name: value for name, value in flags.items() if value is not None}
    return method_config(args.method, values)


def _prepare_device(device: str, threads: int) -> None:
    """Refuse a device that PyTorch does not have here."""
    import torch

    torch.set_num_threads(threads)
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).partition("\n")[0]
        raise BackendError(f"--device {device}: PyTorch cannot use it here ({reason}); use cpu") from error


def _task(args: argparse.Namespace, config: TrainConfig) -> Task:
    """What the arguments name."""
    from fgamcd_opt.instances.resolve import load
    from fgamcd_opt.learning.training_task import Task

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
    return Task(args.method, config, instance, args.family, args.threads)


def _begin(task: Task, folder: RunFolder, context: SolveContext) -> dict[str, Any] | None:
    """Prove the bound and make the folder; None if there is nothing to train, since no solution exists."""
    bound = None
    if not task.family:
        result = task.bound(context)
        if result.infeasibility:
            log.error("%s: proved infeasible, nothing to train: %s", task.instance.name, result.infeasibility)
            return None
        if context.stop.is_set():
            raise KeyboardInterrupt  # nothing was begun
        bound = {
            "bound_s": result.bound_s,
            "kind": result.bound_kind,
            "solver": result.solver,
            "delay_s": result.objective_s,
            "gap": result.gap,
        }
    content = {**task.content, "bound": bound}
    folder.begin(content)
    return _announced(content)


def _announced(content: dict[str, Any]) -> dict[str, Any]:
    """The content of config.json, after the log says what gaps are measured against."""
    bound = content["bound"]
    if bound is None:
        log.info("family: delays and gaps are for `fgamcd evaluate` to find on instances of it")
    elif bound["bound_s"] is None:
        log.warning("no bound on the delay could be proved in time: the curve has no gaps")
    else:
        log.info(
            "gaps are to the proved bound %.6f s (%s, %s)", bound["bound_s"], bound["solver"], bound["kind"]
        )
    return content


def _training(
    task: Task, command: str, folder: RunFolder, bound: dict[str, Any] | None, progress: Progress
) -> TrainingRun:
    """The trainer in its folder, at the checkpoint if there is one."""
    from fgamcd_opt.learning.trainer import Trainer
    from fgamcd_opt.learning.training_run import TrainingRun

    source = task.source()
    bound_s = None if bound is None else bound["bound_s"]
    trainer = Trainer(source, task.config, bound_s=bound_s)
    description = {
        "method": task.method,
        "config": task.config.to_json(),
        "n_nodes": source.layout.n_nodes,
        "slots": source.layout.slots,
        "provenance": {**task.content["source"], "versions": task.content["versions"], "command": command}
        | {"seed": task.config.seed, "bound_s": bound_s},
    }
    return TrainingRun(trainer, folder, description, progress.tell)
