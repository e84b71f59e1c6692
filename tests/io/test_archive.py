"""The archive reader refuses everything that the writer would not have written."""

from __future__ import annotations

import contextlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from fgamcd_opt.io.archive import read_archive, write_archive
from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.files import read_json

quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

ARRAYS: dict[str, Any] = {
    "counts": np.arange(6, dtype=np.int64).reshape(2, 3),
    "flags": np.array([True, False]),
    "waves": np.array([1 + 2j, -3.5j]),
}
HEADER = {"name": "example", "rate": 0.1, "nested": {"list": [1, None, "x"]}}


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {info.filename: archive.read(info) for info in archive.infolist()}


def rewrite(path: Path, content: dict[str, bytes], **options: Any) -> None:
    with zipfile.ZipFile(path, "w", **options) as archive:
        for name, data in content.items():
            archive.writestr(name, data)


@pytest.fixture
def example(tmp_path: Path) -> Path:
    path = tmp_path / "example.npz"
    write_archive(path, "thing", HEADER, ARRAYS)
    return path


def assert_is_example(path: Path) -> None:
    header, arrays = read_archive(path, "thing")
    assert header == HEADER
    assert set(arrays) == set(ARRAYS)
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(arrays[name], array, strict=True)


@quick
@given(
    array=nps.arrays(
        st.sampled_from([np.bool_, np.uint8, np.int64, np.float64, np.complex128]),
        nps.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
    )
)
def test_round_trip_is_lossless_to_the_bit(tmp_path: Path, array: np.ndarray[Any, Any]) -> None:
    path = tmp_path / "a.npz"
    write_archive(path, "thing", HEADER, {"a": array})
    header, arrays = read_archive(path, "thing")
    assert header == HEADER
    assert arrays["a"].shape == array.shape
    assert arrays["a"].dtype == array.dtype
    assert arrays["a"].tobytes() == array.tobytes()


def test_bytes_depend_on_content_alone(example: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.npz"
    write_archive(other, "thing", dict(reversed(HEADER.items())), dict(reversed(ARRAYS.items())))
    assert other.read_bytes() == example.read_bytes()


def test_numpy_reads_it_without_pickle(example: Path) -> None:
    with np.load(example, allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["counts"], ARRAYS["counts"])


def test_order_and_compression_of_members_do_not_matter(example: Path) -> None:
    rewrite(example, dict(reversed(members(example).items())), compression=zipfile.ZIP_STORED)
    assert_is_example(example)


@quick
@given(data=st.data())
def test_truncated_anywhere_is_refused(example: Path, tmp_path: Path, data: st.DataObject) -> None:
    whole = example.read_bytes()
    cut = tmp_path / "cut.npz"
    cut.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    with pytest.raises(InputError, match=r"cut\.npz"):
        read_archive(cut, "thing")


@settings(quick, max_examples=300)
@given(data=st.data())
def test_changed_byte_is_refused(example: Path, tmp_path: Path, data: st.DataObject) -> None:
    """Any byte, also one that changes no value, such as a time stamp or the padding of a compressed stream."""
    damaged = bytearray(example.read_bytes())
    position = data.draw(st.integers(0, len(damaged) - 1))
    damaged[position] ^= data.draw(st.integers(1, 255))
    path = tmp_path / "damaged.npz"
    path.write_bytes(damaged)
    with pytest.raises(InputError, match=r"damaged\.npz"):
        read_archive(path, "thing")


@settings(quick, max_examples=300)
@given(data=st.data())
def test_changed_byte_without_seal_is_refused_or_changes_nothing(
    example: Path, tmp_path: Path, data: st.DataObject
) -> None:
    rewrite(example, members(example))
    damaged = bytearray(example.read_bytes())
    position = data.draw(st.integers(0, len(damaged) - 1))
    damaged[position] ^= data.draw(st.integers(1, 255))
    path = tmp_path / "damaged.npz"
    path.write_bytes(damaged)
    with contextlib.suppress(InputError):
        assert_is_example(path)


def test_declared_size_is_checked_before_anything_is_read(tmp_path: Path) -> None:
    path = tmp_path / "bomb.npz"
    write_archive(path, "thing", {}, {"zeros": np.zeros(1_000_000)})
    assert path.stat().st_size < 20_000
    with pytest.raises(InputError, match=r"bomb\.npz: declares 8000\d+ bytes"):
        read_archive(path, "thing", max_bytes=7_000_000)
    assert read_archive(path, "thing")[1]["zeros"].shape == (1_000_000,)


def test_array_that_declares_more_than_it_holds_is_refused(example: Path) -> None:
    content = members(example)
    stream = io.BytesIO()
    shape = (1 << 40, 1 << 20)
    np.lib.format.write_array_header_1_0(stream, {"descr": "<f8", "fortran_order": False, "shape": shape})
    content["counts.npy"] = stream.getvalue() + b"\0" * 64
    rewrite(example, content)
    with pytest.raises(InputError, match=r"'counts' declares shape .* but holds 64 bytes"):
        read_archive(example, "thing")


class Canary:
    """Creates a file if it is ever unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.path,))


def test_pickled_array_is_refused_and_never_unpickled(example: Path, tmp_path: Path) -> None:
    canary = tmp_path / "unpickled"
    stream = io.BytesIO()
    np.save(stream, np.array([Canary(canary)], dtype=object), allow_pickle=True)
    content = members(example)
    content["counts.npy"] = stream.getvalue()
    rewrite(example, content)
    with pytest.raises(InputError, match=r"'counts' has dtype '\|O'"):
        read_archive(example, "thing")
    assert not canary.exists()


def test_other_kind_is_refused(example: Path) -> None:
    with pytest.raises(InputError, match="kind is 'thing'; expected 'solution'"):
        read_archive(example, "solution")


def edit_header(path: Path, **changes: Any) -> None:
    content = members(path)
    content["header.json"] = json.dumps({**json.loads(content["header.json"]), **changes}).encode()
    rewrite(path, content)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"schema_version": 2}, "schema_version is 2"),
        ({"schema_version": None}, "schema_version is None"),
        ({"schema_version": True}, "schema_version is True"),
        ({"extra": 1}, "'extra'"),
        ({"content": []}, "JSON objects"),
        ({"content": {"x": float("nan")}}, "NaN is not a finite number"),
        ({"arrays": {}}, "unexpected member 'counts.npy'"),
    ],
)
def test_header_faults(example: Path, changes: dict[str, Any], words: str) -> None:
    edit_header(example, **changes)
    with pytest.raises(InputError, match=words):
        read_archive(example, "thing")


def test_array_must_be_as_the_header_declares(example: Path) -> None:
    content = members(example)
    content["flags.npy"] = content["waves.npy"]
    rewrite(example, content)
    with pytest.raises(InputError, match=r"'flags' is .* but the header declares"):
        read_archive(example, "thing")


def test_unexpected_and_missing_members(example: Path) -> None:
    content = members(example)
    rewrite(example, {**content, "more.npy": content["flags.npy"]})
    with pytest.raises(InputError, match=r"unexpected member 'more\.npy'"):
        read_archive(example, "thing")
    rewrite(example, {name: data for name, data in content.items() if name != "flags.npy"})
    with pytest.raises(InputError, match=r"member 'flags\.npy' is missing"):
        read_archive(example, "thing")
    rewrite(example, {name: data for name, data in content.items() if name != "header.json"})
    with pytest.raises(InputError, match=r"has no header\.json"):
        read_archive(example, "thing")


def test_repeated_member_is_refused(example: Path) -> None:
    content = members(example)
    rewrite(example, content)
    with zipfile.ZipFile(example, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("flags.npy", content["flags.npy"])
    with pytest.raises(InputError, match=r"'flags\.npy' occurs twice"):
        read_archive(example, "thing")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compression_is_refused(example: Path, method: int) -> None:
    rewrite(example, members(example), compression=method)
    with pytest.raises(InputError, match="neither stored nor deflated"):
        read_archive(example, "thing")


def test_what_is_no_archive(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_archive(tmp_path / "absent.npz", "thing")
    with pytest.raises(InputError, match="no such file"):
        read_archive(tmp_path, "thing")
    text = tmp_path / "text.npz"
    text.write_text("hello")
    with pytest.raises(InputError, match="damaged or not an archive"):
        read_archive(text, "thing")


@pytest.mark.parametrize(
    ("header", "arrays"),
    [
        ({"x": float("nan")}, {}),
        ({"x": {1, 2}}, {}),
        ({}, {"a": np.array(["text"])}),
        ({}, {"a": np.array([None])}),
    ],
)
def test_failed_write_leaves_the_old_file_and_nothing_else(
    example: Path, header: dict[str, Any], arrays: dict[str, Any]
) -> None:
    before = example.read_bytes()
    with pytest.raises(InputError, match=r"example\.npz"):
        write_archive(example, "thing", header, arrays)
    assert example.read_bytes() == before
    assert [path.name for path in example.parent.iterdir()] == [example.name]


def test_failed_rename_leaves_nothing_behind(tmp_path: Path) -> None:
    target = tmp_path / "folder"
    target.mkdir()
    (target / "keep").touch()
    with pytest.raises(InputError, match="cannot be written"):
        write_archive(target, "thing", {}, {})
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["folder", "keep"]
    for path in (tmp_path / "absent" / "a.npz", target / "keep" / "a.npz", tmp_path / ("x" * 300)):
        with pytest.raises(InputError, match="cannot be written"):
            write_archive(path, "thing", {}, {})
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["folder", "keep"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"[1]", "top level is a list"),
        (b'{"a": 1, "b": 2, "a": 3}', "'a' is given twice"),
        (b'{"a": Infinity}', "Infinity is not a finite number"),
        (b'{"a": 1e999}', "1e999 is not a finite number"),
        (b'{"a": ', "not valid JSON"),
        (b'{"a": "\xff"}', "not valid JSON"),
        (b'{"a":' * 100_000, "not valid JSON"),
    ],
)
def test_strict_json(text: bytes, words: str) -> None:
    with pytest.raises(InputError, match=f"file: .*{words}"):
        read_json("file", text)
