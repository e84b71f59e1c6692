"""Files written all or nothing, and text files read with limits: strict JSON."""

from __future__ import annotations

import json
import math
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.safe_text import MAX_QUOTED, quote
from fgamcd_opt.io.targets import find_target

MAX_TEXT_BYTES = 1 << 23
"""Longest text that is read (8 MiB), a file or the header of an archive; tables of numbers may be longer."""

MAX_TEXT_VALUES = 1_000_000
"""Most values of a JSON text: each takes up to 80 bytes of memory, however short it is written."""

MAX_TEXT_DEPTH = 64
"""Deepest nesting of a JSON text: far below what recursion in Python can do, far above what any file needs."""

MAX_TOML_BYTES = 1 << 20
"""Longest TOML text; it is read by Python code, ten times as slowly as JSON."""

_MAX_DOTS = 100
"""Dots on a line: the parser keeps every beginning of a dotted key, which grows with their square."""

_BETWEEN_DIGITS = re.compile(rb"\d\.\d")
"""The point of a number, of which a line may hold any count; of a dotted key of digits it leaves every other dot."""

_MAX_DIGITS = 300
"""Digits of a whole number: up to here it is also a finite number in double precision."""


def write_bytes_atomically(path: Path, data: bytes) -> None:
    """Write a file: a regular one is replaced as a whole, see :mod:`fgamcd_opt.io.targets` for links and devices.

    Raises
    ------
    InputError
        If there is no folder for it, or it cannot be written; on failure nothing is left.
    """
    find_target(path).write(data)


def reason_of(error: Exception) -> str:
    """Why something cannot be read: in the system's words, without number and path, where they are its own."""
    return getattr(error, "strerror", None) or str(error)


def read_text_file(path: Path, max_bytes: int = MAX_TEXT_BYTES) -> bytes:
    """The content of a text file that is not longer than a limit.

    Raises
    ------
    InputError
        The file is missing, longer than ``max_bytes``, or cannot be read.
    """
    try:
        with path.open("rb") as stream:
            text = stream.read(max_bytes + 1)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({reason_of(error)})") from error
    if len(text) > max_bytes:
        raise InputError(
            f"{path}: has more than {max_bytes} bytes, which is the limit for a file of this kind"
        )
    return text


def read_json(path: Path | str, text: bytes, max_bytes: int = MAX_TEXT_BYTES) -> dict[str, Any]:
    """Parse strict JSON (finite numbers, no key twice) whose top level is an object.

    Parameters
    ----------
    path
        Of the text, for messages.
    text
        What is parsed.
    max_bytes
        Longest text that is accepted.

    Raises
    ------
    InputError
        Naming ``path`` and the fault: no JSON, or more bytes, values, depth or digits than the limits above.
    """
    if len(text) > max_bytes:
        raise InputError(f"{path}: has {len(text)} bytes; a JSON text has at most {max_bytes}")
    if sum(map(text.count, (b",", b"[", b"{"))) > MAX_TEXT_VALUES:
        raise InputError(
            f"{path}: holds more than {MAX_TEXT_VALUES} values, which is the limit for a JSON text"
        )
    try:
        value = json.loads(
            text.decode(),
            parse_constant=_finite,
            parse_float=_finite,
            parse_int=_whole,
            object_pairs_hook=_unique_keys,
        )
        if not isinstance(value, dict):
            raise InputError(f"{path}: the top level is a {type(value).__name__}; expected a JSON object")
        check_plain(value, texts=b"\\u" in text)
    except RecursionError as error:
        raise InputError(f"{path}: not valid JSON (nested more than {MAX_TEXT_DEPTH} deep)") from error
    except ValueError as error:
        raise InputError(f"{path}: not valid JSON ({error})") from error
    return value


def read_toml(path: Path | str, text: bytes) -> dict[str, Any]:
    """Parse a table of TOML.

    Raises
    ------
    InputError
        Naming ``path`` and the fault: no TOML, or nested too deep.
    """
    if max(_BETWEEN_DIGITS.sub(b"", line).count(b".") for line in text.split(b"\n")) > _MAX_DOTS:
        raise InputError(f"{path}: a line has more than {_MAX_DOTS} dots; values are not nested")
    try:
        values = tomllib.loads(text.decode())
        check_plain(values)
    except RecursionError as error:
        raise InputError(f"{path}: cannot be read as TOML: nested too deep") from error
    except ValueError as error:
        raise InputError(f"{path}: cannot be read as TOML: {reason_of(error)[:MAX_QUOTED]}") from error
    return values


def require_version(fields: Mapping[str, Any], version: int, where: Path | str = "") -> None:
    """Refuse fields of a file whose ``schema_version`` is not the whole number that this release reads.

    Raises
    ------
    InputError
        Naming ``where``, if there is one, and both versions.
    """
    found = fields.get("schema_version")
    if type(found) is not int or found != version:
        place = f"{where}: " if where else ""
        raise InputError(f"{place}schema_version is {quote(found)}; this release reads {version}")


def check_plain(value: object, *, texts: bool = True) -> None:
    """Raise `ValueError` if values are nested too deep, or if a text holds half a surrogate pair.

    ``texts=False`` leaves the texts out: none can hold one where the source, decoded as UTF-8, had no escapes.
    """
    level: list[object] = [value]
    for _ in range(MAX_TEXT_DEPTH + 1):
        below: list[object] = []
        for item in level:
            if isinstance(item, dict):
                below += item.values()
                if texts:
                    below += item
            elif isinstance(item, list):
                below += item
            elif texts and isinstance(item, str):
                _check_unicode(item)
        if not below:
            return
        level = below if texts else [item for item in below if type(item) in (dict, list)]
    raise ValueError(f"nested more than {MAX_TEXT_DEPTH} deep")


def _check_unicode(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{quote(text)} holds half a surrogate pair, which is no character") from None


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:_MAX_DIGITS]} is not a finite number")
    return value


def _whole(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        raise ValueError(f"a whole number has {len(text)} digits, more than {_MAX_DIGITS}")
    return int(text)


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise ValueError(f"field {quote(key)} is given twice")
            seen.add(key)
    return result
