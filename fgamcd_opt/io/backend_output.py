"""Standard output belongs to results: what backends write there, banners and licence notes, goes to the log."""

from __future__ import annotations

import ctypes
import io
import logging
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

log = logging.getLogger(__name__)

_STDOUT = 1
"""The file descriptor to which C libraries write, whatever ``sys.stdout`` is."""

_PATIENCE_S = 1.0
"""How long the last lines are waited for; a process that a backend left behind may hold the pipe open."""

_LONGEST_LINE = 1 << 20
"""Characters; a longer line is logged in pieces, so that one without an end takes no memory."""

_lock = threading.Lock()
_inside = 0
_diversion: _Diversion | None = None


@contextmanager
def backend_output_logged() -> Iterator[None]:
    """Within: what this process writes to standard output, C libraries included, is logged line by line (debug).

    It may be entered several times at once, also by threads: the last one to leave gives standard output back.
    """
    global _inside, _diversion
    with _lock:
        _inside += 1
        if _inside == 1:
            _diversion = _begin()
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0 and _diversion is not None:
                _diversion.end()
                _diversion = None


def _begin() -> _Diversion | None:
    """Divert standard output; None if it is closed: its number may then be that of some other file."""
    if sys.__stdout__ is None:
        return None
    try:
        return _Diversion()
    except OSError:
        return None


class _Diversion:
    """Standard output led into a pipe, and the thread that reads it."""

    def __init__(self) -> None:
        _flush()
        self._original = os.dup(_STDOUT)
        self._python = sys.stdout
        source, sink = os.pipe()
        os.dup2(sink, _STDOUT)
        os.close(sink)
        self._diverted = io.TextIOWrapper(
            io.FileIO(_STDOUT, "w", closefd=False),
            encoding="utf-8",
            errors="backslashreplace",
            write_through=True,
        )
        sys.stdout = self._diverted
        self._reader = threading.Thread(target=_log_lines, args=(source,), name="backend output", daemon=True)
        self._reader.start()

    def end(self) -> None:
        """Give standard output back, once all that was written for the log is on its way there."""
        if sys.stdout is self._diverted:
            sys.stdout = self._python
        _flush()
        with suppress(OSError):  # whatever ran within may have closed them all
            os.dup2(self._original, _STDOUT)
            os.close(self._original)
        self._reader.join(_PATIENCE_S)


def _flush() -> None:
    """Write out what Python and the C library still hold, to where standard output leads now."""
    with suppress(AttributeError, ValueError, OSError):  # no standard output, or a closed one
        sys.stdout.flush()
    ctypes.CDLL(None).fflush(None)


def _log_lines(source: int) -> None:
    with suppress(OSError), open(source, encoding="utf-8", errors="backslashreplace") as lines:
        while line := lines.readline(_LONGEST_LINE):
            if line.strip():
                log.debug("%s", line.rstrip())
