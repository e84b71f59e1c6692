"""A metric added to the table, and to nothing else, is in every report of every command."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from fgamcd_opt.cli.main import main
from fgamcd_opt.io.errors import ExitCode, InputError
from fgamcd_opt.problem.metrics import METRICS, Metric, markdown
from fgamcd_opt.problem.solution_file import Solution
from fgamcd_opt.studies.grid.row import Row

COPIES = Metric(
    name="cached_copies",
    compute=lambda candidate: int(candidate.decision.caching.sum()),
    meaning="Number of pairs (node, block) that are cached.",
    heading="thousand copies",
    phrase="{} in the caches",
    scale=1e-3,
    form=".4f",
    whole=True,
)


@pytest.fixture
def copies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(METRICS, COPIES.name, COPIES)


def run(capsys: pytest.CaptureFixture[str], *words: str | Path) -> str:
    assert main([*map(str, words), "--log-level", "error"]) == ExitCode.DONE
    return capsys.readouterr().out


def copies_in(path: Path) -> int:
    return int(Solution.load(path).decision.caching.sum())


def test_solve_and_verify(copies: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "found.npz"
    told = json.loads(run(capsys, "solve", "tiny", "--solver", "greedy", "-o", path, "--json"))
    count = copies_in(path)
    assert count > 0
    assert told["cached_copies"] == count
    assert json.loads(run(capsys, "verify", "tiny", path, "--json"))["cached_copies"] == count
    line = ["thousand", "copies", str(count), "in", "the", "caches"]
    for words in (["solve", "tiny", "--solver", "greedy"], ["verify", "tiny", path]):
        assert line in [shown.split() for shown in run(capsys, *words).splitlines()]


def test_comparison(
    copies: None, in_this_process: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = json.loads(run(capsys, "compare", "tiny", "--solver", "greedy", "-o", tmp_path, "--json"))
    (row,) = told["rows"]
    (solution,) = (tmp_path / "solutions").iterdir()
    count = copies_in(solution)
    assert row["metrics"]["cached_copies"] == count
    for table in (pd.read_csv(tmp_path / "rows.csv"), pd.read_parquet(tmp_path / "rows.parquet")):
        assert table["cached_copies"].tolist() == [count]
    pages = (tmp_path / "tables.md").read_text(), (tmp_path / "report.html").read_text()
    for page in pages:
        assert page.count("thousand copies") >= 2  # means by method, and the instance
        assert page.count(f"{count / 1000:.4f}") >= 2
    assert COPIES.meaning in pages[1]


def test_sweep(
    copies: None, in_this_process: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("sweep", "storage", "tiny", "--values", "1", "--seeds", "0", "--solver", "greedy")
    told = json.loads(run(capsys, *words, "-o", tmp_path, "--json"))
    counts = [copies_in(tmp_path / "solutions" / f"{cell}.npz") for cell in in_this_process]
    assert [point["cached_copies"] for point in told["points"]] == counts
    assert pd.read_csv(tmp_path / "storage.csv")["cached_copies"].tolist() == counts
    assert pd.read_csv(tmp_path / "storage-cells.csv")["cached_copies"].tolist() == counts
    page = (tmp_path / "storage.md").read_text()
    assert "thousand copies" in page
    assert all(f"| {count / 1000:.4f} |" in page for count in counts)


def test_documentation(copies: None) -> None:
    assert f"| `cached_copies` | thousand copies | {COPIES.meaning} |" in markdown().splitlines()


def test_the_page_shows_the_table() -> None:
    """`make docs` writes it."""
    page = Path(__file__).parents[2] / "docs" / "reference" / "p1.md"
    assert markdown() in page.read_text()


def test_a_row_without_the_column_is_refused(
    in_this_process: list[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A release with one more column sets rows of the release before aside, and runs their cells again."""
    words = ("compare", "tiny", "--solver", "greedy", "-o", tmp_path, "--json")
    (old,) = json.loads(run(capsys, *words))["rows"]
    (path,) = (tmp_path / "cells").glob("*.json")
    monkeypatch.setitem(METRICS, COPIES.name, COPIES)
    with pytest.raises(InputError, match=r"metrics: has .*; expected .*, cached_copies"):
        Row.load(path)
    (new,) = json.loads(run(capsys, *words))["rows"]
    assert {name: new["metrics"][name] for name in old["metrics"]} == old["metrics"]
    assert new["metrics"]["cached_copies"] > 0
    assert in_this_process == [old["cell"], old["cell"]]
