"""The derived table of a comparison as Parquet and CSV with the same content."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING

from fgamcd_opt.io.files import write_bytes_atomically
from fgamcd_opt.io.safe_text import csv_cell

if TYPE_CHECKING:
    from pandas import DataFrame


def write_row_files(frame: DataFrame, folder: Path) -> list[Path]:
    """Write ``rows.parquet`` and ``rows.csv``: the rows in the order of the table, the same table the same bytes.

    Values that are lists or dictionaries (trace, options, versions) are JSON text in both; unknown values and empty
    texts are missing values in Parquet and empty in CSV. Texts that a spreadsheet would run begin with an apostrophe in
    CSV.
    """
    flat = _flat(frame)
    parquet, text = io.BytesIO(), io.StringIO()
    flat.to_parquet(parquet, index=False)
    flat.astype(object).map(csv_cell).to_csv(text, index=False, lineterminator="\n")
    paths = [folder / "rows.parquet", folder / "rows.csv"]
    for path, data in zip(paths, (parquet.getvalue(), text.getvalue().encode()), strict=True):
        write_bytes_atomically(path, data)
    return paths


def _flat(frame: DataFrame) -> DataFrame:
    """The table with texts in place of nested values and one type per column."""
    columns = {name: frame[name].map(_as_text).replace("", None) for name in frame.columns}
    return frame.assign(**columns).convert_dtypes()


def _as_text(value: object) -> object:
    return json.dumps(value, sort_keys=True) if isinstance(value, dict | list | tuple) else value
