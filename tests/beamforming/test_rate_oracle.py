"""The rate oracle: same numbers whatever the threads, lazily or as a table, and after an interruption."""

from __future__ import annotations

import numpy as np
import pytest

from fgamcd_opt.beamforming.broadcast import BeamformingSettings
from fgamcd_opt.beamforming.rate_oracle import MAX_NODES, RateOracle
from fgamcd_opt.instances.resolve import load
from fgamcd_opt.io.errors import UsageError
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.testing.random_problems import random_problem, worst_amplitudes

FIELDS = ("status", "lower", "upper", "x", "share", "solved")


def problem_of(seed: int, csi_set: str = "ellipsoid") -> P1:
    """Three nodes, blocks wanted by up to six users; some sets cannot serve."""
    return random_problem(seed, users=6, blocks=5, qos_share=0.8, csi_set=csi_set, antennas=3)


def assert_same(first: RateOracle, second: RateOracle) -> None:
    for one, other in zip(first.tables, second.tables, strict=True):
        for name in FIELDS:
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


@pytest.mark.parametrize("csi_set", ["ellipsoid", "balls"])
@pytest.mark.parametrize("threads", [1, 2, 4])
def test_the_table_does_not_depend_on_threads(threads, csi_set):
    problem = problem_of(2, csi_set)
    first, second = RateOracle(problem), RateOracle(problem, threads=threads)
    harder = BeamformingSettings(rounds=5)
    for oracle in (first, second):
        oracle.compute()
        oracle.compute([oracle.masks] * oracle.blocks.size, harder)
    assert first.solved == first.size
    assert_same(first, second)


@pytest.mark.parametrize("seed", range(4))
def test_rates_are_what_the_beams_reach_on_the_full_channels(seed):
    """And the beams meet (9b) and (9d): power, silence outside S, QoS of every user."""
    problem = problem_of(seed)
    data = problem.instance
    oracle = RateOracle(problem)
    oracle.compute()
    lower, upper = oracle.lower_bps(), oracle.upper_bps()
    assert (lower <= upper).all()
    assert (lower > 0).any()
    for row, mask in zip(*np.nonzero(lower), strict=True):
        block = int(oracle.blocks[row])
        beam = oracle.beam(int(row), int(mask))
        assert (np.linalg.norm(beam, axis=1) ** 2 <= data.power_w).all()
        assert not beam[(mask >> np.arange(3)) & 1 == 0].any()
        amplitude = worst_amplitudes(data.block_channels(block), data.block_radii(block), beam, data.csi_set)
        rates = data.bandwidth_hz * np.log2(1 + amplitude**2 / data.noise_w)
        assert rates.min() == pytest.approx(lower[row, mask], rel=1e-6)
        assert (rates >= data.qos_bps[data.pair_user[data.block_pairs(block)]] * (1 - 1e-9)).all()


@pytest.mark.parametrize("seed", range(4))
def test_single_rates_on_demand_agree_with_the_table(seed):
    """Both intervals hold the same optimum, so that they overlap; a known value is handed out as it is."""
    problem = problem_of(seed)
    table, lazy = RateOracle(problem), RateOracle(problem)
    table.compute()
    lower, upper = table.lower_bps(), table.upper_bps()
    for row, block in enumerate(table.blocks.tolist()):
        for mask in range(1, 8):
            nodes = [n for n in range(3) if (mask >> n) & 1]
            known = table.rate(block, nodes)
            assert (known.lower_bps, known.upper_bps) == (lower[row, mask], upper[row, mask])
            single = lazy.rate(block, nodes)
            assert single.lower_bps <= upper[row, mask]
            assert lower[row, mask] <= single.upper_bps
            assert single.qos * known.qos != -1
            assert lazy.rate(block, nodes) == single
    assert lazy.solved == lazy.size


def test_a_block_that_nobody_wants_has_no_rate():
    problem = problem_of(0)
    data = problem.instance
    free = np.setdiff1d(np.arange(data.n_blocks + 1), data.requested_blocks)
    with pytest.raises(KeyError, match=f"block {free[-1]} is not requested"):
        RateOracle(problem).rate(int(free[-1]), [0])


@pytest.mark.parametrize("calls", [1, 2])
def test_stopped_work_is_kept_and_can_be_continued(calls):
    problem = problem_of(1)
    told = []

    def progress(done: int, total: int) -> bool:
        told.append((done, total))
        return len(told) < calls

    oracle = RateOracle(problem)
    assert not oracle.compute(progress=progress)
    assert len(told) == calls
    assert 0 < oracle.solved < oracle.size
    assert told[-1] == (oracle.solved, oracle.size)
    kept = oracle.lower_bps()
    assert oracle.compute()
    assert oracle.solved == oracle.size
    assert (oracle.lower_bps() >= kept).all()


def test_an_error_in_the_progress_report_reaches_the_caller():
    def progress(done: int, total: int) -> bool:
        raise ArithmeticError("from the callback")

    with pytest.raises(ArithmeticError, match="from the callback"):
        RateOracle(problem_of(1), threads=2).compute(progress=progress)


def test_more_nodes_than_can_be_tabulated_are_refused():
    with pytest.raises(UsageError, match="nodes"):
        RateOracle(P1(load("tiny", {"nodes": str(MAX_NODES + 1)})))
