"""What makes the instance of a solution: source and changed fields, by which a forgotten ``--set`` is named."""

from __future__ import annotations

import re
from pathlib import Path

from fgamcd_opt.instances.library.catalog import library
from fgamcd_opt.instances.recipes.presets import PRESETS
from fgamcd_opt.instances.resolve import load
from fgamcd_opt.io.errors import InputError

_NAME = re.compile(r"(?P<base>[^\[]*)(?:\[(?P<changes>.*)\])?", re.DOTALL)

_BETWEEN = re.compile(r",(?=[a-z_0-9]+=)")
"""The comma before a field; those within a list of values are none."""


def origin(name: str, digest: str, source: str | Path) -> tuple[str, dict[str, str]] | None:
    """Source and changed fields of an instance with this name and digest, made once more to be sure.

    Parameters
    ----------
    name
        As a solution holds it, such as ``paper[storage_gb=0.25]``.
    digest
        SHA-256 (hex) of the instance.
    source
        What may have been changed, if it is neither a preset nor a library instance.

    Returns
    -------
    tuple or None
        None if nothing that is known here makes an instance with this digest.
    """
    parts = _NAME.fullmatch(name)
    if parts is None:
        return None
    changes: dict[str, str] = {}
    for change in _BETWEEN.split(parts["changes"] or ""):
        field, equals, value = change.partition("=")
        if equals:
            changes[field] = value
    base = parts["base"]
    for candidate in dict.fromkeys([*([base] if base in PRESETS or base in library() else []), str(source)]):
        try:
            found = load(candidate, changes).digest == digest
        except InputError:
            continue
        if found:
            return candidate, changes
    return None
