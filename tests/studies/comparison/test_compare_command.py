"""``fgamcd compare`` as a shell sees it, killed half-way included."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import psutil
import pytest

from fgamcd_opt.cli.grid_arguments import options_by_solver, solvers_of, whole_numbers
from fgamcd_opt.cli.main import main
from fgamcd_opt.io.errors import ExitCode, UsageError
from fgamcd_opt.solving.registry import solver_names

SEEDS = 4


def command(instance: Path, folder: Path, *more: str) -> list[str]:
    return ["compare", str(instance), "-o", str(folder), "--json", *more]


def table(report: dict[str, Any]) -> list[tuple[Any, ...]]:
    """What does not depend on the clock."""
    return [(r["cell"], r["seed"], r["delay_s"], r["class"], r["metrics"]) for r in report["rows"]]


def wait_for(what: str, reached: Any, seconds: float = 300.0) -> None:
    end = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < end, what
        time.sleep(0.02)


@pytest.fixture
def no_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows alone: drawing the figures takes longer than everything else here."""
    monkeypatch.setattr(
        "fgamcd_opt.studies.comparison.report.write_report", lambda *_, **__: [Path("none.html")]
    )


@pytest.mark.usefixtures("no_report")
def test_killed_half_way_and_started_again(
    tmp_path: Path, plug_ins: Path, roomy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, cells = tmp_path / "out", tmp_path / "out" / "cells"
    more = ("--solver", "odd-plain", "--option", "odd-plain.wait_s=0.4", "--seeds", f"0-{SEEDS - 1}")
    words = command(roomy, folder, *more)
    passing = tmp_path / "passing"
    passing.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "fgamcd_opt", *words], cwd=tmp_path, env={**os.environ, "TMPDIR": str(passing)}
    )
    wait_for("two rows", lambda: cells.is_dir() and len(list(cells.glob("*.json"))) >= 2)
    wait_for("a third cell at work", lambda: len(list(plug_ins.iterdir())) >= 3)
    process.send_signal(signal.SIGKILL)
    process.wait()
    pids = [int(path.name.rpartition("-")[2]) for path in plug_ins.iterdir()]
    wait_for("the end of the cell at work", lambda: not any(map(psutil.pid_exists, pids)))
    assert not list(passing.iterdir())
    kept = {path.stem: path.stat().st_mtime_ns for path in cells.glob("*.json")}
    assert 2 <= len(kept) < SEEDS
    assert main(words) == ExitCode.DONE
    report = json.loads(capsys.readouterr().out)
    assert [row["seed"] for row in report["rows"]] == list(range(SEEDS))
    assert {name: (cells / f"{name}.json").stat().st_mtime_ns for name in kept} == kept
    runs = Counter(path.name.split("-")[3] for path in plug_ins.iterdir())
    done_before = {str(row["seed"]) for row in report["rows"] if row["cell"] in kept}
    assert all(runs[seed] == 1 for seed in done_before)
    assert sum(runs.values()) <= SEEDS + 1  # the one that was cut short

    assert main(command(roomy, tmp_path / "whole", *more, "--jobs", "2")) == ExitCode.DONE
    assert table(json.loads(capsys.readouterr().out)) == table(report)


def test_ctrl_c_ends_the_cells_at_work(tmp_path: Path, plug_ins: Path, roomy: Path) -> None:
    more = ("--solver", "odd-plain", "--option", "odd-plain.wait_s=3600", "--seeds", "0-3", "--jobs", "2")
    process = subprocess.Popen(
        [sys.executable, "-m", "fgamcd_opt", *command(roomy, tmp_path / "out", *more)],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for("two cells at work", lambda: len(list(plug_ins.iterdir())) == 2)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode == 130
    *_, advice, last = err.splitlines()
    assert last == "fgamcd: error: interrupted"
    assert "0 of 4 cells are kept in" in advice
    assert "the same command runs the others" in advice
    pids = [int(path.name.rpartition("-")[2]) for path in plug_ins.iterdir()]
    wait_for("the end of the cells at work", lambda: not any(map(psutil.pid_exists, pids)))
    assert not list((tmp_path / "out" / "cells").iterdir())


@pytest.mark.usefixtures("no_report")
def test_a_contradiction_ends_with_exit_code_6_and_both_names(
    tmp_path: Path, plug_ins: Path, roomy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = command(roomy, tmp_path / "out", "--solver", "odd-plain,odd-lone-bound")
    assert main(words) == ExitCode.VERIFICATION_FAILED
    printed = capsys.readouterr()
    report = json.loads(printed.out)
    assert [row["class"] for row in report["rows"]] == ["wrong", "wrong"]
    assert len(report["contradictions"]) == 1
    assert "odd-lone-bound" in printed.err
    assert "odd-plain" in printed.err


@pytest.mark.usefixtures("no_report")
def test_a_solver_refuted_by_its_own_point_ends_with_exit_code_6_and_its_name(
    tmp_path: Path, plug_ins: Path, roomy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = command(roomy, tmp_path / "out", "--solver", "odd-plain,odd-false-bound")
    assert main(words) == ExitCode.VERIFICATION_FAILED
    printed = capsys.readouterr()
    report = json.loads(printed.out)
    assert [row["class"] for row in report["rows"]] == ["feasible", "wrong"]
    assert report["contradictions"] == []
    assert "solver odd-false-bound claims lower_bound_s" in printed.err


def test_failed_cells_do_not_fail_the_command(
    tmp_path: Path, plug_ins: Path, roomy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = command(roomy, tmp_path / "out", "--solver", "odd-plain,odd-refusal", "--no-solutions")
    assert main(words) == ExitCode.DONE
    report = json.loads(capsys.readouterr().out)
    assert [row["class"] for row in report["rows"]] == ["feasible", "failed"]
    assert not (tmp_path / "out" / "solutions").exists()
    for cell in (row["cell"] for row in report["rows"]):
        assert cell in (tmp_path / "out" / "rows.csv").read_text()
    assert "odd-refusal" in (tmp_path / "out" / "report.html").read_text()


@pytest.mark.parametrize(
    ("words", "code", "fault"),
    [
        (["--solver", "exact"], ExitCode.USAGE, "no instance"),
        (["tiny", "--solver", "exakt"], ExitCode.USAGE, "did you mean 'exact'"),
        (["tinny", "--solver", "exact"], ExitCode.INPUT_REJECTED, "did you mean 'tiny'"),
        (["tiny", "--solver", "exact", "--option", "rounds=2"], ExitCode.USAGE, "exact.rounds=2"),
        (["tiny", "--solver", "exact", "--jobs", "0"], ExitCode.USAGE, "--jobs 0"),
        (["tiny", "--solver", "exact", "--jobs", "2", "--scheduler", "tcp://a:1"], ExitCode.USAGE, "one of"),
        (["tiny", "--solver", "exact", "--time-limit", "0"], ExitCode.USAGE, "time limit 0.0"),
        (["tiny", "--solver", "exact", "--variant", "csi=none"], ExitCode.INPUT_REJECTED, "'none'"),
        (["tiny", "tiny", "--solver", "exact"], ExitCode.USAGE, "tiny, exact, seed 0: is named twice"),
    ],
)
def test_what_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: ExitCode, fault: str
) -> None:
    assert main(["compare", *words, "-o", str(tmp_path / "out")]) == code
    assert fault in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_lists() -> None:
    assert whole_numbers("0-2,7,9-9") == [0, 1, 2, 7, 9]
    for bad in ("", "3-1", "a", "1-", "-1", "1.5"):
        with pytest.raises(Exception, match="neither a number nor a range"):
            whole_numbers(bad)
    assert solvers_of("all") == list(solver_names())
    assert options_by_solver({"a.b": "1", "a.c": "2", "d.e": "3"}) == {
        "a": {"b": "1", "c": "2"},
        "d": {"e": "3"},
    }
    with pytest.raises(UsageError, match=r"exact\.rounds=4"):
        options_by_solver({"rounds": "4"})
