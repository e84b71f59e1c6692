"""`short_repr`: what an object says of itself on one line, whatever it holds. Classes take it as their ``__repr__``.

Values that are a field's default are left out, arrays stand as their type and shape, long collections as their length.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence, Set
from enum import Enum
from pathlib import PurePath
from typing import Any

MOST_CHARACTERS = 399
"""Characters of a short repr at most."""

_ROOM = 300
"""Characters after which no further field starts."""

_LONGEST_TEXT = 48
"""Characters of one text, number or name."""

_MOST_ITEMS = 4
"""Entries of a collection that are written out."""


def short_repr(self: object) -> str:
    """``Name(field=value, ...)`` in at most :data:`MOST_CHARACTERS` printable characters."""
    name, parts, used = cut(type(self).__name__), [], 0
    for field, value in _fields(self):
        if used > _ROOM:
            parts.append("...")
            break
        parts.append(f"{cut(field)}={short_value(value)}")
        used += len(parts[-1]) + 2
    return f"{name}({', '.join(parts)})"


def short_value(value: object) -> str:
    """A value as a short repr shows it, never more than some 100 characters, on one line."""
    if value is None or isinstance(value, bool):
        return repr(value)
    if isinstance(value, Enum):
        return cut(str(value.value))
    if isinstance(value, int):
        return cut(repr(value)) if value.bit_length() < 128 else f"<{value.bit_length()} bits>"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, str | PurePath):
        text = str(value)
        return repr(text[:_LONGEST_TEXT]) if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]!r}..."
    shape, kind = getattr(value, "shape", None), getattr(value, "dtype", None)
    if isinstance(shape, tuple) and kind is not None:
        return cut(f"{str(kind).removeprefix('torch.')}[{', '.join(map(str, shape))}]")
    if isinstance(value, Mapping | Sequence | Set) and not hasattr(value, "_fields"):
        return _collection(value)
    return _named(value)


def short_text(text: str) -> str:
    """A name from a user's file inside a hand-written repr: quoted, control characters escaped, cut."""
    return short_value(text)


def _fields(owner: object) -> Iterator[tuple[str, Any]]:
    """Public fields of a dataclass that differ from their defaults; of a named tuple or any other object all."""
    if dataclasses.is_dataclass(owner):
        for field in dataclasses.fields(owner):
            value = getattr(owner, field.name, None)
            if field.repr and not field.name.startswith("_") and not _is_default(field, value):
                yield field.name, value
        return
    named = getattr(owner, "_fields", None)
    public = {name: getattr(owner, name) for name in named} if named else vars(owner)
    yield from ((name, value) for name, value in public.items() if not name.startswith("_"))


def _is_default(field: dataclasses.Field[Any], value: object) -> bool:
    """Whether a plain value is the default, or an empty collection takes the place of one that is made."""
    if isinstance(value, str | int | float | Enum | None):
        return type(value) is type(field.default) and value == field.default
    made = field.default_factory is not dataclasses.MISSING or field.default == ()
    return made and isinstance(value, Mapping | Sequence | Set) and not value


def _collection(value: Mapping[Any, Any] | Sequence[Any] | Set[Any]) -> str:
    kind = cut(type(value).__name__)
    items = list(value.items()) if isinstance(value, Mapping) else []
    plain = items or list(value)[:_MOST_ITEMS] if len(value) <= _MOST_ITEMS else []
    shown = [short_value(part) for item in plain for part in (item if items else (item,))]
    text = ", ".join(map(": ".join, zip(shown[::2], shown[1::2], strict=True)) if items else shown)
    if not plain or len(text) > _LONGEST_TEXT or "(" in text:
        return f"{kind} of {len(value)}"
    return f"{{{text}}}" if isinstance(value, Mapping) else f"({text})"


def _named(value: object) -> str:
    """An object as its class, and its name if it has one."""
    name = getattr(value, "name", None)
    if isinstance(value, type) or callable(value):
        return cut(getattr(value, "__name__", type(value).__name__))
    return f"{cut(type(value).__name__)}({short_value(name) if isinstance(name, str) else ''})"


def cut(text: str, most: int = _LONGEST_TEXT) -> str:
    """The beginning of a text that is printable as it is."""
    return text if len(text) <= most else f"{text[:most]}..."
