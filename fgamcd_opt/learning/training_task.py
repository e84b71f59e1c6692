"""What a training is about: method and settings, an instance or its family, and the bound to measure against."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from fgamcd_opt.context import Limits, SolveContext
from fgamcd_opt.errors import InputError
from fgamcd_opt.frontdoor import solve
from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.instances.recipe import Recipe
from fgamcd_opt.learning.config import TrainConfig, method_config
from fgamcd_opt.problem import P1
from fgamcd_opt.result import Result

if TYPE_CHECKING:
    from fgamcd_opt.learning.environment.sources import ScenarioSource

BOUND_SOLVER = "exact"
BOUND_GAP = 1e-3
BOUND_TIME_S = 120.0
"""How the bound is proved: to this relative gap, or as far as this many seconds lead; either way it is a bound."""

_VERSIONS = ("fgamcd-opt", "torch", "numpy", "safetensors")


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
    family
        Every episode has other requests, positions and channels, drawn from the instance's recipe.
    threads
        Of PyTorch: results depend on it.

    Raises
    ------
    InputError
        A family is asked for, but the instance carries no recipe.
    """

    method: str
    config: TrainConfig
    instance: Instance
    family: bool
    threads: int

    def __post_init__(self) -> None:
        if self.family and self.instance.recipe is None:
            raise InputError(
                f"--family: {self.instance.name} carries no recipe from which others could be drawn"
            )

    @property
    def mode(self) -> str:
        """``fixed`` or ``family``."""
        return "family" if self.family else "fixed"

    @property
    def identity(self) -> dict[str, Any]:
        """What has to be the same when the training is resumed, as plain JSON values."""
        what = {"recipe": self.instance.recipe} if self.family else {"digest": self.instance.digest}
        return {
            "method": self.method,
            "config": self.config.to_json(),
            "source": {"mode": self.mode, **what},
            "threads": self.threads,
        }

    @property
    def content(self) -> dict[str, Any]:
        """The identity with names and versions."""
        source = {"mode": self.mode, "instance": self.instance.name, "recipe": self.instance.recipe}
        if not self.family:
            source["digest"] = self.instance.digest
        return {**self.identity, "source": source, "versions": {name: version(name) for name in _VERSIONS}}

    def command(self, instance: str, changes: dict[str, str]) -> str:
        """The command that makes the same training: the instance as it was named, every setting of one's own."""
        words = ["fgamcd", "train", self.method, instance]
        for name, text in changes.items():
            words += ["--set", f"{name}={text}"]
        words += ["--family"] if self.family else []
        preset, flags = method_config(self.method).to_json(), ("episodes", "seed", "device")
        for name, value in self.config.to_json().items():
            if name in flags[:2] or (name in flags and value != preset[name]):
                words += [f"--{name}", str(value)]
            elif value != preset[name]:
                words += ["--option", f"{name}={value}"]
        words += ["--threads", str(self.threads)] if self.threads != 1 else []
        return shlex.join(words)

    def source(self) -> ScenarioSource:
        """Where the episodes come from."""
        from fgamcd_opt.learning.environment.scenario import Scenario
        from fgamcd_opt.learning.environment.sources import FamilySource, FixedSource
        from fgamcd_opt.learning.environment.state_rows import widest_association

        steps = self.config.steps
        if self.family:
            return FamilySource(Recipe.from_json(self.instance.recipe or {}), steps=steps)
        slots = widest_association(self.instance)
        return FixedSource(Scenario(P1(self.instance), slots=slots, steps=steps))

    def bound(self, context: SolveContext) -> Result:
        """Prove the bound on the delay of the instance against which the curve's gaps are; fixed mode alone."""
        limits = Limits(
            time_s=min(BOUND_TIME_S, max(context.remaining_s, 1e-3)), gap=BOUND_GAP, threads=self.threads
        )
        return solve(P1(self.instance), BOUND_SOLVER, limits=limits, stop=context.stop)
