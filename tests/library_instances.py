"""Library instances, generated once per test session."""

from __future__ import annotations

from functools import cache

from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.instances.resolve import load


@cache
def library_instance(name: str) -> Instance:
    """The instance of that name, as any command would load it."""
    return load(name)
