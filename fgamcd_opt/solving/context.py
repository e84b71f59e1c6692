"""What every solver is given besides the problem: limits, seed, clock, stop flag and a place to report progress."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field
from pathlib import Path

from fgamcd_opt.io.errors import UsageError
from fgamcd_opt.io.short_repr import short_repr
from fgamcd_opt.solving.number_arguments import number_of, whole_number_of
from fgamcd_opt.solving.status import StopReason, relative_gap

log = logging.getLogger("fgamcd_opt")

DEFAULT_GAP = 1e-3
"""Certified relative gap at which a solver may stop unless it is given another: 0.1 %."""

_PROGRESS_INTERVAL_S = 1.0

_TRACE_STEP = 0.01
"""Improvements within this share of the elapsed time become one entry of the trace."""

Trace = tuple[tuple[float, float | None, float | None], ...]
"""(elapsed seconds, best delay in s or None, best proved bound in s or None), one entry per improvement."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Common limits of all solvers.

    Parameters
    ----------
    time_s
        Wall-clock limit in s.
    gap
        Relative certified gap at which a solver may stop.
    threads
        Threads to use; results do not depend on it unless a time limit is hit.
    """

    time_s: float = math.inf
    gap: float = DEFAULT_GAP
    threads: int = 1

    __repr__ = short_repr

    def __post_init__(self) -> None:
        seconds = number_of("time limit", self.time_s, "seconds > 0, or infinity for no limit", infinite=True)
        if seconds <= 0:
            raise UsageError(f"time limit {seconds} s: must be positive")
        gap = number_of("gap", self.gap, "a number from 0 to below 1")
        if not 0 <= gap < 1:
            raise UsageError(f"gap {gap}: must be at least 0 and below 1")
        threads = whole_number_of("threads", self.threads, 1)
        for name, value in (("time_s", seconds), ("gap", gap), ("threads", threads)):
            object.__setattr__(self, name, value)


@dataclass(frozen=True, kw_only=True)
class SolveProgress:
    """Where a solve stands; attribute ``progress`` of the log records that tell it.

    Parameters
    ----------
    elapsed_s
        Since the start.
    text
        What the solver says; bounds in it may be those of a part of the problem.
    delay_s, lower_bound_s
        Of the incumbent, and the best bound that is proved for the whole problem; None where there is none yet.
    nodes
        Nodes of a search so far, or None.
    """

    elapsed_s: float
    text: str
    delay_s: float | None = None
    lower_bound_s: float | None = None
    nodes: int | None = None

    __repr__ = short_repr

    @property
    def gap(self) -> float | None:
        """Certified gap of the incumbent."""
        if self.delay_s is None or self.lower_bound_s is None:
            return None
        return max(0.0, relative_gap(self.delay_s, self.lower_bound_s))

    @property
    def work(self) -> str:
        """The solver's text if it says how much of its work is done; empty if it repeats figures, or has others."""
        figures = self.delay_s is not None or self.lower_bound_s is not None
        return "" if figures and ("delay" in self.text or "bound" in self.text) else self.text

    @property
    def line(self) -> str:
        """Elapsed time, incumbent, certified bound, gap, nodes and work in one line."""
        parts = [f"{self.elapsed_s:6.1f} s"]
        parts += [f"delay {self.delay_s:.6f} s"] if self.delay_s is not None else []
        parts += [f"lower bound {self.lower_bound_s:.6f} s"] if self.lower_bound_s is not None else []
        parts += [f"gap {100 * self.gap:.3f} %"] if self.gap is not None else []
        parts += [f"{self.nodes} nodes"] if self.nodes is not None else []
        parts += [self.work] if self.work else []
        return "  ".join(parts)


@dataclass(eq=False)
class SolveContext:
    """One run of one solver.

    Parameters
    ----------
    limits
        Time, gap and threads.
    seed
        The solver's seed.
    stop
        Set from outside (Ctrl-C) to ask for an orderly end with the best point so far.
    """

    limits: Limits = field(default_factory=Limits)
    seed: int = 0
    rate_cache: Path | None = None
    """Folder in which solvers keep finished rate tables between runs."""
    stop: threading.Event = field(default_factory=threading.Event)
    silent: bool = False
    """Report no progress."""
    started: float = field(default_factory=time.monotonic)
    stage_s: dict[str, float] = field(default_factory=dict, init=False)
    """Seconds spent per stage (``rates``, ``search``)."""
    rates_read: bool = field(default=False, init=False)
    """Whether rates came from the cache."""
    _last_progress: float = field(default=-math.inf, init=False)
    _trace: list[tuple[float, float | None, float | None]] = field(default_factory=list, init=False)
    _entry_ends: float = field(default=-math.inf, init=False)
    _recording: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    __repr__ = short_repr

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    @property
    def remaining_s(self) -> float:
        """Seconds left; 0 when stopped."""
        return 0.0 if self.stop.is_set() else max(0.0, self.limits.time_s - self.elapsed_s)

    @property
    def must_stop(self) -> bool:
        """Whether the time is up or a stop was asked for."""
        return self.remaining_s <= 0.0

    def stop_reason(self) -> StopReason:
        """Why a method that proves nothing ends now."""
        if self.stop.is_set():
            return StopReason.INTERRUPTED
        return StopReason.TIME_LIMIT if self.must_stop else StopReason.COMPLETED

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the time inside as spent on ``name``."""
        begun = time.monotonic()
        try:
            yield
        finally:
            self.stage_s[name] = self.stage_s.get(name, 0.0) + time.monotonic() - begun

    @property
    def trace(self) -> Trace:
        """What :meth:`record` kept."""
        return tuple(self._trace)

    def record(
        self, *, delay_s: float | None = None, lower_bound_s: float | None = None, at_s: float | None = None
    ) -> None:
        """Keep the moment if the delay of an incumbent, or a proved bound, is better than all before.

        Parameters
        ----------
        delay_s
            Of a point of P1, in s; values that are not finite are ignored.
        lower_bound_s
            Proved lower bound on the delay of P1, in s; values that are not finite are ignored.
        at_s
            The moment, in seconds since the start, if it is not now.
        """
        with self._recording:  # threads of a solver may race
            self._record(delay_s, lower_bound_s, self.elapsed_s if at_s is None else at_s)

    def _record(self, delay_s: float | None, lower_bound_s: float | None, now: float) -> None:
        """Add an entry to the trace, or replace the last one, if something is better."""
        best_delay, best_bound = self._trace[-1][1:] if self._trace else (None, None)
        delay, bound = best_delay, best_bound
        if delay_s is not None and math.isfinite(delay_s) and (delay is None or delay_s < delay):
            delay = float(delay_s)
        if (
            lower_bound_s is not None
            and math.isfinite(lower_bound_s)
            and (bound is None or lower_bound_s > bound)
        ):
            bound = float(lower_bound_s)
        if (delay, bound) == (best_delay, best_bound):
            return
        if now < self._entry_ends:
            self._trace.pop()
        else:
            self._entry_ends = now * (1.0 + _TRACE_STEP)
        self._trace.append((now, delay, bound))

    def untraced(self) -> SolveContext:
        """The same run without its trace: for a method inside another one, whose bounds the outer one does not use."""
        twin = copy(self)
        twin._trace = []
        return twin

    def progress(self, text: str, *, now: bool = False, nodes: int | None = None) -> None:
        """Log a line of progress, at most one per second unless ``now``; ``nodes`` are those of a search so far."""
        moment = time.monotonic()
        if not self.silent and (now or moment - self._last_progress >= _PROGRESS_INTERVAL_S):
            self._last_progress = moment
            delay, bound = self._trace[-1][1:] if self._trace else (None, None)
            state = SolveProgress(
                elapsed_s=self.elapsed_s, text=text, delay_s=delay, lower_bound_s=bound, nodes=nodes
            )
            log.info("%6.1f s  %s", state.elapsed_s, text, extra={"progress": state})
