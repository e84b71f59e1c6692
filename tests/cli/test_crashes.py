"""An exception that nobody raises on purpose: exit code 70, one line, and a file with what is needed to report it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from cli_runner import Run
from stub_solvers import Stub, register

from fgamcd_opt.instances.format import save_instance
from fgamcd_opt.instances.generation.from_recipe import generate
from fgamcd_opt.instances.recipes.presets import PRESETS
from fgamcd_opt.instances.resolve import load
from fgamcd_opt.io.errors import ExitCode
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.solving.context import SolveContext
from fgamcd_opt.solving.solver import Outcome


class Buggy(Stub):
    """Raises what nobody raises on purpose."""

    def solve(self, problem: P1, context: SolveContext, options: Mapping[str, Any]) -> Outcome:
        """Divide by zero."""
        raise ZeroDivisionError("one over\nnothing")


@pytest.fixture
def crash(fgamcd: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """``fgamcd`` in a folder of its own, with a solver that crashes."""
    register(monkeypatch, Buggy)
    monkeypatch.chdir(tmp_path)
    return fgamcd


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("fgamcd-crash-*.txt"))


def test_a_crash_leaves_one_line_and_one_file(crash: Run, tmp_path: Path) -> None:
    ran = crash("solve", "tiny", "--solver", "stub", "--set", "seed=4", "--json", "--log-level", "error")
    (file,) = files(tmp_path)
    assert (ran.code, ran.out) == (ExitCode.CRASHED, "") == (70, "")
    (line,) = ran.err.splitlines()
    assert line.startswith(
        "fgamcd: error: this is a bug (ZeroDivisionError: one over nothing, in solver stub)"
    )
    assert str(file) in line
    assert "report it" in line
    text = file.read_text()
    instance = load("tiny", {"seed": "4"})
    for part in (
        "fgamcd solve tiny --solver stub --set seed=4",
        instance.digest,
        '"seed": 4',
        "fgamcd_opt ",
        "numpy ",
        "Traceback (most recent call last)",
        "in solve",
        "one over",
        "in solver stub",
    ):
        assert part in text, part


def test_a_file_of_ones_own_is_named_with_its_digest(crash: Run, tmp_path: Path) -> None:
    save_instance(tmp_path / "mine.npz", generate(PRESETS["tiny"]))
    assert crash("solve", "mine.npz", "--solver", "stub", "--log-level", "error").code == ExitCode.CRASHED
    (file,) = files(tmp_path)
    assert f"file mine.npz, {(tmp_path / 'mine.npz').stat().st_size} bytes, SHA-256 " in file.read_text()


def test_no_crash_file_is_ever_replaced(crash: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fgamcd_opt.cli.crash.time.strftime", lambda *_: "now")
    for _ in range(3):
        crash("solve", "tiny", "--solver", "stub")
    assert [file.name for file in files(tmp_path)] == [
        "fgamcd-crash-now-1.txt",
        "fgamcd-crash-now-2.txt",
        "fgamcd-crash-now.txt",
    ]
    assert len({file.read_text() for file in files(tmp_path)}) == 1


def test_where_the_working_folder_is_gone_the_file_goes_to_the_temporary_one(
    crash: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, other = tmp_path / "gone", tmp_path / "temporary"
    gone.mkdir()
    other.mkdir()
    monkeypatch.chdir(gone)
    monkeypatch.setattr(tempfile, "tempdir", str(other))
    gone.rmdir()
    ran = crash("solve", "tiny", "--solver", "stub", "--log-level", "error")
    (file,) = files(other)
    assert ran.code == ExitCode.CRASHED
    assert str(file) in ran.err


def test_where_no_folder_takes_it_the_report_goes_to_standard_error(
    crash: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "no such folder"))
    os.rmdir(gone)
    ran = crash("solve", "tiny", "--solver", "stub", "--log-level", "error")
    assert ran.code == ExitCode.CRASHED
    assert "Traceback (most recent call last)" in ran.err
    assert ran.err.splitlines()[-1].startswith("fgamcd: error: this is a bug")
