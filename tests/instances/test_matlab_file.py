"""MATLAB files of format 5: arrays come back, damage is refused, sizes are measured before anything is allocated."""

from __future__ import annotations

import struct
import sys
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matlab_files import by_hand, element, packed, pick, saved
from scipy.io import savemat
from scipy.sparse import csc_array

from fgamcd_opt.instances.input_file import MAX_BYTES
from fgamcd_opt.instances.network.array_file import READ_FAULTS
from fgamcd_opt.instances.network.matlab_file import read_matlab
from fgamcd_opt.instances.network.matlab_variable import MatlabVariable
from fgamcd_opt.io.errors import BackendError, ExitCode, InputError

DTYPES = ["f8", "f4", "c16", "c8", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"]


def described(content: bytes) -> list[MatlabVariable]:
    """All variables of a file."""
    seen: list[MatlabVariable] = []

    def stop(variables):
        seen.extend(variables)
        raise InputError("enough")

    with pytest.raises(InputError, match="enough"):
        read_matlab("h.mat", content, stop)
    return seen


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
    found = read_matlab("h.mat", content, pick("x"))
    np.testing.assert_array_equal(found, array)
    if array.size:  # SciPy stores an empty complex array as a real one
        assert found.dtype == array.dtype
    variables = described(content)
    assert [variable.name for variable in variables] == ["before", "x", "after"]
    assert all(variable.is_numeric for variable in variables)
    assert variables[1].shape == tuple(shape)


@pytest.mark.parametrize("compressed", [False, True])
def test_what_is_no_array_of_numbers_is_named(compressed: bool) -> None:
    cells = np.empty((1, 2), dtype=object)
    cells[:] = [["a", np.eye(2)]]
    others = {"text": "words", "cells": cells, "struct": {"a": np.eye(2)}, "sparse": csc_array(np.eye(3))}
    content = saved(compressed, **others, flags=np.array([[True, False]]), h=np.eye(2))
    classes = {variable.name: variable.matlab_class for variable in described(content)}
    assert classes == {
        "text": "char",
        "cells": "cell",
        "struct": "struct",
        "sparse": "sparse",
        "flags": "logical",
        "h": "double",
    }
    assert [variable.name for variable in described(content) if variable.is_numeric] == ["h"]
    np.testing.assert_array_equal(read_matlab("h.mat", content, pick("h")), np.eye(2))


@pytest.mark.parametrize("order", ["<", ">"])
def test_numbers_in_a_smaller_type_and_either_byte_order(order: str) -> None:
    content = by_hand(order, (2, 3), bytes([1, 2, 3, 4, 5, 255]), bytes([0, 0, 7, 0, 0, 0]))
    expected = np.array([[1, 3 + 7j, 5], [2, 4, -1]])
    found = read_matlab("h.mat", content, pick("channel"))
    assert found.dtype == complex
    np.testing.assert_array_equal(found, expected)


def test_the_text_at_the_start_says_nothing() -> None:
    content = bytes(124) + saved(channel=SMALL)[124:]
    np.testing.assert_array_equal(read_matlab("h.mat", content, pick("channel")), SMALL)


@pytest.mark.parametrize("content", [b"", b"x" * 200, b"MATLAB 7.3 MAT-file".ljust(512)])
def test_other_formats(content: bytes) -> None:
    with pytest.raises(InputError, match=r"is neither of MATLAB's format 5 nor of 7\.3; save it with save"):
        read_matlab("h.mat", content, pick("channel"))


def test_format_4_is_refused(tmp_path) -> None:
    savemat(tmp_path / "h.mat", {"h": np.eye(2)}, format="4")
    with pytest.raises(InputError, match="is neither of MATLAB's format 5"):
        read_matlab("h.mat", (tmp_path / "h.mat").read_bytes(), pick("h"))


@pytest.mark.parametrize(
    ("package", "content"), [("scipy", saved(h=np.eye(2))), ("h5py", b"\x89HDF\r\n\x1a\n")]
)
def test_missing_package_is_named_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch, package: str, content: bytes
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(BackendError, match=rf"h\.mat: needs {package}: pip install .*\[matlab\]") as caught:
        read_matlab("h.mat", content, pick("h"))
    assert caught.value.exit_code == ExitCode.BACKEND_MISSING


GOOD = by_hand("<", (2, 3), bytes(6), bytes(6))


def nameless(kind: int, flags_kind: int = 6) -> bytes:
    """A matrix without anything but flags."""
    return GOOD[:128] + element("<", kind, element("<", flags_kind, struct.pack("<II", 6, 0)))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (by_hand("<", (2, 4), bytes(6), bytes(6)), r"declares shape \(2, 4\) but holds 6 bytes"),
        (by_hand("<", (2, 3), bytes(6), bytes(1)), r"declares shape \(2, 3\) but holds 1 bytes"),
        (by_hand("<", (-2, -3), bytes(6), bytes(6)), r"declares shape \(-2, -3\); at most"),
        (by_hand("<", (2**30, 2**30), bytes(6), bytes(6)), "declares shape .*; at most"),
        (GOOD[:-16], "ends in the middle of a variable"),
        (GOOD + bytes(3), "ends in the middle of a tag"),
        (GOOD + bytes(8), "holds an element of type 0 where a variable should be"),
        (GOOD[:128] + element("<", 9, bytes(8)), "holds an element of type 9"),
        (GOOD + GOOD[128:], "holds two variables called 'channel'"),
        (nameless(14, flags_kind=5), "holds a matrix without flags"),
        (packed(GOOD, lambda stream: stream[:-4]), "a compressed variable ends early"),
        (packed(GOOD, lambda stream: stream[:-1]), "a compressed variable ends early"),
        (packed(GOOD, lambda stream: stream + b"x"), "something follows the end of a compressed variable"),
        (packed(GOOD, lambda stream: stream + bytes(1 << 17)), "something follows the end"),
        (packed(GOOD, lambda _: b""), "a compressed variable ends early"),
        (packed(GOOD, lambda _: zlib.compress(b"")), "unpacks to 0 bytes and declares another size"),
        (packed(GOOD, lambda _: zlib.compress(GOOD[128:-8])), "unpacks to .* declares another size"),
        (packed(GOOD, lambda _: zlib.compress(GOOD[128:] + bytes(8))), "unpacks to more than the"),
        (packed(packed(GOOD)), "holds an element of type 15 where a matrix should be"),
    ],
)
def test_damaged_files(content: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_matlab("h.mat", content, pick("channel"))


def test_a_wrong_checksum_is_refused() -> None:
    content = packed(GOOD, lambda stream: stream[:-1] + bytes([stream[-1] ^ 1]))
    with pytest.raises(zlib.error, match="incorrect data check"):
        read_matlab("h.mat", content, pick("channel"))


def bomb(declared: int, unpacked: int, shape: tuple[int, ...]) -> bytes:
    """A compressed matrix of zeros."""
    head = by_hand("<", shape, b"", b"")[128:-16]
    packer = zlib.compressobj()
    stream = packer.compress(struct.pack("<II", 14, declared) + head[8:] + struct.pack("<II", 1, unpacked))
    stream += b"".join(packer.compress(bytes(1 << 20)) for _ in range(unpacked >> 20)) + packer.flush()
    return GOOD[:128] + struct.pack("<II", 15, len(stream)) + stream


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (bomb(2**30, 2**24, (2**15, 2**15)), f"variables of more than {MAX_BYTES} bytes"),
        (bomb(2**12, 2**24, (2**15, 2**15)), "unpacks to more than the 4096 bytes"),
        (bomb(2**24 + 56, 2**24, (2**14, 2**12)), r"declares shape \(16384, 4096\); at most"),
    ],
)
def test_bombs_are_cut_off(content: bytes, words: str) -> None:
    """What a variable declares and what it unpacks to are measured with a buffer of some kilobytes."""
    assert len(content) < 100_000
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=words):
            read_matlab("h.mat", content, pick("channel"))
        assert tracemalloc.get_traced_memory()[1] < 3_000_000
    finally:
        tracemalloc.stop()


def outcome(content: bytes, expected: np.ndarray) -> str:
    """``same`` array, or ``refused``; anything else fails."""
    try:
        found = read_matlab("h.mat", content, pick("channel"))
    except (*READ_FAULTS, InputError, StopIteration):
        return "refused"
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)
    return "same"


SMALL = np.arange(6).reshape(2, 3) * (1 + 2j)


def test_every_flipped_bit_of_a_compressed_file_is_refused_or_harmless() -> None:
    content = saved(True, channel=SMALL, other=np.eye(2))
    counts = {"same": 0, "refused": 0}
    for bit in range(8 * len(content)):
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        counts[outcome(bytes(damaged), SMALL)] += 1
    assert counts["same"] >= 8 * 124  # the text at the start says nothing of the arrays
    assert (
        counts["refused"] >= 8 * (len(content) - 128) - 16
    )  # some bits after the end of a stream are padding


@pytest.mark.parametrize("compressed", [False, True])
def test_every_truncation_is_refused(compressed: bool) -> None:
    content = saved(compressed, channel=SMALL)
    assert outcome(content, SMALL) == "same"
    assert {outcome(content[:length], SMALL) for length in range(len(content))} == {"refused"}


@pytest.mark.parametrize("place", ["middle of a stream", "checksum"])
def test_the_damage_that_was_once_read_as_other_channels(place: str) -> None:
    """One bit of a stream that zlib still unpacks to the right length, and the checksum at its end."""
    rng = np.random.default_rng(2)
    array = rng.normal(size=(4, 8, 4)) + 1j * rng.normal(size=(4, 8, 4))
    content = bytearray(saved(True, channel=array))
    content[len(content) // 2 if place != "checksum" else -2] ^= 4
    assert outcome(bytes(content), array) == "refused"
    assert outcome(bytes(content[:-6]), array) == "refused"


@settings(max_examples=150)
@given(data=st.data(), compressed=st.booleans())
def test_any_damage_is_read_or_refused(data: st.DataObject, compressed: bool) -> None:
    """Changed bytes of an uncompressed file may be other numbers, but never an error that is not caught."""
    content = bytearray(saved(compressed, channel=SMALL, other=np.eye(2)))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    damaged = bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        found = read_matlab("h.mat", damaged, pick("channel"))
    except (*READ_FAULTS, InputError, StopIteration):
        return
    assert found.nbytes <= 16 * 8 * len(damaged)
