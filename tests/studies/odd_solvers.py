"""Plug-in solvers that each end in a way of their own; cells find them by entry point, see `plug_ins`."""

from __future__ import annotations

import atexit
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from fgamcd_opt.io.errors import BackendError
from fgamcd_opt.problem.decision import Decision
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.solving.context import SolveContext
from fgamcd_opt.solving.solver import Outcome, Role
from fgamcd_opt.solving.status import StopReason

DIARY = "FGAMCD_TEST_DIARY"
"""Environment variable that names the folder in which every solve leaves one file."""


class Plain:
    """Caches every requested block at node 0 alone, if it fits, and sends it from there; needs no kernels."""

    name: ClassVar[str] = "odd-plain"
    summary: ClassVar[str] = "plug-in for tests"
    role: ClassVar[Role] = Role.HEURISTIC
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


class Chatty(Plain):
    """Prints 1 GB, and crashes after its last word."""

    name: ClassVar[str] = "odd-chatty"

    def solve(self, problem: P1, context: SolveContext, options: Mapping[str, Any]) -> Outcome:
        """Print to both streams, by lines of 1 MB."""
        line = b"x" * (2**20 - 1) + b"\n"
        for number in range(1024):
            os.write(1 + number % 2, line)
        os.write(2, b"the last word\n")
        os._exit(3)


class Parent(Plain):
    """Starts a process that sleeps: in the same group, in a session of its own, or as a daemon without a parent."""

    name: ClassVar[str] = "odd-parent"
    options: ClassVar[Mapping[str, Any]] = {"how": "group", "wait_s": 0.0}

    def solve(self, problem: P1, context: SolveContext, options: Mapping[str, Any]) -> Outcome:
        """Start it, leave its number in the diary, go on."""
        sleep = "import time; time.sleep(3600)"
        if options["how"] == "daemon":
            sleep = f"import os, time; os.fork() and os._exit(0); os.setsid(); {_NOTE}; {sleep}"
        else:
            sleep = f"import os, time; {_NOTE}; {sleep}"
        begun = subprocess.Popen([sys.executable, "-c", sleep], start_new_session=options["how"] == "session")
        while not list(Path(os.environ[DIARY]).glob("started-*")):
            time.sleep(0.01)
        if options["how"] == "daemon":
            begun.wait()
        time.sleep(options["wait_s"])
        return self.outcome(problem)


_NOTE = f"open(os.path.join(os.environ['{DIARY}'], f'started-{{os.getpid()}}'), 'x').close()"


class Exits(Plain):
    """Leaves by one of the ways out of a process."""

    name: ClassVar[str] = "odd-exits"
    options: ClassVar[Mapping[str, Any]] = {"how": ""}

    def solve(self, problem: P1, context: SolveContext, options: Mapping[str, Any]) -> Outcome:
        """Leave."""
        WAYS_OUT[options["how"]]()
        raise AssertionError("unreachable")


def _raise_interrupt() -> None:
    raise KeyboardInterrupt


WAYS_OUT = {
    "exit 0": lambda: sys.exit(0),
    "exit text": lambda: sys.exit("some text"),
    "_exit 0": lambda: os._exit(0),
    "_exit 3": lambda: os._exit(3),
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "real-time signal": lambda: os.kill(os.getpid(), signal.SIGRTMIN + 6),
    "interrupt": _raise_interrupt,
}


class Returns(Plain):
    """Returns what is no outcome, or one that holds nonsense."""

    name: ClassVar[str] = "odd-returns"
    options: ClassVar[Mapping[str, Any]] = {"what": ""}

    def solve(self, problem: P1, context: SolveContext, options: Mapping[str, Any]) -> Outcome:
        """Return it."""
        fair = everything_at_node_0(problem)
        what: Any = {
            "None": lambda: None,
            "text": lambda: "done",
            "NaN beams": lambda: Outcome(
                stop_reason=StopReason.COMPLETED,
                decision=Decision(fair.caching, fair.migration, fair.beams * math.nan),
            ),
            "wrong shape": lambda: Outcome(
                stop_reason=StopReason.COMPLETED,
                decision=Decision(fair.caching[:, :1], fair.migration, fair.beams),
            ),
            "NaN bound": lambda: Outcome(
                stop_reason=StopReason.COMPLETED, decision=fair, lower_bound_s=math.nan, bound_kind="a claim"
            ),
        }[options["what"]]()
        return what  # type: ignore[no-any-return]


class Vandal(Plain):
    """Returns its point from a process that it has left in disorder."""

    name: ClassVar[str] = "odd-vandal"
    options: ClassVar[Mapping[str, Any]] = {"how": "", "wait_s": 0.0}

    def solve(self, problem: P1, context: SolveContext, options: Mapping[str, Any]) -> Outcome:
        """Do it, then as always."""
        {
            "another folder": lambda: os.chdir("/"),
            "closed files": lambda: (sys.stdout.write("left in the buffer"), os.closerange(0, 256)),
            "standard input": lambda: os.dup2(os.open(os.devnull, os.O_RDONLY), 0),
            "closed streams": lambda: (sys.stdout.close(), sys.stderr.close()),
            "no streams": lambda: (setattr(sys, "stdout", None), setattr(sys, "stderr", None)),
            "thread": lambda: threading.Thread(target=time.sleep, args=(3600.0,)).start(),
            "hook": lambda: atexit.register(os._exit, 3),
        }[options["how"]]()
        return super().solve(problem, context, options)


class FalseBound(Plain):
    """Claims a bound above its own delay."""

    name: ClassVar[str] = "odd-false-bound"
    proves_bounds: ClassVar[bool] = True

    def outcome(self, problem: P1) -> Outcome:
        """The one point, and a bound that it refutes."""
        decision = everything_at_node_0(problem)
        claim = 2.0 * problem.evaluate(decision).delay_s
        return Outcome(
            stop_reason=StopReason.COMPLETED,
            decision=decision,
            lower_bound_s=claim,
            bound_kind="a false claim",
        )


class LoneBound(FalseBound):
    """Claims that bound without a point of its own that would refute it."""

    name: ClassVar[str] = "odd-lone-bound"

    def outcome(self, problem: P1) -> Outcome:
        """The bound alone."""
        return replace(super().outcome(problem), decision=None)


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


ALL = (
    Plain,
    Crash,
    Bug,
    Refusal,
    HangsUp,
    Deaf,
    Greedy,
    Chatty,
    Parent,
    Exits,
    Returns,
    Vandal,
    FalseBound,
    LoneBound,
    FalseProof,
    Overfull,
)
