"""Ctrl-C and SIGTERM from outside, while a real process solves an instance that takes long."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fgamcd_opt.errors import ExitCode
from fgamcd_opt.solution import Solution

COMMAND = [sys.executable, "-m", "fgamcd_opt", "solve", "large-s1-0180MB", "--gap", "0", "--json"]
USABLE = "beams: "
"""Start of the progress after every block can be delivered by all nodes together: from here on there is a point."""


def start(output: Path, marker: str) -> subprocess.Popen[str]:
    """Start a solve and wait until a line of its log holds ``marker``."""
    process = subprocess.Popen(
        [*COMMAND, "-o", str(output)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    for line in process.stderr:
        if marker in line:
            return process
    raise AssertionError(f"the solve ended without {marker!r} in its log")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_first_signal_prints_and_saves(tmp_path: Path, number: signal.Signals) -> None:
    path = tmp_path / "interrupted.npz"
    process = start(path, USABLE)
    process.send_signal(number)
    out, err = process.communicate()
    assert process.returncode == ExitCode.DONE, err
    assert "stopping, keeps the best so far" in err
    report = json.loads(out)
    assert report["stop_reason"] == "interrupted"
    assert 0 < report["lower_bound_s"] <= report["delay_s"]
    assert Solution.load(path).delay_s == report["delay_s"]


def test_second_signal_ends_at_once(tmp_path: Path) -> None:
    process = start(tmp_path / "interrupted.npz", USABLE)
    assert process.stderr is not None
    process.send_signal(signal.SIGINT)
    assert any("stopping" in line for line in process.stderr)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert (process.returncode, out) == (130, "")
    assert err.splitlines()[-1] == "fgamcd: error: interrupted"
    assert list(tmp_path.iterdir()) == []
