"""Where the episodes of a training come from: one fixed instance, or a family of them."""

from __future__ import annotations

import dataclasses
from typing import Protocol

import numpy as np

from fgamcd_opt.beamforming.broadcast import BeamformingSettings
from fgamcd_opt.beamforming.rate_oracle import RateOracle
from fgamcd_opt.instances.generation.from_recipe import generate, positions
from fgamcd_opt.instances.instance import nearest_nodes
from fgamcd_opt.instances.network.qos_compiled import compiled_weights
from fgamcd_opt.instances.recipes.recipe import Recipe
from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.short_repr import short_repr
from fgamcd_opt.learning.environment.layout import StateLayout
from fgamcd_opt.learning.environment.scenario import Scenario
from fgamcd_opt.problem.p1 import P1

_SAMPLED = 64
_TRIES = 100


class ScenarioSource(Protocol):
    """Gives every copy of the game its next scenario; all of them have one layout."""

    @property
    def layout(self) -> StateLayout:
        """Nodes and slots that all scenarios share."""
        ...

    @property
    def steps(self) -> str:
        """Blocks that all scenarios walk through, ``requested`` or ``all``."""
        ...

    def draw(self, generator: np.random.Generator) -> Scenario:
        """The next scenario; everything random about it comes from ``generator``."""
        ...


class FixedSource:
    """The same scenario in every episode.

    Parameters
    ----------
    scenario
        With whatever rates are known already.
    """

    __repr__ = short_repr

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario

    @property
    def layout(self) -> StateLayout:
        """Layout of the scenario."""
        return self.scenario.layout

    @property
    def steps(self) -> str:
        """Blocks that the scenario walks through."""
        return self.scenario.steps

    def draw(self, generator: np.random.Generator) -> Scenario:
        """The scenario; nothing is drawn."""
        return self.scenario


class FamilySource:
    """A new instance of one recipe in every episode: its requests, positions, channels and backhaul are drawn afresh.

    Instances that are quickly proved infeasible are drawn again. Rates are computed as they are met.

    Parameters
    ----------
    recipe
        Everything but the seed.
    steps
        ``requested`` or ``all`` blocks.
    slots
        W, users per node that states show; by default :func:`family_slots`.
    observation
        ``requests`` or ``channels``, as in :class:`Scenario`.
    settings
        Effort of the beamforming.
    """

    __repr__ = short_repr

    def __init__(
        self,
        recipe: Recipe,
        *,
        steps: str = "requested",
        slots: int | None = None,
        observation: str = "requests",
        settings: BeamformingSettings | None = None,
    ) -> None:
        self.recipe, self.steps, self.observation = recipe, steps, observation
        self.settings = settings or BeamformingSettings(rounds=0)
        self.layout = StateLayout(recipe.nodes, slots or family_slots(recipe), observation == "channels")

    def draw(self, generator: np.random.Generator) -> Scenario:
        """A scenario whose instance has a seed from ``generator``.

        Raises
        ------
        InputError
            All of many instances are proved infeasible.
        """
        for _ in range(_TRIES):
            seed = int(generator.integers(2**63))
            problem = P1(generate(dataclasses.replace(self.recipe, seed=seed), compiled_weights))
            reason = problem.infeasibility_reason()
            if reason is None:
                oracle = RateOracle(problem, self.settings)
                return Scenario(
                    problem,
                    slots=self.layout.slots,
                    steps=self.steps,
                    observation=self.observation,
                    oracle=oracle,
                )
        raise InputError(
            f"{self.recipe.name}: {_TRIES} instances of this recipe are all infeasible, the last one because {reason}; "
            "give the nodes more storage (storage_gb) or lower the QoS (qos_cap)"
        )


def family_slots(recipe: Recipe) -> int:
    """Largest association in a fixed sample of the recipe's geometries, whatever the recipe's own seed."""
    seeds = np.random.default_rng(0).integers(2**63, size=_SAMPLED)
    widest = 1
    for seed in seeds.tolist():
        nodes, users = positions(dataclasses.replace(recipe, seed=seed))
        widest = max(widest, int(np.bincount(nearest_nodes(nodes, users)).max()))
    return widest
