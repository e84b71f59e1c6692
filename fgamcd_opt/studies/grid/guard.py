"""Ends a cell with everything that it started, wherever that has gone; as a script, when the cell's parent is gone.

A process may leave the process group of its cell (a daemon does), but not the mark in the environment with which it was
started. The script is run by its path, in a Python without site packages: it starts at once, takes little memory, and
works whatever the solver does to its own process. It reads standard input, which closes when the parent ends.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import time

MARK = "FGAMCD_CELL"
"""Environment variable whose value marks the processes of one cell."""

_ROUNDS = 100
_ROUND_S = 0.01
"""A killed process needs a moment to go, and may have started another one before."""

_PROCESSES = "/proc"
"""Linux shows environments here; elsewhere only the process group is ended."""


def end_all(group: int, mark: str) -> None:
    """Kill the processes of a group, and all that have the mark."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)
    for _ in range(_ROUNDS):
        found = marked(mark)
        if not found:
            return
        for number in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(number, signal.SIGKILL)
        time.sleep(_ROUND_S)


def marked(mark: str) -> list[int]:
    """Numbers of the processes that were started with the mark in their environment and have not ended."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for name in os.listdir(_PROCESSES) if os.path.isdir(_PROCESSES) else ():
        if name.isdecimal():
            with contextlib.suppress(OSError), open(f"{_PROCESSES}/{name}/environ", "rb") as stream:
                if wanted in stream.read().split(b"\0"):
                    found.append(int(name))
    return found


def ending(code: int) -> str:
    """The exit code of a process in words; a negative one is the number of a signal."""
    if code >= 0:
        return f"exit code {code}"
    return next((known.name for known in signal.Signals if known == -code), f"signal {-code}")


def main(group: str, mark: str, folder: str) -> None:
    """Wait for the end of the parent, then remove the folder of the cell's answer and end its processes."""
    while os.read(0, 4096):
        pass
    shutil.rmtree(folder, ignore_errors=True)
    end_all(int(group), mark)


if __name__ == "__main__":
    main(*sys.argv[1:])
