"""Solvers that print without end, leave processes behind, leave their own, return nonsense or break what they use."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest

from fgamcd_opt.studies.grid.cells import CellLimits, Source, make_grid
from fgamcd_opt.studies.grid.child import run_cell
from fgamcd_opt.studies.grid.row import CellOutcome, Row
from fgamcd_opt.studies.grid.runner import run_cells

KILOBYTES = 1 << 10


def row_of(roomy: Path, solver: str, limits: CellLimits | None = None, **options: str) -> Row:
    (cell,) = make_grid([Source.of(str(roomy))], [solver], options={solver: options}, limits=limits)
    found = run_cell(cell, None, grace_s=1.0 if limits else 60.0)
    assert found is not None
    assert found.row.solver == solver
    return found.row


def started(diary: Path) -> psutil.Process | None:
    """The process that `odd-parent` started; None if it has ended."""
    (note,) = diary.glob("started-*")
    number = int(note.name.partition("-")[2])
    try:
        process = psutil.Process(number)
        return None if process.status() == psutil.STATUS_ZOMBIE else process
    except psutil.NoSuchProcess:
        return None


def test_a_gigabyte_of_output_fills_neither_disk_nor_memory(
    tmp_path: Path, plug_ins: Path, roomy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    row = row_of(roomy, "odd-chatty")
    assert row.outcome is CellOutcome.CRASHED
    assert row.reason == "its process ended by exit code 3"
    assert row.error is not None
    assert row.error.endswith("x\nthe last word\n")
    assert 1 * KILOBYTES < len(row.error) <= 4 * KILOBYTES
    assert list(folder.iterdir()) == []
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * KILOBYTES  # in kB: 64 MB


@pytest.mark.parametrize("how", ["group", "session", "daemon"])
def test_what_a_cell_leaves_behind_ends_with_it(plug_ins: Path, roomy: Path, how: str) -> None:
    row = row_of(roomy, "odd-parent", how=how)
    assert row.outcome is CellOutcome.SOLVED, row.error
    assert started(plug_ins) is None


@pytest.mark.parametrize("how", ["group", "session", "daemon"])
def test_what_a_cell_started_ends_with_its_time(plug_ins: Path, roomy: Path, how: str) -> None:
    row = row_of(roomy, "odd-parent", CellLimits(time_s=1.0), how=how, wait_s="3600")
    assert row.outcome is CellOutcome.KILLED_TIME
    assert started(plug_ins) is None


WITH_A_CHILD = """
import sys
from pathlib import Path
from fgamcd_opt.studies.grid.cells import Source, make_grid
from fgamcd_opt.studies.grid.runner import run_cells

options = {"odd-parent": {"how": sys.argv[2], "wait_s": "3600"}}
run_cells(make_grid([Source.of(sys.argv[1])], ["odd-parent"], options=options), Path(sys.argv[3]))
"""


@pytest.mark.parametrize("how", ["group", "session", "daemon"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_what_a_cell_started_ends_with_the_comparison(
    tmp_path: Path, plug_ins: Path, roomy: Path, how: str, number: signal.Signals
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", WITH_A_CHILD, str(roomy), how, str(tmp_path / "out")],
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 300.0
    while not list(plug_ins.glob("started-*")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    processes = psutil.Process(process.pid).children(recursive=True)
    assert started(plug_ins) is not None
    process.send_signal(number)
    process.wait()
    while started(plug_ins) is not None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert psutil.wait_procs(processes, timeout=60)[1] == []


@pytest.mark.parametrize(
    ("how", "outcome", "told"),
    [
        ("exit 0", CellOutcome.REFUTED, "odd-exits"),
        ("exit text", CellOutcome.REFUTED, "some text"),
        ("interrupt", CellOutcome.ERROR, "KeyboardInterrupt"),
        ("_exit 0", CellOutcome.CRASHED, "exit code 0 without an answer"),
        ("_exit 3", CellOutcome.CRASHED, "exit code 3"),
        ("kill", CellOutcome.CRASHED, "SIGKILL"),
        ("real-time signal", CellOutcome.CRASHED, f"signal {signal.SIGRTMIN + 6}"),
    ],
)
def test_every_way_out_gives_a_row(
    plug_ins: Path, roomy: Path, how: str, outcome: CellOutcome, told: str
) -> None:
    row = row_of(roomy, "odd-exits", how=how)
    assert row.outcome is outcome
    assert told in row.reason


@pytest.mark.parametrize("what", ["None", "text", "NaN beams", "wrong shape", "NaN bound"])
def test_nonsense_gives_a_row_without_a_delay(plug_ins: Path, roomy: Path, what: str) -> None:
    row = row_of(roomy, "odd-returns", what=what)
    assert not row.solved
    assert row.reason
    assert row.delay_s is None
    assert row.lower_bound_s is None


@pytest.mark.parametrize(
    "how",
    ["another folder", "closed files", "standard input", "closed streams", "no streams", "thread", "hook"],
)
def test_disorder_keeps_no_answer_back(plug_ins: Path, roomy: Path, how: str) -> None:
    row = row_of(roomy, "odd-vandal", how=how)
    assert (row.outcome, row.reason) == (CellOutcome.SOLVED, ""), row.error
    assert row.delay_s == row_of(roomy, "odd-plain").delay_s


def test_no_odd_cell_ends_a_comparison(tmp_path: Path, plug_ins: Path, roomy: Path) -> None:
    source = Source.of(str(roomy))
    cells = [
        *make_grid([source], ["odd-exits"], options={"odd-exits": {"how": "exit 0"}}),
        *make_grid([source], ["odd-exits"], options={"odd-exits": {"how": "interrupt"}}),
        *make_grid([source], ["odd-returns"], options={"odd-returns": {"what": "None"}}),
        *make_grid([source], ["odd-plain"]),
    ]
    rows = run_cells(cells, tmp_path / "out", jobs=2)
    assert [row.solved for row in rows] == [False, False, False, True]
    assert os.listdir(tmp_path / "out" / "solutions") == [f"{rows[-1].cell}.npz"]
