"""What a user sees while cells run."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any

import pytest

from fgamcd_opt.studies.grid import progress
from fgamcd_opt.studies.grid.progress import ProgressBar, bar, clock

ROW: Any = SimpleNamespace(instance="tiny", solver="exact", seed=0, outcome="solved")


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def shown(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> str:
    """Four cells, three seconds each but the first, which had to wait for kernels."""
    moments = iter([100.0, 103.0, 106.0, 109.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(moments))
    told = ProgressBar(stream)
    for done in range(1, 5):
        told(ROW, done, 4)
    return stream.getvalue()


def test_a_terminal_shows_one_line_that_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    text = shown(Terminal(), monkeypatch)
    assert text.count("\n") == 1
    parts = text.split("\r\x1b[K")[1:]
    assert "left" not in parts[0]
    assert [part.split(", ")[1].split(" left")[0] for part in parts[1:]] == ["0:00:06", "0:00:03", "0:00:00"]
    assert parts[1].startswith(f"[{'#' * 12}{'-' * 12}] 2/4")
    assert parts[3].rstrip().endswith("tiny exact 0: solved")


def test_a_log_gets_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = shown(io.StringIO(), monkeypatch).splitlines()
    assert [line.split("] ")[1][:3] for line in lines] == ["1/4", "4/4"]


def test_bar_and_clock() -> None:
    assert bar(0, 3) == f"[{'-' * 24}] 0/3"
    assert bar(3, 3) == f"[{'#' * 24}] 3/3"
    assert clock(0.0) == "0:00:00"
    assert clock(3661.2) == "1:01:02"
