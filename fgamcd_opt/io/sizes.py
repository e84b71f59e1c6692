"""Sizes with units, such as ``500MB`` or ``1.25GiB``: the one place where they are read."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Decimal

from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.safe_text import quote

UNITS = {
    "B": 1,
    "kB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
}
"""Bytes of every unit, decimal and binary; ``b`` stands for bits elsewhere and is refused."""

_SIZE = re.compile(r"\s*(\d{1,30}(?:\.\d{0,30})?|\.\d{1,30})\s*([A-Za-z]*)\s*", re.ASCII)
_MAX_BYTES = 2**63 - 1


def parse_size(field: str, text: str) -> int:
    """Return the whole bytes, rounded to the nearest, that a number with a unit stands for.

    Parameters
    ----------
    field
        What the size is of, for messages.
    text
        Such as ``500MB``, ``1.25 GB`` or ``5GiB``; the units are those of `UNITS`.

    Raises
    ------
    InputError
        If the text is no such size (naming the unit that was meant, if that can be told), or above 2^63 - 1 bytes.
    """
    match = _SIZE.fullmatch(text)
    if match is None:
        raise InputError(f"{field}: {quote(text)} is no size; expected a number with a unit, such as 500MB")
    number, unit = match.groups()
    if not unit:
        raise InputError(f"{field}: {quote(text)} has no unit; write {number}MB or {number}GB")
    if unit not in UNITS:
        meant = [known for known in UNITS if known.lower() == unit.lower()]
        hint = f"did you mean {meant[0]}?" if meant else f"known are {', '.join(UNITS)}"
        raise InputError(f"{field}: {quote(text)} has the unknown unit {quote(unit)}; {hint}")
    size = int((Decimal(number) * UNITS[unit]).to_integral_value(ROUND_HALF_EVEN))
    if size > _MAX_BYTES:
        raise InputError(f"{field}: {quote(text)} is more than {_MAX_BYTES} bytes")
    return size


def has_unit(text: str) -> bool:
    """Whether a text is a number followed by letters: meant as a size with a unit, known or not."""
    match = _SIZE.fullmatch(text)
    return match is not None and bool(match.group(2))


def format_size(size: float) -> str:
    """Bytes in the largest decimal unit that is at least one, to four digits: ``12.5 MB``."""
    unit = next((u for u in ("TB", "GB", "MB", "kB") if size >= UNITS[u]), "B")
    return f"{size / UNITS[unit]:.4g} {unit}"
