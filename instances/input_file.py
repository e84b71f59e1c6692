"""Files that a recipe names: read whole, with a limit on their size, and pinned by their SHA-256."""

from __future__ import annotations

import hashlib
from pathlib import Path

from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.files import reason_of

MAX_BYTES = 1 << 29
"""Largest file that is read, 512 MiB."""


def read_input(field: str, path: str, sha256: str = "") -> tuple[bytes, str]:
    """Return the content of a file and its SHA-256 (hex).

    Parameters
    ----------
    field
        Recipe field that names the file, for messages.
    path
        Of the file; a relative one is looked up from the current folder.
    sha256
        Digest that the file must have; empty means any.

    Raises
    ------
    InputError
        If the file cannot be read, is larger than `MAX_BYTES`, or has another digest.
    """
    place = Path(path)
    try:
        if not place.is_file():
            raise InputError(f"{field}: {path}: there is no such file (looked up from {Path.cwd()})")
        size = place.stat().st_size
        if size > MAX_BYTES:
            raise InputError(f"{field}: {path}: has {size} bytes, more than the limit of {MAX_BYTES}")
        content = place.read_bytes()
    except OSError as error:
        raise InputError(f"{field}: {path}: cannot be read ({reason_of(error)})") from error
    digest = hashlib.sha256(content).hexdigest()
    if sha256 and digest != sha256:
        raise InputError(
            f"{field}: {path}: has SHA-256 {digest}, but the recipe was made with {sha256}; restore that file, or "
            f"take the new one with --set {field}={path}"
        )
    return content, digest
