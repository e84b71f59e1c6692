"""JSON files with a seal: the last field is the SHA-256 of all bytes before it.

No changed byte goes unnoticed, not even one that changes no value. A seal is no signature: who wants to can make a new
one. What a file says is therefore checked as well, by whoever reads it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.files import read_json, reason_of, require_version, write_bytes_atomically

SEAL = "seal"
"""Name of the last field."""

MAX_BYTES = 1 << 26
"""Largest file that is read or written: far more than any study's row, little enough to be read at once."""

_ENDING = re.compile(rb' "seal": "([0-9a-f]{64})"\n}\n\Z')


def write_sealed_json(path: Path, fields: Mapping[str, Any]) -> None:
    """Write fields to a file, one per line and the seal last, all or nothing.

    Raises
    ------
    InputError
        A value that is not finite JSON, more than :data:`MAX_BYTES`, or a file that cannot be written.
    """
    try:
        lines = [f" {json.dumps(k)}: {json.dumps(v, allow_nan=False)},\n" for k, v in fields.items()]
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: cannot be written as JSON ({error})") from error
    body = ("{\n" + "".join(lines)).encode()
    if len(body) > MAX_BYTES:
        raise InputError(f"{path}: would have {len(body)} bytes, more than {MAX_BYTES}")
    seal = hashlib.sha256(body).hexdigest()
    write_bytes_atomically(path, body + f' "{SEAL}": "{seal}"\n}}\n'.encode())


def read_sealed_json(path: Path, version: int) -> dict[str, Any]:
    """Fields of a file that `write_sealed_json` wrote, without the seal.

    Parameters
    ----------
    path
        The file.
    version
        Of the field ``schema_version``, which every file has.

    Raises
    ------
    InputError
        The file cannot be read, is too large or no JSON, has another version, or does not match its seal.
    """
    try:
        if not path.is_file():
            raise InputError(f"{path}: is no regular file")
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise InputError(f"{path}: has {size} bytes, more than {MAX_BYTES}")
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({reason_of(error)})") from error
    fields = read_json(path, data)
    require_version(fields, version, path)
    ending = _ENDING.search(data, max(0, len(data) - 128))
    if ending is None or hashlib.sha256(data[: ending.start()]).hexdigest().encode() != ending[1]:
        raise InputError(f"{path}: does not match its seal: it was changed after it was written")
    del fields[SEAL]
    return fields
