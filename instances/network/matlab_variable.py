"""What the readers of both kinds of MATLAB files say of a variable before its numbers are read."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fgamcd_opt.instances.input_file import MAX_BYTES

NUMERIC_CLASSES = frozenset(
    ["double", "single", *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))]
)
"""MATLAB's classes of full arrays of numbers."""

_COMPLEX_BYTES = 16
"""Of a complex number of double precision, the largest that is read."""


@dataclass(frozen=True)
class MatlabVariable:
    """A variable of a file.

    Attributes
    ----------
    name, matlab_class
        As MATLAB has them: ``double``, ``cell``, ``struct``, ...
    shape
        In MATLAB's order of axes.
    """

    name: str
    matlab_class: str
    shape: tuple[int, ...] = ()

    @property
    def is_numeric(self) -> bool:
        """Whether it is a full array of numbers."""
        return self.matlab_class in NUMERIC_CLASSES

    def require_size(self) -> None:
        """Raise `ValueError` for a shape of negative lengths, or of more numbers than the limit on inputs allows."""
        if min(self.shape, default=0) < 0 or math.prod(self.shape) * _COMPLEX_BYTES > MAX_BYTES:
            raise ValueError(
                f"array {self.name!r} declares shape {self.shape}; at most {MAX_BYTES} bytes are read"
            )


Choose = Callable[[Sequence[MatlabVariable]], MatlabVariable]
"""Picks the variable to read."""
