"""Small MATLAB files of both kinds, as MATLAB writes them."""

from __future__ import annotations

import io
import os
import signal
import struct
import warnings
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from scipy.io import savemat

from fgamcd_opt.instances.network.hdf5_child import FAULTS, describe, read
from fgamcd_opt.instances.network.matlab_variable import MatlabVariable

Array = np.ndarray[Any, Any]

MATLAB_NAMES = {"f8": "double", "f4": "single"} | {
    f"{sign}{size}": f"{'u' * (sign == 'u')}int{8 * size}" for sign in "iu" for size in (1, 2, 4, 8)
}


def pick(name: str) -> Callable[[Sequence[MatlabVariable]], MatlabVariable]:
    """Chooses the variable of that name."""
    return lambda variables: next(variable for variable in variables if variable.name == name)


def saved(compressed: bool = False, **variables: object) -> bytes:
    """Format 5, by SciPy."""
    stream = io.BytesIO()
    savemat(stream, variables, do_compression=compressed)
    return stream.getvalue()


def element(order: str, kind: int, data: bytes) -> bytes:
    """Of format 5, padded."""
    return struct.pack(f"{order}II", kind, len(data)) + data + bytes(-len(data) % 8)


def by_hand(
    order: str, shape: tuple[int, ...], real: bytes, imaginary: bytes | None, name: bytes = b"channel"
) -> bytes:
    """A matrix of class double whose parts are stored as bytes (type 1), as MATLAB does with small integers."""
    flags = struct.pack(f"{order}II", (0 if imaginary is None else 0x0800) | 6, 0)
    dimensions = struct.pack(f"{order}{len(shape)}i", *shape)
    parts = [element(order, 6, flags), element(order, 5, dimensions), element(order, 1, name)]
    parts += [element(order, 1, numbers) for numbers in (real, imaginary) if numbers is not None]
    mark = b"\x00\x01IM" if order == "<" else b"\x01\x00MI"
    return b"MATLAB 5.0 MAT-file".ljust(124) + mark + element(order, 14, b"".join(parts))


def packed(content: bytes, change: Callable[[bytes], bytes] = lambda stream: stream) -> bytes:
    """The file of one matrix with this matrix compressed, and the stream changed."""
    stream = change(zlib.compress(content[128:]))
    return content[:128] + struct.pack("<II", 15, len(stream)) + stream


def as_matlab_stores(array: Array) -> Array:
    """Axes reversed; complex numbers as pairs of real and imag."""
    turned = array.T
    if array.dtype.kind != "c":
        return turned
    part = turned.real.dtype
    pairs = np.empty(turned.shape, [("real", part), ("imag", part)])
    pairs["real"], pairs["imag"] = turned.real, turned.imag
    return pairs


def write_dataset(place: h5py.Group, name: str, array: Array, **how: Any) -> h5py.Dataset:
    """One variable of format 7.3."""
    made = place.create_dataset(name, data=as_matlab_stores(array), **how)
    made.attrs["MATLAB_class"] = np.bytes_(MATLAB_NAMES[array.real.dtype.str[1:]])
    return made


def read_in_fork(content: bytes, expected: Array) -> int:
    """How a fork of this process ends that reads ``channel`` of an HDF5 file, whose library crashes on damage.

    0 the expected array, 1 refused, negative a signal, 77 another error than those of damaged files, 78 other numbers.
    """
    with warnings.catch_warnings(
        action="ignore", category=DeprecationWarning
    ):  # forks beside threads of NumPy
        child = os.fork()
    if child == 0:
        code = 77
        try:
            signal.alarm(60)
            describe(content)
            found = read(content, "channel")
            code = 0 if found.dtype == expected.dtype and np.array_equal(found, expected) else 78
        except FAULTS:
            code = 1
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


CRASHES = (-signal.SIGSEGV, -signal.SIGABRT, -signal.SIGBUS, -signal.SIGFPE)
"""Ends of a process by the HDF5 library."""


def hdf5(path: Path, write: Callable[[h5py.File], object]) -> bytes:
    """A file of format 7.3 with the block of text that MATLAB puts before it."""
    with h5py.File(path, "w", userblock_size=512, libver="earliest") as file:
        write(file)
    content = path.read_bytes()
    text = b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM"
    return text.ljust(512, b"\0") + content[512:]
