"""The folder of a comparison: rows are files, a second run does only what is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from fgamcd_opt.io.errors import InputError, UsageError
from fgamcd_opt.problem.solution_file import Solution
from fgamcd_opt.studies.comparison.classes import derive
from fgamcd_opt.studies.grid.cells import CellLimits, Source, make_grid
from fgamcd_opt.studies.grid.row import Row
from fgamcd_opt.studies.grid.runner import run_cells


def test_only_what_is_missing_is_run(tmp_path: Path, plug_ins: Path, roomy: Path) -> None:
    source, folder = Source.of(str(roomy)), tmp_path / "out"
    told: list[tuple[str, int, int]] = []
    first = run_cells(make_grid([source], ["odd-plain"], [0, 1]), folder, jobs=2)
    assert len(list(plug_ins.iterdir())) == 2
    cells = make_grid([source], ["odd-plain", "odd-bug"], [0, 1, 2])
    rows = run_cells(cells, folder, progress=lambda row, done, total: told.append((row.cell, done, total)))
    assert [row.cell for row in rows] == [cell.id for cell in cells]
    assert rows[:2] == first
    assert len(list(plug_ins.iterdir())) == 3
    assert {cell for cell, _, _ in told} == {cell.id for cell in cells[2:]}
    assert [(done, total) for _, done, total in told] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert run_cells(cells, folder) == rows
    assert [row.started for row in run_cells(cells, folder, retry_failed=True)[:3]] == [
        row.started for row in rows[:3]
    ]
    for row in rows[:3]:
        assert Solution.load(folder / "solutions" / f"{row.cell}.npz").digest == row.solution_digest
    assert len(list((folder / "solutions").iterdir())) == 3


def test_failed_cells_are_run_again_if_asked(tmp_path: Path, plug_ins: Path, roomy: Path) -> None:
    cells = make_grid([Source.of(str(roomy))], ["odd-crash"])
    (row,) = run_cells(cells, tmp_path / "out", keep_solutions=False)
    path = tmp_path / "out" / "cells" / f"{row.cell}.json"
    written = path.stat().st_mtime_ns
    run_cells(cells, tmp_path / "out", keep_solutions=False)
    assert path.stat().st_mtime_ns == written
    run_cells(cells, tmp_path / "out", keep_solutions=False, retry_failed=True)
    assert path.stat().st_mtime_ns > written


def test_the_table_has_every_field_and_metric(tmp_path: Path, plug_ins: Path, roomy: Path) -> None:
    rows = run_cells(make_grid([Source.of(str(roomy))], ["odd-plain", "odd-bug"]), tmp_path / "out")
    table = derive(rows)
    assert set(table.columns) >= {"cell", "served", "hit_ratio", "reference_gap", "gap", "class"}
    assert table["served"].iloc[0] == rows[0].metrics["served"]
    assert table["delay_s"].isna().tolist() == [False, True]


def test_a_bad_row_is_named_set_aside_and_its_cell_run_again(
    tmp_path: Path, plug_ins: Path, roomy: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cells = make_grid([Source.of(str(roomy))], ["odd-plain"], [0, 1])
    row, other = run_cells(cells, tmp_path)
    path = tmp_path / "cells" / f"{row.cell}.json"
    good = path.read_text()
    for bad, fault in (
        (good[:100], "not valid JSON"),
        (good.replace('"seed": 0', '"seed": 1'), "does not match its seal"),
        (
            good.replace('"schema_version": 3', '"schema_version": 2'),
            "schema_version is 2; this release reads 3",
        ),
        ((tmp_path / "cells" / f"{other.cell}.json").read_text(), f"holds the row of cell {other.cell}"),
    ):
        caplog.clear()
        path.write_text(bad)
        again, kept = run_cells(cells, tmp_path)
        assert kept == other
        assert again.delay_s == row.delay_s
        (warned,) = (record.getMessage() for record in caplog.records if record.levelname == "WARNING")
        assert f"{path}: {fault}" in warned
        assert warned.endswith(f"set aside as {row.cell}.refused, its cell is run again")
        assert path.with_suffix(".refused").read_text() == bad
        assert Row.load(path) == again


def test_a_row_that_cannot_be_set_aside_is_an_error(
    tmp_path: Path, plug_ins: Path, roomy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = make_grid([Source.of(str(roomy))], ["odd-plain"])
    (row,) = run_cells(cells, tmp_path)
    path = tmp_path / "cells" / f"{row.cell}.json"
    path.write_text("{}")
    path.with_suffix(".refused").mkdir()
    with pytest.raises(InputError, match=r"cannot be set aside as [0-9a-f]{64}\.refused .*; delete it"):
        run_cells(cells, tmp_path)


def test_what_makes_no_sense_is_refused_before_any_work(tmp_path: Path, plug_ins: Path, roomy: Path) -> None:
    source = Source.of(str(roomy))
    with pytest.raises(UsageError, match="did you mean 'exact'"):
        make_grid([source], ["exakt"])
    with pytest.raises(UsageError, match="no option 'depht'"):
        make_grid([source], ["exact"], options={"exact": {"depht": "1"}})
    with pytest.raises(UsageError, match="'greedy': this solver is not compared"):
        make_grid([source], ["exact"], options={"greedy": {"rounds": "1"}})
    with pytest.raises(UsageError, match="roomy, exact, seed 2: is named twice"):
        make_grid([source], ["exact"], [2, 2])
    with pytest.raises(InputError, match="colour"):
        make_grid([source], ["exact"], variant={"colour": "red"})
    with pytest.raises(UsageError, match="memory limit 0"):
        CellLimits(memory_bytes=0)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is no folder"):
        run_cells(make_grid([source], ["odd-plain"]), tmp_path / "file")


def test_a_row_is_read_back_as_it_was_written(tmp_path: Path, plug_ins: Path, roomy: Path) -> None:
    (row,) = run_cells(make_grid([Source.of(str(roomy))], ["odd-plain"]), tmp_path)
    assert Row.load(tmp_path / "cells" / f"{row.cell}.json") == row
