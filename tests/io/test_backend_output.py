"""What backends write to standard output is logged, whoever writes it and however often the diversion is entered."""

from __future__ import annotations

import ctypes
import logging
import os
import subprocess
import sys
import threading

import pytest

from fgamcd_opt.io.backend_output import backend_output_logged

LINES = ["a line of Python's", "a line of C's", "a line of nobody's"]


def talk() -> None:
    """Write as Python does, as a C library does with what it holds back, and past both."""
    print(LINES[0])
    ctypes.CDLL(None).printf(f"{LINES[1]}\n".encode())
    os.write(1, f"{LINES[2]}\n".encode())


def test_only_what_is_written_outside_reaches_stdout(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    print("before")
    with backend_output_logged():
        talk()
    print("after")
    assert capfd.readouterr().out == "before\nafter\n"
    assert sorted(caplog.messages) == sorted(LINES)


def test_lines_of_any_bytes_and_length_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with backend_output_logged():
        os.write(1, b"\xff\x00 odd\n\n")
        os.write(1, b"x" * 200_000)  # more than a pipe holds, and no end of line
    assert caplog.messages == ["\\xff\x00 odd", "x" * 200_000]


def test_line_without_an_end_is_logged_in_pieces(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with backend_output_logged():
        os.write(1, b"x" * 3_000_000)
    assert len(caplog.messages) == 3
    assert sum(map(len, caplog.messages)) == 3_000_000


def test_threads_share_one_diversion(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    both, first_left = threading.Barrier(2), threading.Event()

    def early() -> None:
        with backend_output_logged():
            both.wait(60.0)
        first_left.set()

    def late() -> None:
        with backend_output_logged():
            both.wait(60.0)
            assert first_left.wait(60.0)
            talk()

    threads = [threading.Thread(target=work) for work in (early, late)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print("after")
    assert capfd.readouterr().out == "after\n"
    assert sorted(caplog.messages) == sorted(LINES)


def test_standard_output_comes_back_after_an_exception(capfd: pytest.CaptureFixture[str]) -> None:
    before = sys.stdout
    with pytest.raises(ZeroDivisionError), backend_output_logged(), backend_output_logged():
        raise ZeroDivisionError
    assert sys.stdout is before
    os.write(1, b"after\n")
    assert capfd.readouterr().out == "after\n"


def test_closed_standard_output_is_left_closed() -> None:
    code = (
        "import os, sys\n"
        "from fgamcd_opt.io.backend_output import backend_output_logged\n"
        "with backend_output_logged():\n"
        "    pass\n"
        "sys.exit(os.path.exists('/proc/self/fd/1') and 7)\n"
    )
    shell = ["sh", "-c", 'exec "$0" -c "$1" >&-', sys.executable, code]
    run = subprocess.run(shell, stderr=subprocess.PIPE, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")
