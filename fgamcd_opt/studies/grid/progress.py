"""Progress of a comparison on a terminal or in a log: cells done, elapsed and left time, the last row."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TextIO

from fgamcd_opt.studies.grid.row import Row
from fgamcd_opt.studies.live_line import LiveLine

_BAR_WIDTH = 16


@dataclass(eq=False)
class ProgressBar:
    """Called after every cell; one live line on a terminal, lines at growing intervals elsewhere.

    Parameters
    ----------
    stream
        Where to write.
    """

    stream: TextIO
    _line: LiveLine = field(init=False)
    _begun: float = field(init=False)
    _first: float | None = field(default=None, init=False)
    """When the first cell ended: what came before, loading for example, says nothing about the time left."""

    def __post_init__(self) -> None:
        self._begun = time.monotonic()
        self._line = LiveLine(self.stream, time.monotonic)

    def __call__(self, row: Row, done: int, total: int) -> None:
        """Show where the comparison is."""
        now = time.monotonic()
        self._first = now if self._first is None else self._first
        times = f"{clock(now - self._begun)} elapsed"
        if done > 1:
            times += f", {clock((now - self._first) / (done - 1) * (total - done))} left"
        text = f"{bar(done, total)}, {times}; {row.instance} {row.solver} {row.seed}: {row.outcome}"
        self._line.show(text, last=done == total)


def bar(done: int, total: int) -> str:
    """A bar with the counts, such as ``[####----] 3/6``."""
    full = _BAR_WIDTH * done // total
    return f"[{'#' * full}{'-' * (_BAR_WIDTH - full)}] {done}/{total}"


def clock(seconds: float) -> str:
    """Seconds as ``h:mm:ss``, rounded up."""
    whole = -int(-seconds // 1)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"
