"""`Scenario`: one instance prepared for the game, its steps, what they show and what they cost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.beamforming.rate_oracle import RateOracle
from fgamcd_opt.io.errors import InputError, UnsupportedVariantError, UsageError
from fgamcd_opt.io.short_repr import short_repr
from fgamcd_opt.learning.environment.layout import StateLayout
from fgamcd_opt.learning.environment.rules import best_set, deliver, execute, migration_s, participants
from fgamcd_opt.learning.environment.set_rates import SetRates
from fgamcd_opt.learning.environment.state_rows import rates_to_others, state_rows, widest_association
from fgamcd_opt.problem.constraints.beams import MaxSenders, Power, Qos, Sender, Silence
from fgamcd_opt.problem.constraints.formulation import Formulation
from fgamcd_opt.problem.constraints.placement import Binary, Coverage, Link, MigrationSource, Storage
from fgamcd_opt.problem.constraints.planning import Cooperation, OwnUsers, WholeModel
from fgamcd_opt.problem.delay import bits as bits_of
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.problem.variants import Variant

WALKS = ("requested", "all")
"""Blocks that an episode walks through, in the order of their indices."""

OBSERVATIONS = ("requests", "channels")
"""How states show a request: as 1, or by the quality of each node's channel to the user."""


class Scenario:
    """One instance as a game of n_steps decisions on blocks; B below counts whatever is asked about at once.

    Parameters
    ----------
    problem
        P1 itself; its variants are other games.
    slots
        W, users per node that the state shows; of more than that, the nearest. By default room for all.
    steps
        ``requested`` or ``all`` blocks.
    observation
        ``requests`` or ``channels``: what states show where a user requests a block.
    oracle
        Rates to share with others; a complete one is used as it is.

    Attributes
    ----------
    steps
        As given.
    n_steps
        Steps of an episode.
    step_block
        (n_steps,) block index k.
    step_row
        (n_steps,) row of the block among the requested ones; -1 if nobody requests it.
    step_bytes
        (n_steps,) D_k in bytes.
    requested
        (n_steps,) bool.
    states
        (n_steps + 1, S) float32 states without room; the last one is after the end.
    link_s
        (n_steps, N, N - 1) D_k / R_{n,m,k} in s to the others in increasing order; infinite without a link.
    best_sets
        (n_steps, 2^N) what :meth:`best_participants` has found so far, negative where nobody asked.
    time_scale_s
        tau: mean over the requested blocks of D_k over the mean QoS rate, the unit in which rewards count time.

    Raises
    ------
    UnsupportedVariantError
        The problem is a variant of P1.
    InputError
        ``steps``, ``observation`` or ``slots`` is not acceptable.
    UsageError
        The oracle belongs to another problem, or the instance has more nodes than rates are tabulated for.
    """

    __repr__ = short_repr

    def __init__(
        self,
        problem: P1,
        *,
        slots: int | None = None,
        steps: str = "requested",
        observation: str = "requests",
        oracle: RateOracle | None = None,
    ) -> None:
        data = problem.data
        if problem.variant != Variant():
            raise UnsupportedVariantError(f"{data.name}: the game is P1 itself, not {problem.variant}")
        if steps not in WALKS:
            raise InputError(f"steps: {steps!r} is unknown; expected one of {', '.join(WALKS)}")
        if observation not in OBSERVATIONS:
            raise InputError(
                f"observation: {observation!r} is unknown; expected one of {', '.join(OBSERVATIONS)}"
            )
        if slots is None:
            slots = widest_association(data)
        if slots < 1:
            raise InputError(f"slots: {slots} users per node; expected at least 1")
        if oracle is not None and oracle.problem is not problem:
            raise UsageError(f"{data.name}: the rates belong to another problem ({oracle.problem.data.name})")
        self.problem, self.steps = problem, steps
        self.layout = StateLayout(data.n_nodes, slots, observation == "channels")
        self.oracle = oracle or RateOracle(problem)
        self.rates = SetRates(self.oracle)
        wanted = data.requested_blocks
        self.step_block = wanted if steps == "requested" else np.arange(data.n_blocks)
        self.n_steps = int(self.step_block.size)
        self.requested = np.isin(self.step_block, wanted)
        self.step_row = np.where(self.requested, np.searchsorted(wanted, self.step_block), -1)
        self.step_bytes = data.block_bytes[self.step_block]
        self.step_bits = bits_of(data, self.step_block)
        self.states = state_rows(data, self.step_block, self.layout)
        with np.errstate(divide="ignore"):
            link_s = self.step_bits[:, None, None] / rates_to_others(data, self.step_block, self.layout)
        self.link_s = np.ascontiguousarray(link_s)
        self.best_sets = np.full((self.n_steps, 1 << self.layout.n_nodes), -1, np.int32)
        self.best_sets[:, 0] = 0
        self.time_scale_s = self._time_scale_s()

    def _time_scale_s(self) -> float:
        """tau; where no user asks for a QoS rate, the lone-user bounds of all nodes together (F3) take its place."""
        data = self.problem.data
        rate = float(data.qos_bps.mean())
        if rate <= 0.0:
            rate = float(self.oracle.bps(np.array([table.upper[-1] for table in self.oracle.tables])).mean())
        return float(bits_of(data, data.requested_blocks).mean()) / rate if rate > 0.0 else 1.0

    def warm(self, folder: Path | None = None) -> None:
        """Compute the rates of all node sets now (with the closure F4), or read them from ``folder`` if kept there."""
        self.rates.complete(folder)
        self.best_sets[:, 1:] = -1

    def rate_bps(self, steps: NDArray[np.int64], masks: NDArray[np.int64]) -> NDArray[np.float64]:
        """(B,) rates in bit/s of the known beams for participants ``masks`` at steps whose blocks are requested.

        0 where no beam meets the QoS. Computed when first asked for.
        """
        return self.rates.rate_bps(self.step_row[steps], masks)

    def delay_s(self, steps: NDArray[np.int64], bits: NDArray[np.uint8]) -> NDArray[np.float64]:
        """(B,) T_k of (8) in s for executed bits (B, N, N); infinite where not delivered, 0 where not requested."""
        delay = np.zeros(steps.size)
        of = np.flatnonzero(self.requested[steps])
        steps, bits = steps[of], bits[of]
        rate = self.rate_bps(steps, participants(bits))
        delay[of] = migration_s(bits, self.link_s[steps]) + air_s(self.step_bits[steps], rate)
        return delay

    def best_participants(self, step: int, caching_mask: int) -> int:
        """Mask of the S that attains T_k(C) of F5 for the caching set C; 0 if no S delivers the block.

        Found once. Rates are computed as far as their proved upper bounds promise better than the best known one.
        """
        if caching_mask and self.best_sets[step, caching_mask] < 0:
            row, size_bits, link_s = self.step_row[step], self.step_bits[step], self.link_s[step]
            most_bps, known = self.oracle.bps(self.oracle.tables[row].upper), False
            while not known:
                best, known = best_set(caching_mask, size_bits, link_s, most_bps, self.rates.table_bps[row])
                if not known:
                    self.rate_bps(np.array([step]), np.array([best]))
            self.best_sets[step, caching_mask] = best
        return int(self.best_sets[step, caching_mask])


def air_s(size_bits: NDArray[np.float64], rate_bps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Broadcast time in s; infinite at rate 0."""
    with np.errstate(divide="ignore"):
        return np.asarray(size_bits / rate_bps)


_ONE_GAME = "the game is P1 itself: agents decide on blocks, and all who hold one send it together"

GAME = Formulation(
    name="game of block-by-block decisions",
    builders={
        Storage: execute,
        Link: execute,
        MigrationSource: execute,
        Binary: execute,
        Coverage: deliver,
        Qos: SetRates,
        Power: SetRates,
        Silence: SetRates,
    },
    refused={
        Sender: _ONE_GAME,
        MaxSenders: _ONE_GAME,
        WholeModel: _ONE_GAME,
        Cooperation: _ONE_GAME,
        OwnUsers: _ONE_GAME,
    },
)
