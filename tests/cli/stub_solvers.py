"""Solvers that misbehave in one way each, registered by the tests that need them."""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import pytest

from fgamcd_opt.problem.decision import Decision
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.solving import registry
from fgamcd_opt.solving.context import SolveContext
from fgamcd_opt.solving.solver import Outcome, Role
from fgamcd_opt.solving.status import StopReason


class Stub:
    """What all stubs declare."""

    name: ClassVar[str] = "stub"
    summary: ClassVar[str] = "stub for tests"
    role: ClassVar[Role] = Role.HEURISTIC
    proves_bounds: ClassVar[bool] = False
    finds_solutions: ClassVar[bool] = True
    variants: ClassVar[Mapping[str, frozenset[str]]] = {"csi": frozenset({"nominal"})}
    options: ClassVar[Mapping[str, Any]] = {}
    backends: ClassVar[tuple[str, ...]] = ()
    option_backends: ClassVar[tuple[str, ...]] = ()

    def prepare(self) -> None:
        """Nothing to load."""

    def solve(self, problem: P1, context: SolveContext, options: Mapping[str, Any]) -> Outcome:
        """Give up at once."""
        return Outcome(stop_reason=StopReason.TIME_LIMIT, message="gave up")


class Overfull(Stub):
    """Caches everything everywhere and transmits far beyond the power budget."""

    def solve(self, problem: P1, context: SolveContext, options: Mapping[str, Any]) -> Outcome:
        """Return a decision that breaks storage and power."""
        data = problem.instance
        beams = (
            1e3 * data.channel[data.pair_channel[[data.block_pairs(k).start for k in data.requested_blocks]]]
        )
        decision = Decision(
            caching=np.ones((data.n_nodes, data.n_blocks), bool),
            migration=np.zeros((data.n_nodes, data.n_nodes, data.n_blocks), bool),
            beams=beams / np.abs(beams).max() * 100.0,
        )
        return Outcome(stop_reason=StopReason.COMPLETED, decision=decision)


class Interrupted(Stub):
    """Ends as a second Ctrl-C does."""

    def solve(self, problem: P1, context: SolveContext, options: Mapping[str, Any]) -> Outcome:
        """Raise what Python raises."""
        raise KeyboardInterrupt


class Talkative(Stub):
    """Writes to standard output as Python does, as a C library does, and past both."""

    def solve(self, problem: P1, context: SolveContext, options: Mapping[str, Any]) -> Outcome:
        """Write three lines."""
        print("a line of Python's")
        ctypes.CDLL(None).printf(b"a line of C's\n")
        os.write(1, b"a line of nobody's\n")
        return Outcome(stop_reason=StopReason.COMPLETED)


class TwiceSignalled(Stub):
    """Gets a signal, waits until it is noticed, gets it again, and ends in good order if it still can."""

    number: ClassVar[signal.Signals] = signal.SIGINT

    def solve(self, problem: P1, context: SolveContext, options: Mapping[str, Any]) -> Outcome:
        """Send both signals to this process."""
        signal.raise_signal(self.number)
        assert context.stop.wait(60.0)
        signal.raise_signal(self.number)
        return Outcome(stop_reason=context.stop_reason())


class Swallows(Stub):
    """Is interrupted, and makes another error of it, as compiled modules do while they load."""

    def prepare(self) -> None:
        """Get SIGTERM, lose it."""
        try:
            signal.raise_signal(signal.SIGTERM)
        except KeyboardInterrupt:
            raise ImportError("cannot load module more than once per process") from None


class BoundOnly(Stub):
    """Claims a bound, or none, whatever the problem."""

    role: ClassVar[Role] = Role.BOUND
    proves_bounds: ClassVar[bool] = True
    finds_solutions: ClassVar[bool] = False
    claim_s: ClassVar[float | None] = None

    def solve(self, problem: P1, context: SolveContext, options: Mapping[str, Any]) -> Outcome:
        """Claim it."""
        kind = None if self.claim_s is None else "a claim"
        return Outcome(stop_reason=StopReason.TIME_LIMIT, lower_bound_s=self.claim_s, bound_kind=kind)


class Unlicensed(Stub):
    """Needs a distribution that does not exist."""

    backends: ClassVar[tuple[str, ...]] = ("fgamcd-opt-test-no-such-backend",)


def register(monkeypatch: pytest.MonkeyPatch, solver: type[Stub]) -> None:
    """Add the class to the registry under the name ``stub``, for the length of one test."""
    monkeypatch.setitem(registry._BUILT_IN, "stub", f"{solver.__module__}:{solver.__name__}")
