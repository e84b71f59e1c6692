"""`VectorEnvironment`: several episodes of the game side by side, in arrays over copies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.short_repr import short_repr
from fgamcd_opt.learning.environment.deck import Deck
from fgamcd_opt.learning.environment.layout import StateLayout
from fgamcd_opt.learning.environment.rules import REPAIRS, caching_mask, deliver, execute, shown
from fgamcd_opt.learning.environment.scenario import Scenario
from fgamcd_opt.learning.environment.sources import ScenarioSource


class RewardModel(Protocol):
    """Another reward than -T_k / tau; the penalties for blocks that are not delivered stay as they are."""

    def reward(
        self,
        scenario: Scenario,
        step: NDArray[np.int64],
        caching_mask: NDArray[np.int64],
        delay_s: NDArray[np.float64],
        room_bytes: NDArray[np.int64],
    ) -> NDArray[np.float64]:
        """(B,) rewards of B copies that play ``scenario``, at their steps; infinite delays may get any value.

        ``room_bytes`` (B, N) is what is left after the step.
        """
        ...


@dataclass(frozen=True, eq=False)
class Step:
    """What one step of all E copies led to.

    Attributes
    ----------
    state
        (E, S) float32 next states.
    reward
        (E,) float32 of the whole team.
    done
        (E,) bool, the episode is over.
    active
        (E,) bool, the copy was still playing; where it was not, nothing happened.
    bits
        (E, N, N) uint8 what was executed, after masks and repair.
    delay_s
        (E,) T_k in s; infinite where the block is not delivered or misses the QoS, 0 where nobody requests it.
    """

    state: NDArray[np.float32]
    reward: NDArray[np.float32]
    done: NDArray[np.bool_]
    active: NDArray[np.bool_]
    bits: NDArray[np.uint8]
    delay_s: NDArray[np.float64]

    __repr__ = short_repr


class VectorEnvironment:
    """E copies of the game. A copy whose episode is over stays put until :meth:`reset`.

    Decisions are masked before they are executed: no caching beyond the room that is left (1), no migration from a
    node that does not cache (2) or over a link that does not exist.

    Parameters
    ----------
    source
        Gives every copy a scenario at every reset.
    copies
        E.
    repair
        ``none``; ``caching``: a requested block that no node takes goes to the node with most room, if it fits; nodes
        that would leave a requested block to come without a place drop out, those with least room first; migration
        that brings nothing is dropped (to a node that caches the block, or over another than the fastest link chosen);
        ``delivery``: besides, participants that miss the QoS become F5's best set for the same caching.
    penalty_qos, penalty_undelivered
        Cost of a requested block that misses the QoS, and of one that no node caches.
    generator
        Of everything random in the scenarios.
    reward_model
        In place of -T_k / tau.

    Raises
    ------
    InputError
        ``repair`` is unknown or ``copies`` is not positive.
    """

    __repr__ = short_repr

    def __init__(
        self,
        source: ScenarioSource,
        copies: int,
        *,
        repair: str = "caching",
        penalty_qos: float = 10.0,
        penalty_undelivered: float = 10.0,
        generator: np.random.Generator,
        reward_model: RewardModel | None = None,
    ) -> None:
        if repair not in REPAIRS:
            raise InputError(f"repair: {repair!r} is unknown; expected one of {', '.join(REPAIRS)}")
        if copies < 1:
            raise InputError(f"copies: {copies}; expected at least 1")
        self.source, self.copies, self.repair, self.generator = source, copies, repair, generator
        self.penalty_qos, self.penalty_undelivered = penalty_qos, penalty_undelivered
        self.reward_model = reward_model
        self.layout: StateLayout = source.layout
        self._first_room = self.layout.room.start
        self._deck: Deck | None = None
        self.reset()

    def reset(self) -> NDArray[np.float32]:
        """Give every copy a new scenario and return their first states, (E, S) float32."""
        scenarios = [self.source.draw(self.generator) for _ in range(self.copies)]
        distinct = list(dict.fromkeys(scenarios))
        if self._deck is None or list(self._deck.scenarios) != distinct:
            self._deck = Deck(distinct)
        self.scenarios = tuple(scenarios)
        self._which = np.array([distinct.index(s) for s in scenarios])
        self._row = self._which * self._deck.length
        self._end = self._row + self._deck.n_steps[self._which]
        self._room = self._deck.storage_bytes[self._which]
        self._time_scale_s = self._deck.time_scale_s[self._which]
        return self._state()

    @property
    def deck(self) -> Deck:
        """The scenarios of the running episodes."""
        assert self._deck is not None
        return self._deck

    @property
    def room_bytes(self) -> NDArray[np.int64]:
        """(E, N) storage that is left."""
        return np.asarray(self._room.copy())

    def admissible(self) -> NDArray[np.bool_]:
        """(E, N) whether the block of this step still fits into the node; False after the end."""
        return np.asarray(self._room >= self.deck.block_bytes[self._row, None])

    def step(self, bits: NDArray[Any]) -> Step:
        """Execute the decisions of all nodes of all copies.

        Parameters
        ----------
        bits
            (E, N, N) binaries: ``[e, n, 0]`` caches, ``[e, n, 1 + j]`` migrates to ``layout.others[n, j]``.

        Raises
        ------
        InputError
            The shape is another one.
        """
        shape = (self.copies, self.layout.n_nodes, self.layout.n_nodes)
        if np.shape(bits) != shape:
            raise InputError(f"bits: shape is {np.shape(bits)}; expected {shape}")
        deck, row = self.deck, self._row
        chosen = np.not_equal(bits, 0, order="C")
        active, delay = row < self._end, np.empty(self.copies)
        repaired, redeliver = self.repair != "none", self.repair == "delivery"
        steps = deck.block_bytes, deck.requested, deck.link_s
        execute(chosen, repaired, self._room, row, self._end, *steps)
        executed = chosen.view(np.uint8)
        delivery = deck.requested, deck.block_bits, deck.link_s, deck.rates_bps, deck.best_sets
        while (unclear := deliver(executed, redeliver, row, *delivery, delay)) >= 0:
            deck.find_out(int(row[unclear]), executed[unclear])
        reward = self._reward(active, executed, delay)
        self._row = row + active
        done = self._row == self._end
        return Step(self._state(), reward.astype(np.float32), done, active, executed, delay)

    def _reward(
        self, active: NDArray[np.bool_], executed: NDArray[np.uint8], delay: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """(E,) -T_k / tau or what the reward model says, and the penalties."""
        reward = (
            -delay / self._time_scale_s
            if self.reward_model is None
            else self._modelled(active, executed, delay)
        )
        late = np.isinf(delay)
        if late.any():
            cached = executed[:, :, 0].any(axis=1)
            reward[late] = -np.where(cached, self.penalty_qos, self.penalty_undelivered)[late]
        return reward

    def _modelled(
        self, active: NDArray[np.bool_], executed: NDArray[np.uint8], delay: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """(E,) what the reward model says; 0 after the end."""
        assert self.reward_model is not None
        reward, cached = np.zeros(self.copies), caching_mask(executed)
        for j, scenario in enumerate(self.deck.scenarios):
            of = np.flatnonzero(active & (self._which == j))
            if of.size:
                step = self._row[of] - j * self.deck.length
                reward[of] = self.reward_model.reward(scenario, step, cached[of], delay[of], self._room[of])
        return reward

    def _state(self) -> NDArray[np.float32]:
        deck, first = self.deck, self._first_room
        return np.asarray(shown(deck.states, self._row, self._room, deck.bytes_to_come, first))
