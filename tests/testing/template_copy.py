"""A template of the documentation, copied and installed as its page says."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

TEMPLATES = Path(__file__).parents[2] / "docs" / "development"


def install(template: str, folder: Path) -> tuple[Path, dict[str, str]]:
    """The copy in ``folder``, and the environment in which its package is installed."""
    copy, target = folder / "copy", folder / "installed"
    shutil.copytree(TEMPLATES / template, copy, ignore=shutil.ignore_patterns("__pycache__"))
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index"]
    subprocess.run([*pip, "--no-deps", "--no-build-isolation", "--target", target, copy], check=True)
    return copy, {**os.environ, "PYTHONPATH": str(target)}


def run(environment: dict[str, str], folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """``python -m`` these words."""
    return subprocess.run(
        [sys.executable, "-m", *words],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
