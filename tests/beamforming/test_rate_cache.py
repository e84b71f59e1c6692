"""Rates on disk: the same numbers come back, for the same channels and settings only, and damage is noticed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fgamcd_opt import P1, load_instance
from fgamcd_opt.beamforming.broadcast import BeamformingSettings
from fgamcd_opt.beamforming.rate_cache import cache_path, keep_rates, load_rates, save_rates
from fgamcd_opt.beamforming.rate_oracle import RateOracle
from fgamcd_opt.solving.front_door import solve


def full_oracle(**overrides: str) -> RateOracle:
    oracle = RateOracle(P1(load_instance("tiny", overrides)))
    oracle.keep_proofs()
    oracle.compute()
    return oracle


def test_rates_come_back_bit_for_bit(tmp_path: Path) -> None:
    oracle = full_oracle()
    save_rates(oracle, tmp_path)
    fresh = RateOracle(P1(load_instance("tiny")))
    assert load_rates(fresh, tmp_path)
    assert np.array_equal(fresh.lower_bps(), oracle.lower_bps())
    assert np.array_equal(fresh.upper_bps(), oracle.upper_bps())
    assert fresh.solved == oracle.solved
    row, mask = 0, int(oracle.masks[0])
    assert np.array_equal(fresh.beam(row, mask), oracle.beam(row, mask))


def test_storage_shares_the_file_but_channels_and_settings_do_not(tmp_path: Path) -> None:
    path = cache_path(full_oracle(), tmp_path)
    assert cache_path(RateOracle(P1(load_instance("tiny", {"storage_gb": "0.09"}))), tmp_path) == path
    assert cache_path(RateOracle(P1(load_instance("tiny", {"csi_delta": "0.1"}))), tmp_path) != path
    other = RateOracle(P1(load_instance("tiny")), BeamformingSettings(rounds=3))
    assert cache_path(other, tmp_path) != path
    assert not load_rates(other, tmp_path)


def test_damaged_file_is_ignored_and_replaced(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    oracle = full_oracle()
    save_rates(oracle, tmp_path)
    path = cache_path(oracle, tmp_path)
    good = path.read_bytes()
    path.write_bytes(good[: len(good) // 2])
    assert not load_rates(RateOracle(oracle.problem), tmp_path)
    (warned,) = caplog.messages
    assert warned.startswith(f"{path}: damaged")
    assert warned.endswith("the file is ignored, and its rates are computed again")
    assert solve(P1(load_instance("tiny")), rate_cache=tmp_path).lower_bound_s
    assert path.read_bytes() == good


def test_solve_reads_what_an_earlier_solve_kept(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="fgamcd_opt")
    first = solve(P1(load_instance("tiny")), rate_cache=tmp_path)
    assert not any("read from" in message for message in caplog.messages)
    second = solve(P1(load_instance("tiny")), rate_cache=tmp_path)
    assert any("read from" in message for message in caplog.messages)
    assert (first.rates_read, second.rates_read) == (False, True)
    assert second.delay_s == first.delay_s
    assert second.lower_bound_s == first.lower_bound_s


WRITE_AND_READ = """
import sys
from pathlib import Path
import numpy as np
from fgamcd_opt import P1, load_instance
from fgamcd_opt.beamforming.rate_cache import load_rates, save_rates
from fgamcd_opt.beamforming.rate_oracle import RateOracle

oracle, folder = RateOracle(P1(load_instance("tiny"))), Path(sys.argv[1])
oracle.keep_proofs()
oracle.compute()
for _ in range(25):
    save_rates(oracle, folder)
    fresh = RateOracle(oracle.problem)
    assert load_rates(fresh, folder)
    assert np.array_equal(fresh.upper_bps(), oracle.upper_bps())
"""


def test_two_processes_may_write_the_same_rates_at_once(tmp_path: Path) -> None:
    save_rates(full_oracle(), tmp_path)
    writers = [
        subprocess.Popen([sys.executable, "-P", "-c", WRITE_AND_READ, str(tmp_path)]) for _ in range(2)
    ]
    assert [writer.wait() for writer in writers] == [0, 0]
    assert len(list(tmp_path.iterdir())) == 1


def test_rates_that_cannot_be_kept_are_no_reason_to_lose_a_result(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "file"
    file.touch()
    keep_rates(full_oracle(), file)
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert f"rates are not kept: {file}: cannot be made" in record.getMessage()
