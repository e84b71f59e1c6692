"""Instances, models and solvers with hostile names, through commands, pictures and the report of a comparison."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import unicodedata
from html.parser import HTMLParser
from pathlib import Path

import pytest
from pandas import DataFrame, read_csv

from fgamcd_opt.cli.main import main
from fgamcd_opt.instances.format import save_instance
from fgamcd_opt.instances.generation.from_recipe import generate
from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.instances.recipes.presets import PRESETS
from fgamcd_opt.instances.resolve import load_recipe
from fgamcd_opt.io.errors import ExitCode, InputError
from fgamcd_opt.io.safe_text import MAX_NAME_BYTES
from fgamcd_opt.studies.comparison.report import write_report
from fgamcd_opt.studies.comparison.trace_figure import trace_name
from fgamcd_opt.studies.grid.progress import ProgressBar
from fgamcd_opt.studies.table import Column, Table

NAMES = (
    "$\\unknowncmd$", "a$b", "_x", "=HYPERLINK(1)", "@x", "+1", "-1", "a|b", "<script>alert(1)</script>", '"quoted"',
    "x/1", "x_1", "..", "n" * 300, "\u202eright to left", "\U0001f600", "%s {0} {{ 1 }}", "\u200d",
)  # fmt: skip

DRAWN = ("$\\unknowncmd$", "_x", "x/1", "n" * 300, "\u202eright to left", "\U0001f600")
"""Names with which the pictures of an instance are drawn; the others are in those of a comparison."""


@pytest.fixture(scope="module")
def instance() -> Instance:
    return generate(PRESETS["tiny"])


def named(instance: Instance, name: str) -> Instance:
    """The instance with the name, and with models and blocks whose names begin with it."""
    return dataclasses.replace(
        instance,
        name=name,
        recipe=None,
        model_names=tuple(f"{name}{i}" for i in range(instance.n_models)),
        block_names=tuple(f"{name}{k}" for k in range(instance.n_blocks)),
    )


def obeyed(text: str) -> list[str]:
    """Characters that a terminal obeys, or that turn what follows them around."""
    kinds = ("Cc", "Cs", "Zl", "Zp")
    return [c for c in text if c not in "\n\t" and (unicodedata.category(c) in kinds or c in "\u202e\u2066")]


@pytest.mark.parametrize("name", NAMES)
def test_commands_on_an_instance_of_that_name(
    instance: Instance, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "instance.npz"
    save_instance(path, named(instance, name))
    assert main(["info", str(path)]) == ExitCode.DONE
    assert main(["info", str(path), "--problem"]) == ExitCode.DONE
    if name in DRAWN:
        assert main(["show", str(path), "-o", str(tmp_path / "picture")]) == ExitCode.DONE
        assert len(list(tmp_path.glob("picture-*.svg"))) == 2
    assert main(["info", str(path), "--set", "users=2"]) == ExitCode.INPUT_REJECTED
    said = capsys.readouterr()
    assert not obeyed(said.out + said.err)


@pytest.mark.parametrize(
    "name", ["\x1b[31mred", "a\nb", "a\tb", "\x00", "\u2028", "\x9b2J", "", "n" * (MAX_NAME_BYTES + 1)]
)
def test_names_that_no_output_could_show_are_refused_at_reading(
    instance: Instance, name: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="name: ") as caught:
        named(instance, name)
    assert not obeyed(str(caught.value))
    (tmp_path / "recipe.json").write_text(json.dumps({"schema_version": 1, "name": name}))
    with pytest.raises(InputError, match="name: ") as caught:
        load_recipe(tmp_path / "recipe.json")
    assert not obeyed(str(caught.value))


@pytest.mark.parametrize(
    "words",
    [
        ["info", "\x1b[31m"],
        ["info", "tiny", "--set", "users=\x1b[2J"],
        ["info", "tiny", "--set", "\x1b[2J=1"],
        ["info", "tiny", "\x1b[2J"],
        ["solve", "tiny", "--solver", "\x1b[2J"],
        ["solve", "tiny", "--variant", "csi=\x1b[2J"],
        ["compare", "tiny", "--solver", "\x9b2J", "-o", "out"],
        ["verify", "tiny", "\x1b[2J.npz"],
        ["train", "tiny", "--config", "\x1b[2J.toml", "-o", "out"],
    ],
)
def test_errors_on_what_was_typed(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    try:
        code = main(words)
    except SystemExit as left:
        code = int(str(left.code))
    said = capsys.readouterr()
    assert code in (ExitCode.USAGE, ExitCode.INPUT_REJECTED)
    assert not obeyed(said.out + said.err)


class _Texts(HTMLParser):
    """Tags of a page, and its text outside of scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        if self.tags[-1:] not in (["script"], ["style"]):
            self.text += data


@pytest.fixture(scope="module")
def compared(instance: Instance, tmp_path_factory: pytest.TempPathFactory) -> tuple[DataFrame, Path]:
    """A comparison whose instances have the names."""
    from fgamcd_opt.studies.comparison.classes import derive
    from fgamcd_opt.studies.grid.cells import Source, make_grid
    from fgamcd_opt.studies.grid.row import CellOutcome, Row

    sources = [Source(instance="tiny", name=name, digest=instance.digest) for name in NAMES]
    rows = [
        Row.of_cell(
            cell,
            CellOutcome.SOLVED,
            stop_reason="completed",
            point_status="feasible",
            delay_s=1.25 if cell.solver == "greedy" else 1.0,
            lower_bound_s=None if cell.solver == "greedy" else 1.0,
            bound_kind=None if cell.solver == "greedy" else "certified",
            solve_s=0.5,
            wall_s=0.75,
            reason="=1+1",
            message="@note",
            trace=((0.25, 1.5, 0.5), (0.5, 1.25, 1.0)),
        )
        for cell in make_grid(sources, ["greedy", "exact"])
    ]
    frame, folder = derive(rows), tmp_path_factory.mktemp("comparison")
    write_report(frame, folder, command="fgamcd compare '<b>'")
    return frame, folder


def test_every_instance_of_a_comparison_has_a_picture_of_its_own(compared: tuple[DataFrame, Path]) -> None:
    _, folder = compared
    names = {trace_name(name).lower() for name in NAMES}
    assert len(names) == len(NAMES)
    assert {path.stem for path in (folder / "figures").glob("trace_*.svg")} == names


def test_cells_of_rows_csv_are_no_formulas_and_parquet_has_the_names(
    compared: tuple[DataFrame, Path],
) -> None:
    from pandas import read_parquet

    _, folder = compared
    rows = list(csv.reader(io.StringIO((folder / "rows.csv").read_text())))
    numbers = {
        name for name, kind in read_csv(folder / "rows.csv").dtypes.items() if kind.kind in "fi"
    }  # a column of numbers may hold negative ones
    for row in rows[1:]:
        for name, cell in zip(rows[0], row, strict=True):
            assert name in numbers or not cell.startswith(("=", "@", "+", "-", "\t", "\r")), (name, cell)
    assert set(read_parquet(folder / "rows.parquet")["instance"]) == set(NAMES)


def test_the_page_of_a_comparison_shows_names_as_text(compared: tuple[DataFrame, Path]) -> None:
    _, folder = compared
    page = _Texts((folder / "report.html").read_text())
    assert page.tags.count("script") == 1  # that of the page itself
    assert page.tags.count("b") == 0
    for name in NAMES:
        assert name in page.text


def test_tables_on_the_terminal_and_in_markdown(
    compared: tuple[DataFrame, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    from fgamcd_opt.cli.output import print_table, say
    from fgamcd_opt.studies.comparison.instance_tables import gap_table
    from fgamcd_opt.studies.scores import scores_of

    frame, _ = compared
    table = gap_table(scores_of(frame))
    print_table(table.headings, table.texts)
    say(table.title)
    assert not obeyed(capsys.readouterr().out)
    assert not obeyed(table.markdown())
    odd = Table("t", "t", (Column("a|b"),), (("x\ny\x1b[2J|",),))
    assert odd.markdown().splitlines()[2] == r"| x\ny\x1b[2J\| |"


def test_progress_shows_names_as_text(compared: tuple[DataFrame, Path]) -> None:
    from fgamcd_opt.studies.grid.cells import Source, make_grid
    from fgamcd_opt.studies.grid.row import CellOutcome, Row

    stream = io.StringIO()
    (cell,) = make_grid([Source(instance="tiny", name="\x1b[2J\n\u202e", digest="0")], ["greedy"])
    ProgressBar(stream)(Row.of_cell(cell, CellOutcome.SOLVED), 1, 1)
    assert not obeyed(stream.getvalue())
    assert stream.getvalue().count("\n") == 1
