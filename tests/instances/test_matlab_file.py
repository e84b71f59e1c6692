"""Our reader of MATLAB files against SciPy's writer, and against files made by hand and damaged."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.io import savemat
from scipy.sparse import csc_array

from fgamcd_opt.errors import InputError
from fgamcd_opt.instances.input_file import MAX_BYTES
from fgamcd_opt.instances.matlab_file import numeric_array, numeric_names

DTYPES = ["f8", "f4", "c16", "c8", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"]
FAULTS = (InputError, ValueError, struct.error, zlib.error)


def saved(compressed: bool = False, **variables: object) -> bytes:
    stream = io.BytesIO()
    savemat(stream, variables, do_compression=compressed)
    return stream.getvalue()


@settings(max_examples=40)
@given(
    dtype=st.sampled_from(DTYPES),
    shape=st.lists(st.integers(0, 4), min_size=2, max_size=4),
    compressed=st.booleans(),
    seed=st.integers(0, 99),
)
def test_arrays_come_back(dtype: str, shape: list[int], compressed: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    array = (10 * rng.normal(size=shape)).astype(dtype)
    if array.dtype.kind == "c":
        array = array + (1j * rng.normal(size=shape)).astype(dtype)
    content = saved(compressed, before=np.eye(3), x=array, after=np.arange(4.0))
    found = numeric_array("h.mat", content, "x")
    np.testing.assert_array_equal(found, array)
    if array.size:  # SciPy stores an empty complex array as a real one
        assert found.dtype == array.dtype
    assert numeric_names("h.mat", content) == ["before", "x", "after"]


@pytest.mark.parametrize("compressed", [False, True])
def test_what_is_no_array_of_numbers_is_passed_over(compressed: bool) -> None:
    cells = np.empty((1, 2), dtype=object)
    cells[:] = [["a", np.eye(2)]]
    content = saved(
        compressed,
        text="words",
        cells=cells,
        struct={"a": np.eye(2)},
        sparse=csc_array(np.eye(3)),
        h=np.eye(2),
    )
    assert numeric_names("h.mat", content) == ["h"]
    np.testing.assert_array_equal(numeric_array("h.mat", content, "h"), np.eye(2))


def element(order: str, kind: int, data: bytes) -> bytes:
    return struct.pack(f"{order}II", kind, len(data)) + data + bytes(-len(data) % 8)


def by_hand(
    order: str, shape: tuple[int, ...], real: bytes, imaginary: bytes, name: bytes = b"channel"
) -> bytes:
    """A complex matrix of class double whose parts are stored as bytes (type 1), as MATLAB does with small integers."""
    flags = struct.pack(f"{order}II", 0x0800 | 6, 0)
    dimensions = struct.pack(f"{order}{len(shape)}i", *shape)
    parts = [element(order, 6, flags), element(order, 5, dimensions), element(order, 1, name)]
    parts += [element(order, 1, real), element(order, 1, imaginary)]
    mark = b"\x00\x01IM" if order == "<" else b"\x01\x00MI"
    return b"MATLAB 5.0 MAT-file".ljust(124) + mark + element(order, 14, b"".join(parts))


@pytest.mark.parametrize("order", ["<", ">"])
def test_numbers_in_a_smaller_type_and_either_byte_order(order: str) -> None:
    content = by_hand(order, (2, 3), bytes([1, 2, 3, 4, 5, 255]), bytes([0, 0, 7, 0, 0, 0]))
    expected = np.array([[1, 3 + 7j, 5], [2, 4, -1]])
    found = numeric_array("h.mat", content, "channel")
    assert found.dtype == complex
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"MATLAB 7.3 MAT-file".ljust(512) + b"\x89HDF\r\n\x1a\n", "format 7.3 .* save it with save"),
        (b"", "is not of MATLAB's format 5"),
        (b"x" * 200, "is not of MATLAB's format 5"),
    ],
)
def test_other_formats(content: bytes, words: str) -> None:
    with pytest.raises(InputError, match=words):
        numeric_names("h.mat", content)


def test_format_4_is_refused() -> None:
    stream = io.BytesIO()
    savemat(stream, {"h": np.eye(2)}, format="4")
    with pytest.raises(InputError, match="is not of MATLAB's format 5"):
        numeric_names("h.mat", stream.getvalue())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (by_hand("<", (2, 4), bytes(6), bytes(6)), r"declares shape \(2, 4\)"),
        (by_hand("<", (-2, -3), bytes(6), bytes(6)), r"declares shape \(-2, -3\)"),
        (by_hand("<", (2**30, 2**30), bytes(6), bytes(6)), "declares shape"),
        (by_hand("<", (2, 3), bytes(6), bytes(6))[:-16], "ends in the middle of a matrix"),
        (by_hand("<", (2, 3), bytes(6), bytes(6))[:128] + element("<", 9, bytes(8)), "an element of type 9"),
        (by_hand("<", (2, 3), bytes(6), bytes(6), b"other"), "there is no array 'channel'"),
    ],
)
def test_damaged_files(content: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        numeric_array("h.mat", content, "channel")


def test_a_compressed_bomb_is_cut_off() -> None:
    """A matrix that unpacks to far more than the limit: its names are read from its start, its numbers never."""
    head = by_hand("<", (2**15, 2**15), b"", b"")[128:-16]
    whole = struct.pack("<II", 14, 2**30) + head[8:] + struct.pack("<II", 1, 2**30)
    packer = zlib.compressobj()
    packed = packer.compress(whole)
    packed += b"".join(packer.compress(bytes(1 << 20)) for _ in range(16)) + packer.flush()
    content = by_hand("<", (1,), b"", b"")[:128] + struct.pack("<II", 15, len(packed)) + packed
    assert len(content) < 100_000 < MAX_BYTES
    assert numeric_names("h.mat", content) == ["channel"]
    with pytest.raises(ValueError, match="declares shape"):
        numeric_array("h.mat", content, "channel")


@settings(max_examples=60)
@given(place=st.integers(0, 10**6), byte=st.integers(0, 255), cut=st.booleans(), compressed=st.booleans())
def test_any_damage_is_read_or_refused(place: int, byte: int, cut: bool, compressed: bool) -> None:
    content = bytearray(saved(compressed, channel=np.arange(6).reshape(2, 3) * (1 + 2j), other=np.eye(2)))
    content[place % len(content)] = byte
    damaged = bytes(content[: place % len(content)] if cut else content)
    try:
        names = numeric_names("h.mat", damaged)
        arrays = [numeric_array("h.mat", damaged, name) for name in names]
    except FAULTS:
        return
    assert all(array.nbytes <= 16 * len(damaged) * 8 for array in arrays)
