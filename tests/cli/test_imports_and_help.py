"""What help, version and each command load, what help says, and starting the command in other ways."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from cli_runner import Run

import fgamcd_opt
from fgamcd_opt.cli.main import COMMANDS, EPILOG, command_module
from fgamcd_opt.io.errors import ExitCode

HEAVY = {"numpy", "highspy", "scipy", "torch", "cvxpy", "pyomo", "networkx", "matplotlib"}


def python(code: str) -> str:
    """Output of a fresh interpreter."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def loaded_by(*words: str) -> set[str]:
    """Modules in memory after one command."""
    lines = python(
        "import sys, io, contextlib\n"
        "from fgamcd_opt.cli.main import main\n"
        "with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):\n"
        f"    main({list(words)!r})\n"
        "print('\\n'.join(sys.modules))"
    )
    return set(lines.split())


@pytest.mark.parametrize("words", [[], ["--help"], ["--version"], *([name, "--help"] for name in COMMANDS)])
def test_help_and_version_load_nothing_heavy(words: list[str]) -> None:
    modules = loaded_by(*words)
    assert "fgamcd_opt.cli.main" in modules
    assert {module.partition(".")[0] for module in modules} & HEAVY == set()
    others = {command_module(name) for name in COMMANDS if [name] != words[:1]}
    assert modules & others == set()


def test_verify_loads_no_solver(tmp_path: Path, fgamcd: Run) -> None:
    path, certificate = tmp_path / "tiny.npz", tmp_path / "certificate.npz"
    assert fgamcd("solve", "tiny", "-o", path, "--certificate", certificate).code == ExitCode.DONE
    modules = loaded_by("verify", "tiny", str(path), "--certificate", str(certificate))
    assert modules >= {"fgamcd_opt.problem.checker", "fgamcd_opt.certificates.certificate_check"}
    assert {module.partition(".")[0] for module in modules} & HEAVY == {"numpy"}
    assert not [m for m in modules if re.match(r"fgamcd_opt\.(solvers|formulations|frontdoor)", m)]


def test_help_names_every_command_and_exit_code(fgamcd: Run) -> None:
    ran = fgamcd("--help")
    assert (ran.code, ran.err) == (ExitCode.DONE, "")
    for command, summary in COMMANDS.items():
        assert command in ran.out
        assert summary.split()[0] in ran.out
    documented = {int(code) for code in re.findall(r"^ +(\d+)  ", EPILOG, re.MULTILINE)}
    assert documented == {*map(int, ExitCode), 130, 141}
    assert EPILOG.strip() in ran.out


@pytest.mark.parametrize("command", list(COMMANDS))
def test_every_command_has_help(fgamcd: Run, command: str) -> None:
    ran = fgamcd(command, "--help")
    assert ran.code == ExitCode.DONE
    assert ran.out.startswith(f"usage: fgamcd {command}")


def test_module_is_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "fgamcd_opt", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"fgamcd {fgamcd_opt.__version__}\n"


def test_reader_that_goes_away_is_no_error() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "fgamcd_opt", "instances"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    with process.stderr:
        assert process.stderr.read() == b""
    assert process.wait() == 141
