"""Plug-in solvers that each end in a way of their own; cells find them by entry point, see `plug_ins`."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from fgamcd_opt.context import SolveContext
from fgamcd_opt.decision import Decision
from fgamcd_opt.errors import BackendError
from fgamcd_opt.problem import P1
from fgamcd_opt.solvers.protocol import Outcome
from fgamcd_opt.status import StopReason

DIARY = "FGAMCD_TEST_DIARY"
"""Environment variable that names the folder in which every solve leaves one file."""


class Plain:
    """Caches every requested block at node 0 alone, if it fits, and sends it from there; needs no kernels."""

    name: ClassVar[str] = "odd-plain"
    summary: ClassVar[str] = "plug-in for tests"
    proves_bounds: ClassVar[bool] = False
    finds_solutions: ClassVar[bool] = True
    variants: ClassVar[Mapping[str, frozenset[str]]] = {}
    options: ClassVar[Mapping[str, Any]] = {"wait_s": 0.0}
    backends: ClassVar[tuple[str, ...]] = ()
    option_backends: ClassVar[tuple[str, ...]] = ()

    def prepare(self) -> None:
        """Nothing to load."""

    def solve(self, problem: P1, context: SolveContext, options: Mapping[str, Any]) -> Outcome:
        """Leave a trace in the diary, wait, return the one point."""
        self.note(problem, context)
        time.sleep(options["wait_s"])
        return self.outcome(problem)

    def note(self, problem: P1, context: SolveContext) -> None:
        """Leave a trace in the diary."""
        if DIARY in os.environ:
            (
                Path(os.environ[DIARY])
                / f"{self.name}-{problem.instance.digest[:8]}-{context.seed}-{os.getpid()}"
            ).touch()

    def outcome(self, problem: P1) -> Outcome:
        """What it returns."""
        return Outcome(stop_reason=StopReason.COMPLETED, decision=everything_at_node_0(problem))


def everything_at_node_0(problem: P1) -> Decision:
    """Every requested block stored at node 0 and sent from there along the channel of its first user."""
    data = problem.instance
    caching = np.zeros((data.n_nodes, data.n_blocks), bool)
    caching[0, data.requested_blocks] = True
    beams = np.zeros((data.requested_blocks.size, data.n_nodes, data.channel.shape[2]), complex)
    for row, block in enumerate(data.requested_blocks.tolist()):
        towards = data.channel[data.pair_channel[data.block_pairs(block).start], 0]
        beams[row, 0] = np.sqrt(data.power_w[0] * (1.0 - 1e-12)) * towards / np.linalg.norm(towards)
    migration = np.zeros((data.n_nodes, data.n_nodes, data.n_blocks), bool)
    return Decision(caching, migration, beams)


class Crash(Plain):
    """Its process dies as after a fault in compiled code."""

    name: ClassVar[str] = "odd-crash"

    def solve(self, problem: P1, context: SolveContext, options: Mapping[str, Any]) -> Outcome:
        """Die."""
        os.kill(os.getpid(), signal.SIGSEGV)
        raise AssertionError("unreachable")


class Bug(Plain):
    """Raises what nobody raises on purpose."""

    name: ClassVar[str] = "odd-bug"

    def solve(self, problem: P1, context: SolveContext, options: Mapping[str, Any]) -> Outcome:
        """Divide by zero."""
        raise ZeroDivisionError("one over nothing")


class Refusal(Plain):
    """Its licence is too small."""

    name: ClassVar[str] = "odd-refusal"

    def solve(self, problem: P1, context: SolveContext, options: Mapping[str, Any]) -> Outcome:
        """Refuse."""
        raise BackendError("the licence allows 3 variables; ask for a larger one")


class HangsUp(Plain):
    """Gets SIGHUP while it works, as when its terminal is closed."""

    name: ClassVar[str] = "odd-hangs-up"

    def solve(self, problem: P1, context: SolveContext, options: Mapping[str, Any]) -> Outcome:
        """Send it to this process; the point is there already."""
        signal.raise_signal(signal.SIGHUP)
        return Outcome(stop_reason=context.stop_reason(), decision=everything_at_node_0(problem))


class Deaf(Plain):
    """Knows no time limit, and a child of its own goes on, too."""

    name: ClassVar[str] = "odd-deaf"

    def solve(self, problem: P1, context: SolveContext, options: Mapping[str, Any]) -> Outcome:
        """Ignore SIGTERM and the clock."""
        self.note(problem, context)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(3600.0)
        raise AssertionError("unreachable")


class Greedy(Plain):
    """Takes memory without end."""

    name: ClassVar[str] = "odd-greedy"

    def solve(self, problem: P1, context: SolveContext, options: Mapping[str, Any]) -> Outcome:
        """Fill 16 MiB after 16 MiB, up to 4 GiB, slowly enough to be seen."""
        held = []
        for _ in range(256):
            held.append(np.ones(2**21))
            time.sleep(0.02)
        raise AssertionError(f"nobody stopped it at {len(held)} pieces")


class FalseBound(Plain):
    """Claims a bound above its own delay."""

    name: ClassVar[str] = "odd-false-bound"
    proves_bounds: ClassVar[bool] = True

    def outcome(self, problem: P1) -> Outcome:
        """The one point, and a bound that it refutes."""
        decision = everything_at_node_0(problem)
        claim = 2.0 * problem.evaluate(decision).delay_s
        return Outcome(
            stop_reason=StopReason.COMPLETED, decision=decision, bound_s=claim, bound_kind="a false claim"
        )


class FalseProof(Plain):
    """Claims that there is no feasible point."""

    name: ClassVar[str] = "odd-false-proof"

    def outcome(self, problem: P1) -> Outcome:
        """A proof of nothing."""
        return Outcome(stop_reason=StopReason.INFEASIBLE, infeasibility="because")


class Overfull(Plain):
    """Returns a point with too much power, which the checker rejects."""

    name: ClassVar[str] = "odd-overfull"

    def outcome(self, problem: P1) -> Outcome:
        """Ten times the amplitude."""
        fair = everything_at_node_0(problem)
        return Outcome(
            stop_reason=StopReason.COMPLETED,
            decision=Decision(fair.caching, fair.migration, 10.0 * fair.beams),
        )


ALL = (Plain, Crash, Bug, Refusal, HangsUp, Deaf, Greedy, FalseBound, FalseProof, Overfull)
