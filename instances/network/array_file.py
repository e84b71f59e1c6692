"""One array of numbers from a file of NumPy's or MATLAB's: .npy, .npz or .mat."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from fgamcd_opt.instances.input_file import MAX_BYTES
from fgamcd_opt.instances.network.matlab_file import read_matlab
from fgamcd_opt.instances.network.matlab_variable import MatlabVariable
from fgamcd_opt.io.archive import parse_npy, read_member
from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.safe_text import MAX_QUOTED, one_line, quote

READ_FAULTS = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    ValueError,
    TypeError,
    LookupError,
    RuntimeError,
)
"""What NumPy, SciPy, zipfile and zlib raise for damaged files."""


def read_array(field: str, path: str, content: bytes, wanted: str) -> NDArray[Any]:
    """Parse the content of a file with an array of numbers.

    Parameters
    ----------
    field, path
        Recipe field and the file that it names, for messages; the ending of the name tells the format.
    content
        Of the file.
    wanted
        Name of the array to take from a file that holds several.

    Raises
    ------
    InputError
        For another ending, a damaged file, or one that holds several arrays none of which is ``wanted``.
    """
    readers = {".npy": _from_npy, ".npz": _from_npz, ".mat": _from_mat}
    suffix = Path(path).suffix.lower()
    if suffix not in readers:
        raise InputError(f"{field}: {path}: the name must end in {', '.join(readers)}")
    try:
        array: NDArray[Any] = readers[suffix](f"{field}: {path}", content, wanted)
    except READ_FAULTS as error:
        raise InputError(f"{field}: {path}: damaged or not a {suffix} file ({error})") from error
    return array


def _from_npy(what: str, content: bytes, wanted: str) -> NDArray[Any]:
    return parse_npy(what, content, canonical=False)


def _from_npz(what: str, content: bytes, wanted: str) -> NDArray[Any]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        name = f"{_chosen(what, wanted, [info.filename.removesuffix('.npy') for info in archive.infolist()])}.npy"
        if archive.getinfo(name).file_size > MAX_BYTES:
            raise InputError(f"{what}: {name} has more than {MAX_BYTES} bytes")
        return parse_npy(f"{what}: {quote(name)}", read_member(what, archive, name), canonical=False)


def _from_mat(what: str, content: bytes, wanted: str) -> NDArray[Any]:
    def choose(variables: Sequence[MatlabVariable]) -> MatlabVariable:
        by_name = {variable.name: variable for variable in variables}
        if wanted in by_name and not by_name[wanted].is_numeric:
            raise InputError(
                f"{what}: {wanted!r} is of class {by_name[wanted].matlab_class}; expected an array of numbers"
            )
        return by_name[
            _chosen(what, wanted, [variable.name for variable in variables if variable.is_numeric])
        ]

    return read_matlab(what, content, choose)


def _chosen(what: str, wanted: str, names: list[str]) -> str:
    if wanted in names:
        return wanted
    if len(names) != 1:
        held = one_line(", ".join(sorted(names)))[:MAX_QUOTED] or "(none)"
        raise InputError(f"{what}: holds the arrays {held}; name the one to take {wanted!r}")
    return names[0]
