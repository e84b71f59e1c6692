"""How the extras of this package are installed, for errors that say what is missing."""

from __future__ import annotations


def how_to_install(extra: str) -> str:
    """The command, as the README has it: versions are those of the constraints file."""
    return f'pip install -c constraints.txt -e ".[{extra}]" at the root of the sources'
