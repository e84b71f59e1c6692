"""Progress as a user meets it: one line on a real (pseudo) terminal, a few lines in a pipe."""

from __future__ import annotations

import fcntl
import io
import itertools
import logging
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Sequence

import pytest

from fgamcd_opt.cli.logs import advice, logging_to_stderr
from fgamcd_opt.solving.context import SolveContext, SolveProgress
from fgamcd_opt.studies.live_line import ERASE, LiveLine, clipped

COLUMNS = 50
LONG = ("solve", "small", "--solver", "local-search", "--option", "kicks=100000000")
PATIENCE_S = 120.0


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def on_terminal(words: Sequence[str], *, interrupt_at: str | None = None) -> tuple[int, str]:
    """Run a command on a pseudo-terminal of COLUMNS columns; press Ctrl-C when a text has appeared."""
    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    process = subprocess.Popen(
        [sys.executable, "-m", "fgamcd_opt", *words],
        stdin=child,
        stdout=child,
        stderr=child,
        env=environment,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(child)
    text, pressed, until = b"", interrupt_at is None, time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        try:
            piece = os.read(parent, 4096)
        except OSError:  # the other end is closed
            break
        text += piece
        if not pressed and interrupt_at is not None and interrupt_at.encode() in text:
            pressed = True
            os.write(parent, b"\x03")
    os.close(parent)
    if process.poll() is None and time.monotonic() >= until:
        process.kill()
    return process.wait(), text.decode()


def screen(text: str) -> list[str]:
    """What a terminal shows in the end: a line that is written over is gone."""
    lines = [""]
    for part in re.split(r"(\r\x1b\[K|\r\n|\n|\r)", text):
        if part in ("\r\n", "\n"):
            lines.append("")
        elif part in (ERASE, "\r"):
            lines[-1] = ""
        else:
            lines[-1] += part
    return lines


def live_lines(text: str) -> list[str]:
    return [piece.split("\r")[0].split("\n")[0] for piece in text.split(ERASE)[1:]]


def test_a_terminal_shows_one_line_that_is_gone_at_the_end() -> None:
    code, text = on_terminal(["solve", "small"])
    assert code == 0
    shown = [line for line in live_lines(text) if "lower bound" in line and "delay" in line]
    assert shown
    assert all(len(line) < COLUMNS for line in live_lines(text) if not line.startswith("small:"))
    left = screen(text)
    assert not any(re.match(r" *\d+\.\d s  ", line) for line in left)
    assert any(line.startswith("status") for line in left)


def test_ctrl_c_leaves_the_terminal_in_order() -> None:
    code, text = on_terminal(LONG, interrupt_at="delay")
    assert code == 0
    left = screen(text)
    assert any("Stopping; the best" in line for line in left)
    assert any("stopped: interrupted" in line for line in left)
    assert not any("kick " in line or re.match(r" *\d+\.\d s  ", line) for line in left)
    assert "\x1b[K" not in text.rpartition("checker")[2]


def test_a_pipe_gets_a_few_whole_lines_without_control_characters() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "fgamcd_opt", "solve", "small"], capture_output=True, text=True, check=True
    )
    assert "\x1b" not in ran.stderr + ran.stdout
    assert "\r" not in ran.stderr
    assert len(ran.stderr.splitlines()) < 8


def test_lines_elsewhere_come_at_growing_intervals_and_on_real_change() -> None:
    stream, now = io.StringIO(), iter(range(1000))
    line = LiveLine(stream, clock=lambda: float(next(now)))
    for second in range(100):
        line.show(f"{second} s", second)
    told = [int(text.split()[0]) for text in stream.getvalue().splitlines()]
    pauses = [b - a for a, b in itertools.pairwise(told)]
    assert len(told) < 12
    assert pauses == sorted(pauses)
    line.show("another", "x", phase="another")
    assert stream.getvalue().endswith("\nanother\n")
    before = stream.getvalue()
    for second in range(100, 900):
        line.show(f"{second} s", "the same", phase="another")
    assert stream.getvalue().count("\n") == before.count("\n") + 1


@pytest.mark.parametrize(
    ("text", "columns", "kept"), [("abc", 2, "ab"), ("日本語", 5, "日本"), ("e\u0301x", 1, "e\u0301")]
)
def test_clipped(text: str, columns: int, kept: str) -> None:
    assert clipped(text, columns) == kept


def test_only_certified_bounds_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A solver's own text may hold the bound of a relaxation that proves nothing about P1."""
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    with logging_to_stderr("info"):
        context = SolveContext()
        context.record(delay_s=0.5, lower_bound_s=0.25)
        context.progress("placement: delay 0.5, bound of this knapsack 0.4999", now=True, nodes=7)
        logging.getLogger("fgamcd_opt").warning("by the way")
        assert "0.4999" not in stream.getvalue()
        assert "delay 0.500000 s  lower bound 0.250000 s  gap 50.000 %  7 nodes" in stream.getvalue()
    assert screen(stream.getvalue()) == ["fgamcd: warning: by the way", ""]


def test_a_stalled_solve_says_once_what_helps(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    with logging_to_stderr("info"):
        for elapsed in (1.0, 30.0, 59.0, 62.0, 200.0, 500.0):
            state = SolveProgress(elapsed_s=elapsed, text="", delay_s=1.0, lower_bound_s=0.9)
            logging.getLogger("fgamcd_opt").info("text", extra={"progress": state})
            said = stream.getvalue().count("No better delay or bound")
            assert said == (elapsed >= 62.0)
    assert advice(0.1, 61.0) in stream.getvalue().splitlines()
    assert "--gap 0.1 accepts" in advice(0.1, 61.0)
