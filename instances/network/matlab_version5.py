"""MATLAB files of format 5: SciPy reads them, after every size and every compressed stream was checked here.

A file is a header of 128 bytes and a row of elements: tag (type and number of bytes) and data. An element of type
*compressed* holds a matrix by zlib; others are matrices themselves. SciPy takes compressed data whose checksum is
wrong or missing, and allocates what tags declare; it is given one matrix at a time, unpacked and measured.
"""

from __future__ import annotations

import io
import math
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.io import loadmat, whosmat

from fgamcd_opt.instances.input_file import MAX_BYTES
from fgamcd_opt.instances.network.matlab_variable import Choose, MatlabVariable

_HEADER_BYTES, _TEXT_BYTES = 128, 124
_TEXT = b"MATLAB 5.0 MAT-file"
"""Text at the start of a header; SciPy takes a file with other bytes there for one of format 4."""

_TAG_BYTES = 8
_MATRIX, _COMPRESSED, _FLAGS = 14, 15, 6
"""Types of elements; the first one of a matrix holds its flags, two numbers of type uint32."""

_COMPLEX_FLAG = 0x0800
_STORED_BYTES = {1: 1, 2: 1, 3: 2, 4: 2, 5: 4, 6: 4, 7: 4, 9: 8, 12: 8, 13: 8}
"""Bytes per number of the types in which numbers are stored."""

_START_BYTES = 1 << 12
"""Of a matrix: flags, at most 32 dimensions and a name, which MATLAB limits to 63 characters."""

_PIECE_BYTES = 1 << 16
"""Packed bytes given to zlib at a time."""

_WORKSPACE = "__function_workspace__"
"""SciPy's name for the element without one in which MATLAB keeps its objects."""


@dataclass(frozen=True)
class _Element:
    """A variable and the element that holds it."""

    variable: MatlabVariable
    kind: int
    body: memoryview


def read_version5(content: bytes, choose: Choose) -> NDArray[Any]:
    """Return the variable that ``choose`` picks.

    Raises
    ------
    Exception
        For a damaged file: `ValueError`, `zlib.error`, `struct.error`, and what SciPy raises.
    """
    order = "<" if content[126:128] == b"IM" else ">"
    header = _TEXT.ljust(_TEXT_BYTES) + content[_TEXT_BYTES:_HEADER_BYTES]
    unpacked, found = 0, dict[str, _Element]()
    for kind, body in _elements(memoryview(content), order):
        start, size = _checked(kind, body, order, MAX_BYTES - unpacked)
        unpacked += size
        variable = _described(header, start, order)
        if variable.name == _WORKSPACE:
            continue
        if variable.name in found:
            raise ValueError(f"holds two variables called {variable.name!r}")
        found[variable.name] = _Element(variable, kind, body)
    chosen = found[choose([element.variable for element in found.values()]).name]
    chosen.variable.require_size()
    matrix = b"".join(_unpacked(chosen.kind, chosen.body, order))
    _check_numbers(chosen.variable, memoryview(matrix)[_TAG_BYTES:], order)
    return np.asarray(loadmat(io.BytesIO(header + matrix))[chosen.variable.name])


def _elements(data: memoryview, order: str) -> Iterator[tuple[int, memoryview]]:
    """Type and data of the elements of a file."""
    place = _HEADER_BYTES
    while place < len(data):
        if len(data) - place < _TAG_BYTES:
            raise ValueError("ends in the middle of a tag")
        kind, size = struct.unpack_from(f"{order}II", data, place)
        place += _TAG_BYTES
        if kind not in (_MATRIX, _COMPRESSED):
            raise ValueError(f"holds an element of type {kind} where a variable should be")
        if size > len(data) - place:
            raise ValueError(f"ends in the middle of a variable: {len(data) - place} of {size} bytes")
        yield kind, data[place : place + size]
        place += size


def _unpacked(kind: int, body: memoryview, order: str) -> Iterator[bytes]:
    """A matrix with its tag, in pieces.

    Raises
    ------
    ValueError, zlib.error
        If it is compressed and its stream is damaged, ends early (its checksum included) or before the data do.
    """
    if kind == _MATRIX:
        yield struct.pack(f"{order}II", kind, len(body))
        yield bytes(body)
        return
    stream = zlib.decompressobj()
    for first in range(0, len(body), _PIECE_BYTES):
        if stream.eof:
            break
        packed = bytes(body[first : first + _PIECE_BYTES])
        while packed and not stream.eof:
            yield stream.decompress(packed, _PIECE_BYTES)
            packed = stream.unconsumed_tail
    while not stream.eof:  # what zlib still holds back
        rest = stream.decompress(b"", _PIECE_BYTES)
        if not rest and not stream.eof:
            raise ValueError("a compressed variable ends early")
        yield rest
    if stream.unused_data or first + _PIECE_BYTES < len(body):
        raise ValueError("something follows the end of a compressed variable")


def _checked(kind: int, body: memoryview, order: str, limit: int) -> tuple[bytes, int]:
    """The start of a matrix with its tag, and the size of it all, which has to be the one that the tag declares."""
    start, size = b"", 0
    for piece in _unpacked(kind, body, order):
        size += len(piece)
        if len(start) < _START_BYTES:
            start += piece[: _START_BYTES - len(start)]
        if len(start) >= _TAG_BYTES:
            inner, declared = struct.unpack_from(f"{order}II", start)
            if inner != _MATRIX:
                raise ValueError(f"holds an element of type {inner} where a matrix should be")
            if declared + _TAG_BYTES > limit:
                raise ValueError(f"declares variables of more than {MAX_BYTES} bytes in all")
            if size > declared + _TAG_BYTES:
                raise ValueError(f"a variable unpacks to more than the {declared} bytes that it declares")
    if size < _TAG_BYTES or size != declared + _TAG_BYTES:
        raise ValueError(f"a variable unpacks to {size} bytes and declares another size")
    return start, size


def _parts(matrix: memoryview, order: str) -> Iterator[tuple[int, memoryview]]:
    """Type and data of the elements of a matrix, which are padded to 8 bytes."""
    place = 0
    while place < len(matrix):
        (kind,) = struct.unpack_from(f"{order}I", matrix, place)
        if kind >> 16:  # short element: up to 4 bytes of data in its tag
            size, first, kind = kind >> 16, place + 4, kind & 0xFFFF
            place += _TAG_BYTES
        else:
            (size,) = struct.unpack_from(f"{order}I", matrix, place + 4)
            first = place + _TAG_BYTES
            place = first + size + -size % 8
        if place > len(matrix) or first + size > place:
            raise ValueError("ends in the middle of a matrix")
        yield kind, matrix[first : first + size]


def _described(header: bytes, start: bytes, order: str) -> MatlabVariable:
    """The variable whose matrix begins with ``start``, as SciPy sees it."""
    parts = _parts(memoryview(start)[_TAG_BYTES:], order)
    for place, (kind, data) in zip(
        range(3), parts, strict=False
    ):  # flags, dimensions and name, all of them there
        if place == 0 and (kind, len(data)) != (_FLAGS, 8):
            raise ValueError("holds a matrix without flags")
    ((name, shape, matlab_class),) = whosmat(io.BytesIO(header + start))
    return MatlabVariable(name, matlab_class, tuple(int(length) for length in shape))


def _check_numbers(variable: MatlabVariable, matrix: memoryview, order: str) -> None:
    """A numeric matrix holds its head, its real part and, if it is complex, its imaginary part, all of one length."""
    (_, flags), _, _, *numbers = _parts(matrix, order)
    (word,) = struct.unpack_from(f"{order}I", flags)
    if len(numbers) != (2 if word & _COMPLEX_FLAG else 1):
        raise ValueError(f"array {variable.name!r} has {len(numbers)} parts")
    for kind, data in numbers:
        if kind not in _STORED_BYTES:
            raise ValueError(f"array {variable.name!r} holds numbers of type {kind}")
        if len(data) != math.prod(variable.shape) * _STORED_BYTES[kind]:
            raise ValueError(
                f"array {variable.name!r} declares shape {variable.shape} but holds {len(data)} bytes of type {kind}"
            )
