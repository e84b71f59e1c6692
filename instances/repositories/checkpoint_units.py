"""The checkpoints that the files of one folder make: by an index, by the numbers in their names, or one file each."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from fgamcd_opt.instances.repositories.foreign_files import START_BYTES, foreign_kind
from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.files import read_json, read_text_file, reason_of
from fgamcd_opt.io.safe_text import quote

SUFFIX = ".safetensors"
INDEX = ".safetensors.index.json"
"""Ends of the names of checkpoints and of their indices, in any case of the letters."""

_SHARD = re.compile(r"(?P<stem>.+)[-_.](?P<number>\d+)-of-(?P<count>\d+)", re.IGNORECASE)
MAX_JSON_BYTES = 1 << 25
"""Longest index or configuration (32 MiB): the largest models known have indices of some 15 MB."""


@dataclass(frozen=True)
class Unit:
    """Files that are one checkpoint.

    Attributes
    ----------
    name
        Of the file, without its end and the number of the shard.
    files
        Its safetensors files.
    tensors
        What an index promises: file name of every tensor; None without an index.
    index
        The index, if there is one.
    is_numbered
        Whether it has no index but shards numbered by their names.
    fault
        What is wrong with the numbers of the shards, or empty.
    """

    name: str
    files: tuple[Path, ...]
    tensors: dict[str, str] | None = None
    index: Path | None = None
    is_numbered: bool = False
    fault: str = ""

    @property
    def paths(self) -> tuple[Path, ...]:
        """Its files and its index."""
        return self.files if self.index is None else (*self.files, self.index)

    @property
    def source(self) -> str:
        """Name of the file that stands for it."""
        return self.paths[-1].name


def units_of(root: Path, paths: list[Path]) -> list[Unit]:
    """Return the checkpoints of the files of one folder: those with an index, then the others by name.

    Raises
    ------
    InputError
        If a checkpoint or an index is a link that leads nowhere or out of ``root``, is no file, or an index is damaged
        or names a file that is not there.
    """
    files = {path.name: inside(root, path) for path in paths if path.name.lower().endswith(SUFFIX)}
    units = []
    for index in (path for path in paths if path.name.lower().endswith(INDEX)):
        tensors = _read_index(inside(root, index))
        names = list(dict.fromkeys(tensors.values()))
        if absent := [name for name in names if name not in files]:
            raise InputError(
                f"{index}: names {quote(absent[0])}, which is not a *{SUFFIX} file of its folder"
            )
        units.append(Unit(index.name[: -len(INDEX)], tuple(files[name] for name in names), tensors, index))
    indexed = {path.name for unit in units for path in unit.files}
    return units + _without_index([path for name, path in files.items() if name not in indexed])


def _without_index(paths: list[Path]) -> list[Unit]:
    alone, shards = [], dict[tuple[str, int], list[tuple[int, Path]]]()
    for path in paths:
        name = path.name[: -len(SUFFIX)]
        if match := _SHARD.fullmatch(name):
            key = match["stem"], int(match["count"])
            shards.setdefault(key, []).append((int(match["number"]), path))
        else:
            alone.append(Unit(name, (path,)))
    for (stem, count), numbered in shards.items():
        fault = _fault([number for number, _ in numbered], count)
        alone.append(Unit(stem, tuple(path for _, path in sorted(numbered)), is_numbered=True, fault=fault))
    return sorted(alone, key=lambda unit: unit.name)


def _fault(numbers: list[int], count: int) -> str:
    """What is wrong with the numbers of shards, which count from 1 (or, in some repositories, from 0)."""
    present, first = set(numbers), 0 if 0 in numbers else 1
    for number in range(first, first + count):  # ends at the first gap: count may be any number
        if number not in present:
            return f"shard {number} of {count} is missing"
    if len(numbers) != count:
        return f"{len(numbers)} files are numbered as shards of {count}"
    return ""


def inside(root: Path, path: Path) -> Path:
    """Return the path, if it leads to a file below ``root``.

    Raises
    ------
    InputError
        If it does not.
    """
    require_below(root, path)
    if not path.is_file():
        raise InputError(f"{path}: is not a file")
    return path


def require_below(root: Path, path: Path) -> None:
    """Refuse a link that leads nowhere or out of ``root``.

    Raises
    ------
    InputError
        With the remedy.
    """
    try:
        target = Path(os.path.realpath(path, strict=True))
    except OSError as error:
        raise InputError(f"{path}: is a link that leads nowhere ({reason_of(error)})") from error
    if not target.is_relative_to(os.path.realpath(root)):
        raise InputError(
            f"{path}: is a link to {target}, outside of {root}; copy what it leads to into the folder (cp -rL)"
        )


def read_small_json(path: Path) -> dict[str, object]:
    """Return the object of a JSON file of limited size.

    Raises
    ------
    InputError
        If it is too large, cannot be read, or is something else.
    """
    text = read_text_file(path, MAX_JSON_BYTES)
    if not text.lstrip().startswith(b"{") and (kind := foreign_kind(text[:START_BYTES])):
        raise InputError(f"{path}: not valid JSON but {kind}")
    return read_json(path, text, MAX_JSON_BYTES)


def _read_index(path: Path) -> dict[str, str]:
    tensors = read_small_json(path).get("weight_map")
    if not isinstance(tensors, dict) or not tensors or not all(isinstance(v, str) for v in tensors.values()):
        raise InputError(f"{path}: weight_map is not an object from tensors to file names")
    return tensors
