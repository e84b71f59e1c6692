"""`one-copy`: every block is stored once and sent by its node alone or, after migration, by all nodes.

A template for solvers of your own. What every solver has to do is commented; the method itself is meant to be replaced.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt import P1, Instance, load_instance
from fgamcd_opt.beamforming.broadcast import BeamformingSettings
from fgamcd_opt.beamforming.rate_oracle import RateOracle
from fgamcd_opt.solvers.decisions import decision_from_masks
from fgamcd_opt.solving.context import SolveContext
from fgamcd_opt.solving.solver import Outcome, Role
from fgamcd_opt.solving.status import StopReason

BITS_PER_BYTE = 8


class OneCopySolver:
    """The attributes are what `fgamcd_opt.solving.solver.Solver` asks for; the contract checks them."""

    # The name under which it is registered (pyproject.toml), and one line for `fgamcd solvers`.
    name: ClassVar[str] = "one-copy"
    summary: ClassVar[str] = "every block stored once, sent by its node alone or by all nodes; no bound"

    # What it is for; lists of solvers are grouped by it.
    role: ClassVar[Role] = Role.HEURISTIC

    # True only if every bound that it returns is proved. A heuristic proves nothing, and says so.
    proves_bounds: ClassVar[bool] = False
    finds_solutions: ClassVar[bool] = True

    # Values beside P1 itself that it solves, such as {"csi": frozenset({"nominal"})}. All others are refused for you.
    variants: ClassVar[Mapping[str, frozenset[str]]] = {}

    # Options with their defaults (int, float or str), for `--option rounds=4`. Unknown ones are refused for you.
    options: ClassVar[Mapping[str, Any]] = {"rounds": 2}

    # Packages that it needs, always or by an option. Missing ones are reported for you, with the remedy.
    backends: ClassVar[tuple[str, ...]] = ()
    option_backends: ClassVar[tuple[str, ...]] = ()

    def prepare(self) -> None:
        """Compile or load what `solve` needs, silently: the clock of the time limit starts after this."""
        self.solve(P1(load_instance("tiny")), SolveContext(silent=True), self.options)

    def solve(self, problem: P1, context: SolveContext, options: Mapping[str, Any]) -> Outcome:
        """Solve `problem` within `context`; `options` holds a value for every declared option."""
        # A proof that nothing is feasible needs a reason in words. Never claim it without a proof.
        reason = problem.infeasibility_reason()
        if reason:
            return Outcome(stop_reason=StopReason.INFEASIBLE, infeasibility=reason)

        data = problem.instance
        home = first_fit(data)
        if home is None:
            return Outcome(stop_reason=context.stop_reason(), message="no room for some block")

        # Rates of node sets with beams, computed when they are asked for. All randomness follows from the seed.
        settings = BeamformingSettings(rounds=options["rounds"], seed=context.seed)
        oracle = RateOracle(problem, settings, context.limits.threads)
        together = reachable(data, home)

        # `stage` counts the time. Look at `must_stop` between pieces of work: it turns true when the time is up or
        # somebody pressed Ctrl-C, and `stop_reason()` says which.
        with context.stage("rates"):
            for row, block in enumerate(data.requested_blocks.tolist()):
                if context.must_stop:
                    return Outcome(stop_reason=context.stop_reason())
                if oracle.rate(block, nodes_of(together[row])).lower_bps == 0.0:
                    return Outcome(stop_reason=context.stop_reason(), message=f"block {block}: QoS not met")
                context.progress(f"block {row + 1} of {together.size}")

        # From here on there is a solution, and whatever ends the search must not lose it.
        senders = together.copy()
        with context.stage("search"):
            for row, block in enumerate(data.requested_blocks.tolist()):
                if context.must_stop:
                    break
                alone, all_nodes = int(home[row]), int(together[row])
                times_s = [delay_s(data, oracle, block, alone, s) for s in (alone, all_nodes)]
                senders[row] = alone if times_s[0] < times_s[1] else all_nodes

        # The solver does not score itself: no delay here. The checker computes it from the decision.
        return Outcome(
            stop_reason=context.stop_reason(),
            decision=decision_from_masks(problem, oracle, home, senders),
            counts={"blocks": int(home.size)},
        )


def first_fit(data: Instance) -> NDArray[np.int64] | None:
    """(R,) the node that stores each requested block as a bit mask, largest blocks first; None if one does not fit."""
    home = np.zeros(data.requested_blocks.size, np.int64)
    free = data.storage_bytes.copy()
    sizes = data.block_bytes[data.requested_blocks]
    for row in np.argsort(-sizes, kind="stable").tolist():
        node = int(free.argmax())
        if free[node] < sizes[row]:
            return None
        free[node] -= sizes[row]
        home[row] = 1 << node
    return home


def reachable(data: Instance, home: NDArray[np.int64]) -> NDArray[np.int64]:
    """(R,) bit masks of the node that stores each block and of all nodes that have a link from it."""
    masks = home.copy()
    for row, block in enumerate(data.requested_blocks.tolist()):
        (source,) = nodes_of(home[row])
        masks[row] |= sum(1 << m for m in range(data.n_nodes) if link_bps(data, source, m, block) > 0)
    return masks


def delay_s(data: Instance, oracle: RateOracle, block: int, home: int, senders: int) -> float:
    """Migration from `home` to the other senders plus broadcast, (7) and (8), in s; infinite if the QoS is missed."""
    bits = BITS_PER_BYTE * float(data.block_bytes[block])
    (source,) = nodes_of(home)
    rate = oracle.rate(block, nodes_of(senders)).lower_bps
    migration = [bits / link_bps(data, source, m, block) for m in nodes_of(senders & ~home)]
    return max(migration, default=0.0) + bits / rate if rate > 0 else np.inf


def link_bps(data: Instance, source: int, target: int, block: int) -> float:
    """Backhaul rate; 0 without a link. One row of rates may serve all blocks."""
    return float(data.backhaul_bps[block if data.backhaul_bps.shape[0] > 1 else 0, source, target])


def nodes_of(mask: int) -> list[int]:
    """Nodes of a bit mask."""
    return [node for node in range(int(mask).bit_length()) if (int(mask) >> node) & 1]
