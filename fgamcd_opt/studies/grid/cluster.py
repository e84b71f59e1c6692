"""Cells on a Dask cluster: each task runs the cell's process on its worker and returns the row.

A worker that is lost takes no row with it: Dask gives its tasks to another one, and each task has one answer.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from fgamcd_opt.io.errors import BackendError, InputError
from fgamcd_opt.io.optional import require_extra
from fgamcd_opt.studies.grid.cell import faulty
from fgamcd_opt.studies.grid.cell_outcome import CellOutcome
from fgamcd_opt.studies.grid.cells import Cell
from fgamcd_opt.studies.grid.child import Answer, run_cell
from fgamcd_opt.studies.grid.row import Row

if TYPE_CHECKING:
    from distributed import Client

log = logging.getLogger("fgamcd_opt")

_CONNECT_S = 30.0

_LOOK_S = 2.0
"""Between two looks at the workers; those of a cluster that is being started join within this time."""

_REMIND_S = 300.0
"""Between two lines that say that there are none."""


def run_on_cluster(
    cells: Sequence[Cell], rates: Path | None, grace_s: float, address: str
) -> Generator[Answer]:
    """Answers as they come, one per cell.

    Parameters
    ----------
    cells
        What to run.
    rates
        Folder of the shared rate tables; workers that do not see it go without.
    grace_s
        Seconds beyond its time limit after which a cell is killed.
    address
        Of the scheduler, such as ``tcp://host:8786``.

    Raises
    ------
    BackendError
        distributed is not installed, or no scheduler answers at this address.
    """
    require_extra("cluster", "--scheduler")
    from distributed import Client, as_completed

    try:
        client = Client(address, timeout=_CONNECT_S)
    except (OSError, ValueError) as error:
        raise BackendError(f"no Dask scheduler answers at {address}: {error or 'timed out'}") from error
    with client, _lack_of_workers_told(client, address):
        client.wait_for_workers(1)
        shared = None if rates is None else rates.absolute()
        by_key = {f"cell-{cell.id}": cell for cell in cells}
        futures = [
            client.submit(_run, cell.to_json(), shared, grace_s, key=key, pure=False)
            for key, cell in by_key.items()
        ]
        for future in as_completed(futures):
            lost = future.exception()
            if lost is None:
                fields, solution = future.result()
                yield _answer(by_key[future.key], fields, solution)
            else:  # Dask gave up on it, for example because every worker that tried was lost
                reason = f"the cluster gave up: {type(lost).__name__}: {lost}"
                yield Answer(Row.of_cell(by_key[future.key], CellOutcome.CRASHED, reason=reason), None)
            future.release()


@contextmanager
def _lack_of_workers_told(client: Client, address: str) -> Iterator[None]:
    """Within: while the scheduler has no worker, a line now and then says that one is waited for."""
    ended = threading.Event()

    def watch() -> None:
        told = -math.inf
        while not ended.wait(_LOOK_S):
            with suppress(OSError):  # a scheduler that is gone is told by what waits for the cells
                if client.scheduler_info()["workers"]:
                    told = -math.inf
                elif time.monotonic() - told >= _REMIND_S:
                    told = time.monotonic()
                    log.warning(
                        "the scheduler at %s has no workers; waiting for one to join (`dask worker %s`)",
                        address,
                        address,
                    )

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()


def _answer(cell: Cell, fields: dict[str, object], solution: bytes | None) -> Answer:
    """What a worker sent, if it is the row of the cell; a worker may have another version of this package."""
    try:
        row = Row.from_json(fields)
        fault = f"holds cell {row.cell}" if row.cell != cell.id else row.unlike(cell)
    except InputError as error:
        fault = str(error)
    return Answer(row, solution) if fault is None else Answer(faulty(cell, fault), None)


def _run(
    fields: dict[str, object], rates: Path | None, grace_s: float
) -> tuple[dict[str, object], bytes | None]:
    """On the worker."""
    visible = rates if rates is not None and rates.is_dir() else None
    answer = run_cell(Cell.from_json(fields), visible, grace_s)
    assert answer is not None  # nobody asked for a stop
    return answer.row.to_json(), answer.solution
