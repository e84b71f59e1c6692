"""Rules for single values read from JSON: each says what is wrong with a value, or None."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Any

from fgamcd_opt.io.safe_text import quote

Rule = Callable[[Any], str | None]
"""From a value to what is wrong with it, in words that follow the name of its field; None if nothing is."""

LARGEST = 1e300
"""Bound on the size of all numbers: finite, with room for sums."""

MAX_TEXT = 1 << 20
"""Characters of a text at most; a traceback or the end of a log has far fewer."""

_SHA256 = re.compile("[0-9a-f]{64}")


def real(low: float = -LARGEST, high: float = LARGEST) -> Rule:
    """A number in the closed interval; no truth value, not infinite."""

    def check(value: Any) -> str | None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return f"{quote(value)} is not a number"
        return None if low <= value <= high else f"{quote(value)} is not between {low:g} and {high:g}"

    return check


def whole(low: int = 0, high: int = 2**63 - 1) -> Rule:
    """A whole number in the closed interval."""

    def check(value: Any) -> str | None:
        if isinstance(value, bool) or not isinstance(value, int):
            return f"{quote(value)} is not a whole number"
        return None if low <= value <= high else f"{quote(value)} is not between {low} and {high}"

    return check


def text(empty: bool = True) -> Rule:
    """A text of at most :data:`MAX_TEXT` characters that UTF-8 can write."""

    def check(value: Any) -> str | None:
        if not isinstance(value, str):
            return f"{quote(value)} is not a text"
        if len(value) > MAX_TEXT:
            return f"has {len(value)} characters, more than {MAX_TEXT}"
        if not value and not empty:
            return "is empty"
        return f"{quote(value)} is no text in UTF-8" if _has_surrogate(value) else None

    return check


def one_of(values: Collection[str]) -> Rule:
    """One of these texts."""

    def check(value: Any) -> str | None:
        known = isinstance(value, str) and value in values
        return None if known else f"{quote(value)} is not one of {', '.join(values)}"

    return check


def truth(value: Any) -> str | None:
    """True or false."""
    return None if isinstance(value, bool) else f"{quote(value)} is neither true nor false"


def sha256(value: Any) -> str | None:
    """64 hexadecimal digits."""
    known = isinstance(value, str) and _SHA256.fullmatch(value)
    return None if known else f"{quote(value)} is no SHA-256"


def optional(rule: Rule) -> Rule:
    """None, or what the rule takes."""
    return lambda value: None if value is None else rule(value)


def _has_surrogate(value: str) -> bool:
    return any("\ud800" <= letter <= "\udfff" for letter in value) if not value.isascii() else False
