"""rows.parquet and rows.csv: the same content, the same bytes for the same table, nothing lost."""

from __future__ import annotations

import csv
import json

import pyarrow.parquet as parquet
import pytest
from synthetic_rows import cell, failed, frame, varied

from fgamcd_opt.cli.main import main
from fgamcd_opt.io import optional
from fgamcd_opt.io.errors import BackendError, ExitCode, InputError
from fgamcd_opt.studies.grid import row_files


@pytest.fixture
def table():
    """Rows with awkward texts and numbers."""
    return frame(
        [
            cell("beta", "exact", delay_s=0.1 + 0.2, message='two\nlines, "quoted"', options={"rounds": 2}),
            failed("beta", "greedy", error="Traceback\n  x"),
            cell("gamma", "greedy", 7, solve_s=1e-300, trace=[[0.5, None, 1.0]]),
        ]
    )


def read_both(folder):
    """Rows of both files by the standard library and by pyarrow, neither of which wrote the CSV."""
    with (folder / "rows.csv").open(newline="", encoding="utf-8") as stream:
        texts = list(csv.DictReader(stream))
    return parquet.read_table(folder / "rows.parquet").to_pylist(), texts


def test_both_files_hold_every_value_of_the_table(table, tmp_path):
    row_files.write_row_files(table, tmp_path)
    typed, texts = read_both(tmp_path)
    for (_, row), values, shown in zip(table.iterrows(), typed, texts, strict=True):
        assert list(values) == list(shown) == list(table.columns)
        for name, value in row.items():
            if value is None or value != value or value == "":
                assert values[name] is None
                assert shown[name] == ""
            elif isinstance(value, list | dict):
                assert json.loads(values[name]) == value
                assert json.loads(shown[name]) == value
            elif isinstance(value, bool):
                assert (values[name], shown[name]) == (value, str(value))
            elif isinstance(value, int | float):
                assert values[name] == value
                assert float(shown[name]) == value
            else:
                assert values[name] == shown[name] == value


def test_whole_numbers_stay_whole_beside_missing_ones(tmp_path):
    row_files.write_row_files(frame([cell("beta", "exact"), cell("beta", "greedy", served=None)]), tmp_path)
    typed, texts = read_both(tmp_path)
    assert [row["served"] for row in typed] == [8, None]
    assert [row["served"] for row in texts] == ["8", ""]


def test_same_table_same_bytes(tmp_path):
    first = {p.name: p.read_bytes() for p in row_files.write_row_files(varied(), tmp_path)}
    second = {p.name: p.read_bytes() for p in row_files.write_row_files(varied(), tmp_path)}
    assert first == second
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rows.csv", "rows.parquet"]


def test_missing_folder_is_named(tmp_path):
    with pytest.raises(InputError, match=r"no-such-folder/rows\.parquet: cannot be written"):
        row_files.write_row_files(varied(), tmp_path / "no-such-folder")


def test_missing_package_names_the_extra(monkeypatch):
    monkeypatch.setattr(optional, "find_spec", lambda name: None if name == "pyarrow" else object())
    with pytest.raises(
        BackendError, match=r"needs pyarrow: pip install -c constraints\.txt -e \"\.\[compare\]\""
    ):
        optional.require_extra("compare", "a comparison")


@pytest.mark.parametrize(
    "words", [("compare", "tiny", "--solver", "greedy"), ("sweep", "storage", "--quick")]
)
def test_nothing_is_run_that_could_not_be_reported(words, monkeypatch, tmp_path, capsys):
    missing = ("psutil", "jinja2")
    monkeypatch.setattr(optional, "find_spec", lambda name: None if name in missing else object())
    assert main([*words, "-o", str(tmp_path / "new")]) == ExitCode.BACKEND_MISSING
    assert 'needs psutil, jinja2: pip install -c constraints.txt -e ".[compare]"' in capsys.readouterr().err
    assert not (tmp_path / "new").exists()
