"""What `fgamcd train` makes before it trains: bounds to judge by, the trainer, and what its files say."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from fgamcd_opt.context import SolveContext
from fgamcd_opt.errors import InputError
from fgamcd_opt.learning.judge import Judged
from fgamcd_opt.learning.proved_bound import GAP, ProvedBound
from fgamcd_opt.learning.run_folder import RunFolder
from fgamcd_opt.learning.trainer import Trainer
from fgamcd_opt.learning.training_task import Task

log = logging.getLogger("fgamcd_opt.cli")


def proved_bounds(task: Task, context: SolveContext) -> list[ProvedBound]:
    """Bounds on the delays of the instances that the policy is judged on."""
    log.info("rates of all node sets, and bounds to a gap of %g %%, to judge the policy by", 100 * GAP)
    bounds = [ProvedBound.prove(s.problem, context, task.rate_cache) for s in task.judged_scenarios]
    if context.stop.is_set():
        raise KeyboardInterrupt  # nothing was begun
    for bound in bounds:
        if bound.bound_s is None:
            log.warning("%s: no bound was proved in time: the curve has no gaps", bound.instance)
        else:
            log.info("%s: proved bound %.6f s (%s)", bound.instance, bound.bound_s, bound.kind)
    return bounds


def held_bounds(task: Task, folder: RunFolder, held: Mapping[str, Any]) -> list[ProvedBound]:
    """The bounds as they were proved when the training began: its curve goes on with the same."""
    found = held.get("bounds")
    if not isinstance(found, list):
        raise InputError(f"{folder.config}: bounds: {found!r} is not a list")
    bounds = [ProvedBound.from_json(folder.config, each) for each in found]
    digests = [scenario.problem.instance.digest for scenario in task.judged_scenarios]
    if [bound.digest for bound in bounds] != digests:
        raise InputError(
            f"{folder.config}: bounds: are not those of the instances that the policy is judged on"
        )
    if held.get("versions") != task.versions:
        log.warning(
            "other versions than when it began: the curve may not be that of an uninterrupted training"
        )
    return bounds


def make_trainer(task: Task, bounds: Sequence[ProvedBound]) -> Trainer:
    """The trainer at its start."""
    known = [bound.bound_s for bound in bounds]
    judged = [Judged(*each) for each in zip(task.judged_scenarios, known, strict=True)]
    return Trainer(task.source, task.config, judged=judged)


def content(task: Task, bounds: Sequence[ProvedBound]) -> dict[str, Any]:
    """What config.json says."""
    return {**task.identity, "versions": task.versions, "bounds": [bound.to_json() for bound in bounds]}


def description(task: Task, bounds: Sequence[ProvedBound], command: str) -> dict[str, Any]:
    """What policies of this training say about themselves, besides the figures at their time."""
    return {
        "method": task.method,
        "config": task.config.to_json(),
        "n_nodes": task.source.layout.n_nodes,
        "slots": task.source.layout.slots,
        "provenance": {
            **task.identity["source"],
            "command": command,
            "seed": task.config.seed,
            "versions": task.versions,
            "judged_on": [{"instance": b.instance, "digest": b.digest, "bound_s": b.bound_s} for b in bounds],
        },
    }
