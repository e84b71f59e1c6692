"""The learning curve: one row per evaluation, written to a CSV file as it is made.

The last column is a seal, made of the row and of the seal of the row before it: a row that was changed, left out, added
or moved is noticed. Rows at the end may be missing, as after a kill.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.files import read_text_file, reason_of, write_bytes_atomically
from fgamcd_opt.io.safe_text import quote
from fgamcd_opt.io.short_repr import short_repr

_MAX_BYTES = 1 << 26
"""Longest file, about 600 000 evaluations: a curve that was written can be read."""

_MAX_NUMBER = 40
"""Characters of a number: more than any that is written."""


@dataclass(frozen=True, kw_only=True)
class CurveRow:
    """Where a training stands at the end of an episode.

    Parameters
    ----------
    seed
        Of the training.
    episode, steps
        Episodes and environment steps so far.
    seconds
        Wall-clock time of the training so far, over all its parts if it was resumed.
    return_
        Mean return of the episodes since the last row, as played (column ``return``).
    delay_s
        Delay T of the deterministic policy in s, infinite if something requested is not delivered; None if it was
        not evaluated.
    gap
        Relative gap of that delay to the certified bound; None without a bound or a finite delay.
    unserved
        Requested blocks that the deterministic policy does not deliver.
    updates, synthetic
        Updates of the networks and synthetic samples so far.
    steps_per_s
        Environment steps per second since the last row.
    diagnostics
        Losses and the like by name, for TensorBoard alone.
    """

    seed: int
    episode: int
    steps: int
    seconds: float
    return_: float
    delay_s: float | None
    gap: float | None
    unserved: int
    updates: int
    synthetic: int
    steps_per_s: float
    diagnostics: Mapping[str, float] = field(default_factory=dict)

    __repr__ = short_repr

    @property
    def texts(self) -> list[str]:
        """The row of the file; what is not known is empty, and every number reads back as it was."""
        values = ((kind, getattr(self, name)) for name, kind in _TYPES.items())
        return ["" if value is None else repr(_number(kind, value)) for kind, value in values]


_TYPES = {spec.name: str(spec.type) for spec in dataclasses.fields(CurveRow) if spec.name != "diagnostics"}

_VALUES = tuple(name.rstrip("_") for name in _TYPES)

COLUMNS = (*_VALUES, "seal")
"""Heading of the file."""

_HEADING = ",".join(COLUMNS)

_SEAL_DIGITS = 16
"""Of a SHA-256: enough against accidents, and a seal is no signature anyway."""


def _seal(before: str, values: str) -> str:
    """Seal of the values of a row after a row with the seal ``before``, which is the heading for the first row."""
    return hashlib.sha256(f"{before}\n{values}".encode()).hexdigest()[:_SEAL_DIGITS]


def read_curve(path: Path) -> list[CurveRow]:
    """All complete rows of a file; a last line without its end, as a kill may leave it, is none.

    Raises
    ------
    InputError
        The file is missing or not such a table; names line and column.
    """
    try:
        text = read_text_file(path, _MAX_BYTES).decode()
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: cannot be read as a learning curve ({reason_of(error)})") from error
    lines = io.StringIO(
        text[: text.rfind("\n") + 1]
    )  # line by line: a list of empty ones would take ten times the file
    heading = lines.readline().rstrip("\n")
    if heading == ",".join(_VALUES):
        raise InputError(
            f"{path}: is the learning curve of an older release, whose rows have no seal; move it away to use the "
            "policy beside it without its curve"
        )
    if heading != _HEADING:
        raise InputError(f"{path}: is no learning curve; its first line must be {_HEADING}")
    rows, before = [], _HEADING
    for number, line in enumerate(lines, 2):
        values, _, seal = line.rstrip("\n").rpartition(",")
        rows.append(_parsed(f"{path}: line {number}", values.split(",")))
        before = _seal(before, values)
        if seal != before:
            raise InputError(
                f"{path}: line {number}: does not match its seal: it, or a line before it, was changed"
            )
    return rows


def _parsed(where: str, texts: list[str]) -> CurveRow:
    """One row of the file."""
    if len(texts) != len(_VALUES):
        raise InputError(f"{where}: has {len(texts) + 1} values; expected {len(COLUMNS)}")
    values: dict[str, float | None] = {}
    for (name, kind), text in zip(_TYPES.items(), texts, strict=True):
        try:
            if text == "" and kind.endswith("None"):
                values[name] = None
            elif len(text) > _MAX_NUMBER:
                raise ValueError("too long")
            else:
                values[name] = _number(kind, text)
        except ValueError as error:
            raise InputError(f"{where}: {name.rstrip('_')}: {quote(text)} is not of type {kind}") from error
        if math.isnan(values[name] or 0.0):
            raise InputError(f"{where}: {name.rstrip('_')}: is not a number")
    return CurveRow(**values)  # type: ignore[arg-type]


def _number(kind: str, value: str | float) -> float:
    """The value as a plain Python number of its field's type."""
    return int(value) if kind == "int" else float(value)


class CurveFile:
    """A curve that grows: every row is in the file as soon as it was appended.

    Parameters
    ----------
    path
        The file.
    keep
        Number of rows to go on after, which the file must have; what follows them is cut off. 0 starts it again.

    Raises
    ------
    InputError
        The file has fewer rows, is no curve, or cannot be written.
    """

    __repr__ = short_repr

    def __init__(self, path: Path, keep: int = 0) -> None:
        kept = read_curve(path) if keep else []
        if len(kept) < keep:
            raise InputError(f"{path}: has {len(kept)} rows, but the checkpoint was made after {keep}")
        self.rows = kept[:keep]
        """All rows so far; those that were read have no diagnostics."""
        self._before = _HEADING
        lines = [_HEADING, *(self._line(row) for row in self.rows)]
        write_bytes_atomically(path, "".join(f"{line}\n" for line in lines).encode())
        self._stream: TextIO = path.open("a", encoding="utf-8", newline="")

    def append(self, row: CurveRow) -> None:
        """Add a row and hand it to the system at once."""
        try:
            self._stream.write(f"{self._line(row)}\n")
            self._stream.flush()
        except OSError as error:
            raise InputError(f"{self._stream.name}: cannot be written ({reason_of(error)})") from error
        self.rows.append(row)

    def _line(self, row: CurveRow) -> str:
        """The next line of the file, with its seal."""
        values = ",".join(row.texts)
        self._before = _seal(self._before, values)
        return f"{values},{self._before}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()
