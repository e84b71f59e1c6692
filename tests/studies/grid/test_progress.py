"""What a user sees while cells run."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any

import pytest

from fgamcd_opt.studies.grid import progress
from fgamcd_opt.studies.grid.progress import ProgressBar, bar, clock
from fgamcd_opt.studies.live_line import ERASE

ROW: Any = SimpleNamespace(instance="tiny", solver="exact", seed=0, outcome="solved")


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def shown(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> str:
    """Four cells, three seconds each but the first, which had to load first."""
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    told = ProgressBar(stream)
    for done, now[0] in enumerate((100.0, 103.0, 106.0, 109.0), 1):
        told(ROW, done, 4)
    return stream.getvalue()


def test_a_terminal_shows_one_line_that_changes_and_is_gone_at_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = shown(Terminal(), monkeypatch)
    assert "\n" not in text
    assert text.endswith(ERASE)
    parts = text.split(ERASE)[1:-1]
    assert "0:01:40 elapsed" in parts[0]
    assert "left" not in parts[0]
    assert [part.split(", ")[2].split(" left")[0] for part in parts[1:]] == ["0:00:06", "0:00:03"]
    assert parts[1].startswith(f"[{'#' * 8}{'-' * 8}] 2/4")
    assert all(len(part) < 80 for part in parts)


def test_a_log_gets_whole_lines_and_the_last_one(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = shown(io.StringIO(), monkeypatch).splitlines()
    assert [line.split("] ")[1][:3] for line in lines] == ["1/4", "2/4", "3/4", "4/4"]
    assert lines[-1].endswith("0:01:49 elapsed, 0:00:00 left; tiny exact 0: solved")


def test_bar_and_clock() -> None:
    assert bar(0, 3) == f"[{'-' * 16}] 0/3"
    assert bar(3, 3) == f"[{'#' * 16}] 3/3"
    assert clock(0.0) == "0:00:00"
    assert clock(3661.2) == "1:01:02"
