"""Names and values from outside, in every output: terminal, pictures, file names, tables for spreadsheets."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fgamcd_opt.cli.output import print_rows, print_table, say
from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.safe_text import (
    MAX_NAME_BYTES,
    MAX_QUOTED,
    check_name,
    csv_cell,
    figure_text,
    file_name,
    one_line,
    printable,
    quote,
    shortened,
)

anything = st.text(st.characters(codec=None), max_size=300)
"""Any text, with control characters and halves of surrogate pairs."""

names = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=120).filter(
    lambda name: len(name.encode()) <= MAX_NAME_BYTES
)
"""What `check_name` accepts."""

HOSTILE = (
    "$\\unknowncmd$", "$", "\\$", "$$", "_hidden", "=1+1", "@SUM(1)", "+1", "-1", "a|b", "<script>alert(1)</script>",
    "x/1", "..", "/etc/passwd", "W" * 900, "\U0001f600", "\u202eabc", "a" * 300, "&amp;", "--><!--", "%s{0}", "C:\\x",
)  # fmt: skip


def obeyed(text: str) -> list[str]:
    """Characters that a terminal obeys or cannot show."""
    return [c for c in text if c not in "\n\t" and unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")]


def refused(text: str) -> list[str]:
    """What a name cannot hold: lines and tabs, too."""
    long = [text] if len(text.encode(errors="replace")) > MAX_NAME_BYTES else []
    return [*obeyed(text), *(c for c in text if c in "\n\t"), *long]


@given(text=anything)
def test_what_is_printed_holds_nothing_that_a_terminal_obeys(text: str) -> None:
    assert not obeyed(printable(text))
    assert not obeyed(one_line(text))
    assert "\n" not in one_line(text)


@given(cells=st.lists(anything, min_size=1, max_size=3))
def test_tables_and_lines_on_stdout(cells: list[str]) -> None:
    stream = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdout", stream)
        print_table([f"c{i}" for i in range(len(cells))], [cells])
        lines = stream.getvalue().count("\n")
        print_rows(dict.fromkeys(["name"], cells[0]))
        say(cells[0])
    assert lines == 3  # heading, rule and one row, whatever is in it
    assert not obeyed(stream.getvalue())


@given(one=anything, other=anything)
def test_different_texts_get_different_file_names(one: str, other: str) -> None:
    assume(one != other)
    assert file_name(one).lower() != file_name(other).lower()


@pytest.mark.parametrize(
    ("one", "other"),
    [("x/1", "x_1"), ("X", "x"), ("a b", "a_b"), ("", "."), (".a", "a"), ("a" * 300, "a" * 301)],
)
def test_names_that_are_alike_get_different_file_names(one: str, other: str) -> None:
    assert file_name(one).lower() != file_name(other).lower()
    assert file_name(one) != file_name(file_name(one)) or file_name(one) == one


@given(text=anything)
def test_a_file_of_any_name_can_be_made(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    name = file_name(text)
    assert name.isascii()
    assert len(name) <= 120
    assert not name.startswith(".")
    path = tmp_path_factory.getbasetemp() / f"trace_{name}.svg"
    path.write_bytes(b"")
    assert path.parent == tmp_path_factory.getbasetemp()
    path.unlink()


@given(value=anything)
def test_no_cell_is_run_by_a_spreadsheet(value: str) -> None:
    cell = csv_cell(value)
    assert isinstance(cell, str)
    assert not cell.startswith(("=", "@", "+", "-", "\t", "\r"))
    assert not obeyed(cell)


def test_numbers_stay_numbers_in_a_cell() -> None:
    assert [csv_cell(value) for value in (-1, -1.5, None, True)] == [-1, -1.5, None, True]


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | anything,
    lambda inner: st.lists(inner) | st.dictionaries(anything, inner),
    max_leaves=40,
)


@given(value=values)
def test_a_quoted_value_is_short_and_on_one_line(value: object) -> None:
    text = quote(value)
    assert len(text) <= MAX_QUOTED
    assert not obeyed(text)
    assert "\n" not in text


@pytest.mark.parametrize(
    "make",
    [
        lambda: 10**400,
        lambda: -(10**400),
        lambda: 1 << 10**6,
        lambda: "a" * 10**7,
        lambda: ["a"] * 10**6,
        lambda: {str(i): i for i in range(10**5)},
    ],
)
def test_values_of_any_size_are_quoted_shortly(make: Callable[[], object]) -> None:
    assert len(quote(make())) <= MAX_QUOTED


@given(value=st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.floats())
def test_short_values_are_quoted_as_they_are(value: object) -> None:
    assert quote(value) == repr(value)


@given(name=names)
def test_names_without_control_characters_are_accepted(name: str) -> None:
    assert check_name("name", name) == name


@given(text=anything)
def test_a_name_is_accepted_or_refused_with_one_clear_error(text: str) -> None:
    message = ""
    try:
        check_name("name", text)
    except InputError as error:
        message = str(error)
    assert message.startswith("name: ") == (not text or bool(refused(text)))
    assert not obeyed(message)
    assert len(message) < 2 * MAX_QUOTED


@pytest.mark.parametrize(
    "value", [None, 1, True, [], "", "a" * (MAX_NAME_BYTES + 1), "\x1b[31m", "a\nb", "\ud800"]
)
def test_what_is_no_name(value: object) -> None:
    with pytest.raises(InputError, match=r"^field: "):
        check_name("field", value)


@given(one=st.text(max_size=2000), other=st.text(max_size=2000))
def test_shortened_names_stay_different_and_are_names(one: str, other: str) -> None:
    assert len(shortened(one).encode()) <= MAX_NAME_BYTES
    assert (shortened(one) == shortened(other)) == (one == other)


def check_picture(name: str, folder: Path) -> None:
    """A figure with the name in its title, ticks and legend is written, and the legend has it."""
    import xml.etree.ElementTree as ElementTree

    from fgamcd_opt.studies.figure_files import save_figure
    from fgamcd_opt.studies.figure_style import add_legend, new_figure

    figure, axes = new_figure(2.0, legend=1)
    label = figure_text(name)
    axes.plot([0.0, 1.0], [0.0, 1.0], label=label)
    axes.set_title(f"{label}: title")
    axes.set_yticks([0.5], [label])
    add_legend(figure, axes)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [label]
    png, svg = save_figure(figure, folder / file_name(name))
    assert png.read_bytes().startswith(b"\x89PNG")
    ElementTree.fromstring(svg.read_bytes())


@pytest.mark.parametrize("name", HOSTILE)
def test_pictures_are_made_for_hostile_names(name: str, tmp_path: Path) -> None:
    check_picture(name, tmp_path)


@settings(max_examples=15, deadline=None)
@given(name=anything.filter(bool))
def test_pictures_are_made_for_any_name(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    check_picture(name, tmp_path_factory.mktemp("pictures"))


@given(name=names)
def test_matplotlib_shows_the_dollars_of_a_name_and_no_formula(name: str) -> None:
    from matplotlib.cbook import is_math_text

    text = figure_text(name)
    assert not is_math_text(text)
    assert text.replace(r"\$", "$").strip().rstrip("\u2026") in f" {one_line(name)}"
