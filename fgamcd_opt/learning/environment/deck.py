"""Scenarios side by side: their steps in flat arrays that all copies of the game index at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.learning.environment.rules import caching_mask, participants
from fgamcd_opt.learning.environment.scenario import Scenario


class Deck:
    """J different scenarios, each padded to L steps; step i of scenario j is row ``j L + i`` of every array.

    The rows after an episode's last step show the state after the end and a block that fits nowhere.

    Parameters
    ----------
    scenarios
        Of one layout.

    Attributes
    ----------
    length
        L, one more than the steps of the longest.
    n_steps, time_scale_s
        (J,) of the scenarios.
    storage_bytes
        (J, N).
    states, block_bytes, block_bits, requested, link_s, best_sets
        (J L, ...) of the steps, as in :class:`Scenario`.
    rates_bps
        (J L, 2^N) rates of all participants, NaN where not known yet.
    bytes_to_come
        (J L,) requested bytes from the step on, at least 1.
    """

    def __init__(self, scenarios: Sequence[Scenario]) -> None:
        self.scenarios = tuple(scenarios)
        first = self.scenarios[0]
        self.n_steps = np.array([s.n_steps for s in scenarios])
        self.length = int(self.n_steps.max()) + 1
        self.time_scale_s = np.array([s.time_scale_s for s in scenarios])
        self.storage_bytes = np.stack([s.problem.data.storage_bytes for s in scenarios])
        rows = len(self.scenarios) * self.length
        self.states = np.empty((rows, first.layout.size), np.float32)
        self.block_bytes = np.full(rows, np.iinfo(np.int64).max)
        self.block_bits = np.zeros(rows)
        self.requested = np.zeros(rows, np.bool_)
        self.bytes_to_come = np.ones(rows)
        self.link_s = np.full((rows, *first.link_s.shape[1:]), np.inf)
        self.rates_bps = np.full((rows, first.rates.table_bps.shape[1]), np.nan)
        self.best_sets = np.full(self.rates_bps.shape, -1, np.int32)
        for j, s in enumerate(scenarios):
            start, end = j * self.length, j * self.length + s.n_steps
            self.states[start:end], self.states[end : start + self.length] = s.states[:-1], s.states[-1]
            self.block_bytes[start:end] = s.step_bytes
            self.block_bits[start:end] = s.step_bits
            self.requested[start:end] = s.requested
            wanted = np.where(s.requested, s.step_bytes, 0)
            self.bytes_to_come[start:end] = np.maximum(wanted[::-1].cumsum()[::-1], 1)
            self.link_s[start:end] = s.link_s
            self.rates_bps[start:end][s.requested] = s.rates.table_bps
            self.best_sets[start:end] = s.best_sets

    def find_out(self, row: int, bits: NDArray[np.uint8]) -> None:
        """Compute what :func:`.deliver` does not know about the step of a row with executed bits (N, N)."""
        j, step = divmod(row, self.length)
        joined, scenario = int(participants(bits[None])[0]), self.scenarios[j]
        if np.isnan(self.rates_bps[row, joined]):
            self.rates_bps[row, joined] = scenario.rate_bps(np.array([step]), np.array([joined]))[0]
        else:
            cached = int(caching_mask(bits[None])[0])
            self.best_sets[row, cached] = scenario.best_participants(step, cached)
