"""What every solver is given besides the problem: limits, seed, clock, stop flag and a place to report progress."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from fgamcd_opt.errors import UsageError
from fgamcd_opt.status import StopReason

log = logging.getLogger("fgamcd_opt")

_PROGRESS_INTERVAL_S = 1.0


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
    gap: float = 1e-4
    threads: int = 1

    def __post_init__(self) -> None:
        if not self.time_s > 0:
            raise UsageError(f"time limit {self.time_s} s: must be positive")
        if not 0 <= self.gap < 1:
            raise UsageError(f"gap {self.gap}: must be at least 0 and below 1")
        if self.threads < 1:
            raise UsageError(f"threads {self.threads}: must be at least 1")


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
    _last_progress: float = field(default=-math.inf, init=False)

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

    def progress(self, text: str, *, now: bool = False) -> None:
        """Log a line of progress, at most one per second unless ``now``."""
        moment = time.monotonic()
        if not self.silent and (now or moment - self._last_progress >= _PROGRESS_INTERVAL_S):
            self._last_progress = moment
            log.info("%6.1f s  %s", self.elapsed_s, text)
