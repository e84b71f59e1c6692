"""From a policy to the best point of P1 that its roll-outs lead to: beams, repair, local search."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from fgamcd_opt.beamforming.broadcast import BeamformingSettings
from fgamcd_opt.beamforming.rate_oracle import RateOracle
from fgamcd_opt.formulations.knapsack.configuration_delays import configuration_delays
from fgamcd_opt.formulations.knapsack.dual_simplex import solve_storage_lp
from fgamcd_opt.formulations.knapsack.multiple_choice import build_knapsack
from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.learning.environment.rules import caching_mask, cheapest_migration, participants
from fgamcd_opt.learning.environment.scenario import Scenario
from fgamcd_opt.learning.environment.state_rows import widest_association
from fgamcd_opt.learning.policies.play import play
from fgamcd_opt.learning.policies.policy import Policy
from fgamcd_opt.learning.policies.shipped_policies import require_nodes, shipped_policy
from fgamcd_opt.problem.decision import Decision
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.solvers.decisions import beams_of
from fgamcd_opt.solvers.heuristics.exchanges import polish
from fgamcd_opt.solvers.heuristics.local_search import kicked
from fgamcd_opt.solvers.learned.caching_repair import repaired_caching
from fgamcd_opt.solving.context import SolveContext
from fgamcd_opt.solving.rate_tables import complete_table, reporter, table_read

Bits = NDArray[np.uint8]

_PURPOSE = b"sampled roll-outs"
"""Sets their random numbers apart from others of the same seed."""


def fitting_policy(instance: Instance, file: str) -> tuple[str, Policy]:
    """The policy of a file, or the one of this package that fits if ``file`` is empty; with how to call it.

    Raises
    ------
    UsageError
        It is made for fewer nodes; or none of this package is made for so many.
    InputError
        The file is no policy.
    """
    path = Path(file or shipped_policy(instance.n_nodes, widest_association(instance)))
    policy, name = Policy.from_file(path), file or f"{path.stem} of this package"
    require_nodes(name, policy.layout.n_nodes, instance.n_nodes)
    return name, policy


@dataclass(eq=False)
class Decoding:
    """The best point so far, and the beams that it was judged with.

    Only the node sets that roll-outs use are worked on, unless a repair or the local search asks for more. The game
    goes the same way whatever the rates, so that roll-outs come before their beams, and participants that miss the QoS
    are repaired afterwards.

    Parameters
    ----------
    problem
        P1.
    policy
        Plays.
    context
        Limits, seed, clock.
    rounds
        Beamforming effort per set.

    Attributes
    ----------
    bits
        (R, N, N) of the requested blocks: who caches, and who migrates to whom, as in the game; None at first.
    delay_s
        T of these bits in s; infinite at first.
    rollouts
        Roll-outs looked at.
    repaired
        Blocks of the best roll-out whose participants, and whose caching, were repaired.
    """

    problem: P1
    policy: Policy
    context: SolveContext
    rounds: int
    bits: Bits | None = field(default=None, init=False)
    delay_s: float = field(default=np.inf, init=False)
    rollouts: int = field(default=0, init=False)
    repaired: tuple[int, int] = field(default=(0, 0), init=False)

    def __post_init__(self) -> None:
        if self.policy.config.repair == "delivery":
            self.policy = self.policy.with_settings(repair="caching")
        settings = BeamformingSettings(rounds=self.rounds, seed=self.context.seed)
        self.oracle = RateOracle(self.problem, settings, self.context.limits.threads)
        self.scenario = Scenario(
            self.problem,
            slots=self.policy.layout.slots,
            steps=self.policy.config.steps,
            observation=self.policy.config.observation,
            oracle=self.oracle,
        )
        self.steps = np.flatnonzero(self.scenario.requested)
        table_read(self.oracle, self.context)
        self._use_rates()

    def serve_by_all(self) -> None:
        """Beams of all nodes together, with which every block that can be served is served."""
        wanted = np.zeros((self.steps.size, 1 << self.scenario.layout.n_nodes), bool)
        wanted[:, -1] = True
        self._solve_sets(wanted)

    def roll_out(self, copies: int, generator: torch.Generator | None = None) -> None:
        """Play, work on the beams, and keep the best of the roll-outs and the best so far.

        Parameters
        ----------
        copies
            Roll-outs side by side.
        generator
            Source of the policy's random decisions; None for the deterministic roll-out.
        """
        with self.context.stage("search"):
            found = play(self.policy, self.scenario, generator, copies)
        masks = found.participating[:, self.steps]
        wanted = np.zeros((self.steps.size, 1 << self.scenario.layout.n_nodes), bool)
        wanted[np.arange(self.steps.size), masks] = True
        self._solve_sets(wanted)
        for bits in found.bits[:, self.steps]:
            self._offer(bits)
        self.rollouts += copies

    def sample(self, samples: int, copies: int) -> None:
        """So many random roll-outs, at most ``copies`` side by side, as long as the time allows."""
        seeds = np.random.SeedSequence([self.context.seed, *_PURPOSE]).generate_state(1, np.uint64)
        generator = torch.Generator().manual_seed(int(seeds[0]) >> 1)
        for done in range(0, samples, copies):
            if self.context.must_stop:
                return
            self.roll_out(min(copies, samples - done), generator)
            self.context.progress(f"roll-outs: {self.rollouts} of {samples + 1}, delay {self.delay_s:.6f} s")

    def polish(self, kicks: int) -> None:
        """Improve the caching of the best point by the local search on the knapsack of F5 over the whole table.

        Parameters
        ----------
        kicks
            As the option of `local-search`.
        """
        if self.bits is None:
            return
        with self.context.stage("rates"):
            complete_table(self.oracle, self.context)
        self._use_rates()
        with self.context.stage("search"):
            knapsack = build_knapsack(self.problem, self.scenario.rates.table_bps)
            start = knapsack.columns_of(caching_mask(self.bits))
            columns = None if start is None else polish(knapsack, start)
            if columns is not None:
                prices, _ = solve_storage_lp(knapsack)
                columns = kicked(knapsack, self.context, kicks, columns, prices)
                self._keep(self._bits_of(knapsack.mask[columns]), self.repaired)

    def decision(self) -> Decision | None:
        """The best point, or None."""
        if self.bits is None:
            return None
        data, layout = self.problem.data, self.scenario.layout
        caching = np.zeros((layout.n_nodes, data.n_blocks), bool)
        migration = np.zeros((layout.n_nodes, layout.n_nodes, data.n_blocks), bool)
        caching[:, data.requested_blocks] = self.bits[:, :, 0].T
        step, sender, column = np.nonzero(self.bits[:, :, 1:])
        migration[sender, layout.others[sender, column], data.requested_blocks[step]] = True
        return Decision(caching, migration, beams_of(self.problem, self.oracle, participants(self.bits)))

    def _solve_sets(self, wanted: NDArray[np.bool_]) -> None:
        """Work on the sets wanted (R, 2^N) that are not solved yet, as far as the time allows."""
        missing = [
            self.oracle.masks[row[self.oracle.masks] & ~table.solved[self.oracle.masks]]
            for row, table in zip(wanted, self.oracle.tables, strict=True)
        ]
        if any(masks.size for masks in missing) and not self.context.must_stop:
            with self.context.stage("rates"):
                self.oracle.compute(missing, progress=reporter(self.context, "beams"))
            self._use_rates()

    def _use_rates(self) -> None:
        """Let the scenario see the known beams; sets not worked on count as if they had none."""
        self.scenario.rates.table_bps[...] = self.oracle.lower_bps()

    def _offer(self, bits: Bits) -> None:
        """Keep a roll-out (R, N, N), repaired where it needs it, if it is the best so far."""
        late = np.isinf(self.scenario.delay_s(self.steps, bits))
        if not late.any():
            self._keep(bits, (0, 0))
            return
        wanted = np.zeros((self.steps.size, 1 << self.scenario.layout.n_nodes), bool)
        wanted[late] = True
        self._solve_sets(wanted)
        with self.context.stage("search"):
            masks = repaired_caching(self.problem, self.scenario.rates.table_bps, caching_mask(bits))
            if masks is not None:
                replaced = self._bits_of(masks)
                moved = masks != caching_mask(bits)
                kept = ~(moved | late)
                replaced[kept] = bits[kept]
                self._keep(replaced, (int((late & ~moved).sum()), int(moved.sum())))

    def _keep(self, bits: Bits, repaired: tuple[int, int]) -> None:
        delay_s = float(self.scenario.delay_s(self.steps, bits).sum())
        if delay_s < self.delay_s:
            self.bits, self.delay_s, self.repaired = bits, delay_s, repaired
            self.context.record(delay_s=delay_s)

    def _bits_of(self, masks: NDArray[np.int64]) -> Bits:
        """(R, N, N) bits that cache blocks at the sets (R,), each with the quickest migration of F5."""
        layout = self.scenario.layout
        _, serving = configuration_delays(self.problem, self.scenario.rates.table_bps)
        bits = np.zeros((masks.size, layout.n_nodes, layout.n_nodes), np.uint8)
        bits[:, :, 0] = (masks[:, None] >> np.arange(layout.n_nodes)) & 1
        for row, (caching, step) in enumerate(zip(masks.tolist(), self.steps.tolist(), strict=True)):
            link_s = self.scenario.link_s[step]
            bits[row, :, 1:] = cheapest_migration(caching, int(serving[row, caching]), link_s)
        return bits
