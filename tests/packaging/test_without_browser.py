"""A machine without a browser: the tests that need one are left out, loudly, or fail where one is required."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("options", "code"), [([], 0), (["--require-browser"], 1)], ids=["optional", "required"]
)
def test_missing_browser_is_not_overlooked(options: list[str], code: int, tmp_path: Path) -> None:
    words = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "tests/studies/comparison/test_report_in_browser.py",
        *options,
    ]
    run = subprocess.run(
        words,
        cwd=ROOT,
        env={**os.environ, "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == code, run.stdout
    assert ("NOT TESTED: no browser" in run.stdout) == (code == 0)
    assert ("7 tests were left out: no Chromium" in run.stdout) == (code == 0)
    assert ("7 errors" in run.stdout) == (code == 1)
