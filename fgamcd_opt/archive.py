"""The one reader and writer of binary files: a zip of ``header.json`` and plain ``.npy`` arrays.

A file is also a valid ``.npz``, but it is never read with pickle. Nothing is allocated before the sizes that
the file declares have been compared with what it may hold, and every fault is one `InputError` that names
the file and the fault.

Files are sealed: the comment at the end of the zip is the SHA-256 of all bytes before it, so that no changed byte
goes unnoticed, not even one that changes no value. Files made elsewhere may do without a seal.
"""

from __future__ import annotations

import hashlib
import io
import json
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from fgamcd_opt.errors import InputError
from fgamcd_opt.files import read_json, write_bytes_atomically

SCHEMA_VERSION = 1
"""Version of the layout of every kind of archive; a reader accepts exactly this one."""

DEFAULT_MAX_BYTES = 1 << 29
"""Largest total size, after decompression, that `read_archive` accepts unless told otherwise."""

_HEADER = "header.json"
_MAX_HEADER_BYTES = 1 << 24
_SEAL_BYTES = 64
_END = struct.Struct("<4s4H2LH")
"""End record of a zip: signature first, length of the comment last."""
_TIMESTAMP = (1980, 1, 1, 0, 0, 0)
_READ_FAULTS = (
    zipfile.BadZipFile,
    struct.error,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    OSError,
    ValueError,
    RecursionError,
)


def write_archive(path: Path | str, kind: str, header: Mapping[str, Any], arrays: Mapping[str, Any]) -> None:
    """Write ``header`` (plain JSON values) and ``arrays`` (numeric or bool) to one file.

    The bytes depend on the content alone: members are sorted, their time stamps fixed, arrays little-endian.

    Raises
    ------
    InputError
        If an array holds objects, the header is not plain finite JSON, or the file cannot be written.
    """
    path = Path(path)
    ready = {name: _plain_array(path, name, arrays[name]) for name in sorted(arrays)}
    head = {
        "kind": kind,
        "schema_version": SCHEMA_VERSION,
        "arrays": {name: {"dtype": a.dtype.str, "shape": list(a.shape)} for name, a in ready.items()},
        "content": dict(header),
    }
    try:
        text = json.dumps(head, sort_keys=True, indent=1, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InputError(f"{path}: the header cannot be written as JSON ({error})") from error
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(_member(_HEADER), text)
        for name, array in ready.items():
            stream = io.BytesIO()
            np.lib.format.write_array(stream, array, version=(1, 0), allow_pickle=False)
            archive.writestr(_member(f"{name}.npy"), stream.getvalue())
        archive.comment = b"0" * _SEAL_BYTES
    body = buffer.getvalue()[:-_SEAL_BYTES]
    write_bytes_atomically(path, body + hashlib.sha256(body).hexdigest().encode())


def read_archive(
    path: Path | str, kind: str, max_bytes: int = DEFAULT_MAX_BYTES
) -> tuple[dict[str, Any], dict[str, np.ndarray[Any, Any]]]:
    """Read a file written by `write_archive`.

    Parameters
    ----------
    path
        The file.
    kind
        The kind that is expected, such as ``"instance"``; any other is refused.
    max_bytes
        Limit on the total declared size after decompression.

    Returns
    -------
    tuple
        The header's content and the arrays by name.

    Raises
    ------
    InputError
        If the file is missing, truncated, damaged or too large, is of another kind or schema version, or
        holds an array that is pickled, misdeclared, missing or unexpected.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    try:
        _check_seal(path)
        with zipfile.ZipFile(path) as archive:
            sizes = _declared_sizes(path, archive, max_bytes)
            head = _read_header(path, archive.read(_HEADER), kind)
            declared = _declared_arrays(path, head)
            _compare_members(path, set(sizes) - {_HEADER}, {f"{name}.npy" for name in declared})
            arrays = {
                name: parse_npy(f"{path}: array {name!r}", archive.read(f"{name}.npy")) for name in declared
            }
    except _READ_FAULTS as error:
        raise InputError(f"{path}: damaged or not an archive ({error or type(error).__name__})") from error
    for name, array in arrays.items():
        found = {"dtype": array.dtype.str, "shape": list(array.shape)}
        if found != declared[name]:
            raise InputError(f"{path}: array {name!r} is {found}, but the header declares {declared[name]}")
    content: dict[str, Any] = head["content"]
    return content, arrays


def _check_seal(path: Path) -> None:
    """Raise `InputError` unless the file ends with the seal of its bytes, or with an end record without comment."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        stream.seek(max(0, size - _END.size - _SEAL_BYTES))
        tail = stream.read()
        sealed, unsealed = tail[:-_SEAL_BYTES], tail[-_END.size :]
        if _comment_length(unsealed) == 0:
            return
        if _comment_length(sealed) != _SEAL_BYTES:
            raise InputError(f"{path}: damaged or not an archive (it does not end as one)")
        stream.seek(0)
        state, left = hashlib.sha256(), size - _SEAL_BYTES
        while piece := stream.read(min(left, 1 << 20)):
            state.update(piece)
            left -= len(piece)
    if state.hexdigest().encode() != tail[-_SEAL_BYTES:]:
        raise InputError(f"{path}: damaged: its bytes do not match its seal")


def _comment_length(record: bytes) -> int:
    """Length of the comment that an end record announces; -1 if it is none."""
    if len(record) != _END.size or not record.startswith(b"PK\5\6"):
        return -1
    return int(_END.unpack(record)[-1])


def _member(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _TIMESTAMP)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o644 << 16
    return info


def _plain_array(path: Path, name: str, value: Any) -> np.ndarray[Any, Any]:
    array = np.asarray(value, order="C")
    if array.dtype.kind not in "biufc":
        raise InputError(f"{path}: array {name!r} has dtype {array.dtype}; only numbers and bool are stored")
    return array.astype(array.dtype.newbyteorder("<"), copy=False)


def _declared_sizes(path: Path, archive: zipfile.ZipFile, max_bytes: int) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for info in archive.infolist():
        if info.filename in sizes:
            raise InputError(f"{path}: member {info.filename!r} occurs twice")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise InputError(f"{path}: member {info.filename!r} is neither stored nor deflated")
        sizes[info.filename] = info.file_size
    total = sum(sizes.values())
    if total > max_bytes:
        raise InputError(
            f"{path}: declares {total} bytes of content, more than the limit of {max_bytes} bytes"
        )
    if _HEADER not in sizes:
        raise InputError(f"{path}: has no {_HEADER}; not a file of this toolkit")
    if sizes[_HEADER] > _MAX_HEADER_BYTES:
        raise InputError(f"{path}: {_HEADER} has {sizes[_HEADER]} bytes, more than {_MAX_HEADER_BYTES}")
    return sizes


def _read_header(path: Path, text: bytes, kind: str) -> dict[str, Any]:
    head = read_json(f"{path}: {_HEADER}", text)
    if head.get("kind") != kind:
        raise InputError(f"{path}: kind is {head.get('kind')!r}; expected {kind!r}")
    version = head.get("schema_version")
    if version != SCHEMA_VERSION or isinstance(version, bool):
        raise InputError(f"{path}: schema_version is {version!r}; this release reads {SCHEMA_VERSION}")
    if set(head) != {"kind", "schema_version", "arrays", "content"}:
        raise InputError(
            f"{path}: {_HEADER} has fields {sorted(head)}; expected kind, schema_version, arrays, content"
        )
    return head


def _declared_arrays(path: Path, head: dict[str, Any]) -> dict[str, Any]:
    declared, content = head["arrays"], head["content"]
    if not isinstance(declared, dict) or not isinstance(content, dict):
        raise InputError(f"{path}: {_HEADER} must hold JSON objects under 'arrays' and 'content'")
    return declared


def _compare_members(path: Path, found: set[str], expected: set[str]) -> None:
    if extra := sorted(found - expected):
        raise InputError(f"{path}: unexpected member {extra[0]!r}")
    if missing := sorted(expected - found):
        raise InputError(f"{path}: member {missing[0]!r} is missing")


def parse_npy(what: str, data: bytes, *, canonical: bool = True) -> np.ndarray[Any, Any]:
    """Parse ``.npy`` from memory, without pickle and without allocating what is only declared.

    Parameters
    ----------
    what
        File and array, for messages.
    data
        Content of the file.
    canonical
        Accept what `write_archive` writes and nothing else: format version 1.0 in C order.

    Raises
    ------
    InputError
        For another version or order, a dtype that is not numeric or bool, or a size other than declared.
    ValueError
        If the header cannot be read.
    """
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    if version != (1, 0) and (version != (2, 0) or canonical):
        raise InputError(f"{what} is not in .npy format version 1.0")
    read_header = (
        np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    )
    try:
        shape, fortran_order, dtype = read_header(stream)
    except tokenize.TokenError as error:  # NumPy reads headers of Python 2 by its tokenizer
        raise ValueError(f"cannot read its header ({error})") from error
    if dtype.kind not in "biufc":
        raise InputError(f"{what} has dtype {dtype}; pickled and non-numeric arrays are refused")
    if fortran_order and canonical:
        raise InputError(f"{what} is in Fortran order; expected C order")
    count, present = 1, len(data) - stream.tell()
    for length in shape:
        count *= length
    if min(shape, default=0) < 0 or count * dtype.itemsize != present:
        raise InputError(f"{what} declares shape {shape} of {dtype} but holds {present} bytes")
    flat = np.frombuffer(data, dtype=dtype, offset=stream.tell())
    return flat.reshape(shape, order="F" if fortran_order else "C")
