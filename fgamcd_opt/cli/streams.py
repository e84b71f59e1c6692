"""Standard output and standard error that never end a command: closed, full, gone, or of a small alphabet.

A result that took hours is not lost because its summary cannot be printed. What cannot be written is remembered, the
command goes on to its end, and then standard error tells what standard output could not.
"""

from __future__ import annotations

import errno
import io
import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from fgamcd_opt.io.errors import ExitCode

BROKEN_PIPE = 141
"""Exit code (128 + SIGPIPE) when the reader of standard output has gone."""

_OUT, _ERR = 1, 2


class _Sturdy(io.RawIOBase):
    """An open file of the system to which writing never fails."""

    def __init__(self, descriptor: int, fault: OSError | None) -> None:
        super().__init__()
        self.descriptor, self.fault = descriptor, fault
        self.written = bytearray()
        """Everything so far, whether it got through or not."""

    def fileno(self) -> int:
        """Number of the file."""
        return self.descriptor

    def writable(self) -> bool:
        """It is."""
        return True

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return os.isatty(self.descriptor)

    def write(self, data: object) -> int:
        """Hand all bytes to the system; after the first failure none."""
        left = memoryview(data)  # type: ignore[arg-type]
        size = left.nbytes
        self.written += left
        try:
            while left and self.fault is None:
                select.select([], [self.descriptor], [])  # whoever made it may have left it non-blocking
                left = left[os.write(self.descriptor, left) :]
        except OSError as error:
            self.fault = error
        return size


class Streams:
    """Both streams of a command while it runs."""

    def __init__(self) -> None:
        self._raw = {
            number: _Sturdy(number, OSError(errno.EBADF, "it is closed") if stream is None else None)
            for number, stream in ((_OUT, sys.stdout), (_ERR, sys.stderr))
        }
        self.out, self.err = (
            io.TextIOWrapper(
                io.BufferedWriter(self._raw[number]),
                encoding="utf-8" if stream is None else stream.encoding,
                errors="backslashreplace",
                line_buffering=number == _ERR or self._raw[number].isatty(),
            )
            for number, stream in ((_OUT, sys.stdout), (_ERR, sys.stderr))
        )

    def settled(self, code: int) -> int:
        """Tell what was lost, and turn the exit code of a command into that of the process.

        A failure of the command itself goes before one of standard output.
        """
        self.out.flush()
        raw = self._raw[_OUT]
        if raw.fault is None or not raw.written:
            return code
        if raw.fault.errno == errno.EPIPE:
            return code or BROKEN_PIPE
        text = bytes(raw.written).decode(self.out.encoding, "backslashreplace")
        self.err.write(
            f"fgamcd: error: standard output cannot be written ({raw.fault.strerror}); it would have said:\n{text}"
        )
        self.err.flush()
        return code or ExitCode.INPUT_REJECTED


@contextmanager
def sturdy_streams() -> Iterator[Streams | None]:
    """Within: standard output and error are sturdy; None if the caller has put something else in their place."""
    if sys.stdout is not sys.__stdout__ or sys.stderr is not sys.__stderr__:
        yield None
        return
    before: tuple[TextIO | None, TextIO | None] = sys.stdout, sys.stderr
    for stream in before:
        if stream is not None:
            stream.flush()
    _fill_gaps()
    streams = Streams()
    sys.stdout, sys.stderr = streams.out, streams.err
    try:
        yield streams
    finally:
        streams.out.flush()
        sys.stdout, sys.stderr = before


def _fill_gaps() -> None:
    """Open the null device in place of closed standard streams, so that no file of ours takes their numbers."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= _ERR:
        pass
    os.close(number)
