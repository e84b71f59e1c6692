"""Arrays of numbers from MATLAB files: format 5 (``save -v6``, ``-v7``) by SciPy, format 7.3 (HDF5) by h5py."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from fgamcd_opt.instances.network.matlab_variable import Choose
from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.optional import require_extra

_HDF5 = b"\x89HDF\r\n\x1a\n"
_HDF5_PLACES = (0, 512)
"""Where the signature stands: at the start, or after the block of text that MATLAB writes before it."""

_VERSION_5 = (b"\x00\x01IM", b"\x01\x00MI")
"""Version and mark of the byte order, in bytes 124 to 127 of a file of format 5: little and big endian."""


def read_matlab(what: str, content: bytes, choose: Choose) -> NDArray[Any]:
    """Return the variable that ``choose`` picks, with the axes as MATLAB has them.

    Parameters
    ----------
    what
        The file, for messages.
    content
        Its bytes.
    choose
        Given all variables of the file, picks a numeric one.

    Raises
    ------
    InputError
        For another format, with the way to save in one of these.
    BackendError
        If the package that reads the format is not installed.
    Exception
        For a damaged file, whatever NumPy, SciPy, zlib and h5py raise then: `ValueError`, `OSError`, ...
    """
    if any(content.startswith(_HDF5, place) for place in _HDF5_PLACES):
        require_extra("matlab", f"{what}:", "h5py")
        from fgamcd_opt.instances.network.matlab_hdf5 import read_hdf5

        return read_hdf5(content, choose)
    if content[124:128] in _VERSION_5:
        require_extra("matlab", f"{what}:", "scipy")
        from fgamcd_opt.instances.network.matlab_version5 import read_version5

        return read_version5(content, choose)
    raise InputError(f"{what}: is neither of MATLAB's format 5 nor of 7.3; save it with save(..., '-v7')")
