"""What a training is about: method and settings, an instance or its family, and what the policy is judged on."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from fgamcd_opt.instances.generation.recipe_check import verified_recipe
from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.short_repr import short_repr
from fgamcd_opt.learning.config import TrainConfig, method_config
from fgamcd_opt.learning.environment.scenario import Scenario
from fgamcd_opt.learning.environment.sources import FamilySource, FixedSource, ScenarioSource
from fgamcd_opt.learning.environment.state_rows import widest_association
from fgamcd_opt.problem.p1 import P1

_VERSIONS = ("fgamcd-opt", "torch", "numpy", "safetensors")
_JUDGED_STREAM = 1_785_358_954
"""Seed of the instances on which policies of a family are judged: the same for every method and training seed."""

_TRIES = 10
"""Instances drawn at most for each one to judge on, since some may have no solution."""


@dataclass(frozen=True, eq=False)
class Task:
    """One training, before it begins.

    Parameters
    ----------
    method
        Learned method.
    config
        All settings.
    instance
        What is trained on, or an example of the family.
    judged
        Instances of a family on which the policy is judged, apart from those that it is trained on; None for a
        training on the instance itself, which is judged there.
    threads
        Of PyTorch: results depend on it.
    rate_cache
        Folder in which complete rate tables are kept.

    Raises
    ------
    InputError
        A family is asked for, but the instance carries no recipe.
    """

    method: str
    config: TrainConfig
    instance: Instance
    judged: int | None = None
    threads: int = 1
    rate_cache: Path | None = None

    __repr__ = short_repr

    def __post_init__(self) -> None:
        if self.judged is not None and self.instance.recipe is None:
            raise InputError(f"{self.instance.name}: carries no recipe from which a family could be drawn")

    @property
    def mode(self) -> str:
        """``fixed`` or ``family``."""
        return "fixed" if self.judged is None else "family"

    @property
    def identity(self) -> dict[str, Any]:
        """What has to be the same when the training is resumed, as plain JSON values."""
        source: dict[str, Any] = {
            "mode": self.mode,
            "instance": self.instance.name,
            "recipe": self.instance.recipe,
        }
        if self.judged is None:
            source["digest"] = self.instance.digest
        else:
            source["judged"] = self.judged
        return {
            "method": self.method,
            "config": self.config.to_json(),
            "source": source,
            "threads": self.threads,
        }

    @property
    def versions(self) -> dict[str, str]:
        """Installed versions of what the results depend on."""
        return {name: version(name) for name in _VERSIONS}

    def command(self, instance: str, changes: Mapping[str, str]) -> str:
        """The command that makes the same training: the instance as it was named, every setting of one's own."""
        words = ["fgamcd", "train", self.method, instance]
        for name, text in changes.items():
            words += ["--set", f"{name}={text}"]
        if self.judged is not None:
            words += ["--family", "--judged", str(self.judged)]
        words += ["--episodes", str(self.config.episodes), "--seed", str(self.config.seed)]
        preset = method_config(self.method).to_json()
        for name, value in self.config.to_json().items():
            if value != preset[name] and name not in ("episodes", "seed"):
                words += ["--option", f"{name}={value}"]
        words += ["--threads", str(self.threads)] if self.threads != 1 else []
        return shlex.join(words)

    @cached_property
    def source(self) -> ScenarioSource:
        """Where the episodes come from."""
        steps, observation = self.config.steps, self.config.observation
        if self.judged is not None:
            return FamilySource(
                verified_recipe(self.instance, self.instance.name), steps=steps, observation=observation
            )
        slots = widest_association(self.instance)
        return FixedSource(Scenario(P1(self.instance), slots=slots, steps=steps, observation=observation))

    def judge_candidates(self) -> Iterator[Scenario]:
        """What the policy can be judged on: the instance itself, or further ones of the family, always the same."""
        if isinstance(self.source, FixedSource):
            yield self.source.scenario
            return
        generator = np.random.default_rng(_JUDGED_STREAM)
        slots, steps, observation = self.source.layout.slots, self.config.steps, self.config.observation
        for _ in range(_TRIES * (self.judged or 0)):
            instance = self.source.draw(generator).problem.instance
            yield Scenario(P1(instance), slots=slots, steps=steps, observation=observation)
