"""An orderly end on Ctrl-C or SIGTERM while a solver runs and its result is written."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

log = logging.getLogger("fgamcd_opt.cli")

_STANDARD_ERROR = 2


class _AnnouncedStop(threading.Event):
    """A stop flag that tells the user when it is set: in a signal handler, where a logger could deadlock."""

    def set(self) -> None:
        if not self.is_set() and log.isEnabledFor(logging.INFO):
            os.write(_STANDARD_ERROR, b"stopping, keeps the best so far; once more to end at once\n")
        super().set()


@contextmanager
def orderly_stop() -> Iterator[threading.Event]:
    """Within: the first Ctrl-C or SIGTERM sets the event that is yielded, a second one interrupts at once."""
    stop = _AnnouncedStop()

    def request(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    previous = {number: signal.signal(number, request) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
