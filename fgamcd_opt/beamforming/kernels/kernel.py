"""Which sources computed a rate, and the decorator of the kernels here (:mod:`fgamcd_opt.io.compiled`)."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from fgamcd_opt.io.compiled import Array, inlined_kernel, kernel

__all__ = ["Array", "inlined_kernel", "kernel", "sources_digest"]


@cache
def sources_digest() -> str:
    """SHA-256 (hex) of the sources of beamforming and of how they are compiled: what computed a rate."""
    package = Path(__file__).parents[2]
    state = hashlib.sha256()
    for source in [*sorted((package / "beamforming").rglob("*.py")), package / "io" / "compiled.py"]:
        state.update(source.read_bytes())
    return state.hexdigest()
