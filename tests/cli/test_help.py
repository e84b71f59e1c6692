"""Help of all commands: within 80 columns, one name for one meaning, examples that run, words in any order."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest
from cli_runner import Run

from fgamcd_opt.cli.arguments import named_path
from fgamcd_opt.cli.main import COMMANDS, GROUPS, command_parser
from fgamcd_opt.io.errors import ExitCode

ROOT = Path(__file__).resolve().parents[2]

PATHS = ("FILE", "FOLDER", "PREFIX", "SOLUTION")
"""Words for values that are paths: a solution is a file, and a prefix begins the names of several."""

WITHOUT_VALUE = {("train", "--family")}
"""There INSTANCE names the family; `evaluate` takes policies and instances, so its option names it."""


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")


def actions(command: str) -> list[argparse.Action]:
    """Arguments of a command."""
    return command_parser(command)._actions


def examples(text: str) -> list[str]:
    """Commands that a help text shows."""
    shown = text.partition("examples:\n")[2].partition("\n\n")[0]
    return [line.strip() for line in shown.splitlines()]


def test_without_words_the_commands_are_shown_by_what_they_are_for(fgamcd: Run) -> None:
    ran = fgamcd()
    assert ran == fgamcd("--help") == fgamcd("-h")
    assert (ran.code, ran.err) == (ExitCode.DONE, "")
    titles = [line[:-1] for line in ran.out.splitlines() if re.fullmatch(r"[a-z ]+:", line)]
    assert titles == [*GROUPS, "exit codes"]
    for command, summary in COMMANDS.items():
        assert re.findall(rf"^  {command} +(.*)$", ran.out, re.MULTILINE) == [summary]
    assert max(map(len, ran.out.splitlines())) <= 80


@pytest.mark.parametrize("command", COMMANDS)
def test_help_fits_and_ends_with_examples_and_a_page(fgamcd: Run, command: str) -> None:
    text = fgamcd(command, "--help").out
    assert max(map(len, text.splitlines())) <= 80
    assert 2 <= len(examples(text)) <= 3
    assert any(line.startswith(f"fgamcd {command}") for line in examples(text))
    last = text.rstrip().splitlines()[-1]
    assert last == f"More in docs/commands/{command}.md, a page of the documentation."
    assert (ROOT / "docs" / "commands" / f"{command}.md").exists()


@pytest.mark.parametrize("columns", [60, 100])
def test_help_follows_the_terminal(fgamcd: Run, monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    words = re.sub(r"examples:.*", "", fgamcd("solve", "--help").out, flags=re.DOTALL)
    assert columns - 20 < max(map(len, words.splitlines())) <= columns


def test_one_option_is_one_thing() -> None:
    """The same short form, the same kind of value; what is written is ``-o``, where it may replace ``--force``."""
    forms: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    valued: dict[str, set[bool]] = defaultdict(set)
    for command in COMMANDS:
        for action in actions(command):
            for option in action.option_strings:
                if option.startswith("--"):
                    forms[option].add(tuple(action.option_strings))
                    if (command, option) not in WITHOUT_VALUE:
                        valued[option].add(action.nargs != 0)
    assert {option for option, found in forms.items() if len(found) > 1} == set()
    assert {option for option, found in valued.items() if len(found) > 1} == set()
    assert forms["--output"] == {("-o", "--output")}
    assert not forms.keys() & {"--out", "--outfile", "--method", "--solvers", "--overwrite", "--settings"}


def test_set_changes_instances_alone() -> None:
    for command in COMMANDS:
        for action in actions(command):
            if "--set" in action.option_strings:
                assert action.metavar == "FIELD=VALUE"
                assert "recipe" in str(action.help)


def test_paths_have_their_words() -> None:
    words = {
        (command, str(action.metavar))
        for command in COMMANDS
        for action in actions(command)
        if action.type is named_path
    }
    assert {word for _, word in words} <= set(PATHS)


@pytest.mark.parametrize("command", COMMANDS)
def test_examples_run(fgamcd: Run, command: str, tmp_path: Path) -> None:
    """As a shell runs them, one after the other in one folder."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for line in examples(fgamcd(command, "--help").out):
        done = subprocess.run(
            ["bash", "-c", line],
            cwd=tmp_path,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == ExitCode.DONE, f"{line}\n{done.stderr}"
        if "--json" not in line:
            long = [text for text in done.stdout.splitlines() if len(text) > 80]
            assert long == [], line


def test_words_come_in_any_order(fgamcd: Run) -> None:
    plain = fgamcd("info", "tiny", "--set", "seed=3", "--json").json
    assert fgamcd("--json", "--set", "seed=3", "info", "tiny").json == plain
    assert fgamcd("info", "--json", "tiny", "--set", "seed=3").json == plain
    assert fgamcd("info", "--json", "--set", "seed=3", "--", "tiny").json == plain


def test_positionals_may_stand_around_options(fgamcd: Run, tmp_path: Path) -> None:
    path = tmp_path / "s.npz"
    assert fgamcd("solve", "-o", path, "tiny", "--solver", "greedy").code == ExitCode.DONE
    assert fgamcd("verify", "tiny", "--json", path).json["valid"]
    assert fgamcd("verify", "--log-level", "error", "tiny", "--json", path).json["valid"]


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["sovle", "tiny"], "did you mean 'solve'?"),
        (["verfy"], "did you mean 'verify'?"),
        (["solve", "tiny", "--outptu", "a.npz"], "--outptu; did you mean '--output'?"),
        (["solve", "tiny", "--time", "3"], "--time; did you mean '--time-limit'?"),
        (["solve", "tiny", "-json"], "did you mean '--json'?"),
        (["compare", "tiny", "--solvers", "exact", "-o", "a"], "did you mean '--solver'?"),
    ],
)
def test_what_was_meant_is_named(fgamcd: Run, words: list[str], part: str) -> None:
    ran = fgamcd(*words)
    assert (ran.code, ran.out) == (ExitCode.USAGE, "")
    assert part in ran.err.splitlines()[-1]


def test_rows_fit_the_terminal_and_stay_whole_in_a_pipe(fgamcd: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    narrow = fgamcd("info", "small").out
    assert max(map(len, narrow.splitlines())) <= 80
    monkeypatch.delenv("COLUMNS")
    whole = fgamcd("info", "small").out
    assert max(map(len, whole.splitlines())) > 80
    assert narrow.split() == whole.split()
