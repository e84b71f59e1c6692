"""Standard output that is closed, full, left early or of a small alphabet: nothing is lost, no traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cli_runner import Ran

from fgamcd_opt.cli.streams import BROKEN_PIPE
from fgamcd_opt.io.errors import ExitCode

FULL = Path("/dev/full")


def shell(line: str, **environment: str) -> Ran:
    """Run ``$FGAMCD ...`` in a shell; the code is that of the command, also at the start of a pipe."""
    ran = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {line}"],
        capture_output=True,
        env={**os.environ, "FGAMCD": f"{sys.executable} -P -m fgamcd_opt", **environment},
        check=False,
    )
    assert b"Traceback" not in ran.stderr
    assert b"Exception ignored" not in ran.stderr
    return Ran(ran.returncode, ran.stdout.decode(), ran.stderr.decode())


def nodes(text: str) -> bool:
    """Whether the text is what `info tiny` says."""
    return text.startswith("instance     tiny\n") and "\nnodes        2 with 2 antennas" in text


def test_closed_output_is_told_on_standard_error() -> None:
    ran = shell("$FGAMCD info tiny >&-")
    first, _, text = ran.err.partition("\n")
    assert ran.code == ExitCode.INPUT_REJECTED
    assert "standard output cannot be written (it is closed)" in first
    assert nodes(text)


@pytest.mark.skipif(not FULL.is_char_device(), reason="FULL DEVICE NOT TESTED: there is no /dev/full")
@pytest.mark.parametrize("flag", ["", "--json"])
def test_full_output_is_told_on_standard_error(flag: str) -> None:
    ran = shell(f"$FGAMCD info tiny {flag} >/dev/full")
    first, _, text = ran.err.partition("\n")
    assert ran.code == ExitCode.INPUT_REJECTED
    assert "standard output cannot be written (No space left on device)" in first
    assert text == shell(f"$FGAMCD info tiny {flag}").out


def test_reader_that_leaves_early_ends_no_command() -> None:
    ran = shell("$FGAMCD info tiny --json | head -1")
    assert ran.code in (ExitCode.DONE, BROKEN_PIPE)  # all may have been in the pipe before it was closed
    assert (ran.out, ran.err) == ("{\n", "")
    for words in ("info tiny", "--help"):
        ran = shell(f"$FGAMCD {words} | true")
        assert (ran.code, ran.err) == (BROKEN_PIPE, "")


def test_an_error_of_the_command_goes_before_one_of_its_output() -> None:
    ran = shell("$FGAMCD info absent >&-")
    assert ran.code == ExitCode.INPUT_REJECTED
    assert ran.err.startswith("fgamcd: error: absent: is neither")
    assert len(ran.err.splitlines()) == 1
    assert shell("$FGAMCD info >&-").code == ExitCode.USAGE


@pytest.mark.parametrize("closed", ["<&-", "2>&-", "<&- 2>&-"])
def test_closed_input_and_error_do_no_harm(closed: str) -> None:
    ran = shell(f"$FGAMCD info tiny {closed}")
    assert (ran.code, ran.err) == (ExitCode.DONE, "")
    assert nodes(ran.out)


def test_errors_stay_out_of_standard_output_though_standard_error_is_closed() -> None:
    ran = shell("$FGAMCD info absent 2>&-")
    assert (ran.code, ran.out, ran.err) == (ExitCode.INPUT_REJECTED, "", "")
    assert shell("$FGAMCD info tiny >&- 2>&-").code == ExitCode.INPUT_REJECTED


@pytest.mark.parametrize("closed", [">&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_no_file_takes_the_number_of_a_closed_stream(tmp_path: Path, closed: str) -> None:
    path = tmp_path / "recipe.json"
    plain = tmp_path / "plain.json"
    assert shell(f"$FGAMCD generate tiny -o {plain}").code == ExitCode.DONE
    shell(f"$FGAMCD generate tiny -o {path} {closed}")
    assert path.read_bytes() == plain.read_bytes()


@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "latin-1"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
)
def test_what_the_alphabet_lacks_is_escaped(tmp_path: Path, environment: dict[str, str]) -> None:
    recipe = tmp_path / "recipe.json"
    save_recipe = f"$FGAMCD generate tiny --set name='\u0394 of Zurich' -o {recipe}"
    assert shell(save_recipe, PYTHONUTF8="1").code == ExitCode.DONE
    ran = shell(f"$FGAMCD info {recipe}", **environment)
    assert (ran.code, ran.err) == (ExitCode.DONE, "")
    assert ran.out.startswith("instance     \\u0394 of Zurich\n")
    assert nodes(ran.out.replace(ran.out.splitlines()[0], "instance     tiny"))


def test_bytes_that_are_no_text_are_escaped() -> None:
    ran = shell("$FGAMCD info $'absent\\xff.npz'")
    assert (ran.code, ran.out) == (ExitCode.INPUT_REJECTED, "")
    assert ran.err.startswith("fgamcd: error: absent\\udcff.npz: is neither")
