"""How a learner's deterministic policy fares on scenarios whose bounds are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.learning.config import TrainConfig
from fgamcd_opt.learning.environment.layout import StateLayout
from fgamcd_opt.learning.environment.scenario import Scenario
from fgamcd_opt.learning.environment.vector import VectorEnvironment
from fgamcd_opt.solving.status import relative_gap


@dataclass(frozen=True, eq=False)
class Judged:
    """A scenario and the proved lower bound on its delay in s, or None."""

    scenario: Scenario
    bound_s: float | None


@dataclass(frozen=True)
class Verdict:
    """Means over the scenarios.

    Parameters
    ----------
    delay_s
        T in s, infinite if some block is not delivered; None without scenarios.
    gap
        Relative to the bounds; None if one is missing or some delay is infinite.
    unserved
        Requested blocks that are not delivered, in all scenarios together.
    """

    delay_s: float | None
    gap: float | None
    unserved: int


class Actor(Protocol):
    """Whatever acts; see `fgamcd_opt.learning.training.trainer.Learner`."""

    def begin(self, copies: int) -> None:
        """Start episodes."""
        ...

    def act(
        self, state: NDArray[np.float32], admissible: NDArray[np.bool_], explore: bool
    ) -> NDArray[np.uint8]:
        """Actions (E, N, N)."""
        ...


class _InOrder:
    """Deals the scenarios one after the other, over and over."""

    def __init__(self, scenarios: Sequence[Scenario]) -> None:
        self._scenarios = scenarios
        self._next = 0

    @property
    def layout(self) -> StateLayout:
        return self._scenarios[0].layout

    @property
    def steps(self) -> str:
        return self._scenarios[0].steps

    def draw(self, generator: np.random.Generator) -> Scenario:
        scenario = self._scenarios[self._next % len(self._scenarios)]
        self._next += 1
        return scenario


def judge(actor: Actor, judged: Sequence[Judged], config: TrainConfig) -> Verdict:
    """Play every scenario once with deterministic actions.

    Parameters
    ----------
    actor
        Its recurrent state, if it has one, starts again.
    judged
        The scenarios; without any there is no verdict.
    config
        ``repair``.
    """
    if not judged:
        return Verdict(None, None, 0)
    environment = VectorEnvironment(
        _InOrder([each.scenario for each in judged]),
        len(judged),
        repair=config.repair,
        generator=np.random.default_rng(0),  # nothing is drawn
    )
    state = environment.reset()
    actor.begin(len(judged))
    delay_s, unserved, going = np.zeros(len(judged)), 0, True
    while going:
        step = environment.step(actor.act(state, environment.admissible(), explore=False))
        delay_s += np.where(step.active, step.delay_s, 0.0)
        unserved += int(np.isinf(step.delay_s[step.active]).sum())
        state, going = step.state, not step.done.all()
    bounds = [each.bound_s for each in judged]
    gaps = [relative_gap(t, b) for t, b in zip(delay_s.tolist(), bounds, strict=True) if b is not None]
    known = not unserved and len(gaps) == len(judged)
    return Verdict(float(delay_s.mean()), float(np.mean(gaps)) if known else None, unserved)
