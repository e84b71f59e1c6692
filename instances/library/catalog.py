"""The library: named instances with released digests, and the best values known for them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from fgamcd_opt.instances.recipes.presets import PRESETS
from fgamcd_opt.instances.recipes.recipe import Recipe
from fgamcd_opt.io.files import read_json, read_text_file, require_version
from fgamcd_opt.io.short_repr import short_repr

LIBRARY_PATH = Path(__file__).with_name("instances.json")
"""Preset, changed fields and digest of every library instance."""

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class LibraryEntry:
    """One instance of the library: its recipe and the digest that the recipe must give."""

    recipe: Recipe
    digest: str

    __repr__ = short_repr


@cache
def library() -> Mapping[str, LibraryEntry]:
    """Return all library instances by name, in the order of the file.

    Raises
    ------
    InputError
        If the file that holds them is damaged.
    """
    content = read_versioned(LIBRARY_PATH)
    entries = {}
    for name, entry in content["instances"].items():
        fields = {**PRESETS[entry["preset"]].to_json(), **entry["set"], "name": name}
        entries[name] = LibraryEntry(Recipe.from_json(fields), entry["digest"])
    return entries


def read_versioned(path: Path) -> dict[str, Any]:
    """Read a JSON file of the library and check its schema version.

    Raises
    ------
    InputError
        If the file is missing, is not JSON, or has another schema version.
    """
    content = read_json(path, read_text_file(path))
    require_version(content, SCHEMA_VERSION, path)
    return content


def json_lines(header: Mapping[str, Any], key: str, entries: Mapping[str, Any]) -> bytes:
    """Return a JSON object with one entry of ``key`` per line, so that changes are easy to read."""
    lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(entry)}" for name, entry in entries.items())
    head = "".join(f" {json.dumps(name)}: {json.dumps(value)},\n" for name, value in header.items())
    body = f"\n{lines}\n " if lines else ""
    return f"{{\n{head} {json.dumps(key)}: {{{body}}}\n}}\n".encode()
