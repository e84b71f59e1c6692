"""All files that a comparison writes at its end: rows, tables, figures, and one HTML page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.files import write_bytes_atomically
from fgamcd_opt.io.targets import make_folder
from fgamcd_opt.studies.comparison.comparison_figures import comparison_figures
from fgamcd_opt.studies.comparison.comparison_settings import extent, settings
from fgamcd_opt.studies.comparison.html_page import html_page
from fgamcd_opt.studies.comparison.instance_tables import gap_table, instance_table
from fgamcd_opt.studies.comparison.summary_tables import overview
from fgamcd_opt.studies.figure_files import save_figure
from fgamcd_opt.studies.grid.row_files import write_row_files
from fgamcd_opt.studies.scores import Scores, scores_of

if TYPE_CHECKING:
    from pandas import DataFrame

REPORT_FILES = ("rows.parquet", "rows.csv", "tables.md", "report.html")
"""What :func:`write_report` writes besides the figures."""


def write_report(
    frame: DataFrame, folder: Path, *, title: str = "Comparison", command: str = ""
) -> list[Path]:
    """Write rows (Parquet, CSV), tables (Markdown), figures (PNG, SVG) and ``report.html``.

    Parameters
    ----------
    frame
        Derived table of a comparison, in the order of its grid.
    folder
        Where the files go; figures go into its folder ``figures``.
    title
        Heading of the page.
    command
        What made the rows, as it was typed.

    Returns
    -------
    list of Path
        Files written.

    Raises
    ------
    InputError
        If there is no row, or the folder cannot be written.
    """
    if not len(frame):
        raise InputError(f"{folder}: there is no row to report; run at least one cell")
    scores = scores_of(frame)
    written = write_row_files(frame, folder)
    figures = folder / "figures"
    make_folder(figures)
    for name, figure in comparison_figures(scores).items():
        written += save_figure(figure, figures / name)
    drawn = {path.stem: path for path in written if path.suffix == ".svg"}
    texts = {
        "tables.md": markdown_page(scores, title, command),
        "report.html": html_page(scores, drawn, title, command),
    }
    for name, text in texts.items():
        write_bytes_atomically(folder / name, text.encode())
        written.append(folder / name)
    return written


def markdown_page(scores: Scores, title: str, command: str) -> str:
    """All tables but that of the cells, and the settings."""
    parts = [f"# {title}", *([f"    {command}"] if command else []), extent(scores)]
    every = [instance_table(scores, instance) for instance in scores.instances]
    for table in [*overview(scores), gap_table(scores), *every]:
        parts += [f"## {table.title}", table.markdown()]
    said = "\n".join(f"* {name}: {'; '.join(values)}" for name, values in settings(scores).items())
    return "\n\n".join([*parts, "## Settings and provenance", said]) + "\n"
