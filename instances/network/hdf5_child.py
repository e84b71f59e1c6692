"""MATLAB files of format 7.3 (HDF5), read by h5py in its own process: the HDF5 library crashes on damaged files.

MATLAB writes an array with its axes in reverse order, a complex one as pairs of fields ``real`` and ``imag``, and names
its class in an attribute. HDF5 fills in what is not stored, reads other files if a file says so, and converts types
that no computer has: each would turn damage into numbers, and is refused before any number is read.

The file comes by standard input. Without a name the variables go to standard output as JSON, with a name its array goes
there as ``.npy``.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import math
import sys
import zlib
from collections.abc import Iterator
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.instances.input_file import MAX_BYTES
from fgamcd_opt.instances.network.matlab_variable import NUMERIC_CLASSES, MatlabVariable

REFUSED = 3
"""Exit code after a file that is not acceptable; the reason is on standard error."""

_MEMORY_BYTES = 6 * MAX_BYTES
"""Address space of the process: the file, HDF5's copy of it, and the array as stored, complex and written."""

_PRIVATE = "#"
"""First character of the groups that hold what cells and objects refer to."""

_CLASS, _EMPTY, _SPARSE = b"MATLAB_class", b"MATLAB_empty", b"MATLAB_sparse"
"""Attributes in which MATLAB says what a variable is."""

_MAX_CLASS_BYTES = 64
_COMPLEX_FIELDS = (b"real", b"imag")

_DEFLATE, _SHUFFLE, _FLETCHER32 = 1, 2, 3
"""HDF5's numbers of the filters that every build of it has; MATLAB writes the first."""

_FLOATS = ("IEEE_F32LE", "IEEE_F32BE", "IEEE_F64LE", "IEEE_F64BE")
_INTEGERS = tuple(f"STD_{sign}{bits}{order}E" for sign in "IU" for bits in (8, 16, 32, 64) for order in "LB")
_STANDARD = (*_FLOATS, *_INTEGERS)
"""HDF5's names of the types of numbers that are read; any other layout of bits is taken for damage."""

FAULTS = (OSError, ValueError, TypeError, LookupError, RuntimeError, MemoryError, zlib.error)
"""What NumPy, h5py and zlib raise for damaged files."""


def describe(content: bytes) -> list[MatlabVariable]:
    """Return the variables of a file.

    Raises
    ------
    Exception
        One of ``FAULTS``, for a damaged file.
    """
    with _opened(content) as file:
        return [_described(file, name) for name in file if not name.startswith(_PRIVATE)]


def read(content: bytes, name: str) -> NDArray[Any]:
    """Return a numeric variable with the axes as MATLAB has them.

    Raises
    ------
    Exception
        One of ``FAULTS``, for a damaged file or a variable that is too large.
    """
    with _opened(content) as file:
        variable = _described(file, name)
        if not variable.is_numeric:
            raise ValueError(f"{name!r} is of class {variable.matlab_class}")
        variable.require_size()
        dataset = file[name]
        _check_storage(variable, dataset, len(content))
        return _without_fields(dataset[()]).T


@contextlib.contextmanager
def _opened(content: bytes) -> Iterator[h5py.File]:
    try:
        image = h5py.h5f.open_file_image(content)
    except FAULTS as error:  # in words that say nothing, such as "Not a file id"
        raise ValueError("HDF5 cannot open it: cut off, or its first block is damaged") from error
    with h5py.File(image, "r") as file:
        yield file


def _described(file: h5py.File, name: str) -> MatlabVariable:
    """A variable without its numbers."""
    if not isinstance(file.get(name, getlink=True), h5py.HardLink):
        return MatlabVariable(name, "link")
    found = file[name]
    declared = _matlab_class(found)
    if not isinstance(found, h5py.Dataset):
        plain = "sparse" if h5py.h5a.exists(found.id, _SPARSE) else "struct"
        return MatlabVariable(name, plain if declared is None or declared in NUMERIC_CLASSES else declared)
    if h5py.h5a.exists(found.id, _EMPTY):
        return MatlabVariable(name, "empty array")
    if declared is not None and declared not in NUMERIC_CLASSES:
        return MatlabVariable(name, declared)
    if not _is_number(found.id.get_type()) or found.shape is None:
        return MatlabVariable(name, "unknown type")
    return MatlabVariable(name, declared or "double", found.shape[::-1])


def _matlab_class(found: h5py.HLObject) -> str | None:
    """MATLAB's name of the class; None where no program of its kind wrote the file."""
    if not h5py.h5a.exists(found.id, _CLASS):
        return None
    if h5py.h5a.open(found.id, _CLASS).get_storage_size() > _MAX_CLASS_BYTES:
        raise ValueError(f"{found.name}: its class has more than {_MAX_CLASS_BYTES} bytes")
    value = found.attrs[_CLASS.decode()]
    return value.decode("ascii") if isinstance(value, bytes) else str(value)


def _is_number(kind: h5py.h5t.TypeID) -> bool:
    """Whether the type is a number of a computer, or a pair of such as MATLAB stores complex numbers."""
    if not isinstance(kind, h5py.h5t.TypeCompoundID):
        return any(kind == getattr(h5py.h5t, name) for name in _STANDARD)
    fields = range(kind.get_nmembers())
    if tuple(kind.get_member_name(i) for i in fields) != _COMPLEX_FIELDS:
        return False
    real, imaginary = (kind.get_member_type(i) for i in fields)
    places = [kind.get_member_offset(i) for i in fields]
    size = real.get_size()
    return _is_number(real) and real == imaginary and (places, kind.get_size()) == ([0, size], 2 * size)


def _check_storage(variable: MatlabVariable, dataset: h5py.Dataset, file_bytes: int) -> None:
    """Everything that the shape declares lies in this file, packed in a way that is known."""
    what, plan, dtype = f"array {variable.name!r}", dataset.id.get_create_plist(), dataset.id.get_type()
    layout, declared = plan.get_layout(), math.prod(variable.shape) * dtype.get_size()
    if plan.get_external_count() or layout == h5py.h5d.VIRTUAL:
        raise ValueError(f"{what} lies in another file")
    if layout == h5py.h5d.CHUNKED:
        _check_chunks(what, dataset, file_bytes)
    elif dataset.id.get_storage_size() != declared:
        raise ValueError(f"{what} declares {declared} bytes but {dataset.id.get_storage_size()} are stored")


def _check_chunks(what: str, dataset: h5py.Dataset, file_bytes: int) -> None:
    """All chunks of the dataset are there, once, and unpack to their size."""
    plan, shape, chunk = dataset.id.get_create_plist(), dataset.shape, dataset.chunks
    used = [plan.get_filter(i) for i in range(plan.get_nfilters())]
    filters = [number for number, _, _, _ in used]
    if not set(filters) <= {_DEFLATE, _SHUFFLE, _FLETCHER32}:
        raise ValueError(f"{what} is packed by an unknown filter ({filters})")
    if any(number == _SHUFFLE and values != (dataset.dtype.itemsize,) for number, _, values, _ in used):
        raise ValueError(f"{what} is shuffled as if it had numbers of another size")
    size = math.prod(chunk) * dataset.dtype.itemsize
    counts = [-(-length // step) for length, step in zip(shape, chunk, strict=True)]
    if size > MAX_BYTES or math.prod(counts) > file_bytes:
        raise ValueError(f"{what} declares chunks of {size} bytes, {math.prod(counts)} of them")
    stored: list[Any] = []
    dataset.id.chunk_iter(stored.append)
    expected = itertools.product(*(range(0, n * step, step) for n, step in zip(counts, chunk, strict=True)))
    if sorted(piece.chunk_offset for piece in stored) != sorted(expected):
        raise ValueError(f"{what} declares {math.prod(counts)} chunks; {len(stored)} are stored, or others")
    for piece in stored:
        if piece.filter_mask or piece.size > file_bytes:
            raise ValueError(f"{what}: chunk {piece.chunk_offset} is damaged")
        if not filters and piece.size != size:
            raise ValueError(f"{what}: chunk {piece.chunk_offset} has {piece.size} bytes instead of {size}")
        if filters and filters[-1] == _DEFLATE:
            _check_deflated(
                f"{what}: chunk {piece.chunk_offset}",
                dataset.id.read_direct_chunk(piece.chunk_offset)[1],
                size,
            )


def _check_deflated(what: str, packed: bytes, size: int) -> None:
    stream = zlib.decompressobj()
    if len(stream.decompress(packed, size + 1)) != size or not stream.eof or stream.unused_data:
        raise ValueError(f"{what} does not unpack to {size} bytes")


def _without_fields(stored: NDArray[Any]) -> NDArray[Any]:
    """Pairs of real and imaginary part as complex numbers."""
    if stored.dtype.names is None:
        return stored
    numbers = np.empty(stored.shape, np.result_type(stored.dtype["real"], np.complex64))
    numbers.real, numbers.imag = stored["real"], stored["imag"]
    return numbers


def _limit_memory() -> None:
    """Bound the address space and leave no core dumps, where the system can do that."""
    with contextlib.suppress(ImportError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        _, most = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(
            resource.RLIMIT_AS, (_MEMORY_BYTES if most < 0 else min(_MEMORY_BYTES, most), most)
        )


def main(names: list[str]) -> int:
    """Answer on standard output; return the exit code."""
    _limit_memory()
    content = sys.stdin.buffer.read()
    try:
        if names:
            answer = io.BytesIO()
            np.lib.format.write_array(
                answer, np.ascontiguousarray(read(content, names[0])), allow_pickle=False
            )
            sys.stdout.buffer.write(answer.getbuffer())
        else:
            found = [(v.name, v.matlab_class, v.shape) for v in describe(content)]
            sys.stdout.buffer.write(json.dumps(found).encode())
        sys.stdout.flush()
    except FAULTS as error:
        sys.stderr.write(" ".join(f"{error or type(error).__name__}".split()))
        return REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
