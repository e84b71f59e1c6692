"""The site is built without MOSEK, Gurobi and torch, and read from disk: pages, and the search in a browser."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

WITHOUT = """
import sys
from importlib.abc import MetaPathFinder


class Hidden(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"mosek", "gurobipy", "torch"}:
            raise ModuleNotFoundError(f"{name} is hidden", name=name)
        return None


sys.meta_path.insert(0, Hidden())
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site; strict, so that whatever the build misses is an error."""
    root = tmp_path_factory.mktemp("sources")
    for name in ("docs", "benchmarks", "mkdocs.yml", "CONTRIBUTING.md", "CHANGELOG.md", "README.md"):
        (root / name).symlink_to(ROOT / name)
    package = root / "build" / "installed" / "fgamcd_opt"
    shutil.copytree(ROOT / "fgamcd_opt", package, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("formulations", "solvers", "instances"):
        shutil.copytree(ROOT / name, package / name, ignore=shutil.ignore_patterns("__pycache__"))
    (root / "hidden").mkdir()
    (root / "hidden" / "sitecustomize.py").write_text(WITHOUT)
    environment = {**os.environ, "PYTHONPATH": str(root / "hidden"), "NO_MKDOCS_2_WARNING": "1"}
    hidden = subprocess.run([sys.executable, "-c", "import torch"], env=environment, capture_output=True)
    assert b"torch is hidden" in hidden.stderr
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "-d", str(root / "site")],
        cwd=root, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    return root / "site"


def test_the_reference_of_what_needs_the_hidden_packages_is_there(site: Path) -> None:
    for page, name in (("learning", "Trainer"), ("solving", "solve")):
        assert name in (site / "reference" / "python" / f"{page}.html").read_text()


def test_no_page_asks_for_a_server(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 40
    assert (site / "search" / "search_index.js").read_text().startswith("var __index = ")
    for page in pages:
        assert "//unpkg" not in page.read_text()


@pytest.mark.parametrize(
    ("page", "word"), [("index.html", "knapsack"), ("methods/facts.html", "beampattern")]
)
def test_search_from_disk(site: Path, browser: str, page: str, word: str) -> None:
    ran = subprocess.run(
        [
            browser, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=20000", "--dump-dom",
            f"{(site / page).as_uri()}?q={word}",
        ],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert "matching document" in ran.stdout
    assert f"<mark>{word}" in ran.stdout.lower()
