"""What commands print on stdout."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import sys
import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fgamcd_opt.io.safe_text import one_line, printable
from fgamcd_opt.studies.live_line import LiveLine

if TYPE_CHECKING:
    from fgamcd_opt.studies.table import Table

_UNBOUNDED = 1_000_000
"""Characters of a line where there is no terminal: more than any row has."""

_GAP = re.compile(r" *\S+(?: \S+)*?  +(?=\S)")
"""The name that a line begins with, and the gap before what is said of it."""

_LEAST_TEXT = 20
"""Characters of a line of text on a terminal that is narrower than its names."""

_NUMBER = re.compile(r"(?:[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?(?: ?%)?|-)?")
"""How numbers look in tables; a dash stands for none."""

ROLE = "role"
"""Heading of the column by which rows are grouped."""

_BETWEEN = "  "


def command_line() -> str:
    """The command as it was typed; bytes in it that are no text are written as escapes."""
    return shlex.join(["fgamcd", *sys.argv[1:]]).encode(errors="backslashreplace").decode()


def say(text: str = "") -> None:
    """Lines of text on stdout; names in it reach no terminal as commands."""
    LiveLine.erase()
    print(printable(text))


def print_json(content: Mapping[str, Any]) -> None:
    """One JSON object with finite numbers only."""
    LiveLine.erase()
    print(json.dumps(content, indent=2, allow_nan=False))


def columns() -> int:
    """Characters of a line: COLUMNS, else those of the terminal; a pipe or a file gets whole rows, however long."""
    return shutil.get_terminal_size(fallback=(_UNBOUNDED, 24)).columns


def say_text(text: str) -> None:
    """A paragraph, filled to the width."""
    say("\n".join(_filled(text, columns())))


def say_lines(text: str) -> None:
    """Lines with a place for each thing; what is too long goes on below what is said of its name."""
    for line in text.split("\n"):
        gap = _GAP.match(line)
        for part in _filled(line, columns(), " " * min(gap.end() if gap else 4, columns() // 2)):
            say(part)


def print_rows(rows: Mapping[str, str]) -> None:
    """Names and texts in two columns; long texts go on below their beginning."""
    width = max(map(len, rows))
    for name, text in rows.items():
        first, *others = _filled(text, columns() - width - 2)
        say(f"{name:<{width}}  {first}")
        for line in others:
            say(f"{'':<{width}}  {line}")


def _filled(text: str, width: int, indent: str = "") -> list[str]:
    """Lines of at most ``width`` characters, where its words let them be; a text that fits stays as it is."""
    text = one_line(text)
    if len(text) <= width:
        return [text]
    return textwrap.wrap(
        text,
        max(width, _LEAST_TEXT),
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def print_report(table: Table) -> None:
    """A table with its title above and its notes below, one paragraph each, within the width of the terminal."""
    say_text(table.title)
    say()
    print_table(table.headings, table.texts, table.numeric)
    say()
    for note in table.notes:
        say_text(note)
    say()


def print_table(
    names: Sequence[str], rows: Sequence[Sequence[str]], numeric: Sequence[bool] | None = None
) -> None:
    """Aligned columns; a heading breaks after its first word.

    The column ``role`` becomes a line above the rows that share it. Numbers of a column have their points in line. A
    last column of texts that finds no room on the terminal is wrapped; other columns stand below, beside the first one
    again.

    Parameters
    ----------
    names, rows
        Headings, and cells as they are shown.
    numeric
        Which columns are numbers, to the right; if not given, all but the first, and the last only if it looks so.
    """
    texts = [[one_line(cell) for cell in row] for row in rows]
    by_column = [
        _in_line([row[i] for row in texts]) if i else [row[0] for row in texts] for i in range(len(names))
    ]
    right = list(
        numeric
        or [i > 0 and (_are_numbers(column) or i < len(names) - 1) for i, column in enumerate(by_column)]
    )
    cells = [list(row) for row in zip(*by_column, strict=True)]
    roles = [row[names.index(ROLE)] for row in cells] if ROLE in names else None
    kept = [i for i, column in enumerate(names) if column != ROLE]
    headings = [(*one_line(column).split(" ", 1), "")[:2] for column in names]
    widths = [max(len(line[i]) for line in [*zip(*headings, strict=True), *cells]) for i in range(len(names))]
    indent = "" if roles is None else "  "
    taken = len(indent) + sum(widths[i] + len(_BETWEEN) for i in kept[:-1])
    last, room = kept[-1], columns() - taken
    if not right[last] and _LEAST_TEXT <= room < widths[last]:
        widths[last] = room
    for number, part in enumerate(_parts(kept, widths, columns() - len(indent))):
        if number:
            say()
        above = [[headings[i][line] for i in part] for line in (0, 1) if any(headings[i][line] for i in part)]
        for line in [*above, ["-" * widths[i] for i in part]]:
            say(indent + _aligned(line, part, widths, right))
        before = None
        for place, row in enumerate(cells):
            if roles is not None and roles[place] != before:
                before = roles[place]
                say(before)
            beginning, *others = _filled(row[last], widths[last]) if last in part else [""]
            say(indent + _aligned([beginning if i == last else row[i] for i in part], part, widths, right))
            for rest in others:
                say(indent + _aligned([rest if i == last else "" for i in part], part, widths, right))


def _are_numbers(column: Sequence[str]) -> bool:
    return any(map(str.strip, column)) and all(_NUMBER.fullmatch(cell.strip()) for cell in column)


def _in_line(column: Sequence[str]) -> list[str]:
    """Numbers with spaces after them so that their points stand below each other; other texts as they are."""
    if not _are_numbers(column):
        return list(column)
    after = [len(cell.partition(".")[2]) + 1 if "." in cell else 0 for cell in column]
    counted = {count for count, cell in zip(after, column, strict=True) if cell.strip("- ")}
    if len(counted) <= 1:
        return list(column)
    return [
        cell + " " * (max(counted) - count) if cell.strip("- ") else cell
        for count, cell in zip(after, column, strict=True)
    ]


def _parts(kept: Sequence[int], widths: Sequence[int], room: int) -> list[list[int]]:
    """Columns that stand side by side, the first one in every part."""
    first, *others = kept
    parts = [[first]]
    for column in others:
        taken = sum(widths[i] + len(_BETWEEN) for i in parts[-1])
        if len(parts[-1]) > 1 and taken + widths[column] > room:
            parts.append([first])
        parts[-1].append(column)
    return parts


def _aligned(cells: Sequence[str], part: Sequence[int], widths: Sequence[int], right: Sequence[bool]) -> str:
    shown = [
        cell.rjust(widths[i]) if right[i] else cell.ljust(widths[i])
        for cell, i in zip(cells, part, strict=True)
    ]
    return _BETWEEN.join(shown).rstrip()
