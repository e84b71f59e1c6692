"""Rows that a folder holds from earlier runs: read, checked against their cells, or set aside."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from pathlib import Path

from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.files import reason_of
from fgamcd_opt.studies.grid.cells import Cell
from fgamcd_opt.studies.grid.row import Row

log = logging.getLogger("fgamcd_opt")

REFUSED = ".refused"
"""Suffix of a row's file that was set aside."""


def row_path(folder: Path, cell: str) -> Path:
    """File of the row of a cell, given by its id, in the folder of a comparison."""
    return folder / "cells" / f"{cell}.json"


def kept_rows(
    cells: Mapping[str, Cell], folder: Path, retry_failed: bool, left_out: Collection[str] = ()
) -> dict[str, Row]:
    """Rows that are there, by id.

    A row that was changed, is of another version or is not that of its cell is set aside under another name, and a
    warning says why: the cell counts as one without a row, so that it is run again.

    Parameters
    ----------
    cells
        By id of the row.
    folder
        Of the comparison.
    retry_failed
        Leave out rows of cells that were not solved.
    left_out
        Fields and options that a row need not share with its cell.

    Raises
    ------
    InputError
        A row is not acceptable, and its file cannot be renamed.
    """
    rows = {}
    for name, cell in cells.items():
        path = row_path(folder, name)
        if not path.exists():
            continue
        try:
            row = Row.load(path)
            if fault := row.unlike(cell, left_out):
                raise InputError(f"{path}: {fault}")
        except InputError as error:
            log.warning("%s; set aside as %s, its cell is run again", error, _set_aside(path).name)
            continue
        if row.solved or not retry_failed:
            rows[name] = row
    return rows


def _set_aside(path: Path) -> Path:
    """Rename a file that is not accepted, in the place of one that was set aside before."""
    aside = path.with_suffix(REFUSED)
    try:
        path.replace(aside)
    except OSError as error:
        raise InputError(
            f"{path}: is refused, and cannot be set aside as {aside.name} ({reason_of(error)}); delete it"
        ) from error
    return aside
