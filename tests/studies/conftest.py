"""Plug-in solvers for this process and for every process that it starts; one written report."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import odd_solvers
import pytest
from pandas import DataFrame
from synthetic_rows import varied

from fgamcd_opt.instances.format import save_instance
from fgamcd_opt.instances.generation.from_recipe import generate
from fgamcd_opt.instances.recipes.presets import PRESETS
from fgamcd_opt.solvers.base_solver import BaseSolver
from fgamcd_opt.solving import registry
from fgamcd_opt.studies.comparison.report import write_report
from fgamcd_opt.studies.grid import cell as child_process
from fgamcd_opt.studies.grid import runner
from fgamcd_opt.studies.grid.cells import Cell
from fgamcd_opt.studies.grid.child import Answer


@pytest.fixture
def plug_ins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Install `odd_solvers` as a distribution with entry points; yields the folder of the diary."""
    site, diary = tmp_path / "site", tmp_path / "diary"
    info = site / "odd_solvers-1.2.dist-info"
    info.mkdir(parents=True)
    diary.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: odd-solvers\nVersion: 1.2\n")
    lines = [f"{solver.name} = odd_solvers:{solver.__name__}" for solver in odd_solvers.ALL]
    (info / "entry_points.txt").write_text("\n".join([f"[{registry.ENTRY_POINT_GROUP}]", *lines, ""]))
    before = os.environ.get("PYTHONPATH")
    path = os.pathsep.join([str(site), str(Path(__file__).parent), *([before] if before else [])])
    monkeypatch.setenv("PYTHONPATH", path)
    monkeypatch.setenv(odd_solvers.DIARY, str(diary))
    monkeypatch.syspath_prepend(str(site))
    registry._plug_ins.cache_clear()
    yield diary
    registry._plug_ins.cache_clear()


@pytest.fixture
def roomy(tmp_path: Path) -> Path:
    """The file of an instance without QoS whose node 0 holds everything, so that `Plain` solves it."""
    path = tmp_path / "roomy.npz"
    recipe = PRESETS["tiny"].with_overrides(
        {"storage_gb": "1.0", "qos_gbps_min": "0", "qos_gbps_max": "0", "name": "roomy"}
    )
    save_instance(path, generate(recipe))
    return path


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Cells are solved here, by the code that their processes run: starting those takes most of a quick sweep."""
    started: list[str] = []

    def answer(cell: Cell, rates: Path | None, grace_s: float, stop: object) -> Answer:
        with tempfile.TemporaryDirectory() as folder:
            row = child_process.answer(cell, Path(folder), rates)
            solution = Path(folder) / child_process.SOLUTION_FILE
            started.append(cell.id)
            return Answer(row, solution.read_bytes() if solution.exists() else None)

    monkeypatch.setattr(runner, "run_cell", answer)
    monkeypatch.setattr(BaseSolver, "prepare", lambda solver: None)
    return started


class Report(NamedTuple):
    """A report that was written, and of what."""

    table: DataFrame
    title: str
    command: str
    folder: Path
    written: list[Path]


@pytest.fixture(scope="session")
def report(tmp_path_factory):
    """The report of a synthetic comparison; its command is long."""
    table, title, command = varied(seeds=2), "A comparison", "fgamcd compare " + 40 * "--option x=y "
    folder = tmp_path_factory.mktemp("report")
    return Report(table, title, command, folder, write_report(table, folder, title=title, command=command))
