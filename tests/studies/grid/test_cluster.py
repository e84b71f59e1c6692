"""Cells on a real local Dask cluster of two worker processes, one of which is killed half-way."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest
from distributed import Client, LocalCluster

from fgamcd_opt.io.errors import BackendError
from fgamcd_opt.studies.grid.cells import Source, make_grid
from fgamcd_opt.studies.grid.row import Row
from fgamcd_opt.studies.grid.runner import run_cells

CELLS = 4


def test_every_row_comes_once_though_a_worker_is_killed(tmp_path: Path, plug_ins: Path, roomy: Path) -> None:
    told: Counter[str] = Counter()
    cells = make_grid(
        [Source.of(str(roomy))], ["odd-plain"], range(CELLS), options={"odd-plain": {"wait_s": "0.3"}}
    )
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        pids = client.run(os.getpid)
        victim, survivor = pids.values()
        children = psutil.Process(victim)

        def kill_one(row: Row, done: int, total: int) -> None:
            told[row.cell] += 1
            if done == 1:
                lost.extend(child.pid for child in children.children(recursive=True))
                os.kill(victim, signal.SIGKILL)

        lost: list[int] = []
        rows = run_cells(cells, tmp_path / "out", scheduler=cluster.scheduler_address, progress=kill_one)
        assert survivor in client.run(os.getpid).values()
    assert told == Counter(cell.id for cell in cells)
    assert [row.cell for row in rows] == [cell.id for cell in cells]
    assert all(row.solved for row in rows)
    assert len({row.delay_s for row in rows}) == 1
    seeds = Counter(path.name.split("-")[3] for path in plug_ins.iterdir())
    assert set(seeds) == {str(seed) for seed in range(CELLS)}
    assert {path.stem for path in (tmp_path / "out" / "cells").iterdir()} == set(told)
    assert {path.stem for path in (tmp_path / "out" / "solutions").iterdir()} == set(told)
    gone, _ = psutil.wait_procs([psutil.Process(pid) for pid in lost if psutil.pid_exists(pid)], timeout=10)
    assert not [pid for pid in lost if psutil.pid_exists(pid)], gone


def test_lack_of_workers_is_told(
    tmp_path: Path,
    plug_ins: Path,
    roomy: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One worker joins only after two lines have said that there is none."""
    monkeypatch.setattr("fgamcd_opt.studies.grid.cluster._LOOK_S", 0.1)
    monkeypatch.setattr("fgamcd_opt.studies.grid.cluster._REMIND_S", 0.5)
    cells = make_grid([Source.of(str(roomy))], ["odd-plain"])
    with LocalCluster(n_workers=0, threads_per_worker=1, dashboard_address=None) as cluster:
        address = cluster.scheduler_address

        def lines() -> list[str]:
            return [record.getMessage() for record in caplog.records if "has no workers" in record.message]

        def join_late() -> None:
            while len(lines()) < 2:
                time.sleep(0.05)
            cluster.scale(1)

        joining = threading.Thread(target=join_late)
        joining.start()
        (row,) = run_cells(cells, tmp_path / "out", scheduler=address)
        joining.join()
        told = lines()
    assert row.solved
    assert f"the scheduler at {address} has no workers; waiting for one" in told[0]
    assert len(told) < 100


def test_no_scheduler_is_one_clear_error(
    tmp_path: Path, plug_ins: Path, roomy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fgamcd_opt.studies.grid.cluster._CONNECT_S", 0.5)
    cells = make_grid([Source.of(str(roomy))], ["odd-plain"])
    with pytest.raises(BackendError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9"):
        run_cells(cells, tmp_path / "out", scheduler="tcp://127.0.0.1:9")
    assert not list((tmp_path / "out" / "cells").iterdir())
