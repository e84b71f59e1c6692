"""Values of recipe fields that may stand in a file of their own, or carry a unit: read, and put into plain numbers.

What is read here becomes part of the recipe, so that an instance file needs no table to be generated again.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.instances.input_file import read_input
from fgamcd_opt.instances.network.array_file import read_array
from fgamcd_opt.instances.recipes.csv_rows import (
    Columns,
    Row,
    header_of,
    is_whole,
    number_cell,
    read_rows,
    select,
    whole_cell,
)
from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.safe_text import quote
from fgamcd_opt.io.sizes import has_unit, parse_size

FILE_FIELDS = ("repository", "channels")
"""Fields that keep the name of their file; a relative one starts from the folder of the recipe."""

SIZE_FIELDS = {"storage_gb": 1e9, "block_mb_min": 1e6, "block_mb_max": 1e6}
"""Fields of sizes with the bytes of their unit, which a size with a unit of its own is converted to."""

STORAGE = "storage"
"""Another spelling of ``storage_gb``, whose sizes have to name their unit."""

_TABLE_ENDINGS = (".csv", ".npy", ".npz", ".mat")
_COLUMNS = {
    "requests": Columns("user", (("model",),)),
    "qos_gbps": Columns("user", (("qos_gbps",),)),
    "user_xy_m": Columns("user", (("x_m", "x"), ("y_m", "y"))),
    "node_xy_m": Columns("node", (("x_m", "x"), ("y_m", "y"))),
    "storage_gb": Columns("node", (("storage_gb",),)),
    STORAGE: Columns("node", (("storage",),)),
    "power_dbm": Columns("node", (("power_dbm",),)),
}
_COUNTS = Columns("user", (("model",), ("count",)))
_LINKS = Columns("link", (("from",), ("to",), ("gbps",)))
TABLE_FIELDS = (*_COLUMNS, "backhaul_gbps")
"""Fields whose values may stand in a table: a CSV file, or one of NumPy's or MATLAB's."""

MOST_USERS = 10_000
"""Most users of a recipe."""


def is_table(text: str) -> bool:
    """Whether a text is meant as the name of a table."""
    return text.lower().endswith(_TABLE_ENDINGS)


def plain_fields(fields: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Fields of a recipe as written, with numbers for sizes and values for tables, and paths from the current folder.

    Parameters
    ----------
    fields
        Names and JSON values.
    folder
        In which relative paths start.

    Raises
    ------
    InputError
        Naming the field, and for a table the file and line.
    """
    plain = {name: _plain(name, value, folder) for name, value in fields.items()}
    if STORAGE in plain:
        if "storage_gb" in plain:
            raise InputError(f"{STORAGE}: is given beside storage_gb; they are one, keep one of them")
        plain["storage_gb"] = plain.pop(STORAGE)
    if isinstance(requests := plain.get("requests"), dict):
        plain["requests"] = _counted("requests", requests.items())
    return plain


def paths_from(recipe: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The fields of a recipe that stands in ``folder``, with paths that start in the current folder."""
    return {**recipe, **{name: _joined(folder, recipe[name]) for name in _relative_paths(recipe)}}


def paths_for(recipe: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The fields of a recipe that is to stand in ``folder``, with paths that start there.

    Absolute paths stay, but for those of files in the folder or below, which then move with it.
    """
    relative = {name: os.path.relpath(recipe[name], folder) for name in _relative_paths(recipe)}
    home = folder.absolute()
    inside = {
        name: os.path.relpath(recipe[name], home)
        for name in _paths(recipe)
        if name not in relative and Path(recipe[name]).is_relative_to(home)
    }
    return {**recipe, **relative, **inside}


def _paths(recipe: Mapping[str, Any]) -> list[str]:
    named = [name for name in FILE_FIELDS if isinstance(recipe.get(name), str)]
    return [name for name in named if Path(recipe[name]).suffix]


def _relative_paths(recipe: Mapping[str, Any]) -> list[str]:
    return [name for name in _paths(recipe) if not Path(recipe[name]).is_absolute()]


def _joined(folder: Path, path: str) -> str:
    return os.path.normpath(folder / path) if folder != Path() else path


def _plain(name: str, value: Any, folder: Path) -> Any:
    if isinstance(value, str) and name in TABLE_FIELDS and is_table(value):
        return _read_table(name, _joined(folder, value))
    if name in FILE_FIELDS and isinstance(value, str):
        return paths_from({name: value}, folder)[name]
    if name == STORAGE:
        return [_size(name, each) for each in value] if isinstance(value, list) else _size(name, value)
    if name in SIZE_FIELDS:
        return [_sized(name, each) for each in value] if isinstance(value, list) else _sized(name, value)
    return value


def _size(name: str, value: Any) -> float:
    """A size in GB that has to name its unit."""
    if not isinstance(value, str):
        raise InputError(
            f"{name}: {quote(value)} has no unit; write it as a text such as '500MB', or use storage_gb"
        )
    return parse_size(name, value) / 1e9


def _sized(name: str, value: Any) -> Any:
    """A number in the unit of the field, from a text with a unit; anything else as it is."""
    if isinstance(value, str) and has_unit(value):
        return parse_size(name, value) / SIZE_FIELDS[name]
    return value


def _counted(what: str, counts: Iterable[tuple[str, Any]]) -> list[str | int]:
    """One request per user, from the number of users of every model."""
    requests: list[str | int] = []
    for model, count in counts:
        if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= MOST_USERS:
            raise InputError(
                f"{what}: {quote(model)} has the count {quote(count)}; expected a whole number from 0 to {MOST_USERS}"
            )
        requests += [model] * count
    if not requests:
        raise InputError(f"{what}: the counts are all 0; at least one user is needed")
    return requests


def _read_table(name: str, path: str) -> list[Any]:
    """The values of a field from its file."""
    what = f"{name}: {path}"
    content, _ = read_input(name, path)
    if path.lower().endswith(".csv"):
        return _from_csv(name, what, read_rows(what, content))
    if name == STORAGE:
        raise InputError(f"{what}: holds numbers without a unit; name it under storage_gb, in GB")
    return _from_array(name, what, read_array(name, path, content, name))


def _from_csv(name: str, what: str, rows: list[Row]) -> list[Any]:
    if name == "requests":
        return _requests(what, rows)
    if name == "backhaul_gbps":
        return _links(what, rows)
    columns = _COLUMNS[name]
    unnamed = (
        header_of(what, rows, [columns.numbered, *(n for names in columns.names for n in names)]) is None
    )
    if unnamed and name != STORAGE and not any(_is_number(cell) for cell in rows[0].cells):
        raise InputError(
            f"{what}, line {rows[0].line}: has no column {columns}; it has {', '.join(map(quote, rows[0].cells))}"
        )
    chosen = select(what, rows, columns)
    if name == STORAGE:
        return [parse_size(f"{what}, line {row.line}", row.cells[0]) / 1e9 for row in chosen]
    values = [[number_cell(f"{what}, line {row.line}", cell) for cell in row.cells] for row in chosen]
    return values if len(columns.names) > 1 else [row[0] for row in values]


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _requests(what: str, rows: list[Row]) -> list[str | int]:
    """Models, one per user, or counted."""
    header = header_of(what, rows, ("user", "model", "count"))
    first, second = (
        [row.cells[place] for row in rows] if len(rows[0].cells) > place else [] for place in (0, 1)
    )
    counted = header is not None and "count" in header
    if header is None and len(rows[0].cells) == 2:
        numbered = all(map(is_whole, first)) and sorted(map(int, first)) == list(range(len(first)))
        counts = all(map(is_whole, second))
        if numbered == counts:
            raise InputError(
                f"{what}: its two columns may be user,model or model,count; say which in a first line"
            )
        counted = counts
    if not counted:
        return [_named(what, row) for row in select(what, rows, _COLUMNS["requests"])]
    if header is not None and "user" in header:
        raise InputError(f"{what}: has a column user beside count; keep user,model or model,count")
    chosen = select(what, rows, _COUNTS) if header is not None else rows
    pairs: dict[str, int] = {}
    for row in chosen:
        model = _named(what, row)
        if model in pairs:
            raise InputError(
                f"{what}, line {row.line}: the model {quote(model)} occurs twice; add its counts up"
            )
        pairs[model] = whole_cell(f"{what}, line {row.line}: count", row.cells[1])
    return _counted(what, pairs.items())


def _named(what: str, row: Row) -> str:
    if not row.cells[0]:
        raise InputError(f"{what}, line {row.line}: names no model")
    return row.cells[0]


def _links(what: str, rows: list[Row]) -> list[list[float]]:
    """(N, N) rates in Gbit/s: a square, or one line per link with from, to and rate; other links do not exist."""
    if header_of(what, rows, ("from", "to", "gbps")) is None:
        return [
            [
                0.0 if place == node else number_cell(f"{what}, line {row.line}", cell)
                for place, cell in enumerate(row.cells)
            ]
            for node, row in enumerate(rows)
        ]
    found: dict[tuple[int, int], float] = {}
    for row in select(what, rows, _LINKS):
        where = f"{what}, line {row.line}"
        link = (whole_cell(f"{where}: from", row.cells[0]), whole_cell(f"{where}: to", row.cells[1]))
        if link in found:
            raise InputError(f"{where}: the link from {link[0]} to {link[1]} occurs twice")
        if max(link) >= MOST_USERS:
            raise InputError(f"{where}: node {max(link)} is above all numbers of nodes")
        found[link] = number_cell(f"{where}: gbps", row.cells[2])
    nodes = 1 + max(max(link) for link in found)
    if nodes > 64:
        raise InputError(f"{what}: names node {nodes - 1}; nodes are numbered 0 to 63 at most")
    return [[0.0 if n == m else found.get((n, m), 0.0) for m in range(nodes)] for n in range(nodes)]


def _from_array(name: str, what: str, array: NDArray[Any]) -> list[Any]:
    """Numbers from an array: one axis for what is per node or user, two for positions and links."""
    if array.dtype.kind not in "iuf":
        raise InputError(f"{what}: dtype is {array.dtype}; expected real numbers")
    axes = 2 if name in ("user_xy_m", "node_xy_m", "backhaul_gbps") else 1
    if axes == 1 and array.ndim == 2 and 1 in array.shape:  # a row or column of MATLAB
        array = array.reshape(-1)
    if array.ndim != axes or not array.size:
        raise InputError(f"{what}: shape is {array.shape}; expected {axes} {'axes' if axes > 1 else 'axis'}")
    if array.size > 2 * MOST_USERS:
        raise InputError(f"{what}: has {array.size} numbers, more than {2 * MOST_USERS}")
    if name == "backhaul_gbps" and array.shape[0] == array.shape[1]:
        array = np.where(np.eye(len(array), dtype=np.bool_), 0.0, array)
    if name == "requests":
        if not np.array_equal(array, np.rint(array)) or np.abs(array).max() > 2**53:
            raise InputError(f"{what}: holds numbers that are not whole; expected numbers of models")
        return [int(value) for value in array.tolist()]
    wrong = np.argwhere(~np.isfinite(array))
    if wrong.size:
        index = tuple(wrong[0].tolist())
        raise InputError(f"{what}: entry {index} is {array[index]}, which is not finite")
    values: list[Any] = array.astype(np.float64).tolist()
    return values
