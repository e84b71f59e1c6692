"""Scenarios of the smallest instances, and random play, for the tests of the game."""

from __future__ import annotations

from functools import cache

import numpy as np

from fgamcd_opt.instances.generation.from_recipe import generate
from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.instances.recipes.presets import PRESETS
from fgamcd_opt.learning.environment.scenario import Scenario
from fgamcd_opt.learning.environment.sources import FixedSource
from fgamcd_opt.learning.environment.vector import Step, VectorEnvironment
from fgamcd_opt.problem.p1 import P1


@cache
def preset_instance(name: str, **overrides: str) -> Instance:
    """The instance of a preset with some recipe fields changed."""
    return generate(PRESETS[name].with_overrides(overrides))


def preset_scenario(name: str, steps: str = "requested", **overrides: str) -> Scenario:
    """A scenario of its own, cold, of a preset."""
    return Scenario(P1(preset_instance(name, **overrides)), steps=steps)


def fixed_game(scenario: Scenario, copies: int = 3, **options: object) -> VectorEnvironment:
    """Copies of one scenario."""
    generator = np.random.default_rng(0)
    return VectorEnvironment(FixedSource(scenario), copies, generator=generator, **options)  # type: ignore[arg-type]


def play(game: VectorEnvironment, seed: int, density: float = 0.5) -> list[Step]:
    """All steps of one episode of every copy under random bits, each 1 with probability ``density``."""
    rng = np.random.default_rng(seed)
    n = game.layout.n_nodes
    game.reset()
    steps = []
    while not steps or not steps[-1].done.all():
        steps.append(game.step(rng.random((game.copies, n, n)) < density))
    return steps
