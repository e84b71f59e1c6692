"""A table with its number formats: text for a terminal and Markdown of the same cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fgamcd_opt.io.html import html_table
from fgamcd_opt.io.safe_text import one_line
from fgamcd_opt.io.short_repr import short_repr
from fgamcd_opt.problem.metrics import QUANTITIES

Value = float | int | str | None

MISSING = "-"
GAP, DELAY, TIME = ".3f", ".6g", ".2f"
"""Formats of gaps in percent and of delays and times in s."""


@dataclass(frozen=True)
class Column:
    """Heading, format specification (empty for text), and what the column means."""

    heading: str
    form: str = ""
    meaning: str = ""

    __repr__ = short_repr

    @property
    def numeric(self) -> bool:
        """Whether its cells sort as numbers."""
        return bool(self.form)

    def text(self, value: Value) -> str:
        """A cell as it is shown."""
        if value is None or value == "":
            return MISSING
        shown = format(value, self.form) if self.numeric else str(value)
        return shown.removeprefix("-") if self.numeric and float(shown) == 0 else shown


def column_of(name: str, meaning: str = "") -> Column:
    """Column of a quantity of the one table of names, with a meaning of its own where it is a mean or the like."""
    quantity = QUANTITIES[name]
    return Column(quantity.heading, quantity.form, meaning or quantity.meaning)


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes
    ----------
    name
        Identifier, of letters, digits and hyphens.
    title
        Above the table.
    columns
        One per entry of a row.
    rows
        Values, None where unknown.
    notes
        What holds for the whole table, below it.
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...]
    notes: tuple[str, ...] = ()

    __repr__ = short_repr

    @property
    def headings(self) -> list[str]:
        """Headings of the columns."""
        return [column.heading for column in self.columns]

    @property
    def numeric(self) -> list[bool]:
        """Which columns hold numbers."""
        return [column.numeric for column in self.columns]

    @property
    def texts(self) -> list[list[str]]:
        """Cells as they are shown."""
        return [
            [column.text(value) for column, value in zip(self.columns, row, strict=True)] for row in self.rows
        ]

    def _repr_html_(self) -> str:
        return html_table(self.title, self.headings, self.texts, self.notes)

    def markdown(self) -> str:
        """The table in Markdown, numbers to the right, notes below."""
        rule = ["---:" if column.numeric else "---" for column in self.columns]
        lines = [_line(self.headings), _line(rule), *(_line(row) for row in self.texts)]
        return "\n".join([*lines, *(f"\n{note}" for note in self.notes)])


def without_empty(table: Table) -> Table:
    """The table without the columns that hold no value at all."""
    kept = [i for i in range(len(table.columns)) if any(row[i] not in (None, "") for row in table.rows)]
    return Table(
        table.name,
        table.title,
        tuple(table.columns[i] for i in kept),
        tuple(tuple(row[i] for i in kept) for row in table.rows),
        table.notes,
    )


def in_percent(share: float | None) -> float | None:
    """A share in percent; None stays None."""
    return None if share is None else 100.0 * share


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(one_line(cell).replace("|", "\\|") for cell in cells) + " |"
