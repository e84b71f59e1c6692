"""Where the episodes of a training come from: one fixed instance, or a family of them."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from fgamcd_opt.learning.environment.layout import StateLayout
from fgamcd_opt.learning.environment.scenario import Scenario


class ScenarioSource(Protocol):
    """Gives every copy of the game its next scenario; all of them have one layout."""

    @property
    def layout(self) -> StateLayout:
        """Nodes and slots that all scenarios share."""
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

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario

    @property
    def layout(self) -> StateLayout:
        """Layout of the scenario."""
        return self.scenario.layout

    def draw(self, generator: np.random.Generator) -> Scenario:
        """The scenario; nothing is drawn."""
        return self.scenario
