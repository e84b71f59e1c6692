"""Progress of a comparison on a terminal or in a log: cells done, time left, the last row."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import TextIO

from fgamcd_opt.io.safe_text import one_line
from fgamcd_opt.studies.grid.row import Row

_BAR_WIDTH = 24
_LINE_EVERY_S = 10.0
"""Between two lines where there is no terminal."""


@dataclass(eq=False)
class ProgressBar:
    """Called after every cell; one line that is overwritten on a terminal, a line now and then elsewhere.

    Parameters
    ----------
    stream
        Where to write.
    """

    stream: TextIO
    _first: float | None = field(default=None, init=False)
    """When the first cell ended: what came before, compiling for example, says nothing about the time left."""
    _last_line: float = field(default=-math.inf, init=False)

    def __call__(self, row: Row, done: int, total: int) -> None:
        """Show where the comparison is."""
        now = time.monotonic()
        self._first = now if self._first is None else self._first
        left = f", {clock((now - self._first) / (done - 1) * (total - done))} left" if done > 1 else ""
        text = one_line(f"{bar(done, total)}{left}; {row.instance} {row.solver} {row.seed}: {row.outcome}")
        if self.stream.isatty():
            end = "\n" if done == total else ""
            self.stream.write(f"\r\x1b[K{text}{end}")  # back to the start, and the rest of the line cleared
            self.stream.flush()
        elif done == total or now - self._last_line >= _LINE_EVERY_S:
            self._last_line = now
            self.stream.write(f"{text}\n")
            self.stream.flush()


def bar(done: int, total: int) -> str:
    """A bar with the counts, such as ``[######------] 3/6``."""
    full = _BAR_WIDTH * done // total
    return f"[{'#' * full}{'-' * (_BAR_WIDTH - full)}] {done}/{total}"


def clock(seconds: float) -> str:
    """Seconds as ``h:mm:ss``, rounded up."""
    whole = -int(-seconds // 1)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"
