"""Arguments that are numbers: a text, a truth value, NaN or a fraction is refused with what was expected."""

from __future__ import annotations

import math
from numbers import Integral, Real

from fgamcd_opt.io.errors import UsageError
from fgamcd_opt.io.safe_text import quote


def number_of(name: str, value: object, unit: str, *, infinite: bool = False) -> float:
    """An argument that is a number.

    Parameters
    ----------
    name
        Of the argument.
    value
        What was given.
    unit
        What the number says, in words.
    infinite
        Whether infinity is one.

    Raises
    ------
    UsageError
        A text, a truth value, not a number (NaN) ...
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        raise UsageError(f"{name}: {got(value)}; expected {unit}")
    number = float(value)
    if math.isnan(number) or (math.isinf(number) and not infinite):
        raise UsageError(f"{name} {number}: expected {unit}")
    return number


def whole_number_of(name: str, value: object, least: int) -> int:
    """An argument that is a whole number, at least ``least``.

    Raises
    ------
    UsageError
        Anything else.
    """
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise UsageError(f"{name}: {got(value)}; expected a whole number")
    if value < least:
        raise UsageError(f"{name} {quote(int(value))}: must be at least {least}")
    return int(value)


def got(value: object) -> str:
    """What was given, for a message."""
    return f"got {quote(value)} of type {type(value).__name__}"
