"""Text from outside made safe for where it goes: messages, terminals, pictures, file names and spreadsheets.

Names of instances, models and blocks, and every value of an input, may hold anything. What is shown passes through
one of the functions here; :func:`check_name` refuses at reading what no output could show.
"""

from __future__ import annotations

import hashlib
import re
import reprlib
from collections.abc import Sequence

from fgamcd_opt.io.errors import InputError

MAX_NAME_BYTES = 1000
"""Longest name of an instance, model or block in UTF-8; a longer one is no name but a mistake."""

MAX_QUOTED = 200
"""Characters of a value that a message quotes."""

_SHOWN_IN_FIGURE = 60
"""Characters of a name in a picture; longer ones would squeeze the axes to nothing."""

_MAX_FILE_NAME = 100
"""Characters of a file name without its suffix; file systems take 255 bytes, prefix and suffix included."""

_TAG_DIGITS = 8
"""Hexadecimal digits of a SHA-256 that tell two shortened or changed names apart."""

_FORMULA_STARTS = ("=", "@", "+", "-", "\t", "\r")
"""First characters of a cell that spreadsheets run as a formula."""

_DIRECTIONS = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
"""Characters that change the direction of the text after them."""

_UNSHOWN = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff{_DIRECTIONS}]")
"""What a terminal would obey instead of showing it, and halves of surrogate pairs; lines and tabs are not among it."""

_NOT_IN_NAME = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_NOT_IN_FILE_NAME = re.compile(r"[^0-9a-z._-]")
_TAGGED = re.compile(f".*-[0-9a-f]{{{_TAG_DIGITS}}}")


class _Quoting(reprlib.Repr):
    """`repr` that stops early, so that a value of a gigabyte costs no more than a small one."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlist = self.maxtuple = self.maxset = self.maxfrozenset = self.maxdict = MAX_QUOTED // 4
        self.maxstring = self.maxlong = self.maxother = MAX_QUOTED

    def repr_str(self, x: str, level: int) -> str:
        """The beginning of a long text, its control characters escaped."""
        return repr(x) if len(x) <= MAX_QUOTED else f"{x[:MAX_QUOTED]!r}..."

    def repr_int(self, x: int, level: int) -> str:
        """Large numbers by their size: Python refuses to write those of more than 4300 digits."""
        digits = int(x.bit_length() * 0.30103) + 1
        return repr(x) if digits <= MAX_QUOTED else f"a whole number of about {digits} digits"


def quote(value: object) -> str:
    """A value of an input as messages quote it: its ``repr``, of at most :data:`MAX_QUOTED` characters."""
    text = _Quoting().repr(value)
    return text if len(text) <= MAX_QUOTED else f"{text[: MAX_QUOTED - 3]}..."


def printable(text: str) -> str:
    """Text for a terminal: control characters but line ends and tabs are escaped, as ``\\x1b``."""
    return _UNSHOWN.sub(lambda match: _escaped(match[0]), text)


def one_line(text: str) -> str:
    """Text for a cell of a table or a line of progress: :func:`printable`, on one line."""
    return _escaped_line(printable(text))


def figure_text(text: str, most: int = _SHOWN_IN_FIGURE) -> str:
    """Text for a picture: short, on one line, never read as a formula, and not left out of a legend.

    matplotlib reads what stands between two ``$`` as a formula, and leaves labels that begin with ``_`` out of legends.
    """
    line = one_line(text)
    short = line if len(line) <= most else f"{line[: most - 1]}\u2026"
    return f"{' ' * short.startswith('_')}{short}".replace("$", r"\$")


def file_name(text: str) -> str:
    """A file name, without its suffix, that every file system takes; different texts get different names.

    A text of lower-case letters, digits and ``._-`` that is short and begins with a letter or digit is its own name.
    Any other one is changed and gets the beginning of its SHA-256: some file systems take capitals for small letters.
    """
    plain = _NOT_IN_FILE_NAME.sub("_", text.lower()).lstrip("._-")[:_MAX_FILE_NAME]
    if plain == text and text and not _TAGGED.fullmatch(text):
        return text
    tag = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_TAG_DIGITS]
    return f"{plain or 'name'}-{tag}"


def csv_cell(value: object) -> object:
    """A value for a CSV file: a text that a spreadsheet would run as a formula gets an apostrophe in front."""
    if not isinstance(value, str):
        return value
    shown = printable(value)
    return f"'{shown}" if shown.startswith(_FORMULA_STARTS) else shown


def check_name(field: str, value: object) -> str:
    """A name, if every output can show it.

    Raises
    ------
    InputError
        It is no text, empty, longer than :data:`MAX_NAME_BYTES`, or holds a control character or half a surrogate pair.
    """
    if not isinstance(value, str) or not value:
        raise InputError(f"{field}: {quote(value)} is not a non-empty text")
    if match := _NOT_IN_NAME.search(value):
        raise InputError(
            f"{field}: {quote(value)} holds {quote(match[0])}; a name holds no control characters and no halves of "
            "surrogate pairs"
        )
    if (size := len(value.encode())) > MAX_NAME_BYTES:
        raise InputError(f"{field}: {quote(value)} has {size} bytes; a name has at most {MAX_NAME_BYTES}")
    return value


def check_names(field: str, values: Sequence[str]) -> None:
    """Raise `InputError` as :func:`check_name` does for the first text that is no name; fast where all of them are."""
    longest = 4 * max(map(len, values), default=0)
    if longest > MAX_NAME_BYTES or not all(values) or _NOT_IN_NAME.search("".join(values)):
        for i, value in enumerate(values):
            check_name(f"{field}[{i}]", value)


def shortened(name: str) -> str:
    """A name that was put together, cut to :data:`MAX_NAME_BYTES`; different names stay different."""
    data = name.encode("utf-8", "surrogatepass")
    if len(data) <= MAX_NAME_BYTES:
        return name
    tag = hashlib.sha256(data).hexdigest()[:_TAG_DIGITS]
    return f"{data[: MAX_NAME_BYTES - _TAG_DIGITS - 1].decode(errors='ignore')}-{tag}"


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape").decode()


def _escaped_line(text: str) -> str:
    return text.replace("\n", r"\n").replace("\t", r"\t")
