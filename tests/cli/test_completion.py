"""``fgamcd completion``: scripts that a shell accepts and that know every command and option."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from cli_runner import Run

from fgamcd_opt.cli.commands.completion import SHELLS
from fgamcd_opt.cli.main import COMMANDS, command_parser
from fgamcd_opt.io.errors import ExitCode

ASK = """
source {script}
COMP_WORDS=({words}); COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 ))
_shtab_fgamcd
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def completed(script: Path, words: str) -> list[str]:
    """What bash offers for the last word."""
    code = ASK.format(script=script, words=words)
    done = subprocess.run(["bash", "-c", code], capture_output=True, text=True, check=True, cwd=script.parent)
    return done.stdout.split()


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_names_every_command_and_option(fgamcd: Run, shell: str) -> None:
    ran = fgamcd("completion", shell)
    assert (ran.code, ran.err) == (ExitCode.DONE, "")
    for command in COMMANDS:
        assert command in ran.out
        for option in command_parser(command)._option_string_actions:
            assert option.lstrip("-") in ran.out


def test_bash_completes_commands_options_and_files(fgamcd: Run, tmp_path: Path) -> None:
    assert shutil.which("bash")
    script = tmp_path / "fgamcd.bash"
    script.write_text(fgamcd("completion", "bash").out)
    (tmp_path / "mine.json").touch()
    assert completed(script, "fgamcd so") == ["solve", "solvers"]
    assert completed(script, "fgamcd solve tiny --time") == ["--time-limit"]
    assert completed(script, "fgamcd completion z") == ["zsh"]
    assert completed(script, "fgamcd solve mi") == ["mine.json"]
    assert completed(script, "fgamcd solve tiny -o mi") == ["mine.json"]


def test_without_the_extra_it_is_named(fgamcd: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fgamcd_opt.io.optional.find_spec", lambda name: None)
    ran = fgamcd("completion", "bash")
    assert (ran.code, ran.out) == (ExitCode.BACKEND_MISSING, "")
    assert '".[completion]"' in ran.err
