"""Episodes of one scenario played by a policy, for whoever uses or judges it rather than trains it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.short_repr import short_repr
from fgamcd_opt.learning.environment.layout import StateLayout
from fgamcd_opt.learning.environment.rules import caching_mask, participants
from fgamcd_opt.learning.environment.scenario import Scenario
from fgamcd_opt.learning.environment.sources import FixedSource
from fgamcd_opt.learning.environment.vector import VectorEnvironment
from fgamcd_opt.learning.policies.policy import Policy


@dataclass(frozen=True, eq=False)
class Rollout:
    """E episodes of one scenario with K steps.

    Attributes
    ----------
    layout
        Of the scenario: what the bits mean.
    bits
        (E, K, N, N) uint8 what was executed.
    step_delay_s
        (E, K) T_k in s: infinite where the block is not delivered or misses the QoS, 0 where nobody requests it.
    """

    layout: StateLayout
    bits: NDArray[np.uint8]
    step_delay_s: NDArray[np.float64]

    __repr__ = short_repr

    @property
    def caching(self) -> NDArray[np.int64]:
        """(E, K) caching sets as bit masks."""
        return caching_mask(self._flat).reshape(self.step_delay_s.shape)

    @property
    def participating(self) -> NDArray[np.int64]:
        """(E, K) participating sets as bit masks."""
        return participants(self._flat).reshape(self.step_delay_s.shape)

    @property
    def delay_s(self) -> NDArray[np.float64]:
        """(E,) T in s; infinite where some requested block is not delivered."""
        return np.asarray(self.step_delay_s.sum(axis=1))

    @property
    def unserved(self) -> NDArray[np.int64]:
        """(E,) requested blocks that are not delivered or miss the QoS."""
        return np.asarray(np.isinf(self.step_delay_s).sum(axis=1))

    @property
    def _flat(self) -> NDArray[np.uint8]:
        return self.bits.reshape(-1, self.layout.n_nodes, self.layout.n_nodes)


def play(
    policy: Policy, scenario: Scenario, generator: torch.Generator | None = None, copies: int = 1
) -> Rollout:
    """Play whole episodes, with the repair that the policy was trained with.

    Parameters
    ----------
    policy
        Decides; its slots are those of the scenario.
    scenario
        At most as many nodes as the policy is made for.
    generator
        Source of random decisions; without it all copies are the same deterministic episode.
    copies
        E, episodes side by side.

    Raises
    ------
    InputError
        The scenario shows another number of slots than the policy knows.
    UsageError
        It has more nodes than the policy is made for.
    """
    if scenario.layout.slots != policy.layout.slots:
        raise InputError(
            f"slots: the scenario shows {scenario.layout.slots} users per node, the policy knows {policy.layout.slots}"
        )
    environment = VectorEnvironment(
        FixedSource(scenario), copies, repair=policy.config.repair, generator=np.random.default_rng(0)
    )
    policy.begin(copies)
    state, executed, delays = environment.reset(), [], []
    for _ in range(scenario.n_steps):
        step = environment.step(policy.act(state, environment.admissible(), generator))
        state = step.state
        executed.append(step.bits)
        delays.append(step.delay_s)
    return Rollout(scenario.layout, np.stack(executed, axis=1), np.stack(delays, axis=1))
