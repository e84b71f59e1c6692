"""Calls of the compiled core with one argument spoilt: each must be refused before anything is written."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest


@dataclass(frozen=True)
class Call:
    """A function of the core, arguments that it accepts, and what of them may be otherwise.

    Attributes
    ----------
    arguments
        By name, in order; every array has at least two entries along its last axis.
    outputs
        Arrays that the function writes.
    any_length
        Axes, as pairs of name and axis, on whose length nothing else depends.
    """

    function: Callable[..., Any]
    arguments: Mapping[str, Any]
    outputs: Collection[str] = ()
    any_length: Collection[tuple[str, int]] = ()

    def run(self, **spoilt: Any) -> Any:
        """The result on copies of the arguments, some of them replaced."""
        return self.function(**{**self.copies(), **spoilt})

    def copies(self) -> dict[str, Any]:
        """The arguments, arrays copied."""
        return {
            name: value.copy() if isinstance(value, np.ndarray) else value
            for name, value in self.arguments.items()
        }

    def spoilt(self) -> Iterator[tuple[str, Any, type[Exception], str]]:
        """Every argument in every bad form: its name, the form, the error, and what that says."""
        for name, good in self.arguments.items():
            if not isinstance(good, np.ndarray):
                continue
            for other in ("complex64", "int16", ">f8", ">i8"):
                wrong = np.ones(good.shape, other)
                yield name, wrong, TypeError, f"{name}: expected an array of {good.dtype}"
            yield name, good.astype(object), TypeError, f"{name}: expected an array"
            yield name, good.tolist(), TypeError, f"{name}: expected an array"
            yield name, None, TypeError, "incompatible function arguments"
            yield name, good[None], ValueError, f"{name}: expected an array"
            yield name, good[0], ValueError, f"{name}: expected an array"
            yield name, np.repeat(good, 2, axis=-1)[..., ::2], ValueError, f"{name}: expected a C-contiguous"
            for axis in range(good.ndim):
                if (name, axis) not in self.any_length:
                    longer = np.concatenate([good, np.take(good, [0], axis)], axis)
                    yield name, longer, ValueError, "expected"
            if name in self.outputs:
                locked = good.copy()
                locked.flags.writeable = False
                yield name, locked, ValueError, f"{name}: expected an array that can be written to"

    def check(self) -> None:
        """All bad forms are refused; nothing is written then, and only the outputs are written otherwise."""
        for name, form, error, message in self.spoilt():
            given = self.copies() | {name: form}
            with pytest.raises(error, match=message):
                self.function(**given)
            for other, value in given.items():
                if other != name and isinstance(value, np.ndarray):
                    np.testing.assert_array_equal(value, self.arguments[other], strict=True)
        given = self.copies()
        self.function(**given)
        for name, value in given.items():
            if name not in self.outputs and isinstance(value, np.ndarray):
                np.testing.assert_array_equal(value, self.arguments[name], strict=True)
