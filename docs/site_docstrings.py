"""Docstrings for the Python reference of the site (mkdocs.yml): names that share a description get one entry each.

``a, b`` above one description is short to write and to read in the source; on the site each name stands beside its own
type, which the tool would otherwise take from the first name for all.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

_SHARED = re.compile(r"^(?P<names>\w+(?:, \w+)+)\n(?P<text>(?: {4}.*\n?|\n(?= {4}))+)", re.MULTILINE)


def separated(docstring: str) -> str:
    """The docstring with an entry for every name of an entry of several."""

    def entries(shared: re.Match[str]) -> str:
        text = shared["text"].rstrip("\n") + "\n"
        return "".join(f"{name}\n{text}" for name in shared["names"].split(", "))

    return _SHARED.sub(entries, docstring)


class SeparateNames(griffe.Extension):
    """Separates names in every docstring."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        """Change the docstring before it is parsed."""
        if obj.docstring is not None:
            obj.docstring.value = separated(obj.docstring.value)
