"""The game with PettingZoo's face: one copy of the vectorised core as a `ParallelEnv`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium.spaces import Box, MultiDiscrete
from numpy.typing import NDArray
from pettingzoo import ParallelEnv

from fgamcd_opt.errors import InputError
from fgamcd_opt.learning.environment.sources import ScenarioSource
from fgamcd_opt.learning.environment.vector import RewardModel, VectorEnvironment

Array = NDArray[Any]


class ParallelEnvironment(ParallelEnv):  # type: ignore[misc]
    """Agents ``node_0`` to ``node_{N-1}`` decide together on one block per step and share the reward.

    An observation is a vector in [0, 1]: o_{n,n}, then o_{n,m} of the other nodes in increasing order
    (:class:`~fgamcd_opt.learning.environment.layout.StateLayout`). An action is N numbers 0 or 1: cache the block,
    then migrate it to each of the other nodes in increasing order; it is a ``MultiDiscrete`` space, which more
    libraries know than ``MultiBinary``. ``infos[agent]["action_mask"]`` is the mask that ``action_space.sample``
    takes: caching is out where the block does not fit. Actions that break the mask are executed without it.

    Parameters
    ----------
    source
        One fixed scenario or a family.
    repair, penalty_qos, penalty_undelivered, reward_model
        As in :class:`~fgamcd_opt.learning.environment.vector.VectorEnvironment`.
    seed
        Of the scenarios, until ``reset`` is given another one.
    """

    def __init__(
        self,
        source: ScenarioSource,
        *,
        repair: str = "caching",
        penalty_qos: float = 10.0,
        penalty_undelivered: float = 10.0,
        reward_model: RewardModel | None = None,
        seed: int = 0,
    ) -> None:
        self.metadata = {"name": "fgamcd_v0", "render_modes": [], "is_parallelizable": True}
        self.render_mode = None
        self.core = VectorEnvironment(
            source,
            1,
            repair=repair,
            penalty_qos=penalty_qos,
            penalty_undelivered=penalty_undelivered,
            generator=np.random.default_rng(seed),
            reward_model=reward_model,
        )
        layout = self.core.layout
        self.possible_agents = [f"node_{n}" for n in range(layout.n_nodes)]
        self.agents: list[str] = []
        seen = (layout.observation_size,)
        self.observation_spaces = {agent: Box(0.0, 1.0, seen, np.float32) for agent in self.possible_agents}
        self.action_spaces = {agent: MultiDiscrete([2] * layout.n_nodes) for agent in self.possible_agents}
        self.state_space = Box(0.0, 1.0, (layout.size,), np.float32)

    def observation_space(self, agent: str) -> Box:
        """The observations of an agent."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> MultiDiscrete:
        """The actions of an agent."""
        return self.action_spaces[agent]

    def reset(
        self, seed: int | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[dict[str, Array], dict[str, dict[str, Any]]]:
        """Begin an episode.

        Parameters
        ----------
        seed
            Starts the random numbers of the scenarios again; without it they go on.
        options
            Not used.
        """
        if seed is not None:
            self.core.generator = np.random.default_rng(seed)
        self._state = self.core.reset()
        self.agents = list(self.possible_agents)
        return self._observations(), self._infos()

    def step(
        self, actions: Mapping[str, Any]
    ) -> tuple[
        dict[str, Array], dict[str, float], dict[str, bool], dict[str, bool], dict[str, dict[str, Any]]
    ]:
        """Execute the actions of all agents; the episode terminates after the last block.

        Raises
        ------
        InputError
            The episode is over, an agent has no action, or an action has another shape.
        """
        missing = [agent for agent in self.possible_agents if agent not in actions]
        if missing or not self.agents:
            what = "the episode is over; call reset()" if not self.agents else f"no action for {missing[0]}"
            raise InputError(f"{self.metadata['name']}: {what}")
        taken = self.core.step(np.stack([actions[agent] for agent in self.possible_agents])[None])
        self._state, done = taken.state, bool(taken.done[0])
        infos = self._infos()
        for agent in self.agents:
            infos[agent]["delay_s"] = float(taken.delay_s[0])
        results = (
            self._observations(),
            dict.fromkeys(self.agents, float(taken.reward[0])),
            dict.fromkeys(self.agents, done),
            dict.fromkeys(self.agents, False),
            infos,
        )
        if done:
            self.agents = []
        return results

    def state(self) -> Array:
        """(S,) state of the game: all observations without repetition."""
        return np.asarray(self._state[0])

    def render(self) -> None:
        """Nothing is drawn."""

    def close(self) -> None:
        """Nothing is held open."""

    def _observations(self) -> dict[str, Array]:
        own, other = self.core.layout.observe(self._state[0])
        seen = np.concatenate([own, other.reshape(own.shape[0], -1)], axis=1)
        return dict(zip(self.possible_agents, seen, strict=True))

    def _infos(self) -> dict[str, dict[str, Any]]:
        free = np.ones(2, np.int8)
        masks = [np.array([1, fits], np.int8) for fits in self.core.admissible()[0]]
        others = (free,) * self.core.layout.n_others
        return {a: {"action_mask": (m, *others)} for a, m in zip(self.possible_agents, masks, strict=True)}
