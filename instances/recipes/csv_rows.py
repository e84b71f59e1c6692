"""Rows of a CSV file: the columns that a recipe field takes, in the order of the nodes or users that they belong to."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.files import MAX_TEXT_BYTES
from fgamcd_opt.io.safe_text import quote


@dataclass(frozen=True)
class Row:
    """One line with its number, for messages, and the cells of the columns that were asked for."""

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Columns:
    """What a field looks for in a CSV file.

    Parameters
    ----------
    numbered
        What the rows belong to, ``user`` or ``node``: the name of the optional column with its number.
    names
        Columns that the field takes, each with the other names that it may have.
    """

    numbered: str
    names: tuple[tuple[str, ...], ...]

    def __str__(self) -> str:
        return ",".join(names[0] for names in self.names)


def read_rows(what: str, content: bytes) -> list[Row]:
    """All lines that are not empty; separated by commas, or by semicolons or tabs where the first line has some.

    Raises
    ------
    InputError
        If the content is no UTF-8 text (a byte order mark is no harm), too long, or lines differ in length.
    """
    if len(content) > MAX_TEXT_BYTES:
        raise InputError(f"{what}: has {len(content)} bytes; a CSV file has at most {MAX_TEXT_BYTES}")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{what}: is no UTF-8 text; save it as CSV in UTF-8") from error
    first = next((line for line in text.splitlines() if line.strip()), "")
    separator = next((mark for mark in ";\t" if mark in first), ",")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        lines = [Row(reader.line_num, tuple(cell.strip() for cell in cells)) for cells in reader]
    except csv.Error as error:
        raise InputError(f"{what}, line {reader.line_num}: not valid CSV ({error})") from error
    rows = [row for row in lines if any(row.cells)]
    if not rows:
        raise InputError(f"{what}: is empty")
    rows[0] = Row(
        rows[0].line, (rows[0].cells[0].lstrip("# "), *rows[0].cells[1:])
    )  # NumPy's mark of a header
    for row in rows:
        if len(row.cells) != len(rows[0].cells):
            raise InputError(
                f"{what}, line {row.line}: has {len(row.cells)} columns; the first line has {len(rows[0].cells)}"
            )
    return rows


def header_of(what: str, rows: Sequence[Row], known: Sequence[str]) -> list[str] | None:
    """Names of the columns, if the first line has one that is known; None if it holds values.

    Raises
    ------
    InputError
        If two columns have one name.
    """
    names = [cell.lower() for cell in rows[0].cells]
    if not set(names) & set(known):
        return None
    for name in names:
        if name and names.count(name) > 1:
            raise InputError(f"{what}, line {rows[0].line}: the column {quote(name)} occurs twice; keep one")
    return names


def select(what: str, rows: Sequence[Row], columns: Columns) -> list[Row]:
    """The columns of a field, sorted by the number of the user or node if there is a column of it.

    Without a header, the columns are those of the field in their order, after the number where there is one more.

    Raises
    ------
    InputError
        If a column is missing, or the numbers are not 0 to n - 1, each once.
    """
    known = [columns.numbered, *(name for names in columns.names for name in names)]
    header = header_of(what, rows, known)
    wanted = len(columns.names)
    if header is None:
        given = len(rows[0].cells)
        if given not in (wanted, wanted + 1):
            raise InputError(
                f"{what}: has {given} columns without a known name; add a first line with {columns}, and with "
                f"{columns.numbered} if the rows are numbered"
            )
        body, numbers = rows, 0 if given == wanted + 1 else None
        places = list(range(given - wanted, given))
    else:
        body = rows[1:]
        numbers = header.index(columns.numbered) if columns.numbered in header else None
        places = [_place(what, header, names, columns) for names in columns.names]
    if not body:
        raise InputError(f"{what}: has a line of names, but no values")
    chosen = [Row(row.line, tuple(row.cells[place] for place in places)) for row in body]
    return chosen if numbers is None else _sorted(what, body, numbers, chosen, columns.numbered)


def _place(what: str, header: list[str], names: tuple[str, ...], columns: Columns) -> int:
    found = [header.index(name) for name in names if name in header]
    if len(found) > 1:
        raise InputError(
            f"{what}: the columns {quote(header[found[0]])} and {quote(header[found[1]])} are one"
        )
    if not found:
        held = ", ".join(quote(name) for name in header)
        raise InputError(f"{what}: has no column {names[0]}; it has {held}, expected {columns}")
    return found[0]


def _sorted(what: str, body: Sequence[Row], numbers: int, chosen: list[Row], numbered: str) -> list[Row]:
    placed: dict[int, Row] = {}
    for row, values in zip(body, chosen, strict=True):
        number = whole_cell(f"{what}, line {row.line}: {numbered}", row.cells[numbers])
        if number in placed:
            raise InputError(
                f"{what}, line {row.line}: {numbered} {number} occurs twice, first in line {placed[number].line}"
            )
        placed[number] = values
    missing = next((n for n in range(len(placed)) if n not in placed), None)
    if missing is not None:
        raise InputError(
            f"{what}: {numbered} {missing} is missing; the {len(placed)} {numbered}s are numbered 0 to "
            f"{len(placed) - 1}"
        )
    return [placed[number] for number in range(len(placed))]


def is_whole(cell: str) -> bool:
    """Whether a cell is a whole number that is not negative."""
    return cell.isascii() and cell.isdecimal() and len(cell) <= 18


def whole_cell(what: str, cell: str) -> int:
    """A whole number that is not negative.

    Raises
    ------
    InputError
        For anything else.
    """
    if not is_whole(cell):
        raise InputError(f"{what}: {quote(cell)} is not a whole number from 0 on")
    return int(cell)


def number_cell(what: str, cell: str) -> float:
    """A finite number, written with a point.

    Raises
    ------
    InputError
        For anything else.
    """
    try:
        value = float(cell) if "_" not in cell else float("nan")
    except ValueError:
        value = float("nan")
    if not abs(value) < float("inf"):
        comma = "; write a decimal point" if "," in cell else ""
        raise InputError(f"{what}: {quote(cell)} is not a finite number{comma}")
    return value
