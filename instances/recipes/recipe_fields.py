"""Kinds of recipe fields: how each is declared, parsed from text and checked."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import Any

from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.safe_text import MAX_QUOTED, quote
from fgamcd_opt.io.times import is_finite

PerNode = float | tuple[float, ...]

_MOST_ITEMS = 1000
"""Entries of a list: more than there are nodes or families anywhere."""


def whole(default: int, low: int, high: int) -> Any:
    """Declare an integer between ``low`` and ``high``."""
    return field(default=default, metadata={"kind": "integer", "low": low, "high": high})


def real(default: float, low: float, high: float) -> Any:
    """Declare a finite number between ``low`` and ``high``."""
    return field(default=default, metadata={"kind": "number", "low": low, "high": high})


def per_node(default: float, low: float, high: float) -> Any:
    """Declare a number in a range, or one per node."""
    return field(default=default, metadata={"kind": "number or list", "low": low, "high": high})


def choice(*choices: str) -> Any:
    """Declare one of several words; the first is the default."""
    return field(default=choices[0], metadata={"kind": "text", "choices": choices})


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the known name most like ``name``, or nothing."""
    match = difflib.get_close_matches(name[:MAX_QUOTED], list(known), n=1)
    return f"; did you mean {match[0]!r}?" if match else ""


def parse_field(name: str, text: str, kind: str) -> Any:
    """Return the value that ``text`` stands for in a field of this kind; lists are separated by commas.

    Raises
    ------
    InputError
        Naming the field, the text and the kind.
    """
    items = [item.strip() for item in text.split(",")] if text.strip() else []
    try:
        match kind:
            case "text":
                return text
            case "integer":
                return int(text)
            case "number":
                return float(text)
            case "list of texts":
                return tuple(items)
            case "list of integers":
                return tuple(int(item) for item in items)
            case _:
                return float(text) if len(items) == 1 else tuple(float(item) for item in items)
    except ValueError as error:
        raise InputError(f"{name}: {quote(text)} is not valid; expected {kind}") from error


def check_field(name: str, value: Any, rule: Mapping[str, Any]) -> Any:
    """Return a field's value in its declared type (integers become floats where numbers are expected).

    Raises
    ------
    InputError
        If the value is of another type, not one of the choices, or out of range.
    """
    kind: str = rule["kind"]
    if kind.startswith("list") or isinstance(value, tuple):
        if isinstance(value, tuple) and len(value) > _MOST_ITEMS:
            raise InputError(f"{name}: has {len(value)} entries, more than {_MOST_ITEMS}")
        if not isinstance(value, tuple) or "list" not in kind:
            raise InputError(f"{name}: {quote(value)} is not valid; expected {kind}")
        item_kind = {"list of texts": "text", "list of integers": "integer"}.get(kind, "number")
        return tuple(check_field(name, item, {**rule, "kind": item_kind}) for item in value)
    if kind == "text":
        accepted = isinstance(value, str)
    elif kind == "integer":
        accepted = isinstance(value, int) and not isinstance(value, bool)
    else:
        accepted = isinstance(value, int | float) and not isinstance(value, bool)
    if not accepted:
        raise InputError(f"{name}: {quote(value)} is not valid; expected {kind}")
    if "choices" in rule and value not in rule["choices"]:
        raise InputError(f"{name}: {quote(value)} is unknown; expected one of {', '.join(rule['choices'])}")
    if "low" in rule and not (is_finite(value) and rule["low"] <= value <= rule["high"]):
        raise InputError(f"{name}: {quote(value)} must lie between {rule['low']:g} and {rule['high']:g}")
    return value if kind in ("text", "integer") else float(value)
