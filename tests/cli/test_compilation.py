"""Compiled kernels are announced once, and only if something is compiled."""

from __future__ import annotations

import logging
from typing import Any

import numba
import pytest

from fgamcd_opt.cli.compilation import compilation_announced


def compiled_sum(*numbers: float) -> list[float]:
    """Sums by functions that are compiled anew."""

    def add(a: float, b: float) -> float:
        return a + b

    kernels: list[Any] = [numba.njit(add) for _ in numbers]
    return [kernel(number, 1.0) for kernel, number in zip(kernels, numbers, strict=True)]


def test_first_compilation_is_announced_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with compilation_announced():
        assert caplog.messages == []
        assert compiled_sum(1.0, 2.0) == [2.0, 3.0]
    assert len(caplog.messages) == 1
    assert "compiling" in caplog.messages[0]
    compiled_sum(3.0)
    assert len(caplog.messages) == 1
