"""`Scenario`: one instance prepared for the game, its steps, what they show and what they cost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.delay import bits as bits_of
from fgamcd_opt.errors import InputError, UnsupportedVariantError, UsageError
from fgamcd_opt.learning.environment.layout import StateLayout
from fgamcd_opt.learning.environment.set_rates import SetRates
from fgamcd_opt.learning.environment.state_rows import rates_to_others, state_rows, widest_association
from fgamcd_opt.problem import P1
from fgamcd_opt.rate_oracle import RateOracle
from fgamcd_opt.variants import Variant

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
        self.problem = problem
        self.layout = StateLayout(data.n_nodes, slots, observation == "channels")
        self.oracle = oracle or RateOracle(problem)
        self.rates = SetRates(self.oracle)
        self._redelivery: dict[tuple[int, int], NDArray[np.uint8] | None] = {}
        wanted = data.requested_blocks
        self.step_block = wanted if steps == "requested" else np.arange(data.n_blocks)
        self.n_steps = int(self.step_block.size)
        self.requested = np.isin(self.step_block, wanted)
        self.step_row = np.where(self.requested, np.searchsorted(wanted, self.step_block), -1)
        self.step_bytes = data.block_bytes[self.step_block]
        self.step_bits = bits_of(data, self.step_block)
        self.states = state_rows(data, self.step_block, self.layout)
        with np.errstate(divide="ignore"):
            self.link_s = self.step_bits[:, None, None] / rates_to_others(data, self.step_block, self.layout)
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
        self._redelivery.clear()

    def rate_bps(self, steps: NDArray[np.int64], masks: NDArray[np.int64]) -> NDArray[np.float64]:
        """(B,) rates in bit/s of the beams in hand for participants ``masks`` at steps whose blocks are requested.

        0 where no beam meets the QoS. Computed when first asked for.
        """
        return self.rates.rate_bps(self.step_row[steps], masks)

    def delay_s(self, steps: NDArray[np.int64], bits: NDArray[np.uint8]) -> NDArray[np.float64]:
        """(B,) T_k of (8) in s for executed bits (B, N, N); infinite where not delivered, 0 where not requested."""
        delay = np.zeros(steps.size)
        of = np.flatnonzero(self.requested[steps])
        steps, bits = steps[of], bits[of]
        rate = self.rate_bps(steps, participants(bits, self.layout))
        delay[of] = migration_s(bits, self.link_s[steps]) + air_s(self.step_bits[steps], rate)
        return delay

    def best_participants(self, step: int, caching_mask: int) -> int:
        """Mask of the S that attains T_k(C) of F5 for the caching set C; 0 if no S delivers the block.

        Sets are tried in the order of what their proved upper bounds promise, until that is no better than the best.
        """
        sets = np.arange(1 << self.layout.n_nodes)
        sets = sets[(sets & caching_mask) == caching_mask] if caching_mask else sets[:0]
        arrival_s = np.zeros(sets.size)
        for node in range(self.layout.n_nodes):
            fastest_s = self.link_s[step][self._links_into(node, caching_mask)].min(initial=np.inf)
            joins = ((sets & ~caching_mask) >> node) & 1
            arrival_s = np.maximum(arrival_s, np.where(joins, fastest_s, 0.0))
        most_bps = self.oracle.bps(self.oracle.tables[self.step_row[step]].upper[sets])
        least_s = arrival_s + air_s(self.step_bits[step], most_bps)
        best, best_s = 0, np.inf
        for i in least_s.argsort(kind="stable").tolist():
            if least_s[i] >= best_s:
                break
            rate = self.rate_bps(np.array([step]), sets[i : i + 1])
            delay_s = float(arrival_s[i] + air_s(self.step_bits[step], rate)[0])
            if delay_s < best_s:
                best, best_s = int(sets[i]), delay_s
        return best

    def best_migration(self, step: int, caching_mask: int) -> NDArray[np.uint8] | None:
        """(N, N - 1) migration bits to the best participants for C, found once; None if no S delivers the block."""
        key = step, caching_mask
        if key not in self._redelivery:
            best = self.best_participants(step, caching_mask)
            self._redelivery[key] = self.cheapest_migration(step, caching_mask, best) if best else None
        return self._redelivery[key]

    def cheapest_migration(self, step: int, caching_mask: int, mask: int) -> NDArray[np.uint8]:
        """(N, N - 1) bits that bring the block to every node of ``mask`` outside C over the fastest link from C."""
        bits = np.zeros((self.layout.n_nodes, self.layout.n_others), np.uint8)
        for node in range(self.layout.n_nodes):
            if ((mask & ~caching_mask) >> node) & 1:
                sender, column = self._links_into(node, caching_mask)
                best = self.link_s[step][sender, column].argmin()
                bits[sender[best], column[best]] = 1
        return bits

    def _links_into(self, node: int, caching_mask: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Indices of the links from the nodes of C to ``node``."""
        sender, column = np.nonzero(self.layout.others == node)
        holds = (caching_mask >> sender) & 1 == 1
        return sender[holds], column[holds]


def caching_mask(bits: NDArray[np.uint8]) -> NDArray[np.int64]:
    """(B,) masks of the nodes that cache, of bits (B, N, N)."""
    return np.asarray(bits[:, :, 0] @ (1 << np.arange(bits.shape[1])))


def participants(bits: NDArray[np.uint8], layout: StateLayout) -> NDArray[np.int64]:
    """(B,) masks of the nodes that cache the block or receive it (3), of executed bits (B, N, N)."""
    received = np.bitwise_or.reduce(bits[:, :, 1:] * (1 << layout.others), axis=(1, 2))
    return np.asarray(received | caching_mask(bits))


def migration_s(bits: NDArray[np.uint8], link_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """(B,) slowest migration in s of executed bits (B, N, N) over links (B, N, N - 1); 0 without one."""
    sent = np.where(bits[:, :, 1:], link_s, 0.0)
    return np.asarray(sent.max(axis=(1, 2), initial=0.0))


def air_s(size_bits: NDArray[np.float64], rate_bps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Broadcast time in s; infinite at rate 0."""
    with np.errstate(divide="ignore"):
        return np.asarray(size_bits / rate_bps)
