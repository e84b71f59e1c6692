"""Kinds of recipe fields: how each is declared, parsed from text and checked."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import Any

from fgamcd_opt.instances.recipes.own_values import MOST_USERS
from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.safe_text import MAX_QUOTED, quote
from fgamcd_opt.io.times import is_finite

PerNode = float | tuple[float, ...]
Points = tuple[tuple[float, float], ...]
Matrix = float | tuple[tuple[float, ...], ...]

_MOST_ITEMS = 1000
"""Entries of a list, unless its field says otherwise: more than there are nodes or families anywhere."""


def whole(default: int, low: int, high: int) -> Any:
    """Declare an integer between ``low`` and ``high``."""
    return field(default=default, metadata={"kind": "integer", "low": low, "high": high})


def real(default: float, low: float, high: float) -> Any:
    """Declare a finite number between ``low`` and ``high``."""
    return field(default=default, metadata={"kind": "number", "low": low, "high": high})


def per_node(default: float, low: float, high: float) -> Any:
    """Declare a number in a range, or one per node."""
    return field(default=default, metadata={"kind": "number or list", "low": low, "high": high})


def own(kind: str, low: float = 0.0, high: float = 1e6, most: int = MOST_USERS) -> Any:
    """Declare values of the user's own; empty means that they are drawn."""
    return field(default=(), metadata={"kind": kind, "low": low, "high": high, "most": most})


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
    if not items and kind in _MAY_BE_EMPTY:
        return ()
    if kind == "list of points":
        raise InputError(f"{name}: {quote(text)} is not valid; expected a file, such as positions.csv")
    try:
        match kind:
            case "text":
                return text
            case "integer":
                return int(text)
            case "number":
                return float(text)
            case "list of texts" | "list of models":
                return tuple(items)
            case "list of integers":
                return tuple(int(item) for item in items)
            case "number or matrix":
                return float(text)
            case _:
                return float(text) if len(items) == 1 else tuple(float(item) for item in items)
    except ValueError as error:
        raise InputError(f"{name}: {quote(text)} is not valid; expected {kind}") from error


_ITEMS = {"list of texts": "text", "list of integers": "integer", "list of models": "model"}
_MAY_BE_EMPTY = ("list of models", "own number or list", "list of points", "number or matrix")
"""Kinds of fields with values of the user's own, which are empty if there are none."""


def check_field(name: str, value: Any, rule: Mapping[str, Any]) -> Any:
    """Return a field's value in its declared type (integers become floats where numbers are expected).

    Raises
    ------
    InputError
        If the value is of another type, not one of the choices, or out of range.
    """
    kind: str = rule["kind"]
    if kind in ("list of points", "number or matrix") and isinstance(value, tuple):
        return _check_rows(name, value, rule)
    if kind.startswith("list") or isinstance(value, tuple):
        most = rule.get("most", _MOST_ITEMS)
        if isinstance(value, tuple) and len(value) > most:
            raise InputError(f"{name}: has {len(value)} entries, more than {most}")
        if not isinstance(value, tuple) or "list" not in kind:
            raise InputError(f"{name}: {quote(value)} is not valid; expected {kind}")
        item_kind = _ITEMS.get(kind, "number")
        names = [name] if len(value) == 1 else [f"{name}[{i}]" for i in range(len(value))]
        return tuple(
            check_field(place if kind in _MAY_BE_EMPTY else name, item, {**rule, "kind": item_kind})
            for place, item in zip(names, value, strict=True)
        )
    if kind == "model":
        return _check_model(name, value)
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


def _check_model(name: str, value: Any) -> str | int:
    """A model by name or number."""
    if isinstance(value, str) and value:
        return value
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53:
        return value
    raise InputError(f"{name}: {quote(value)} is not valid; expected the name or number of a model")


def _check_rows(name: str, rows: tuple[Any, ...], rule: Mapping[str, Any]) -> tuple[tuple[float, ...], ...]:
    """Rows of numbers: pairs x, y, or as many as there are rows, of which the diagonal does not count."""
    if len(rows) > rule["most"]:
        raise InputError(f"{name}: has {len(rows)} rows, more than {rule['most']}")
    square = rule["kind"] == "number or matrix"
    width = len(rows) if square else 2
    checked = []
    for i, row in enumerate(rows):
        if not isinstance(row, list | tuple) or len(row) != width:
            found = f"has {len(row)} values" if isinstance(row, list | tuple) else f"is {quote(row)}"
            expected = f"{width}, one per row" if square else "2, x and y in m"
            raise InputError(f"{name}[{i}]: {found}; expected {expected}")
        values = [0.0 if square and i == j else row[j] for j in range(width)]
        checked.append(
            tuple(
                check_field(f"{name}[{i}][{j}]", value, {**rule, "kind": "number"})
                for j, value in enumerate(values)
            )
        )
    return tuple(checked)
