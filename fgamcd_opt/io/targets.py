"""Where a file is written to: what stands at its path, whether that can be written, and the writing itself.

A regular file is replaced as a whole, so that on failure the old one is still there. Symbolic links are followed: the
link stays, and what it leads to is replaced or made. Devices, FIFOs and open files of this process (``/dev/stdout``)
cannot be replaced; the bytes go through them.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import secrets
import select
import stat
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from fgamcd_opt.io.errors import InputError

_MAX_LINKS = 40
"""Symbolic links in a row that Linux follows."""

_OPEN_FILES = re.compile(r"/dev/fd|/proc/(\d+)(/task/\d+)?/fd")
"""Folders of open files, of the process with that number."""

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC

_NOT_REPLACEABLE = (errno.EBUSY, errno.EPERM)
"""What a rename says where the file can be written but not replaced: a mount point, or another owner's in /tmp."""

_STDOUT = 1


@dataclass(frozen=True)
class Target:
    """What a path leads to.

    Parameters
    ----------
    path
        As it was named.
    place
        The regular file, with all links followed; it need not exist. None if there is no file to replace.
    descriptor
        The open file of this process that the path stands for, or None.
    """

    path: Path
    place: Path | None
    descriptor: int | None = None

    @property
    def replaced(self) -> bool:
        """Whether writing replaces a file that exists."""
        return self.place is not None and self.place.exists()

    def write(self, data: bytes) -> None:
        """Write the whole content.

        Raises
        ------
        InputError
            It cannot be written; a regular file is as it was before then.
        """
        try:
            if self.place is not None:
                _replace(self.place, data)
            elif self.descriptor is not None:
                if self.descriptor == _STDOUT:
                    sys.stdout.flush()
                _write_through(os.dup(self.descriptor), data)
            else:
                _write_through(os.open(self.path, os.O_WRONLY | os.O_NOCTTY), data)
        except OSError as error:
            raise InputError(f"{self.path}: cannot be written ({error.strerror})") from error


def find_target(path: Path) -> Target:
    """What writing to ``path`` would write to.

    Raises
    ------
    InputError
        Nothing can be written there: a folder, a socket, a file that is read-only or open for reading alone, a link in
        a circle, or no folder for the file.
    """
    descriptor = _own_descriptor(path)
    try:
        if descriptor is not None:
            if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
                raise InputError(f"{path}: cannot be written: it is open for reading")
            return Target(path, None, descriptor)
        kind = _kind(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from error
    if kind == stat.S_IFDIR:
        raise InputError(f"{path}: cannot be written: it is a folder")
    if kind == stat.S_IFSOCK:
        raise InputError(f"{path}: cannot be written: it is a socket")
    if kind is not None and not os.access(path, os.W_OK):
        raise InputError(f"{path}: cannot be written: it is read-only")
    if kind not in (None, stat.S_IFREG):
        return Target(path, None)
    place = Path(os.path.realpath(path))
    if not place.parent.is_dir():
        raise InputError(f"{path}: cannot be written: there is no folder {place.parent}")
    return Target(path, place)


def require_writable(path: Path) -> Target:
    """Check, before long work starts, that ``path`` can be written at its end.

    Returns
    -------
    Target
        What it leads to now.

    Raises
    ------
    InputError
        As :func:`find_target`, or no file can be made in its folder.
    """
    target = find_target(path)
    if target.place is not None:
        _try_folder(path, target.place.parent)
    return target


def require_folder(folder: Path, names: Iterable[str] = ()) -> None:
    """Check, before long work starts, that ``folder`` is there or can be made, and that files can be made in it.

    Parameters
    ----------
    folder
        The folder.
    names
        Of files that will be written in it, and can be now.

    Raises
    ------
    InputError
        Naming what stands in the way.
    """
    try:
        there = next(
            each for each in (folder.absolute(), *folder.absolute().parents) if os.path.lexists(each)
        )
        is_folder = there.is_dir()
    except OSError as error:
        raise InputError(f"{folder}: cannot be written: {error.strerror}") from error
    if not is_folder:
        raise InputError(f"{folder}: cannot be written: {there} is no folder")
    _try_folder(folder, there)
    for name in names if there == folder.absolute() else ():
        find_target(folder / name)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, unless it is there.

    Raises
    ------
    InputError
        It cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be made ({error.strerror})") from error


def same_file(written: Target, path: Path) -> bool:
    """Whether writing would replace or make what ``path`` leads to, be it by another name or link."""
    return written.place is not None and written.place == Path(os.path.realpath(path))


def _own_descriptor(path: Path) -> int | None:
    """Number of the open file of this process that a path such as ``/dev/stdout`` or ``/proc/self/fd/3`` leads to."""
    here = path.absolute()
    for _ in range(_MAX_LINKS):
        folder = os.path.realpath(here.parent)
        found = _OPEN_FILES.fullmatch(folder)
        if here.name.isdecimal() and found and found[1] in (None, str(os.getpid())):
            return int(here.name)
        try:
            here = Path(folder, os.readlink(here))
        except OSError:
            return None
    return None


def _kind(path: Path) -> int | None:
    """File type of what a path leads to, as in `stat`; None if nothing is there."""
    try:
        return stat.S_IFMT(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _try_folder(path: Path, folder: Path) -> None:
    """Make a nameless file with a byte in it, so that full disks and quotas are found, too."""
    try:
        with tempfile.TemporaryFile(dir=folder) as stream:
            stream.write(b"\0")
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written: no file can be made in {folder} ({error.strerror})"
        ) from error


def _replace(place: Path, data: bytes) -> None:
    """Write under a temporary name in the same folder, then rename; on failure nothing is left.

    The new file has the permissions and, where the system lets it, the owner of the old one; else the umask decides.
    """
    temporary = place.parent / f".{secrets.token_hex(8)}.tmp"
    before = place.stat() if place.exists() else None
    try:
        descriptor = os.open(temporary, _CREATE, 0o666 if before is None else 0o600)
        with open(descriptor, "wb") as stream:
            if before is not None:
                _keep_owner(descriptor, before)
                os.fchmod(descriptor, before.st_mode & 0o777)
            stream.write(data)
        try:
            os.replace(temporary, place)
        except OSError as error:
            if error.errno not in _NOT_REPLACEABLE:
                raise
            place.write_bytes(data)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def _keep_owner(descriptor: int, before: os.stat_result) -> None:
    """Owner and group as before, as far as this user may give files away."""
    for user, group in ((-1, before.st_gid), (before.st_uid, -1)):
        with contextlib.suppress(PermissionError):
            os.fchown(descriptor, user, group)


def _write_through(descriptor: int, data: bytes) -> None:
    """Write all bytes to an open file, and close it."""
    with open(descriptor, "wb", buffering=0) as stream:
        left = memoryview(data)
        while left:
            select.select([], [stream], [])  # a pipe may have been left non-blocking by whoever made it
            left = left[stream.write(left) or 0 :]
