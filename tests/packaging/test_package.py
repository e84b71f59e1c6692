"""Importing the package: light, complete, or one clear message."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import fgamcd_opt

HEAVY = ("numpy", "highspy", "scipy", "torch", "cvxpy", "pyomo", "matplotlib")


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a fresh interpreter that is started in ``folder``."""
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_import_loads_nothing_heavy(tmp_path):
    done = run(tmp_path, "-c", "import sys, fgamcd_opt; print('\\n'.join(sys.modules))")
    loaded = done.stdout.split()
    assert "fgamcd_opt" in loaded
    assert [name for name in loaded if name.split(".")[0] in HEAVY] == []


def test_every_public_name_exists():
    for name in fgamcd_opt.__all__:
        assert getattr(fgamcd_opt, name).__name__ in (name, "load")
    assert set(fgamcd_opt.__all__) <= set(dir(fgamcd_opt))
    assert re.fullmatch(r"\d+\.\d+\.\d+", fgamcd_opt.__version__)


def test_unknown_names_are_attribute_errors():
    assert not hasattr(fgamcd_opt, "solver_of_everything")


def test_half_a_package_is_refused_with_the_remedy(tmp_path):
    """The core's folder alone, as Python finds it at the root of the sources otherwise than editable.

    ``-S`` hides the installed package, as in an environment that lacks it.
    """
    core = tmp_path / "fgamcd_opt"
    shutil.copytree(Path(fgamcd_opt.__file__).parent, core, ignore=shutil.ignore_patterns("__pycache__"))
    for part in ("formulations", "instances", "solvers"):
        shutil.rmtree(core / part, ignore_errors=True)
    done = run(tmp_path, "-S", "-c", "import fgamcd_opt")
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("ImportError: fgamcd_opt was imported from its source folder")
    assert "pip install -e ." in last
