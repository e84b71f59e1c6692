"""Our reader of safetensors headers against the safetensors package, on good files and on damaged ones."""

from __future__ import annotations

import contextlib
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checkpoints import transformer
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save, save_file

from fgamcd_opt.instances.repositories.safetensors_header import read_header
from fgamcd_opt.io.errors import InputError

DTYPES = ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"]
DTYPES += ["float16", "float32", "float64"]


@settings(max_examples=30)
@given(
    shapes=st.lists(
        st.tuples(st.sampled_from(DTYPES), st.lists(st.integers(0, 4), max_size=3)), min_size=1, max_size=6
    )
)
def test_tensors_are_where_the_package_finds_them(
    tmp_path_factory: pytest.TempPathFactory, shapes: list[tuple[str, list[int]]]
) -> None:
    path = tmp_path_factory.mktemp("st") / "a.safetensors"
    rng = np.random.default_rng(len(shapes))
    tensors = {
        f"t{i}": rng.integers(0, 2, size=shape).astype(dtype) for i, (dtype, shape) in enumerate(shapes)
    }
    save_file(tensors, path, metadata={"format": "np"})
    entries = read_header(path)
    assert {entry.name for entry in entries} == set(tensors)
    content = path.read_bytes()
    with safe_open(path, "np") as package:
        for entry in entries:
            expected = package.get_tensor(entry.name)
            assert content[entry.begin : entry.end] == expected.tobytes()
            assert entry.shape == expected.shape
            assert entry.dtype == package.get_slice(entry.name).get_dtype()


def raw(header: Any, data: bytes = b"", length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def tensor(begin: int, end: int, **more: Any) -> dict[str, Any]:
    return {"dtype": "F32", "shape": [(end - begin) // 4], "data_offsets": [begin, end], **more}


TWICE = b'{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}'


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "has 0 bytes; not a safetensors file"),
        (b"1234", "has 4 bytes"),
        (raw({}, length=10**12), "declares a header of 1000000000000 bytes, more than"),
        (raw({}, length=50), "declares a header of 50 bytes but has 10 in all; truncated"),
        (raw(b"[]"), "the top level is a list"),
        (raw(b"\xff\xff"), "not valid JSON"),
        (raw(b'{"a": NaN}'), "not a finite number"),
        (raw(TWICE, bytes(2)), "'a' is given twice"),
        (
            raw({"a": tensor(0, 8), "b": tensor(4, 12)}, bytes(12)),
            "tensor 'b' at byte .* overlaps another one",
        ),
        (raw({"a": tensor(0, 4), "b": tensor(8, 12)}, bytes(12)), "tensor 'b' .* leaves a hole"),
        (raw({"a": tensor(4, 8)}, bytes(8)), "tensor 'a' .* leaves a hole"),
        (raw({"a": tensor(0, 8)}, bytes(4)), "truncated"),
        (raw({"a": tensor(0, 8)}, bytes(9)), "something follows the last tensor"),
        (raw({"a": tensor(0, 8, shape=[3])}, bytes(8)), "takes 96 bits, but data_offsets"),
        (raw({"a": tensor(0, 8, shape=[-2])}, bytes(8)), "shape .* is not a list of whole numbers"),
        (raw({"a": tensor(0, 8, shape=[2**62, 2**62])}, bytes(8)), "but data_offsets"),
        (raw({"a": tensor(0, 8, shape=[1] * 99)}, bytes(8)), "has 99 axes"),
        (raw({"a": tensor(0, 8, shape=2)}, bytes(8)), "shape 2 is not a list"),
        (raw({"a": tensor(0, 8, shape=[True, 2])}, bytes(8)), "is not a list of whole numbers"),
        (raw({"a": tensor(0, 8, data_offsets=[8, 0])}, bytes(8)), "are not a begin and an end"),
        (raw({"a": tensor(0, 8, data_offsets=[0])}, bytes(8)), "are not a begin and an end"),
        (raw({"a": tensor(0, 8, dtype="F31")}, bytes(8)), "dtype 'F31' is unknown; known are"),
        (raw({"a": 3}, bytes(8)), "expected an object of dtype, shape"),
        (raw({"__metadata__": {"a": 1}}), "__metadata__ is not an object of texts"),
    ],
)
def test_damaged_files_are_named(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "bad.safetensors"
    path.write_bytes(content)
    with pytest.raises(InputError, match=words) as caught:
        read_header(path)
    assert str(path) in str(caught.value)
    with pytest.raises(SafetensorError), safe_open(path, "np"):
        pass


def test_unknown_field_of_a_tensor_is_refused(tmp_path: Path) -> None:
    """The package ignores it."""
    path = tmp_path / "odd.safetensors"
    path.write_bytes(raw({"a": tensor(0, 8, extra=1)}, bytes(8)))
    with pytest.raises(InputError, match="tensor 'a': expected an object of dtype, shape and data_offsets"):
        read_header(path)


@settings(max_examples=60)
@given(place=st.integers(0, 10**6), byte=st.integers(0, 255))
def test_any_changed_byte_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, place: int, byte: int
) -> None:
    """No changed byte gives another error than ours, and what is accepted lies inside the file."""
    content = bytearray(save(transformer(1, layers=1)))
    content[place % len(content)] = byte
    path = tmp_path_factory.mktemp("st") / "a.safetensors"
    path.write_bytes(content)
    with contextlib.suppress(InputError):
        assert all(8 <= entry.begin <= entry.end <= len(content) for entry in read_header(path))
