"""The curve's file and its scalars: rows come back, a resumed curve has none twice, damaged ones are refused."""

from __future__ import annotations

import csv
import math
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from fgamcd_opt.io.errors import InputError
from fgamcd_opt.learning.training.curve import COLUMNS, CurveFile, CurveRow, read_curve
from fgamcd_opt.learning.training.scalars import TAGS, ScalarLog

finite = st.floats(allow_nan=False, allow_infinity=False)
rows = st.builds(
    CurveRow,
    seed=st.integers(0, 2**63 - 1),
    episode=st.integers(1),
    steps=st.integers(0),
    seconds=finite,
    return_=finite,
    delay_s=st.none() | st.floats(allow_nan=False),
    gap=st.none() | finite,
    unserved=st.integers(0),
    updates=st.integers(0),
    synthetic=st.integers(0),
    steps_per_s=finite,
)


def row_of(episode: int, delay_s: float | None = 2.0, **diagnostics: float) -> CurveRow:
    return CurveRow(
        seed=3,
        episode=episode,
        steps=10 * episode,
        seconds=0.5 * episode,
        return_=-1.0 / episode,
        delay_s=delay_s,
        gap=None,
        unserved=0,
        updates=episode,
        synthetic=2,
        steps_per_s=100.0,
        diagnostics=diagnostics,
    )


@given(content=st.lists(rows, max_size=4))
def test_rows_come_back(tmp_path_factory: pytest.TempPathFactory, content: list[CurveRow]) -> None:
    path = tmp_path_factory.mktemp("curve") / "curve.csv"
    with CurveFile(path) as curve:
        for number, row in enumerate(content, 1):
            curve.append(row)
            assert read_curve(path) == content[:number]  # in the file before it is closed
    with path.open(newline="") as stream:
        plain = list(csv.DictReader(stream))
    assert [tuple(row) for row in plain] == [COLUMNS] * len(content)
    assert [float(row["return"]) for row in plain] == [row.return_ for row in content]


def test_numbers_of_numpy_are_plain_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "curve.csv"
    with CurveFile(path) as curve:
        curve.append(row_of(np.int64(4), np.float64(1.5)))
    assert read_curve(path) == [row_of(4, 1.5)]


def test_resumed_curve_goes_on_after_the_rows_kept(tmp_path: Path) -> None:
    path, straight = tmp_path / "curve.csv", tmp_path / "straight.csv"
    with CurveFile(path) as curve:
        for episode in (1, 2, 3):
            curve.append(row_of(episode))
    with path.open("a") as stream:
        stream.write("3,4,40")  # killed while writing
    assert [row.episode for row in read_curve(path)] == [1, 2, 3]
    with CurveFile(path, keep=2) as curve:
        assert [row.episode for row in curve.rows] == [1, 2]
        curve.append(row_of(3))
        curve.append(row_of(4))
    with CurveFile(straight) as curve:
        for episode in (1, 2, 3, 4):
            curve.append(row_of(episode))
    assert path.read_bytes() == straight.read_bytes()
    with CurveFile(path):
        assert read_curve(path) == []


def test_fewer_rows_than_the_checkpoint_has_seen_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "curve.csv"
    with CurveFile(path) as curve:
        curve.append(row_of(1))
    before = path.read_bytes()
    with pytest.raises(InputError, match=r"curve\.csv: has 1 rows, but the checkpoint was made after 2"):
        CurveFile(path, keep=2)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("1,2", "line 2: has 2 values; expected 12"),
        ("1,x,3,4,5,6,7,8,9,10,11,0", "line 2: episode: 'x' is not of type int"),
        ("1,2,3,,5,6,7,8,9,10,11,0", "line 2: seconds: '' is not of type float"),
        ("1,2,3,4,nan,6,7,8,9,10,11,0", "line 2: return: is not a number"),
        ("1,2,3,4,5,6,7,8,9,10,11,0", "line 2: does not match its seal"),
    ],
)
def test_damaged_rows_are_named(tmp_path: Path, line: str, words: str) -> None:
    path = tmp_path / "curve.csv"
    path.write_text(f"{','.join(COLUMNS)}\n{line}\n")
    with pytest.raises(InputError, match=words):
        read_curve(path)


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"\xff\xfe"])
def test_another_file_is_no_curve(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "curve.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match="learning curve"):
        read_curve(path)


def test_a_curve_without_seals_is_of_an_older_release(tmp_path: Path) -> None:
    path = tmp_path / "curve.csv"
    path.write_text(f"{','.join(COLUMNS[:-1])}\n1,2,3,4,5,6,7,8,9,10,11\n")
    with pytest.raises(InputError, match="of an older release, whose rows have no seal; move it away"):
        read_curve(path)


def test_no_altered_curve_is_taken(tmp_path: Path) -> None:
    path, rng = tmp_path / "curve.csv", random.Random(3)
    with CurveFile(path) as curve:
        for episode in range(1, 9):
            curve.append(row_of(episode, None if episode == 3 else 2.0))
    good, rows = path.read_bytes(), read_curve(path)
    for _ in range(1500):
        data = bytearray(good)
        for _ in range(rng.randint(1, 3)):
            at = rng.randrange(len(data))
            piece = rng.choice((rng.randbytes(1), b"", b"9", b",", b"\n", bytes(data[at : at + 60])))
            data[at : at + rng.choice((0, 1, 1, 8, 60))] = piece
        path.write_bytes(data)
        try:
            kept = read_curve(path)
        except InputError:
            continue
        assert kept == rows[: len(kept)]  # nothing but an end that is missing, as after a kill


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """What TensorBoard's own reader finds."""
    reader = EventAccumulator(str(folder))
    reader.Reload()
    return {tag: [(e.step, e.value) for e in reader.Scalars(tag)] for tag in reader.Tags()["scalars"]}


def test_scalars_are_those_of_the_rows(tmp_path: Path) -> None:
    log = [
        row_of(1, loss=0.5),
        row_of(2, delay_s=math.inf, loss=math.nan),
        row_of(4, delay_s=None, loss=0.25),
    ]
    with ScalarLog(tmp_path / "tensorboard") as board:
        for row in log:
            board.append(row)
        found = scalars(tmp_path / "tensorboard")  # before it is closed
    assert found.keys() == {*TAGS, "diagnostics/loss"} - {"evaluation/gap"}
    assert found["evaluation/delay_s"] == [(1, 2.0)]
    assert found["training/return"] == [(row.episode, row.return_) for row in log]
    assert found["diagnostics/loss"] == [(1, 0.5), (4, 0.25)]


def test_resumed_scalars_have_no_step_twice(tmp_path: Path) -> None:
    with ScalarLog(tmp_path) as board:
        for episode in (1, 2, 3, 4):
            board.append(row_of(episode, delay_s=10.0 + episode))
    with ScalarLog(tmp_path, last_episode=2) as board:
        for episode in (3, 5):
            board.append(row_of(episode, delay_s=20.0 + episode))
    assert scalars(tmp_path)["evaluation/delay_s"] == [(1, 11.0), (2, 12.0), (3, 23.0), (5, 25.0)]
