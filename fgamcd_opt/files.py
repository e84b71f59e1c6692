"""Files written all or nothing, and strict JSON."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from fgamcd_opt.errors import InputError
from fgamcd_opt.targets import find_target


def write_bytes_atomically(path: Path, data: bytes) -> None:
    """Write a file: a regular one is replaced as a whole, see :mod:`fgamcd_opt.targets` for links and devices.

    Raises
    ------
    InputError
        If there is no folder for it, or it cannot be written; on failure nothing is left.
    """
    find_target(path).write(data)


def reason_of(error: Exception) -> str:
    """Why something cannot be read: in the system's words, without number and path, where they are its own."""
    return getattr(error, "strerror", None) or str(error)


def read_json(path: Path | str, text: bytes) -> dict[str, Any]:
    """Parse strict JSON (finite numbers, no key twice) whose top level is an object.

    Raises
    ------
    InputError
        Naming ``path`` and the fault.
    """
    try:
        value = json.loads(
            text.decode(),
            parse_constant=_finite,
            parse_float=_finite,
            object_pairs_hook=_unique_keys,
        )
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not valid JSON ({error})") from error
    if not isinstance(value, dict):
        raise InputError(f"{path}: the top level is a {type(value).__name__}; expected a JSON object")
    return value


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is not a finite number")
    return value


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"field {next(k for k in keys if keys.count(k) > 1)!r} is given twice")
    return result
