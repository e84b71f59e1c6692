"""One line of a terminal that is written over and erased at the end; elsewhere lines at growing intervals."""

from __future__ import annotations

import os
import time
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, TextIO

from fgamcd_opt.io.safe_text import one_line

ERASE = "\r\x1b[K"
"""Back to the start of the line, and the rest of it cleared."""

_FALLBACK_COLUMNS = 80

_FIRST_PAUSE_S, _GROWTH = 1.0, 1.5
"""Between the first two lines where there is no terminal, and by how much each pause is longer than the one before."""


@dataclass(eq=False)
class LiveLine:
    """Shows where a long run stands.

    Parameters
    ----------
    stream
        Where to write, standard error as a rule.
    clock
        Seconds that go on.
    """

    stream: TextIO
    clock: Callable[[], float] = time.monotonic
    current: ClassVar[LiveLine | None] = None
    """The one that is on the terminal now."""
    _next_s: float = field(default=0.0, init=False)
    _pause_s: float = field(default=_FIRST_PAUSE_S, init=False)
    _last: object = field(default=None, init=False)
    _phase: str = field(default="", init=False)

    def show(self, text: str, state: object = None, *, phase: str = "", last: bool = False) -> None:
        """Write over the line; where there is no terminal, write one if the state has changed and the pause is over.

        Parameters
        ----------
        text
            What to show; of a terminal that is narrower, its beginning.
        state
            What has to differ from that of the last line for another one; the text itself if not given.
        phase
            What the run is at; the first line of a phase comes at once.
        last
            Whether it is the end: written without regard to the pause, and erased from a terminal.
        """
        text = one_line(text)
        if self.stream.isatty():
            self._overwrite(ERASE if last else ERASE + clipped(text, self._columns() - 1))
            LiveLine.current = None if last else self
            return
        now, state = self.clock(), text if state is None else state
        if phase != self._phase:
            self._phase, self._next_s, self._pause_s = phase, now, _FIRST_PAUSE_S
        if last or (state != self._last and now >= self._next_s):
            self._last, self._next_s = state, now + self._pause_s
            self._pause_s *= _GROWTH
            self._overwrite(f"{text}\n")

    @staticmethod
    def erase() -> None:
        """Clear the line of the terminal, if one is there, before anything else is written to it."""
        shown, LiveLine.current = LiveLine.current, None
        if shown is not None:
            shown._overwrite(ERASE)

    def _overwrite(self, text: str) -> None:
        self.stream.write(text)
        self.stream.flush()

    def _columns(self) -> int:
        try:
            return os.get_terminal_size(self.stream.fileno()).columns or _FALLBACK_COLUMNS
        except (OSError, ValueError):
            return _FALLBACK_COLUMNS


def clipped(text: str, columns: int) -> str:
    """The beginning of a text that takes at most so many columns."""
    taken, kept = 0, []
    for character in text:
        taken += _columns_of(character)
        if taken > columns:
            break
        kept.append(character)
    return "".join(kept)


def _columns_of(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
