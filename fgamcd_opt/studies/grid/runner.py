"""All cells of a comparison: those that have no row yet are run, side by side, and every row becomes a file at once.

Folder: ``cells/ID.json`` one row per cell, ``solutions/ID.npz`` what was found, ``rates`` the shared rate tables.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from pathlib import Path

from fgamcd_opt.io.files import write_bytes_atomically
from fgamcd_opt.io.optional import require_extra
from fgamcd_opt.io.targets import make_folder, require_folder
from fgamcd_opt.studies.grid.cells import Cell, require_distinct
from fgamcd_opt.studies.grid.child import GRACE_S, Answer, run_cell
from fgamcd_opt.studies.grid.kept_rows import kept_rows, row_path
from fgamcd_opt.studies.grid.row import Row

log = logging.getLogger("fgamcd_opt")

Progress = Callable[[Row, int, int], None]
"""Called after every cell with its row, the number of cells run so far, and of those to be run."""


def run_cells(
    cells: Sequence[Cell],
    folder: Path,
    *,
    jobs: int = 1,
    scheduler: str | None = None,
    progress: Progress | None = None,
    retry_failed: bool = False,
    keep_solutions: bool = True,
    share_rates: bool = True,
    grace_s: float = GRACE_S,
) -> list[Row]:
    """Run the cells that have no row in ``folder`` yet, or one that is not accepted; see `kept_rows`.

    Parameters
    ----------
    cells
        All cells of the comparison; other rows in the folder are left alone.
    folder
        Made if it does not exist.
    jobs
        Cells that run side by side on this machine.
    scheduler
        Address of a Dask scheduler whose workers run the cells instead.
    progress
        Called after every cell.
    retry_failed
        Run again what was not solved.
    keep_solutions
        Write the solution files.
    share_rates
        Keep rate tables in the folder, so that cells that need the same rates read them.
    grace_s
        Seconds beyond its time limit after which a cell is killed.

    Returns
    -------
    list[Row]
        One row per cell, in the order of the cells.

    Raises
    ------
    UsageError
        A cell comes twice.
    InputError
        The folder cannot be written.
    BackendError
        joblib, psutil or distributed is missing, or no scheduler answers.
    """
    require_distinct(cells)
    require_extra("compare", "a comparison", "joblib", "psutil")
    rates = folder / "rates"
    wanted = [folder / "cells"]
    wanted += [folder / "solutions"] if keep_solutions else []
    wanted += [rates] if share_rates else []
    for each in wanted:
        require_folder(each)
        make_folder(each)
    rows = kept_rows({cell.id: cell for cell in cells}, folder, retry_failed)
    missing = [cell for cell in cells if cell.id not in rows]
    log.info("%d cells, %d of them are in %s already", len(cells), len(rows), folder)
    if missing:
        shared = rates if share_rates else None
        try:
            with closing(_answers(missing, shared, grace_s, jobs, scheduler)) as answers:
                for done, answer in enumerate(answers, 1):
                    row = answer.row
                    if keep_solutions and answer.solution is not None:
                        write_bytes_atomically(folder / "solutions" / f"{row.cell}.npz", answer.solution)
                    row.save(row_path(folder, row.cell))
                    rows[row.cell] = row
                    if progress is not None:
                        progress(row, done, len(missing))
        except KeyboardInterrupt:
            log.warning(
                "%d of %d cells are kept in %s; the same command runs the others",
                len(rows),
                len(cells),
                folder,
            )
            raise
    return [rows[cell.id] for cell in cells]


def _answers(
    cells: Sequence[Cell], rates: Path | None, grace_s: float, jobs: int, scheduler: str | None
) -> Generator[Answer]:
    """Answers as they come."""
    if scheduler is not None:
        from fgamcd_opt.studies.grid.cluster import run_on_cluster

        return run_on_cluster(cells, rates, grace_s, scheduler)
    return _run_here(cells, rates, grace_s, jobs)


def _run_here(cells: Sequence[Cell], rates: Path | None, grace_s: float, jobs: int) -> Generator[Answer]:
    """Threads that wait for the processes of the cells."""
    from joblib import Parallel, delayed

    stop = threading.Event()
    pool = Parallel(n_jobs=jobs, backend="threading", return_as="generator_unordered")
    try:
        yield from pool(delayed(run_cell)(cell, rates, grace_s, stop) for cell in cells)
    finally:
        stop.set()  # after Ctrl-C: the cells that still run are killed
