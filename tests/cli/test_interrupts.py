"""Ctrl-C, SIGTERM and SIGHUP: from outside on a process that solves for long, and one after the other."""

from __future__ import annotations

import json
import math
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from cli_runner import Ran, Run
from stub_solvers import Swallows, TwiceSignalled, register

from fgamcd_opt.cli import stopping
from fgamcd_opt.cli.commands import info
from fgamcd_opt.instances.library.best_known import read_best_known
from fgamcd_opt.io.errors import ExitCode
from fgamcd_opt.problem.solution_file import Solution

NAME = "large-s1-0180MB"
SOLVE = ["solve", NAME, "--gap", "0", "--json"]
USABLE = "beams: "
"""Start of the progress after every block can be delivered by all nodes together: from here on there is a point."""


def start(words: list[str], marker: str) -> subprocess.Popen[str]:
    """Start a command and wait until a line of its log holds ``marker``."""
    process = subprocess.Popen(
        [sys.executable, "-m", "fgamcd_opt", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if marker in line:
            return process
    raise AssertionError(f"the command ended without {marker!r} in its log")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
@pytest.mark.parametrize(("rates", "marker"), [("table", USABLE), ("demand", "delay ")])
def test_first_signal_prints_and_saves(
    tmp_path: Path, number: signal.Signals, rates: str, marker: str
) -> None:
    path = tmp_path / "interrupted.npz"
    process = start([*SOLVE, "--option", f"rates={rates}", "-o", str(path)], marker)
    process.send_signal(number)
    out, err = process.communicate()
    assert process.returncode == ExitCode.DONE, err
    assert "Stopping; the best solution is kept. Press Ctrl-C again to quit at once." in err
    report = json.loads(out)
    assert report["stop_reason"] == "interrupted"
    assert 0 < report["lower_bound_s"] <= report["delay_s"]
    assert Solution.load(path).delay_s == report["delay_s"]


def test_first_signal_prints_the_bound() -> None:
    process = start(["bound", NAME, "--solver", "lagrangian", "--json"], USABLE)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert process.returncode == ExitCode.DONE, err
    report = json.loads(out)
    assert report["stop_reason"] == "interrupted"
    assert 0 < report["lower_bound_s"] <= read_best_known()[NAME].delay_s
    assert report["counts"]["rate_problems"] < report["counts"]["rate_problems_total"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_later_signal_ends_at_once(
    fgamcd: Run, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    monkeypatch.setattr(stopping, "SAME_SIGNAL_S", 0.0)
    before = signal.getsignal(number)
    ran = fgamcd_with_stub(fgamcd, monkeypatch, number)
    assert (ran.code, ran.out) == (130, "")
    assert ran.err.splitlines()[-1] == "fgamcd: error: interrupted"
    assert signal.getsignal(number) == before


def test_interrupt_that_a_library_swallows_is_no_crash(fgamcd: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(info, "run", lambda args: Swallows().prepare())
    ran = fgamcd("info", "tiny")
    assert (ran.code, ran.out, ran.err) == (130, "", "fgamcd: error: interrupted\n")


def test_doubled_sigterm_counts_once(fgamcd: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stopping, "SAME_SIGNAL_S", math.inf)
    ran = fgamcd_with_stub(fgamcd, monkeypatch, signal.SIGTERM)
    assert ran.code == ExitCode.NO_SOLUTION
    assert ran.json["stop_reason"] == "interrupted"


def fgamcd_with_stub(fgamcd: Run, monkeypatch: pytest.MonkeyPatch, number: signal.Signals) -> Ran:
    """Run a solver that gets the signal twice."""
    register(monkeypatch, TwiceSignalled)
    monkeypatch.setattr(TwiceSignalled, "number", number)
    return fgamcd("solve", "tiny", "--solver", "stub", "--json")
