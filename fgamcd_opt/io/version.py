"""The version of this package."""

from __future__ import annotations


def package_version() -> str:
    """As its metadata has it."""
    from importlib.metadata import version

    return version("fgamcd-opt")
