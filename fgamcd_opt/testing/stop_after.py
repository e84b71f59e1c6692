"""A stop flag that is set after a given number of looks at it: an interruption at a place that no clock decides."""

from __future__ import annotations

import threading


class StopAfter(threading.Event):
    """Reads as set from the ``looks``-th look on.

    Parameters
    ----------
    looks
        Looks that still find it unset.
    """

    def __init__(self, looks: int) -> None:
        super().__init__()
        self.looks = looks
        self._lock = threading.Lock()

    def is_set(self) -> bool:
        """Count a look."""
        with self._lock:
            self.looks -= 1
        return self.looks < 0 or super().is_set()
