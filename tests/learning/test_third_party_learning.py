"""The example in which a library of other people trains on our game."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "methods" / "third_party_learning.py"


def test_another_library_learns_here(tmp_path: Path) -> None:
    """In a process of its own: skrl warns where our tests let no warning pass."""
    done = subprocess.run(
        [sys.executable, str(EXAMPLE)], cwd=tmp_path, capture_output=True, text=True, timeout=200, check=True
    )
    before, after = (float(value) for value in re.findall(r": (-[\d.]+)$", done.stdout, re.MULTILINE))
    assert after > 0.7 * before
    assert not list(tmp_path.iterdir())
