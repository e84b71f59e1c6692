"""Tables on stdout: within the width, numbers with their points in line, nothing lost where a table folds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fgamcd_opt.cli.output import print_table

WORD = st.text("abcxyz", min_size=1, max_size=9)
CELL = st.lists(WORD, min_size=1, max_size=6).map(" ".join)


def shown(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Lines that were printed."""
    return capsys.readouterr().out.splitlines()


def test_points_stand_in_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    print_table(["name", "size MB"], [["a", "12.5"], ["b", "3.25"], ["c", "100"], ["d", "-"]])
    assert shown(capsys) == [
        "name    size",
        "          MB",
        "----  ------",
        "a      12.5",
        "b       3.25",
        "c     100",
        "d          -",
    ]


def test_a_last_column_of_texts_is_wrapped(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    print_table(["file", "reason"], [["a.bin", "holds no tensors that this release can read"]])
    assert shown(capsys) == [
        "file   reason",
        "-----  ---------------------------------",
        "a.bin  holds no tensors that this",
        "       release can read",
    ]


def test_a_pipe_gets_one_line_per_row(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    print_table([f"column{i}" for i in range(30)], [["1"] * 30, ["2"] * 30])
    assert len(shown(capsys)) == 4


@given(data=st.data(), width=st.integers(1, 9))
def test_nothing_is_lost_and_nothing_is_wider(data: st.DataObject, width: int) -> None:
    names = [f"h{i}" for i in range(width)]
    row = st.lists(WORD, min_size=width - 1, max_size=width - 1)
    rows = data.draw(
        st.lists(st.tuples(row, CELL).map(lambda pair: [*pair[0], pair[1]]), min_size=1, max_size=4)
    )
    with pytest.MonkeyPatch.context() as patch:
        lines: list[str] = []
        patch.setenv("COLUMNS", "60")
        patch.setattr("fgamcd_opt.cli.output.say", lambda text="": lines.append(text))
        print_table(names, rows)
    assert max(map(len, lines)) <= 60
    words = sorted(word for line in lines for word in line.split() if not set(word) <= {"-"})
    found = {word for cells in (names, *rows) for cell in cells for word in cell.split()}
    assert set(words) == found
