"""Library instances, generated once per test session."""

from __future__ import annotations

from functools import cache

from fgamcd_opt.instances import load
from fgamcd_opt.instances.instance import Instance


@cache
def library_instance(name: str) -> Instance:
    """The instance of that name, as any command would load it."""
    return load(name)
