"""One cell in a process of its own: started, watched, killed beyond its limits, and always answered by one row."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fgamcd_opt.comparison.cell import SOLUTION_FILE, faulty
from fgamcd_opt.comparison.cell_outcome import CellOutcome
from fgamcd_opt.comparison.grid import Cell, CellLimits
from fgamcd_opt.comparison.provenance import provenance
from fgamcd_opt.comparison.row import Row
from fgamcd_opt.errors import BackendError, InputError
from fgamcd_opt.extras import how_to_install

GRACE_S = 60.0
"""Seconds beyond the solver's time limit for making the instance, loading kernels and writing the answer."""

_POLL_S = 0.1
_TERM_S = 3.0
"""Seconds between SIGTERM and SIGKILL."""

_LOG_TAIL_BYTES = 4000

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
"""Linear algebra libraries take all cores unless told otherwise, whatever limit a solver is given."""


@dataclass(frozen=True)
class Answer:
    """The row of a cell, and the bytes of its solution file if it has one."""

    row: Row
    solution: bytes | None


@dataclass(frozen=True)
class _End:
    """How a process ended: exit code, killed for what, seconds, largest resident memory seen."""

    code: int
    killed: CellOutcome | None
    wall_s: float
    peak_memory_bytes: int


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
    with tempfile.TemporaryDirectory(prefix="fgamcd-cell-") as name:
        folder = Path(name)
        task = {
            "cell": cell.to_json(),
            "folder": name,
            "rate_cache": None if rates is None else str(rates.absolute()),
        }
        log = folder / "log"
        end = _run(task, log, cell.limits, grace_s, stop or threading.Event())
        if end is None:
            return None
        solution = folder / SOLUTION_FILE
        row = replace(_row(cell, end, folder / f"{cell.id}.json", log, grace_s), **made_by)
        kept = row.solution_digest is not None
        return Answer(row, solution.read_bytes() if kept else None)


def prepare(solvers: list[str]) -> None:
    """Compile the kernels of solvers once, in a process of its own, before their cells start."""
    with tempfile.TemporaryDirectory(prefix="fgamcd-cell-") as name:
        task = {"prepare": solvers, "folder": name}
        _run(task, Path(name) / "log", CellLimits(), GRACE_S, threading.Event())


def _run(
    task: dict[str, Any], log: Path, limits: CellLimits, grace_s: float, stop: threading.Event
) -> _End | None:
    """Start the process, wait for its end or bring it about; None if ``stop`` was set."""
    begun = time.monotonic()
    process = _start(log, limits.threads)
    peak, killed = 0, None
    assert process.stdin is not None
    try:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(json.dumps(task).encode() + b"\n")
            process.stdin.flush()
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
        _signal_group(process, signal.SIGKILL)
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        process.wait()
    return _End(process.returncode, killed, time.monotonic() - begun, peak)


def _start(log: Path, threads: int) -> subprocess.Popen[bytes]:
    """A process that waits for its task, leads a process group of its own, and keeps to its threads."""
    with log.open("wb") as stream:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "fgamcd_opt.comparison.cell"],
            stdin=subprocess.PIPE,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
            env={**os.environ, **dict.fromkeys(_THREAD_VARIABLES, str(threads))},
        )


def _ended(process: subprocess.Popen[bytes], seconds: float) -> bool:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Signal the process and all that it started: it leads a process group of its own."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def require_psutil() -> None:
    """Refuse to go on without psutil.

    Raises
    ------
    BackendError
        With the remedy.
    """
    try:
        import psutil  # noqa: F401
    except ImportError as error:
        raise BackendError(f"comparisons need psutil: {how_to_install('compare')}") from error


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


def _row(cell: Cell, end: _End, path: Path, log: Path, grace_s: float) -> Row:
    """The row that the process left, or one that says how it ended without."""
    if end.killed is None and end.code == 0 and path.exists():
        try:
            row = Row.load(path)
        except InputError as error:  # a plug-in wrote into the folder of the answer
            row = faulty(cell, str(error))
        peak = max(end.peak_memory_bytes, row.peak_memory_bytes or 0)
        return replace(row, wall_s=end.wall_s, peak_memory_bytes=peak)
    limits = cell.limits
    reasons = {
        CellOutcome.KILLED_TIME: f"still running {grace_s:g} s after its time limit of {limits.time_s} s",
        CellOutcome.KILLED_MEMORY: f"held more than its memory limit of {limits.memory_bytes} bytes",
        CellOutcome.CRASHED: f"its process ended by {_name(end.code)}",
    }
    outcome = end.killed or CellOutcome.CRASHED
    tail = log.read_bytes()[-_LOG_TAIL_BYTES:].decode(errors="replace")
    return Row.of_cell(
        cell,
        outcome,
        reason=reasons[outcome],
        wall_s=end.wall_s,
        peak_memory_bytes=end.peak_memory_bytes,
        error=tail or None,
    )


def _name(code: int) -> str:
    """An exit code in words; a negative one is the number of a signal."""
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name
