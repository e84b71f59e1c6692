"""Speed of training: ``python benchmarks/training.py [--episodes 600] [--page PAGE]``.

Trains MAASN-DA on a fixed instance with warm rates, with one update per five environment steps and with one per step,
on one thread after all is loaded, and says where the time goes; then the complete update alone by number of
nodes, and the rate of family mode, where every episode has a fresh instance. Times are CPU times, which other load on
the machine changes less; the updates are timed in rounds, so that a busy moment does not decide.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from machine import machine, machine_words
from pages import put

from fgamcd_opt.instances.generation.from_recipe import generate
from fgamcd_opt.instances.recipes.presets import PRESETS
from fgamcd_opt.io.files import write_bytes_atomically
from fgamcd_opt.learning.config import TrainConfig, method_config
from fgamcd_opt.learning.environment.layout import StateLayout
from fgamcd_opt.learning.environment.scenario import Scenario
from fgamcd_opt.learning.environment.sources import FamilySource, FixedSource, ScenarioSource
from fgamcd_opt.learning.learners.actor_critic import ActorCritic
from fgamcd_opt.learning.learners.replay import Batch
from fgamcd_opt.learning.training.allocator import keep_freed_memory
from fgamcd_opt.learning.training.trainer import Trainer
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.studies.table import Column, Table

log = logging.getLogger("training")

PARTS = ("environment", "oracle", "acting", "buffer", "critic", "actor", "augmentation", "judging", "rest")
RUN_COLUMNS = (
    Column("training"),
    Column("steps", "d"),
    Column("updates", "d"),
    Column("CPU s", ".1f"),
    Column("wall s", ".1f"),
    Column("steps per CPU s", ".0f"),
    Column("game, policy, buffer us per step", ".0f"),
    *(Column(f"{part} %", ".1f") for part in PARTS),
)
UPDATE_COLUMNS = (Column("nodes", "d"), Column("complete update ms", ".2f"), Column("least ms", ".2f"))
UPDATE_ROUNDS, UPDATE_REPEATS = 20, 50


class Stopwatch:
    """CPU seconds spent in chosen methods, those of methods inside them taken off."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(PARTS, 0.0)
        self._inside = [0.0]
        self._whole = False

    def watch(self, owner: Any, name: str, part: str, whole: bool = False) -> None:
        """Count the time in ``owner.name`` as spent on ``part``; with ``whole``, also that of methods inside it."""
        method: Callable[..., Any] = getattr(owner, name)

        def watched(*arguments: Any, **named: Any) -> Any:
            if self._whole:
                return method(*arguments, **named)
            self._inside.append(0.0)
            self._whole = whole
            begun = time.process_time()
            try:
                return method(*arguments, **named)
            finally:
                taken = time.process_time() - begun
                self._whole = False
                self.seconds[part] += taken - self._inside.pop()
                self._inside[-1] += taken

        setattr(owner, name, watched)


def train(name: str, source: ScenarioSource, config: TrainConfig) -> dict[str, Any]:
    """One training, and where its time went."""
    trainer, clock = Trainer(source, config), Stopwatch()
    environment = trainer.environment(config.copies)
    for method in ("reset", "step", "admissible"):
        clock.watch(environment, method, "environment")
    if isinstance(source, FixedSource):
        clock.watch(source.scenario, "rate_bps", "oracle")
    clock.watch(trainer.learner, "act", "acting")
    for method in ("add", "sample"):
        clock.watch(trainer.replay, method, "buffer")
    for method in ("update_critic", "update_actor"):
        clock.watch(trainer.learner, method, method.removeprefix("update_"))
    for method in ("advance", "synthesise"):
        clock.watch(trainer.augmenter, method, "augmentation")
    clock.watch(trainer, "_row", "judging", whole=True)
    begun, begun_wall = time.process_time(), time.perf_counter()
    trainer.run(config.episodes, lambda row: None, lambda: None, lambda: False)
    seconds, wall_s = time.process_time() - begun, time.perf_counter() - begun_wall
    spent = clock.seconds
    spent["rest"] = seconds - sum(spent.values())
    played = sum(spent[part] for part in ("environment", "oracle", "acting", "buffer"))
    return {
        "training": name,
        "steps": trainer.steps,
        "updates": trainer.updates,
        "CPU s": seconds,
        "wall s": wall_s,
        "steps per CPU s": trainer.steps / seconds,
        "game, policy, buffer us per step": 1e6 * played / trainer.steps,
        **{f"{part} %": 100.0 * spent[part] / seconds for part in PARTS},
    }


def update_times(nodes: Sequence[int], slots: int) -> list[dict[str, Any]]:
    """Complete updates of critics, actors and targets on random transitions, at hidden width 32."""
    updates = [_update(n, slots) for n in nodes]
    taken: list[list[float]] = [[] for _ in nodes]
    for _ in range(UPDATE_ROUNDS):
        for update, times in zip(updates, taken, strict=True):
            for _ in range(UPDATE_REPEATS):
                begun = time.process_time()
                update()
                times.append(1e3 * (time.process_time() - begun))
    return [
        {"nodes": n, "complete update ms": float(np.median(times)), "least ms": min(times)}
        for n, times in zip(nodes, taken, strict=True)
    ]


def _update(nodes: int, slots: int) -> Callable[[], Any]:
    """An update on one batch, to be repeated."""
    config, layout = TrainConfig(hidden=32, critic_hidden=32), StateLayout(nodes, slots)
    generator = torch.Generator().manual_seed(0)
    learner, size = ActorCritic(config, layout, generator), config.batch_size
    states = torch.rand(2, size, layout.size, generator=generator)
    fits = torch.ones(size, nodes, dtype=torch.bool)
    bits = (torch.rand(size, nodes, nodes, generator=generator) < 0.5).float()
    batch = Batch(
        states[0], fits, bits, -torch.rand(size, generator=generator), states[1], fits, torch.zeros(size)
    )
    return lambda: learner.update(batch)


def _table(name: str, columns: tuple[Column, ...], rows: list[dict[str, Any]]) -> Table:
    return Table(name, name, columns, tuple(tuple(row[c.heading] for c in columns) for row in rows))


def _write(path: Path, runs: list[dict[str, Any]], updates: list[dict[str, Any]]) -> None:
    """What is measured so far."""
    content = {"machine": machine(), "runs": runs, "updates": updates}
    write_bytes_atomically(path, (json.dumps(content, indent=1) + "\n").encode())


def main() -> None:
    """Measure, print, put."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--preset", default="paper")
    parser.add_argument("--episodes", type=int, default=600)
    parser.add_argument("--family-episodes", type=int, default=24)
    parser.add_argument(
        "--updates-every", default="5,1", help="environment steps per update, comma-separated"
    )
    parser.add_argument(
        "-o", type=Path, help="the figures as JSON; trainings that the file holds already are not run again"
    )
    parser.add_argument("--page", type=Path, help="put the tables into this page")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(1)
    keep_freed_memory()

    recipe = PRESETS[arguments.preset]
    instance = generate(recipe)
    scenario = Scenario(P1(instance))
    scenario.warm()
    train("loading", FixedSource(scenario), method_config("maasn-da", {"episodes": 8}))
    wanted: list[tuple[str, ScenarioSource, dict[str, Any]]] = [
        (recipe.name, FixedSource(scenario), {"episodes": arguments.episodes, "update_every": every})
        for every in map(int, arguments.updates_every.split(","))
    ]
    wanted.append((f"family {recipe.name}", FamilySource(recipe), {"episodes": arguments.family_episodes}))
    held = json.loads(arguments.o.read_text())["runs"] if arguments.o and arguments.o.exists() else []
    runs = {run["training"]: run for run in held}
    names = []
    for of, source, settings in wanted:
        config = method_config("maasn-da", settings)
        names.append(f"{of}, {config.episodes} episodes, an update per {config.update_every} steps")
        if names[-1] not in runs:
            runs[names[-1]] = train(names[-1], source, config)
            log.info("%s", runs[names[-1]])
            if arguments.o:
                _write(arguments.o, list(runs.values()), [])
    updates = update_times((4, 6, 8), scenario.layout.slots)

    tables = [
        _table("training", RUN_COLUMNS, [runs[name] for name in names]),
        _table("update", UPDATE_COLUMNS, updates),
    ]
    words = (
        f"One thread; {machine_words()}, torch {torch.__version__}. Command: `python benchmarks/training.py "
        f"--episodes {arguments.episodes} --updates-every {arguments.updates_every}`."
    )
    text = "\n\n".join([*(table.markdown() for table in tables), words])
    print(text)
    if arguments.page:
        put(arguments.page, "<!-- benchmarks/training.py -->", text)
    if arguments.o:
        _write(arguments.o, list(runs.values()), updates)


if __name__ == "__main__":
    main()
