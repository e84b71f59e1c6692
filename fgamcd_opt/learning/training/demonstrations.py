"""Optimal solutions as episodes to imitate: behaviour cloning before training."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.short_repr import short_repr
from fgamcd_opt.learning.environment.scenario import Scenario
from fgamcd_opt.learning.environment.sources import FixedSource, ScenarioSource
from fgamcd_opt.learning.environment.vector import VectorEnvironment
from fgamcd_opt.problem.decision import Decision
from fgamcd_opt.solving.context import DEFAULT_GAP
from fgamcd_opt.solving.front_door import solve


@dataclass(frozen=True, eq=False)
class Demonstrations:
    """Transitions of several episodes, one after the other.

    Attributes
    ----------
    rows
        Arrays of M transitions by the names of a replay buffer: ``state``, ``next_state`` (M, S), ``admissible``,
        ``next_admissible`` (M, N), ``bits`` (M, N, N), ``reward`` (-T_k / tau) and ``done`` (M,).
    gaps
        Certified relative gap of each solution.
    left_out
        Instances for which `exact` found no solution.
    """

    rows: Mapping[str, NDArray[Any]]
    gaps: tuple[float, ...]
    left_out: int

    __repr__ = short_repr


def demonstrate(
    source: ScenarioSource,
    episodes: int,
    generator: np.random.Generator,
    *,
    gap: float = DEFAULT_GAP,
    time_s: float = float("inf"),
    stop: threading.Event | None = None,
    on_solved: Callable[[int], None] = lambda solved: None,
) -> Demonstrations:
    """Solve scenarios with `exact` and walk through the game as the solutions say.

    Parameters
    ----------
    source
        Gives the scenarios; a fixed one needs one episode, since `exact` always finds the same.
    episodes
        Scenarios drawn.
    generator
        Of the scenarios.
    gap
        Certified relative gap at which `exact` may stop.
    time_s
        Time limit per solve in s; with a limit the result depends on the machine.
    stop
        Set it to end early, with `KeyboardInterrupt`: part of the demonstrations would make another training.
    on_solved
        Called after every solve with how many there were.

    Raises
    ------
    KeyboardInterrupt
        ``stop`` was set.
    InputError
        ``episodes`` is not positive, or `exact` found no solution of any scenario.
    """
    if episodes < 1:
        raise InputError(f"demonstrations: {episodes} episodes; expected at least 1")
    walks, gaps = [], []
    for solved in range(1, episodes + 1):
        scenario = source.draw(generator)
        result = solve(scenario.problem, "exact", time_limit=time_s, gap=gap, stop=stop, silent=True)
        if stop is not None and stop.is_set():
            raise KeyboardInterrupt
        on_solved(solved)
        if result.solution is not None and result.gap is not None:
            walks.append(walk(scenario, result.solution.decision))
            gaps.append(result.gap)
    if not walks:
        raise InputError(f"demonstrations: exact found no solution of {episodes} instances; none to imitate")
    rows = {name: np.concatenate([each[name] for each in walks]) for name in walks[0]}
    return Demonstrations(rows, tuple(gaps), episodes - len(walks))


def walk(scenario: Scenario, decision: Decision) -> dict[str, NDArray[Any]]:
    """Transitions of the episode that makes a decision of the problem, see :class:`Demonstrations`.

    Raises
    ------
    InputError
        The game does not allow the decision, which then breaks (1) or (2) or uses a link that does not exist.
    """
    others, nodes = scenario.layout.others, np.arange(scenario.layout.n_nodes)[:, None]
    bits = np.zeros((scenario.n_steps, nodes.size, nodes.size), np.uint8)
    bits[:, :, 0] = decision.caching[:, scenario.step_block].T
    bits[:, :, 1:] = np.moveaxis(decision.migration[nodes, others][..., scenario.step_block], -1, 0)
    game = VectorEnvironment(FixedSource(scenario), 1, repair="none", generator=np.random.default_rng(0))
    states, masks, rewards = [game.reset()[0]], [game.admissible()[0]], []
    for step in range(scenario.n_steps):
        done = game.step(bits[step : step + 1])
        if not np.array_equal(done.bits[0], bits[step]):
            block = int(scenario.step_block[step])
            raise InputError(
                f"{scenario.problem.data.name}: the game does not allow the decision on block {block}"
            )
        states.append(done.state[0])
        masks.append(game.admissible()[0])
        rewards.append(done.reward[0])
    state, fits = np.stack(states), np.stack(masks)
    return {
        "state": state[:-1],
        "admissible": fits[:-1],
        "bits": bits,
        "reward": np.array(rewards),
        "next_state": state[1:],
        "next_admissible": fits[1:],
        "done": (np.arange(scenario.n_steps) == scenario.n_steps - 1).astype(np.float32),
    }
