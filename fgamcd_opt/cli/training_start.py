"""What `fgamcd train` makes before it trains: bounds to judge by, the trainer, and what its files say."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fgamcd_opt.io.errors import InfeasibleError, InputError, UsageError
from fgamcd_opt.io.safe_text import quote
from fgamcd_opt.learning.environment.scenario import Scenario
from fgamcd_opt.learning.learners.replay import Replay
from fgamcd_opt.learning.training.demonstrations import demonstrate
from fgamcd_opt.learning.training.judge import Judged
from fgamcd_opt.learning.training.proved_bound import ProvedBound
from fgamcd_opt.learning.training.run_folder import RunFolder
from fgamcd_opt.learning.training.trainer import Trainer
from fgamcd_opt.learning.training.training_task import Task
from fgamcd_opt.solving.context import DEFAULT_GAP, SolveContext

_DEMONSTRATED = (4,)
"""Stream of the demonstrated instances, after those that the trainer spawns from the same seed."""

log = logging.getLogger("fgamcd_opt.cli")


@dataclass(frozen=True, eq=False)
class Benchmark:
    """One instance that the policy is judged on, with all its rates, and the bound on its delay."""

    scenario: Scenario
    bound: ProvedBound


def prove_benchmarks(task: Task, context: SolveContext) -> list[Benchmark]:
    """Prove the bounds; instances of a family that are proved to have no solution are passed over.

    Raises
    ------
    UsageError
        The time was up before: what a training is judged by does not depend on how long its first part may take.
    """
    wanted = 1 if task.judged is None else task.judged
    if wanted:
        log.info(
            "rates of all node sets, and bounds to a gap of %g %%, to judge the policy by", 100 * DEFAULT_GAP
        )
    found: list[Benchmark] = []
    for scenario in task.judge_candidates() if wanted else ():
        try:
            bound = ProvedBound.prove(scenario.problem, context, task.rate_cache)
        except InfeasibleError:
            if task.judged is None:
                raise
            continue
        if context.stop.is_set():
            raise KeyboardInterrupt  # nothing was started
        if context.must_stop and not bound.is_tight:
            raise UsageError(
                f"time limit {context.limits.time_s:g} s: was over while the bounds to judge by were being proved, and "
                "nothing was started; allow more (a training that has started can be stopped and resumed)"
            )
        known = (
            "no bound in time, so no gap"
            if bound.lower_bound_s is None
            else f"proved bound {bound.lower_bound_s:.6f} s"
        )
        log.info("%s %s: %s", bound.instance, bound.digest[:12], known)
        found.append(Benchmark(scenario, bound))
        if len(found) == wanted:
            break
    if len(found) < wanted:
        raise InputError(f"{task.instance.name}: too few instances of the family have a solution to judge on")
    return _with_rates(task, found)


def held_benchmarks(task: Task, folder: RunFolder, held: Mapping[str, Any]) -> list[Benchmark]:
    """Those of the training when it began, with the bounds as they were proved then.

    Raises
    ------
    InputError
        The description of the training is damaged.
    """
    found = held.get("bounds")
    if not isinstance(found, list):
        raise InputError(f"{folder.config}: bounds: {quote(found)} is not a list")
    left = [ProvedBound.from_json(folder.config, each) for each in found]
    wanted = 1 if task.judged is None else task.judged
    benchmarks: list[Benchmark] = []
    for scenario in task.judge_candidates() if left else ():
        if scenario.problem.instance.digest == left[0].digest:
            benchmarks.append(Benchmark(scenario, left.pop(0)))
        if not left:
            break
    if left or len(benchmarks) != wanted:
        raise InputError(
            f"{folder.config}: bounds: are not those of the instances that the policy is judged on"
        )
    if held.get("versions") != task.versions:
        log.warning(
            "other versions than when it began: the curve may not be that of an uninterrupted training"
        )
    return _with_rates(task, benchmarks)


def _with_rates(task: Task, benchmarks: list[Benchmark]) -> list[Benchmark]:
    for each in benchmarks:
        each.scenario.warm(task.rate_cache)
    return benchmarks


def make_trainer(
    task: Task, benchmarks: Sequence[Benchmark], context: SolveContext, *, resumed: bool
) -> Trainer:
    """The trainer at its start; one that is resumed has imitated its demonstrations before."""
    config, begun = task.config, time.perf_counter()
    judged = [Judged(each.scenario, each.bound.lower_bound_s) for each in benchmarks]
    demonstrations = _demonstrations(task, context) if config.demonstrations and not resumed else None
    return Trainer(
        task.source,
        config,
        judged=judged,
        demonstrations=demonstrations,
        spent_s=time.perf_counter() - begun,
    )


def _demonstrations(task: Task, context: SolveContext) -> Replay:
    """Steps of optimal solutions; of a fixed instance there is one."""
    generator = np.random.default_rng(np.random.SeedSequence(task.config.seed, spawn_key=_DEMONSTRATED))
    episodes = task.config.demonstrations if task.judged is not None else 1
    log.info("demonstrations to imitate: solving %d", episodes)
    shown = demonstrate(
        task.source,
        episodes,
        generator,
        stop=context.stop,
        on_solved=lambda solved: context.progress(f"demonstrations: {solved} of {episodes} solved"),
    )
    log.info("%d steps of behaviour cloning on %d solutions", task.config.cloning_steps, len(shown.gaps))
    replay = Replay(len(shown.rows["reward"]), task.source.layout, 0, task.config.priority)
    replay.add(**shown.rows)
    return replay


def content(task: Task, benchmarks: Sequence[Benchmark]) -> dict[str, Any]:
    """What config.json says."""
    return {
        **task.identity,
        "versions": task.versions,
        "bounds": [each.bound.to_json() for each in benchmarks],
    }


def description(task: Task, benchmarks: Sequence[Benchmark], command: str) -> dict[str, Any]:
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
            "judged_on": [
                {
                    "instance": each.bound.instance,
                    "digest": each.bound.digest,
                    "lower_bound_s": each.bound.lower_bound_s,
                }
                for each in benchmarks
            ],
        },
    }
