"""One cell in its own process: started, watched, killed beyond its limits, and always answered by one row."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.short_repr import short_repr
from fgamcd_opt.studies.grid import guard as guarding
from fgamcd_opt.studies.grid.cell import SOLUTION_FILE, faulty
from fgamcd_opt.studies.grid.cell_outcome import CellOutcome
from fgamcd_opt.studies.grid.cells import Cell, CellLimits
from fgamcd_opt.studies.grid.guard import MARK, end_all, ending
from fgamcd_opt.studies.grid.log_tail import LogTail
from fgamcd_opt.studies.grid.provenance import provenance
from fgamcd_opt.studies.grid.row import Row

GRACE_S = 60.0
"""Seconds beyond the solver's time limit for making the instance, loading kernels and writing the answer."""

_POLL_S = 0.1
_TERM_S = 3.0
"""Seconds between SIGTERM and SIGKILL."""

_LOG_TAIL_BYTES = 4000
"""Of what a process printed, kept of one that ended without an answer."""

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
"""Linear algebra libraries take all cores by default, whatever limit a solver is given."""


@dataclass(frozen=True)
class Answer:
    """The row of a cell, and the bytes of its solution file if it has one."""

    row: Row
    solution: bytes | None

    __repr__ = short_repr


@dataclass(frozen=True)
class _End:
    """How a process ended: exit code, killed for what, seconds, largest resident memory seen, its last words."""

    code: int
    killed: CellOutcome | None
    wall_s: float
    peak_memory_bytes: int
    last_words: str


def run_cell(
    cell: Cell, rates: Path | None, grace_s: float = GRACE_S, stop: threading.Event | None = None
) -> Answer | None:
    """Run one cell; its row comes back even if its process crashed or had to be killed.

    Parameters
    ----------
    cell
        What to run.
    rates
        Folder of the shared rate tables, or None.
    grace_s
        Seconds beyond the solver's time limit after which the process is killed.
    stop
        Set it to kill the process; None is returned then.
    """
    made_by = provenance(cell.solver)
    with _folder() as name:
        task = {
            "cell": cell.to_json(),
            "folder": name,
            "rate_cache": None if rates is None else str(rates.absolute()),
        }
        end = _run(task, cell.limits, grace_s, stop or threading.Event())
        if end is None:
            return None
        found = _answer(cell, end, Path(name), grace_s)
        return replace(found, row=replace(found.row, **made_by))


def _folder() -> tempfile.TemporaryDirectory[str]:
    """Where a cell leaves its answer; what a solver does to it is no reason to end a comparison."""
    return tempfile.TemporaryDirectory(prefix="fgamcd-cell-", ignore_cleanup_errors=True)


def _run(task: dict[str, Any], limits: CellLimits, grace_s: float, stop: threading.Event) -> _End | None:
    """Start the process, wait for its end or bring it about; None if ``stop`` was set."""
    begun = time.monotonic()
    log, mark = LogTail(_LOG_TAIL_BYTES), secrets.token_hex(16)
    process = _start(log, mark, limits.threads)
    peak, killed = 0, None
    try:
        guard = _guard(process.pid, mark, task["folder"])
    except OSError:
        end_all(process.pid, mark)
        raise
    try:
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(json.dumps(task).encode() + b"\n")
            process.stdin.close()
        while not _ended(process, _POLL_S):
            peak = max(peak, memory := resident_bytes(process.pid))
            if stop.is_set():
                return None
            if limits.memory_bytes is not None and memory > limits.memory_bytes:
                killed = CellOutcome.KILLED_MEMORY
                break
            if limits.time_s is not None and time.monotonic() - begun > limits.time_s + grace_s:
                killed = CellOutcome.KILLED_TIME
                _signal_group(process, signal.SIGTERM)
                _ended(process, _TERM_S)
                break
    finally:
        end_all(process.pid, mark)
        process.wait()
        guard.kill()
        with guard:
            pass  # its end is waited for, and its pipe closed
        last_words = log.text()
    return _End(process.returncode, killed, time.monotonic() - begun, peak, last_words)


def _start(log: LogTail, mark: str, threads: int) -> subprocess.Popen[bytes]:
    """A process that waits for its task, leads its own process group, bears the mark, and keeps to its threads."""
    try:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "fgamcd_opt.studies.grid.cell"],
            stdin=subprocess.PIPE,
            stdout=log.writing,
            stderr=log.writing,
            start_new_session=True,
            env={**os.environ, MARK: mark, **dict.fromkeys(_THREAD_VARIABLES, str(threads))},
        )
    finally:
        log.close_here()


def _guard(group: int, mark: str, folder: str) -> subprocess.Popen[bytes]:
    """A process that ends the cell when this one is gone, see `fgamcd_opt.studies.grid.guard`."""
    return subprocess.Popen(
        [sys.executable, "-I", "-S", guarding.__file__, str(group), mark, folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _ended(process: subprocess.Popen[bytes], seconds: float) -> bool:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Signal the process and all that it started: it leads its own process group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def resident_bytes(pid: int) -> int:
    """Resident memory of a process and of all that it started, in bytes; 0 once it has ended."""
    import psutil

    total = 0
    with contextlib.suppress(psutil.Error):
        parent = psutil.Process(pid)
        for process in (parent, *parent.children(recursive=True)):
            with contextlib.suppress(psutil.Error):
                total += process.memory_info().rss
    return total


def _answer(cell: Cell, end: _End, folder: Path, grace_s: float) -> Answer:
    """What the process left, or a row that says how it ended without."""
    limits, ended, path = cell.limits, f"its process ended by {ending(end.code)}", folder / f"{cell.id}.json"
    if end.killed is None and end.code == 0 and path.exists():
        try:
            row = Row.load(path)
            solution = (folder / SOLUTION_FILE).read_bytes() if row.solution_digest is not None else None
        except (OSError, InputError) as error:  # a plug-in wrote into the folder of the answer
            row, solution = faulty(cell, str(error)), None
        peak = max(end.peak_memory_bytes, row.peak_memory_bytes or 0)
        return Answer(replace(row, wall_s=end.wall_s, peak_memory_bytes=peak), solution)
    if end.code == 0:
        ended += " without an answer"
    reasons = {
        CellOutcome.KILLED_TIME: f"still running {grace_s:g} s after its time limit of {limits.time_s} s",
        CellOutcome.KILLED_MEMORY: f"held more than its memory limit of {limits.memory_bytes} bytes",
        CellOutcome.CRASHED: ended,
    }
    outcome = end.killed or CellOutcome.CRASHED
    row = Row.of_cell(
        cell,
        outcome,
        reason=reasons[outcome],
        wall_s=end.wall_s,
        peak_memory_bytes=end.peak_memory_bytes,
        error=end.last_words or None,
    )
    return Answer(row, None)
