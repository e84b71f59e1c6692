"""Wall-clock times of a solve, by stage."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.safe_text import quote
from fgamcd_opt.io.short_repr import short_repr


@dataclass(frozen=True)
class Times:
    """Wall-clock seconds of a solve by stage.

    Parameters
    ----------
    build_s
        Making or reading data, and building models.
    rates_s
        Beamforming: rates and their bounds.
    search_s
        The combinatorial search.
    total_s
        From call to return, everything included.

    Raises
    ------
    InputError
        A time that is not a finite number >= 0.
    """

    build_s: float = 0.0
    rates_s: float = 0.0
    search_s: float = 0.0
    total_s: float = 0.0

    __repr__ = short_repr

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            require_finite(f"times: {name}", value)
            if value < 0.0:
                raise InputError(f"times: {name}: {value!r} s is negative")


def require_finite(name: str, value: object) -> None:
    """Raise `InputError` unless ``value`` is a finite number (and not a bool)."""
    if not is_finite(value):
        raise InputError(f"{name}: {quote(value)} is not a finite number")


def is_finite(value: object) -> bool:
    """Whether a value is a number, not a bool, that double precision holds: of integers, those below 2^1024."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False
