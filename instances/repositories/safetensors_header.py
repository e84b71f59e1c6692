"""The header of a safetensors file, parsed with distrust: what a file declares is compared with what it holds.

The format: 8 bytes length L (little-endian), L bytes of JSON, then the tensors' bytes. The JSON maps every tensor's
name to its dtype, shape and place; the places fill the rest of the file without a hole.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fgamcd_opt.instances.repositories.foreign_files import START_BYTES, foreign_kind
from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.files import read_json, reason_of
from fgamcd_opt.io.safe_text import quote
from fgamcd_opt.io.short_repr import short_repr

MAX_HEADER_BYTES = 1 << 25
"""Longest header that is read (32 MiB), for some 100 000 tensors; the format itself takes 100 MB."""

_MAX_AXES = 64
_LENGTH = struct.Struct("<Q")
_BITS = {"BOOL": 8, "U8": 8, "I8": 8, "U16": 16, "I16": 16, "U32": 32, "I32": 32, "U64": 64, "I64": 64}
_BITS |= {"F16": 16, "BF16": 16, "F32": 32, "F64": 64, "C64": 64, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8}
_BITS |= {"F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "F6_E2M3": 6, "F6_E3M2": 6, "F4": 4}


@dataclass(frozen=True)
class TensorEntry:
    """Where a tensor lies.

    Attributes
    ----------
    name, dtype
        As the file has them.
    shape
        Of the tensor; empty for a scalar.
    begin, end
        Its bytes, counted from the start of the file.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int

    __repr__ = short_repr


def read_header(path: Path) -> list[TensorEntry]:
    """Return the tensors of a file in the order of their bytes, without reading these.

    Raises
    ------
    InputError
        If the file cannot be read, is shorter than it declares, its header is too long or no strict JSON, a tensor is
        named twice, or the tensors' sizes, shapes and places contradict each other: holes and overlaps included.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            start = stream.read(START_BYTES)
            length = _header_bytes(path, start, size)
            stream.seek(_LENGTH.size)
            text = stream.read(length)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({reason_of(error)})") from error
    header = read_json(f"{path}: header", text, MAX_HEADER_BYTES)
    _check_metadata(path, header.pop("__metadata__", {}))
    first = _LENGTH.size + length
    entries = sorted((_entry(path, name, value, first) for name, value in header.items()), key=_place)
    reached = first
    for entry in entries:
        if entry.begin != reached:
            fault = "overlaps another one" if entry.begin < reached else f"leaves a hole after byte {reached}"
            raise InputError(f"{path}: tensor {quote(entry.name)} at byte {entry.begin} {fault}")
        reached = entry.end
    if reached != size:
        what = "truncated" if reached > size else "something follows the last tensor"
        raise InputError(f"{path}: the tensors end at byte {reached}, the file at byte {size}: {what}")
    return entries


def _header_bytes(path: Path, start: bytes, size: int) -> int:
    """Length of the header of a file that has ``size`` bytes and begins so."""
    if len(start) < _LENGTH.size:
        kind = foreign_kind(start)
        raise InputError(f"{path}: has {size} bytes; not a safetensors file{f' but {kind}' if kind else ''}")
    (length,) = _LENGTH.unpack_from(start)
    fault = ""
    if length > MAX_HEADER_BYTES:
        fault = f"declares a header of {length} bytes, more than {MAX_HEADER_BYTES}"
    elif _LENGTH.size + length > size:
        fault = f"declares a header of {length} bytes but has {size} in all; truncated"
    if (fault or not start[_LENGTH.size :].startswith(b"{")) and (kind := foreign_kind(start)):
        raise InputError(f"{path}: is not a safetensors file but {kind}")
    if fault:
        raise InputError(f"{path}: {fault}")
    return int(length)


def _place(entry: TensorEntry) -> tuple[int, int]:
    return entry.begin, entry.end


def _check_metadata(path: Path, value: object) -> None:
    if not isinstance(value, Mapping) or not all(isinstance(text, str) for text in value.values()):
        raise InputError(f"{path}: header: __metadata__ is not an object of texts")


def _entry(path: Path, name: str, value: Any, first: int) -> TensorEntry:
    what = f"{path}: tensor {quote(name)}"
    if not isinstance(value, dict) or set(value) != {"dtype", "shape", "data_offsets"}:
        raise InputError(f"{what}: expected an object of dtype, shape and data_offsets")
    dtype, shape, offsets = value["dtype"], value["shape"], value["data_offsets"]
    if not isinstance(dtype, str) or dtype not in _BITS:
        raise InputError(f"{what}: dtype {quote(dtype)} is unknown; known are {', '.join(_BITS)}")
    for field, numbers in (("shape", shape), ("data_offsets", offsets)):
        if not isinstance(numbers, list) or any(type(n) is not int or not 0 <= n < 2**63 for n in numbers):
            raise InputError(f"{what}: {field} {quote(numbers)} is not a list of whole numbers >= 0")
    if len(shape) > _MAX_AXES:
        raise InputError(f"{what}: has {len(shape)} axes, more than {_MAX_AXES}")
    if len(offsets) != 2 or offsets[0] > offsets[1]:
        raise InputError(f"{what}: data_offsets {quote(offsets)} are not a begin and an end")
    bits = math.prod(shape) * _BITS[dtype]
    if bits != 8 * (offsets[1] - offsets[0]):
        raise InputError(
            f"{what}: shape {quote(shape)} of {dtype} takes {quote(bits)} bits, but data_offsets {quote(offsets)} hold "
            f"{offsets[1] - offsets[0]} bytes"
        )
    return TensorEntry(name, dtype, tuple(shape), first + offsets[0], first + offsets[1])
