"""Files are written and rows are kept, whatever happens to the streams and the terminal of a command."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from fgamcd_opt.cli.streams import BROKEN_PIPE
from fgamcd_opt.io.errors import ExitCode
from fgamcd_opt.problem.solution_file import Solution
from fgamcd_opt.studies.grid.row import Row

FGAMCD = f"{sys.executable} -P -m fgamcd_opt"
REDIRECTIONS = {
    ">&-": ExitCode.INPUT_REJECTED,
    ">/dev/full": ExitCode.INPUT_REJECTED,
    "| true": BROKEN_PIPE,
    ">/dev/full 2>&1": ExitCode.INPUT_REJECTED,
    "2>&1 | true": BROKEN_PIPE,
    "2>&-": ExitCode.DONE,
}


def shell(line: str) -> subprocess.CompletedProcess[str]:
    ran = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {line}"], capture_output=True, text=True, check=False
    )
    assert "Traceback" not in ran.stderr
    assert "Exception ignored" not in ran.stderr
    return ran


@pytest.mark.parametrize("redirection", REDIRECTIONS)
def test_solution_is_written_though_nothing_can_be_printed(
    tmp_path: Path, plug_ins: Path, roomy: Path, redirection: str
) -> None:
    path = tmp_path / "s.npz"
    ran = shell(f"{FGAMCD} solve {roomy} --solver odd-plain -o {path} {redirection}")
    assert ran.returncode == REDIRECTIONS[redirection], ran.stderr
    assert Solution.load(path).instance_name == "roomy"
    if redirection in (">&-", ">/dev/full"):
        assert "\ndelay " in ran.stderr


def test_solution_that_cannot_be_written_in_the_end_is_kept_elsewhere(
    tmp_path: Path, plug_ins: Path, roomy: Path
) -> None:
    full, kept = tmp_path / "full", tmp_path / "kept"
    kept.mkdir()
    try:
        os.mknod(full, 0o666 | stat.S_IFCHR, os.makedev(1, 7))
        full.open("wb").close()
    except PermissionError:
        pytest.skip("FULL DEVICE NOT TESTED: this user or file system may not make or open device nodes")
    ran = shell(f"TMPDIR={kept} {FGAMCD} solve {roomy} --solver odd-plain -o {full} --json")
    assert ran.returncode == ExitCode.INPUT_REJECTED
    assert '"point_status": "feasible"' in ran.stdout
    (path,) = kept.iterdir()
    told = ran.stderr.splitlines()[-1]
    assert f"{full}: cannot be written (No space left on device); the solution is kept in {path}" in told
    assert Solution.load(path).instance_name == "roomy"


@pytest.mark.parametrize("redirection", [">/dev/full", "2>&1 | true"])
def test_comparison_is_finished_though_nothing_can_be_printed(
    tmp_path: Path, plug_ins: Path, roomy: Path, redirection: str
) -> None:
    folder = tmp_path / "out"
    ran = shell(f"{FGAMCD} compare {roomy} --solver odd-plain --seeds 0-1 -o {folder} {redirection}")
    assert ran.returncode == REDIRECTIONS[redirection], ran.stderr
    assert len(list((folder / "cells").iterdir())) == 2
    assert "odd-plain" in (folder / "tables.md").read_text()
    assert (folder / "report.html").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_comparison_that_is_stopped_keeps_its_rows(
    tmp_path: Path, plug_ins: Path, roomy: Path, number: signal.Signals
) -> None:
    folder = tmp_path / "out"
    words = ["compare", str(roomy), "--solver", "odd-plain,odd-deaf", "--option", "odd-deaf.wait_s=0"]
    process = subprocess.Popen(
        [*FGAMCD.split(), *words, "-o", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 300.0
    while not any(path.name.startswith("odd-deaf") for path in plug_ins.iterdir()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    cells = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(number)
    out, err = process.communicate()
    assert process.returncode == 130, err
    assert out == ""
    assert "1 of 2 cells are kept" in err
    assert err.splitlines()[-1] == "fgamcd: error: interrupted"
    assert "Traceback" not in err
    (row,) = (folder / "cells").iterdir()
    assert Row.load(row).solver == "odd-plain"
    assert psutil.wait_procs(cells, timeout=30)[1] == []


def test_nohup_is_heard(tmp_path: Path, plug_ins: Path, roomy: Path) -> None:
    """A signal that the caller ignores stays ignored."""
    path = tmp_path / "s.npz"
    ran = shell(f"trap '' HUP; {FGAMCD} solve {roomy} --solver odd-hangs-up --json -o {path}")
    assert ran.returncode == ExitCode.DONE
    assert '"stop_reason": "completed"' in ran.stdout
    ran = shell(f"{FGAMCD} solve {roomy} --solver odd-hangs-up --json -o {path} --force")
    assert '"stop_reason": "interrupted"' in ran.stdout
    assert "Stopping; the best solution is kept. Press Ctrl-C again to quit at once." in ran.stderr


def test_hang_up_of_a_terminal_loses_no_file(tmp_path: Path, plug_ins: Path, roomy: Path) -> None:
    """The terminal itself is gone: whatever is printed fails with EIO."""
    path = tmp_path / "s.npz"
    primary, secondary = os.openpty()
    process = subprocess.Popen(
        [*FGAMCD.split(), "solve", str(roomy), "--solver", "odd-plain", "-o", str(path)],
        stdin=secondary,
        stdout=secondary,
        stderr=secondary,
        start_new_session=True,
    )
    os.close(secondary)
    os.close(primary)
    assert process.wait() == ExitCode.INPUT_REJECTED
    assert Solution.load(path).instance_name == "roomy"


def test_rate_cache_that_cannot_be_written_is_found_before_the_work(tmp_path: Path, plug_ins: Path) -> None:
    (tmp_path / "file").touch()
    for command in ("solve absent", "bound absent", f"train maasn-da absent -o {tmp_path / 'run'}"):
        ran = shell(f"{FGAMCD} {command} --rate-cache {tmp_path / 'file'}")
        assert (ran.returncode, ran.stdout) == (ExitCode.INPUT_REJECTED, "")
        assert "file: cannot be written" in ran.stderr
