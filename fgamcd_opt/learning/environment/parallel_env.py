"""The game with PettingZoo's face: one copy of the vectorised core as a `ParallelEnv`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium.spaces import Box, MultiDiscrete
from numpy.typing import NDArray
from pettingzoo import ParallelEnv

from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.short_repr import short_repr
from fgamcd_opt.learning.environment.sources import ScenarioSource
from fgamcd_opt.learning.environment.vector import RewardModel, VectorEnvironment

Array = NDArray[Any]

_REAL_KINDS = "biuf"
"""Kinds of NumPy types whose numbers are real."""


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

    __repr__ = short_repr

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
        self._state: Array | None = None
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

        Raises
        ------
        InputError
            ``seed`` is not a whole number >= 0.
        """
        if seed is not None:
            if isinstance(seed, bool | np.bool_) or not isinstance(seed, int | np.integer) or seed < 0:
                raise InputError(f"{self._name}: seed: {seed!r} is not a whole number >= 0")
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

        Parameters
        ----------
        actions
            For each agent, and nobody else, N numbers that are exactly 0 or 1, of any real type.

        Raises
        ------
        InputError
            No episode runs, an agent has no action, an action belongs to no agent, has another shape or type, or
            holds another number. The episode stays where it was.
        """
        bits = self._bits(actions)
        taken = self.core.step(bits[None])
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
        """(S,) state of the game: all observations without repetition.

        Raises
        ------
        InputError
            No episode has started yet.
        """
        return np.asarray(self._current()[0])

    def render(self) -> None:
        """Nothing is drawn."""

    def close(self) -> None:
        """Nothing is held open."""

    @property
    def _name(self) -> str:
        return str(self.metadata["name"])

    def _current(self) -> Array:
        """(1, S) state of the core as the last `reset` or `step` left it."""
        if self._state is None:
            raise InputError(f"{self._name}: no episode has started; call reset()")
        return self._state

    def _bits(self, actions: Mapping[str, Any]) -> Array:
        """(N, N) bool, the checked actions of all agents."""
        self._current()
        if not self.agents:
            raise InputError(f"{self._name}: the episode is over; call reset()")
        if not isinstance(actions, Mapping):
            raise InputError(
                f"{self._name}: actions are a {type(actions).__name__}; expected one action for each of "
                f"{', '.join(self.possible_agents)}, by name"
            )
        for agent in self.possible_agents:
            if agent not in actions:
                raise InputError(f"{self._name}: no action for {agent}")
        for agent in actions:
            if agent not in self.action_spaces:
                raise InputError(
                    f"{self._name}: action for {agent!r:.80}, who is no agent; agents are {', '.join(self.agents)}"
                )
        return np.stack([self._one_action(agent, actions[agent]) for agent in self.possible_agents])

    def _one_action(self, agent: str, action: Any) -> Array:
        """(N,) bool."""
        what, n = f"{self._name}: action of {agent}", self.core.layout.n_nodes
        try:
            numbers = np.asarray(action)
        except (TypeError, ValueError, RuntimeError) as error:  # ragged lists; tensors of other devices
            raise InputError(f"{what}: is no array of numbers ({error})") from error
        if numbers.dtype.kind not in _REAL_KINDS:
            raise InputError(f"{what}: is of type {numbers.dtype}; expected {n} numbers 0 or 1")
        if numbers.shape != (n,):
            raise InputError(f"{what}: shape is {numbers.shape}; expected ({n},)")
        wrong = np.flatnonzero((numbers != 0) & (numbers != 1))
        if wrong.size:
            raise InputError(f"{what}: entry {wrong[0]} is {numbers[wrong[0]]}; expected 0 or 1")
        return np.asarray(numbers != 0)

    def _observations(self) -> dict[str, Array]:
        own, other = self.core.layout.observe(self._current()[0])
        seen = np.concatenate([own, other.reshape(own.shape[0], -1)], axis=1)
        return dict(zip(self.possible_agents, seen, strict=True))

    def _infos(self) -> dict[str, dict[str, Any]]:
        free = np.ones(2, np.int8)
        masks = [np.array([1, fits], np.int8) for fits in self.core.admissible()[0]]
        others = (free,) * self.core.layout.n_others
        return {a: {"action_mask": (m, *others)} for a, m in zip(self.possible_agents, masks, strict=True)}
