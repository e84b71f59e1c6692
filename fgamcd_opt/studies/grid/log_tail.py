"""The end of what a process prints, read while it runs: neither disk nor memory fills, however much that is."""

from __future__ import annotations

import os
import select
import threading

_PIECE_BYTES = 1 << 16
_LOOK_MS = 100
_LAST_BYTES = 1 << 20
"""Read at most after the process has ended, though something that it left goes on printing: more than a pipe holds."""


class LogTail:
    """A pipe to be given to one process, and a thread that keeps the last bytes of it.

    Parameters
    ----------
    limit
        Number of bytes to keep.
    """

    def __init__(self, limit: int) -> None:
        self._limit, self._kept = limit, bytearray()
        self._reading, self.writing = os.pipe()
        """``writing`` is for the process."""
        self._ended = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def close_here(self) -> None:
        """To be called when the process has its end of the pipe, or was not started."""
        os.close(self.writing)

    def text(self) -> str:
        """To be called when the process has ended: its last words."""
        self._ended.set()
        self._reader.join()
        return self._kept.decode(errors="replace")

    def _read(self) -> None:
        watched, left = select.poll(), _LAST_BYTES
        watched.register(self._reading, select.POLLIN)
        try:
            while left > 0:
                if watched.poll(_LOOK_MS):
                    piece = os.read(self._reading, _PIECE_BYTES)
                    if not piece:
                        return
                    self._kept = (self._kept + piece)[-self._limit :]
                    left -= len(piece) if self._ended.is_set() else 0
                elif self._ended.is_set():
                    return
        finally:
            os.close(self._reading)
