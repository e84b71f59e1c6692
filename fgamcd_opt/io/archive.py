"""The one reader and writer of binary files: a zip of ``header.json`` and plain ``.npy`` arrays.

A file is also a valid ``.npz``, but it is never read with pickle. Nothing is allocated before the sizes that
the file declares have been compared with what it may hold, and every fault is one `InputError` that names
the file and the fault.

Files are sealed: the comment at the end of the zip is the SHA-256 of all bytes before it, so that no changed byte
goes unnoticed, not even one that changes no value. Files made elsewhere may do without a seal.
"""

from __future__ import annotations

import copy
import hashlib
import io
import json
import math
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.files import MAX_TEXT_BYTES, read_json, require_version, write_bytes_atomically
from fgamcd_opt.io.safe_text import quote

SCHEMA_VERSION = 1
"""Version of the layout of every kind of archive; a reader accepts exactly this one."""

DEFAULT_MAX_BYTES = 1 << 29
"""Largest total size, after decompression, that `read_archive` accepts by default."""

HeaderCheck = Callable[[dict[str, Any], dict[str, tuple[int, ...]]], None]
"""Raises `InputError` if a header's content, and the shapes of the arrays by name, cannot be right."""

_HEADER = "header.json"
_MAX_DIRECTORY_BYTES = 1 << 20
"""Longest directory of a zip, about 10 000 members: `zipfile` makes an object of every entry."""

_SEAL_BYTES = 64
_END = struct.Struct("<4s4H2LH")
"""End record of a zip: signature first, length of the directory third from the end, length of the comment last."""

_LOCATOR_BYTES = 20
_LOCATOR = b"PK\6\7"
"""Before the end record of a zip of more than 4 GiB: another end record, elsewhere, that would count instead."""

_MAX_AXES = 32
"""Most axes of an array that all releases of NumPy take."""

_MAX_LENGTH = 2**63 - 1
"""Longest axis."""

_MAX_NPY_HEADER = 1 << 14
_DTYPE = re.compile(r"[<>|=]?[biufc]\d{1,2}")
_SHAPE = r"\((?:\s*\d{1,19}L?\s*,)*(?:\s*\d{1,19}L?)?\s*\)"
_FIELD = rf"(?:'descr':\s*'[^'\s]{{1,20}}'|'fortran_order':\s*(?:True|False)|'shape':\s*{_SHAPE})"
_NPY_HEADER = re.compile(rf"\{{\s*{_FIELD},\s*{_FIELD},\s*{_FIELD},?\s*\}}\s*")
"""The dictionary before an array, of numbers that are not signed: nothing of it is evaluated as Python."""
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
    path: Path | str,
    kind: str,
    max_bytes: int = DEFAULT_MAX_BYTES,
    check: HeaderCheck | None = None,
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
    check
        Called with the header's content and the arrays' declared shapes before any array is read: what cannot be
        right costs no memory then. It raises `InputError`, to which the file's name is added.

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
            head = _read_header(path, read_member(str(path), archive, _HEADER), kind)
            declared = _declared_arrays(path, head)
            _compare_members(path, set(sizes) - {_HEADER}, {f"{name}.npy" for name in declared})
            for name, entry in declared.items():
                _check_declared(path, name, entry, sizes[f"{name}.npy"])
            if check is not None:
                _call(path, check, head["content"], declared)
            arrays = {
                name: parse_npy(
                    f"{path}: array {quote(name)}", read_member(str(path), archive, f"{name}.npy")
                )
                for name in declared
            }
    except _READ_FAULTS as error:
        raise InputError(f"{path}: damaged or not an archive ({error or type(error).__name__})") from error
    for name, array in arrays.items():
        found = {"dtype": array.dtype.str, "shape": list(array.shape)}
        if found != declared[name]:
            raise InputError(
                f"{path}: array {quote(name)} is {found}, but the header declares {quote(declared[name])}"
            )
    content: dict[str, Any] = head["content"]
    return content, arrays


def _call(path: Path, check: HeaderCheck, content: dict[str, Any], declared: dict[str, Any]) -> None:
    try:
        check(content, {name: tuple(entry["shape"]) for name, entry in declared.items()})
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _check_seal(path: Path) -> None:
    """Raise `InputError` unless the file ends with the seal of its bytes, or with an end record without comment."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        stream.seek(max(0, size - _LOCATOR_BYTES - _END.size - _SEAL_BYTES))
        tail = stream.read()
        sealed, unsealed = tail[:-_SEAL_BYTES][-_END.size :], tail[-_END.size :]
        is_sealed = _comment_length(unsealed) != 0
        if is_sealed and _comment_length(sealed) != _SEAL_BYTES:
            raise InputError(f"{path}: damaged or not an archive (it does not end as one)")
        _check_directory(path, tail, sealed if is_sealed else unsealed)
        if not is_sealed:
            return
        stream.seek(0)
        state, left = hashlib.sha256(), size - _SEAL_BYTES
        while piece := stream.read(min(left, 1 << 20)):
            state.update(piece)
            left -= len(piece)
    if state.hexdigest().encode() != tail[-_SEAL_BYTES:]:
        raise InputError(f"{path}: damaged: its bytes do not match its seal")


def _check_directory(path: Path, tail: bytes, end: bytes) -> None:
    """Refuse a directory that `zipfile` would need much memory for, or another one than the end record names."""
    before = tail[: tail.rindex(end)]
    size = int(_END.unpack(end)[5])
    if before[-_LOCATOR_BYTES:].startswith(_LOCATOR) or size > _MAX_DIRECTORY_BYTES:
        raise InputError(f"{path}: its directory has more than {_MAX_DIRECTORY_BYTES} bytes")


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
            raise InputError(f"{path}: member {quote(info.filename)} occurs twice")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise InputError(f"{path}: member {quote(info.filename)} is neither stored nor deflated")
        sizes[info.filename] = info.file_size
    total = sum(sizes.values())
    if total > max_bytes:
        raise InputError(
            f"{path}: declares {total} bytes of content, more than the limit of {max_bytes} bytes"
        )
    if _HEADER not in sizes:
        raise InputError(f"{path}: has no {_HEADER}; not a file of this toolkit")
    if sizes[_HEADER] > MAX_TEXT_BYTES:
        raise InputError(f"{path}: {_HEADER} has {sizes[_HEADER]} bytes, more than {MAX_TEXT_BYTES}")
    return sizes


def _read_header(path: Path, text: bytes, kind: str) -> dict[str, Any]:
    head = read_json(f"{path}: {_HEADER}", text)
    if head.get("kind") != kind:
        raise InputError(f"{path}: kind is {quote(head.get('kind'))}; expected {kind!r}")
    require_version(head, SCHEMA_VERSION, path)
    if set(head) != {"kind", "schema_version", "arrays", "content"}:
        raise InputError(
            f"{path}: {_HEADER} has fields {quote(sorted(head))}; expected kind, schema_version, arrays, content"
        )
    return head


def _declared_arrays(path: Path, head: dict[str, Any]) -> dict[str, Any]:
    declared, content = head["arrays"], head["content"]
    if not isinstance(declared, dict) or not isinstance(content, dict):
        raise InputError(f"{path}: {_HEADER} must hold JSON objects under 'arrays' and 'content'")
    return declared


def _compare_members(path: Path, found: set[str], expected: set[str]) -> None:
    if extra := sorted(found - expected):
        raise InputError(f"{path}: unexpected member {quote(extra[0])}")
    if missing := sorted(expected - found):
        raise InputError(f"{path}: member {quote(missing[0])} is missing")


def _check_declared(path: Path, name: str, entry: Any, size: int) -> None:
    """Raise `InputError` unless a member of this size can be the array that the header declares."""
    what = f"{path}: array {quote(name)}"
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape"}:
        raise InputError(f"{what}: declared as {quote(entry)}; expected an object of dtype and shape")
    dtype, shape = _dtype(what, entry["dtype"]), entry["shape"]
    if not isinstance(shape, list) or any(type(n) is not int or not 0 <= n <= _MAX_LENGTH for n in shape):
        raise InputError(
            f"{what}: shape {quote(shape)} is not a list of whole numbers from 0 to {_MAX_LENGTH}"
        )
    if len(shape) > _MAX_AXES:
        raise InputError(f"{what}: has {len(shape)} axes, more than {_MAX_AXES}")
    present = math.prod(shape) * dtype.itemsize
    if not present < size <= present + _MAX_NPY_HEADER:
        raise InputError(f"{what} is declared as {dtype} of shape {quote(shape)} but has {size} bytes")


def _dtype(what: str, text: object) -> np.dtype[Any]:
    """A type of numbers by its code, such as ``<f8``."""
    try:
        if isinstance(text, str) and _DTYPE.fullmatch(text):
            return np.dtype(text)
    except TypeError:  # numbers of a size that does not exist
        pass
    raise InputError(f"{what} has dtype {quote(text)}; pickled and non-numeric arrays are refused")


def read_member(what: str, archive: zipfile.ZipFile, name: str) -> bytes:
    """Content of a member, which must have the size that the directory declares; no more than that is unpacked.

    Parameters
    ----------
    what
        The file, for messages.
    archive, name
        Where to read what.

    Raises
    ------
    InputError
        If the member is longer or shorter than declared.
    """
    declared = archive.getinfo(name)
    info = copy.copy(declared)
    info.file_size += 1  # else `zipfile` cuts a longer member to the declared size and calls it whole
    with archive.open(info) as stream:
        content = stream.read(info.file_size)
    if len(content) != declared.file_size:
        raise InputError(
            f"{what}: member {quote(name)} does not have the {declared.file_size} bytes it declares"
        )
    return content


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
        For another version or order, a header that cannot be read, a dtype that is not numeric or bool, or a size
        other than declared.
    """
    version, head, start = _npy_header(what, data)
    if version != (1, 0) and (version != (2, 0) or canonical):
        raise InputError(f"{what} is not in .npy format version 1.0")
    head = head.replace('"', "'")  # some writers quote so
    fields = dict(re.findall(r"'(\w+)':\s*('[^']*'|\w+|\([^)]*\))", head))
    if not _NPY_HEADER.fullmatch(head) or len(fields) != 3:
        raise InputError(f"{what}: cannot read its header {quote(head)} as that of numbers with a shape")
    dtype = _dtype(what, fields["descr"].strip("'"))
    fortran_order = fields["fortran_order"] == "True"
    if fortran_order and canonical:
        raise InputError(f"{what} is in Fortran order; expected C order")
    shape = tuple(int(length) for length in re.findall(r"\d+", fields["shape"]))
    present = len(data) - start
    if len(shape) > _MAX_AXES or math.prod(shape) * dtype.itemsize != present:
        raise InputError(f"{what} declares shape {quote(shape)} of {dtype} but holds {present} bytes")
    flat = np.frombuffer(data, dtype=dtype, offset=start)
    return flat.reshape(shape, order="F" if fortran_order else "C")


def _npy_header(what: str, data: bytes) -> tuple[tuple[int, int], str, int]:
    """Version, header as text, and where the numbers begin."""
    length = struct.Struct("<H" if data[6:7] == b"\1" else "<I")
    first = 8 + length.size
    if not data.startswith(b"\x93NUMPY") or len(data) < first:
        raise InputError(f"{what} is damaged or not a .npy file")
    end = first + int(length.unpack_from(data, 8)[0])
    if end > min(len(data), _MAX_NPY_HEADER):
        raise InputError(f"{what}: its .npy header is longer than {min(len(data), _MAX_NPY_HEADER)} bytes")
    return (data[6], data[7]), data[first:end].decode("latin1"), end
