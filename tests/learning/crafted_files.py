"""Safetensors files with contents chosen freely, and a pickle that would leave a trace if it were loaded."""

from __future__ import annotations

import json
import pickle
import struct
from pathlib import Path
from typing import Any

META_KEY = "fgamcd_opt"


def raw(header: Any, data: bytes = b"", length: int | None = None) -> bytes:
    """A file whose header says what it is told to."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def entry(begin: int, end: int, **more: Any) -> dict[str, Any]:
    """A tensor of float32 at these bytes."""
    return {"dtype": "F32", "shape": [(end - begin) // 4], "data_offsets": [begin, end], **more}


def with_meta(text: str, data: bytes = bytes(4)) -> bytes:
    """A file with one tensor ``a`` and this text as its description."""
    return raw({"__metadata__": {META_KEY: text}, "a": entry(0, len(data))}, data)


class _Trap:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        return Path.touch, (self.marker,)


def trap(marker: Path) -> bytes:
    """A pickle that creates ``marker`` when it is loaded."""
    return pickle.dumps(_Trap(marker))


NOT_A_NUMBER = struct.pack("<f", float("nan"))

DAMAGED = {
    "empty": (b"", "has 0 bytes; not a safetensors file"),
    "huge header": (raw({}, length=10**15), "declares a header of 1000000000000000 bytes, more than"),
    "truncated header": (raw({}, length=50), "truncated"),
    "overlap": (raw({"a": entry(0, 8), "b": entry(4, 12)}, bytes(12)), "'b' at byte .* overlaps"),
    "out of range": (raw({"a": entry(0, 4), "b": entry(4, 400)}, bytes(8)), "truncated"),
    "hole": (raw({"a": entry(4, 8)}, bytes(8)), "leaves a hole"),
    "other shape than bytes": (raw({"a": entry(0, 8, shape=[10**9])}, bytes(8)), "takes .* bits, but"),
    "unknown type": (raw({"a": entry(0, 8, dtype="OBJECT")}, bytes(8)), "dtype 'OBJECT' is unknown"),
    "complex numbers": (raw({"a": entry(0, 8, dtype="C64", shape=[1])}, bytes(8)), "is of C64; known are"),
    "no description": (raw({"a": entry(0, 4)}, bytes(4)), "was not written by this package"),
    "description of numbers": (raw({"__metadata__": {META_KEY: 1}}), "__metadata__ is not an object"),
    "description no JSON": (with_meta("{"), "metadata: not valid JSON"),
    "description a list": (with_meta("[1]"), "the top level is a list"),
    "description with NaN": (with_meta('{"a": NaN}'), "not a finite number"),
    "deep description": (with_meta("[" * 100_000), "not valid JSON"),
    "NaN": (with_meta("{}", NOT_A_NUMBER), "tensor 'a' holds numbers that are not finite"),
}
"""Files that no reader may accept, and what it says."""
