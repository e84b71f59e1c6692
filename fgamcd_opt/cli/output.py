"""What commands print on stdout."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from fgamcd_opt.io.safe_text import one_line, printable

_UNBOUNDED = 1_000_000
"""Characters of a line where there is no terminal: more than any row has."""

_LEAST_TEXT = 20
"""Characters of a line of text on a terminal that is narrower than its names."""


def command_line() -> str:
    """The command as it was typed; bytes in it that are no text are written as escapes."""
    return shlex.join(["fgamcd", *sys.argv[1:]]).encode(errors="backslashreplace").decode()


def say(text: str = "") -> None:
    """Lines of text on stdout; names in it reach no terminal as commands."""
    print(printable(text))


def print_json(content: Mapping[str, Any]) -> None:
    """One JSON object with finite numbers only."""
    print(json.dumps(content, indent=2, allow_nan=False))


def columns() -> int:
    """Characters of a line: COLUMNS, else those of the terminal; a pipe or a file gets whole rows, however long."""
    return shutil.get_terminal_size(fallback=(_UNBOUNDED, 24)).columns


def say_text(text: str) -> None:
    """A paragraph, filled to the width."""
    say("\n".join(_filled(text, columns())))


def print_rows(rows: Mapping[str, str]) -> None:
    """Names and texts in two columns; long texts go on below their beginning."""
    width = max(map(len, rows))
    for name, text in rows.items():
        first, *others = _filled(text, columns() - width - 2)
        say(f"{name:<{width}}  {first}")
        for line in others:
            say(f"{'':<{width}}  {line}")


def _filled(text: str, width: int) -> list[str]:
    """Lines of at most ``width`` characters, where its words let them be; a text that fits stays as it is."""
    text = one_line(text)
    if len(text) <= width:
        return [text]
    return textwrap.wrap(text, max(width, _LEAST_TEXT), break_long_words=False, break_on_hyphens=False)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Aligned columns, the first and the last to the left; a heading breaks after its first word."""
    headings = [(*one_line(column).split(" ", 1), "")[:2] for column in columns]
    lines = [list(line) for line in zip(*headings, strict=True) if any(line)]
    cells = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, *cells, strict=True)]
    for line in [*lines, ["-" * width for width in widths], *cells]:
        inner = [cell.rjust(width) for cell, width in zip(line, widths, strict=True)]
        say("  ".join([line[0].ljust(widths[0]), *inner[1:-1], line[-1]]))
