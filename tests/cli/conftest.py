"""The command line as a fixture."""

from __future__ import annotations

import pytest
from cli_runner import Ran, Run, exit_code


@pytest.fixture
def fgamcd(capsys: pytest.CaptureFixture[str]) -> Run:
    """``fgamcd("solve", "tiny")`` runs the command and returns what a shell would see."""
    return lambda *words: Ran(exit_code(*words), *capsys.readouterr())
