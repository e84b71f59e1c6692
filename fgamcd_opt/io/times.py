"""Wall-clock times of a solve, by stage."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.safe_text import quote
from fgamcd_opt.io.short_repr import short_repr


@dataclass(frozen=True)
class Times:
    """Wall-clock seconds of a solve. The total is the sum of loading, building and solving.

    Parameters
    ----------
    load_s
        Loading and compiling what the solver needs.
    build_s
        Making or reading the instance.
    solve_s
        From the solver's start to its return; what a time limit is about.
    rates_s
        Part of ``solve_s``: beamforming, that is rates and their bounds.
    search_s
        Part of ``solve_s``: the combinatorial search.

    Raises
    ------
    InputError
        A time that is not a finite number >= 0.
    """

    load_s: float = 0.0
    build_s: float = 0.0
    solve_s: float = 0.0
    rates_s: float = 0.0
    search_s: float = 0.0

    __repr__ = short_repr

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            require_finite(f"times: {name}", value)
            if value < 0.0:
                raise InputError(f"times: {name}: {value!r} s is negative")

    @property
    def total_s(self) -> float:
        """From the first look at the instance to the solver's return."""
        return self.load_s + self.build_s + self.solve_s

    def to_json(self) -> dict[str, float]:
        """All of them by name."""
        return {**asdict(self), "total_s": self.total_s}

    def __str__(self) -> str:
        stages = f"rates {self.rates_s:.2f}, search {self.search_s:.2f}"
        parts = f"load {self.load_s:.2f}, build {self.build_s:.2f}, solve {self.solve_s:.2f} ({stages})"
        return f"{self.total_s:.2f} s: {parts}"


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
