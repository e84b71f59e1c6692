"""Log and progress on stderr. The library itself is quiet; only the command line attaches a handler."""

from __future__ import annotations

import logging
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from fgamcd_opt.io.safe_text import printable
from fgamcd_opt.studies.live_line import LiveLine

if TYPE_CHECKING:
    from fgamcd_opt.solving.context import SolveProgress

LEVELS = ("debug", "info", "warning", "error")

_STALLED_S = 60.0
"""Without a better delay or bound for so long, and for half of the time so far, a solve is said to be stalled."""


class _Lines(logging.Formatter):
    """Progress as it is; anything else says how serious it is."""

    def format(self, record: logging.LogRecord) -> str:
        text = printable(super().format(record))
        return text if record.levelno == logging.INFO else f"fgamcd: {record.levelname.lower()}: {text}"


class _Handler(logging.StreamHandler):  # type: ignore[type-arg]
    """Progress on one live line of a terminal, or on lines now and then elsewhere; other records on lines."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._line = LiveLine(stream)
        self._best: tuple[float | None, float | None] = (None, None)
        self._since_s = 0.0
        self._helped = False

    def emit(self, record: logging.LogRecord) -> None:
        """Show the record."""
        progress: SolveProgress | None = getattr(record, "progress", None)
        if progress is None:
            LiveLine.erase()
            super().emit(record)
            return
        state = (progress.delay_s, progress.lower_bound_s, progress.work)
        self._line.show(progress.line, state, phase=progress.work.partition(":")[0])
        self._watch(progress)

    def _watch(self, progress: SolveProgress) -> None:
        """Say once, of a solve that is stalled, what would help."""
        best = (progress.delay_s, progress.lower_bound_s)
        if best == (None, None):
            return
        if best != self._best or progress.elapsed_s < self._since_s:
            self._best, self._since_s = best, progress.elapsed_s
        idle_s = progress.elapsed_s - self._since_s
        if not self._helped and idle_s >= max(_STALLED_S, 0.5 * progress.elapsed_s):
            self._helped = True
            LiveLine.erase()
            self.stream.write(f"{advice(progress.gap, idle_s)}\n")
            self.flush()


def advice(gap: float | None, idle_s: float) -> str:
    """What helps a solve that has stalled."""
    enough = "" if gap is None else f"--gap {math.ceil(1e4 * gap) / 1e4:g} accepts what is proved; "
    return (
        f"No better delay or bound for {idle_s:.0f} s. Ctrl-C or --time-limit S ends with the best so far; {enough}"
        "another solver, or another backend of it, may go further: see `fgamcd solvers`."
    )


@contextmanager
def logging_to_stderr(level: str) -> Iterator[None]:
    """Within: records of this package from ``level`` on go to stderr."""
    logger = logging.getLogger("fgamcd_opt")
    handler = _Handler(sys.stderr)
    handler.setFormatter(_Lines())
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(level.upper())
    try:
        yield
    finally:
        LiveLine.erase()
        logger.removeHandler(handler)
        logger.setLevel(before)
