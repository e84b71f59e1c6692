"""An orderly end on Ctrl-C or SIGTERM while a solver runs and its result is written."""

from __future__ import annotations

import logging
import math
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

log = logging.getLogger("fgamcd_opt.cli")

_STANDARD_ERROR = 2

SAME_SIGNAL_S = 0.5
"""A signal that follows the first within this time is the same one: `timeout`, for example, sends two."""


class _AnnouncedStop(threading.Event):
    """A stop flag that tells the user when it is set: in a signal handler, where a logger could deadlock."""

    since_s = math.inf
    """When it was set, by the monotonic clock."""

    def set(self) -> None:
        self.since_s = min(self.since_s, time.monotonic())
        if not self.is_set() and log.isEnabledFor(logging.INFO):
            os.write(_STANDARD_ERROR, b"stopping, keeps the best so far; once more to end at once\n")
        super().set()


@contextmanager
def orderly_stop() -> Iterator[threading.Event]:
    """Within: the first Ctrl-C or SIGTERM sets the event that is yielded, a later one interrupts at once."""
    stop = _AnnouncedStop()

    def request(number: int, frame: FrameType | None) -> None:
        if not stop.is_set():
            stop.set()
        elif time.monotonic() - stop.since_s >= SAME_SIGNAL_S:
            raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    previous = {number: signal.signal(number, request) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
