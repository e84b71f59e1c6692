"""Numeric arrays of MATLAB files of format 5 (``save -v6`` and ``save -v7``), parsed with distrust.

A file is a header of 128 bytes and a row of elements: tag (type and number of bytes), data, padding to 8 bytes. An
element of type *compressed* holds another one by zlib. A matrix holds its flags, dimensions, name, real part and, if it
is complex, imaginary part; numbers may be stored in a smaller type than the matrix has.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.errors import InputError
from fgamcd_opt.instances.input_file import MAX_BYTES

_HEADER_BYTES = 128
_HDF5 = b"\x89HDF\r\n\x1a\n"
_MATRIX, _COMPRESSED = 14, 15
_STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_NUMERIC = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8"}
_COMPLEX_FLAG = 0x0800
_START_BYTES = 1 << 12
"""Of a compressed matrix, enough for flags, dimensions and name."""


@dataclass(frozen=True)
class MatrixHead:
    """What stands before the numbers of a matrix.

    Attributes
    ----------
    name, shape
        Of the variable.
    dtype
        Of its real part, or None if it is no full array of numbers.
    is_complex
        Whether an imaginary part follows.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str | None
    is_complex: bool


def numeric_names(what: str, content: bytes) -> list[str]:
    """Names of the full numeric arrays of a file.

    Raises
    ------
    InputError
        For another format, with the way to save in this one.
    ValueError
        For a damaged file.
    """
    order, data = _opened(what, content)
    heads = [
        _head(_matrix(kind, body, order, _START_BYTES), order)[0] for kind, body in _elements(data, order)
    ]
    return [head.name for head in heads if head.dtype and head.name]


def numeric_array(what: str, content: bytes, name: str) -> NDArray[Any]:
    """The array called ``name``.

    Raises
    ------
    InputError
        For another format.
    ValueError
        For a damaged file, an array of more than `MAX_BYTES`, or one that is not there.
    """
    order, data = _opened(what, content)
    for kind, body in _elements(data, order):
        if _head(_matrix(kind, body, order, _START_BYTES), order)[0].name == name:
            head, parts = _head(_matrix(kind, body, order, MAX_BYTES), order)
            real = _numbers(head, parts, order)
            return real + 1j * _numbers(head, parts, order) if head.is_complex else real
    raise ValueError(f"there is no array {name!r}")


def _opened(what: str, content: bytes) -> tuple[str, memoryview]:
    """Byte order, ``<`` or ``>``, and what follows the header."""
    if content.startswith(_HDF5) or content[512 : 512 + len(_HDF5)] == _HDF5:
        raise InputError(f"{what}: is of MATLAB's format 7.3 (HDF5); save it with save(..., '-v7')")
    version, mark = content[124:126], content[126:128]
    if (version, mark) == (b"\x00\x01", b"IM"):
        return "<", memoryview(content)[_HEADER_BYTES:]
    if (version, mark) == (b"\x01\x00", b"MI"):
        return ">", memoryview(content)[_HEADER_BYTES:]
    raise InputError(f"{what}: is not of MATLAB's format 5; save it with save(..., '-v7')")


def _elements(data: memoryview, order: str) -> Iterator[tuple[int, memoryview]]:
    """Type and data of one element after the other; data that end early come as they are."""
    place = 0
    while place < len(data):
        (kind,) = struct.unpack_from(f"{order}I", data, place)
        if kind >> 16:  # short element: up to 4 bytes of data in its tag
            yield kind & 0xFFFF, data[place + 4 : place + 4 + min(kind >> 16, 4)]
            place += 8
            continue
        (size,) = struct.unpack_from(f"{order}I", data, place + 4)
        yield kind, data[place + 8 : place + 8 + size]
        place += 8 + size + (0 if kind == _COMPRESSED else -size % 8)


def _next(elements: Iterator[tuple[int, memoryview]]) -> tuple[int, memoryview]:
    for element in elements:
        return element
    raise ValueError("ends in the middle of a matrix")


def _matrix(kind: int, body: memoryview, order: str, limit: int) -> memoryview:
    """Data of a matrix, compressed or not; at most ``limit`` bytes of a compressed one."""
    if kind == _COMPRESSED:
        kind, body = _next(_elements(memoryview(zlib.decompressobj().decompress(body, limit)), order))
    if kind != _MATRIX:
        raise ValueError(f"holds an element of type {kind} where a matrix should be")
    return body


def _head(matrix: memoryview, order: str) -> tuple[MatrixHead, Iterator[tuple[int, memoryview]]]:
    """What stands before the numbers, and the elements that follow it."""
    parts = _elements(matrix, order)
    (_, flags), (_, dimensions), (_, name) = _next(parts), _next(parts), _next(parts)
    (word,) = struct.unpack_from(f"{order}I", flags)
    dtype = _NUMERIC.get(word & 0xFF)
    shape = struct.unpack(f"{order}{len(dimensions) // 4}i", dimensions) if dtype else ()
    if min(shape, default=0) < 0:
        raise ValueError(f"declares shape {shape}")
    return MatrixHead(bytes(name).decode("ascii"), shape, dtype, bool(word & _COMPLEX_FLAG)), parts


def _numbers(head: MatrixHead, parts: Iterator[tuple[int, memoryview]], order: str) -> NDArray[Any]:
    """The next element as the real or imaginary part of a matrix."""
    kind, body = _next(parts)
    if kind not in _STORED:
        raise ValueError(f"array {head.name!r} holds numbers of type {kind}")
    stored = np.dtype(f"{order}{_STORED[kind]}")
    if math.prod(head.shape) * stored.itemsize != len(body) or math.prod(head.shape) * 16 > MAX_BYTES:
        raise ValueError(
            f"array {head.name!r} declares shape {head.shape} of {stored} but holds {len(body)} bytes"
        )
    return np.frombuffer(body, stored).reshape(head.shape, order="F").astype(head.dtype)
