"""An orderly end on Ctrl-C, SIGTERM or SIGHUP (the terminal has gone), which all mean the same."""

from __future__ import annotations

import logging
import math
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from fgamcd_opt.studies.live_line import ERASE

log = logging.getLogger("fgamcd_opt.cli")

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_STANDARD_ERROR = 2

SAME_SIGNAL_S = 0.5
"""A signal that follows the first within this time is the same one: `timeout`, for example, sends two."""


class _AnnouncedStop(threading.Event):
    """A stop flag that says so when it is set: in a signal handler, where a logger could deadlock."""

    since_s = math.inf
    """When it was set, by the monotonic clock."""

    def __init__(self, kept: str) -> None:
        super().__init__()
        self._words = f"Stopping; {kept} is kept. Press Ctrl-C again to quit at once.\n".encode()

    def set(self) -> None:
        self.since_s = min(self.since_s, time.monotonic())
        if not self.is_set() and log.isEnabledFor(logging.INFO):
            with suppress(OSError):  # the terminal may have gone
                over = ERASE.encode() if os.isatty(_STANDARD_ERROR) else b""
                os.write(_STANDARD_ERROR, over + self._words)
        super().set()


@contextmanager
def interrupting_signals() -> Iterator[threading.Event]:
    """Within: the first of the signals, or one well after it, raises KeyboardInterrupt, as Ctrl-C always does.

    The event that is yielded says whether one came.
    """
    since_s, came = -math.inf, threading.Event()

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal since_s
        now = time.monotonic()
        if now - since_s >= SAME_SIGNAL_S:
            since_s = now
            came.set()
            raise KeyboardInterrupt

    with _handled_by(interrupt):
        yield came


@contextmanager
def orderly_stop(kept: str = "the best solution") -> Iterator[threading.Event]:
    """Within: the first of the signals sets the event that is yielded, a later one interrupts at once.

    ``kept`` says in the message what the work done so far leaves.
    """
    stop = _AnnouncedStop(kept)

    def request(number: int, frame: FrameType | None) -> None:
        if not stop.is_set():
            stop.set()
        elif time.monotonic() - stop.since_s >= SAME_SIGNAL_S:
            raise KeyboardInterrupt

    with _handled_by(request):
        yield stop


@contextmanager
def _handled_by(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Within: the signals are handled so, but for those that the caller ignores, as `nohup` does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = {number: signal.getsignal(number) for number in _SIGNALS}
    heard = [number for number, before in previous.items() if before is not signal.SIG_IGN]
    try:
        for number in heard:
            signal.signal(number, handler)
        yield
    finally:
        for number in heard:
            signal.signal(number, previous[number])
