"""How the compiled kernels of this package are compiled and where the compiled code is kept."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numba
import numpy as np

Array = np.ndarray[Any, Any]

Function = TypeVar("Function", bound=Callable[..., Any])

_OPTIONS: dict[str, Any] = {
    "nogil": True,  # threads run blocks side by side
    "cache": True,
    "error_model": "numpy",
    "fastmath": {"contract", "reassoc", "nsz", "arcp"},  # no assumption on NaN or infinity
}


def kernel(function: Function) -> Function:
    """Compile a function on its first call and keep the code on disk.

    Kernels call kernels in other files, and numba's cache notices only changes of a function's own file. So the
    code is kept in a folder named after the content of all files here: after an update nothing stale is run.
    """
    return _compile(function, _OPTIONS)


def inlined_kernel(function: Function) -> Function:
    """As :func:`kernel`, but compiled as part of its only caller: each level of calls costs compile time."""
    return _compile(function, {**_OPTIONS, "inline": "always"})


def _compile(function: Function, options: dict[str, Any]) -> Function:
    config: Any = numba.config
    before = config.CACHE_DIR
    config.CACHE_DIR = before or str(_folder())
    try:
        compiled: Function = numba.njit(**options)(function)
    finally:
        config.CACHE_DIR = before
    return compiled


@cache
def sources_digest() -> str:
    """SHA-256 (hex) of the sources of all kernels: what computed a number, and what compiled code belongs to."""
    state = hashlib.sha256()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        state.update(source.read_bytes())
    return state.hexdigest()


def _folder() -> Path:
    """Folder for compiled code in the user's cache, named after the sources of all kernels."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "fgamcd_opt" / f"kernels-{sources_digest()[:16]}"
