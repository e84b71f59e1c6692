"""What commands print on stdout."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from fgamcd_opt.io.safe_text import one_line, printable


def command_line() -> str:
    """The command as it was typed; bytes in it that are no text are written as escapes."""
    return shlex.join(["fgamcd", *sys.argv[1:]]).encode(errors="backslashreplace").decode()


def say(text: str = "") -> None:
    """Lines of text on stdout; names in it reach no terminal as commands."""
    print(printable(text))


def print_json(content: Mapping[str, Any]) -> None:
    """One JSON object with finite numbers only."""
    print(json.dumps(content, indent=2, allow_nan=False))


def print_rows(rows: Mapping[str, str]) -> None:
    """Names and texts in two columns."""
    width = max(map(len, rows))
    for name, text in rows.items():
        say(f"{name:<{width}}  {text}")


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Aligned columns, the first and the last to the left; a heading breaks after its first word."""
    headings = [(*one_line(column).split(" ", 1), "")[:2] for column in columns]
    lines = [list(line) for line in zip(*headings, strict=True) if any(line)]
    cells = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, *cells, strict=True)]
    for line in [*lines, ["-" * width for width in widths], *cells]:
        inner = [cell.rjust(width) for cell, width in zip(line, widths, strict=True)]
        say("  ".join([line[0].ljust(widths[0]), *inner[1:-1], line[-1]]))
