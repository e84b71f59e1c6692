"""Progress of a comparison on a terminal or in a log: cells done, time left, the last row."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TextIO

from fgamcd_opt.comparison.row import Row

_BAR_WIDTH = 24
_LINE_EVERY_S = 10.0
"""Between two lines where there is no terminal."""


@dataclass(eq=False)
class ProgressBar:
    """Told after every cell; one line that is overwritten on a terminal, a line now and then elsewhere.

    Parameters
    ----------
    stream
        Where to write.
    """

    stream: TextIO
    _begun: float = field(default_factory=time.monotonic)
    _last_line: float = field(default_factory=time.monotonic)

    def __call__(self, row: Row, done: int, total: int) -> None:
        """Show where the comparison is."""
        now = time.monotonic()
        left_s = (now - self._begun) / done * (total - done)
        text = (
            f"{bar(done, total)}, {clock(left_s)} left; {row.instance} {row.solver} {row.seed}: {row.outcome}"
        )
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
