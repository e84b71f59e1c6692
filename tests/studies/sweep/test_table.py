"""The table of a sweep: means over the same seeds only, gains seed by seed, intervals as SciPy computes them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from synthetic_cells import synthetic_cells

from fgamcd_opt.studies.statistics import mean_interval, t_distribution, t_quantile
from fgamcd_opt.studies.sweep.sweep_table import common_seeds, summarise


@given(st.integers(1, 200), st.floats(0.5, 0.9999), st.floats(0.0, 50.0))
def test_students_t_agrees_with_scipy(freedom, probability, t):
    assert t_quantile(probability, freedom) == pytest.approx(
        stats.t.ppf(probability, freedom), rel=1e-9, abs=1e-9
    )
    assert t_distribution(t, freedom) == pytest.approx(stats.t.cdf(t, freedom), abs=1e-12)


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=20))
def test_interval_agrees_with_scipy(values):
    found = mean_interval(values)
    assert found.value == pytest.approx(np.mean(values), abs=1e-9)
    if np.std(values) > 1e-9:
        low, high = stats.t.interval(0.95, len(values) - 1, np.mean(values), stats.sem(values))
        assert found[1:] == pytest.approx((low, high), rel=1e-6, abs=1e-6)


def test_interval_of_few_values():
    assert all(math.isnan(value) for value in mean_interval([]))
    assert mean_interval([3.0]).value == 3.0
    assert math.isnan(mean_interval([3.0]).low)


def row(table, value, method):
    (found,) = table[(table["value"] == value) & (table["method"] == method)].to_dict("records")
    return found


def test_means_gaps_and_gains_by_hand():
    """Exact takes 1 s + seed, coarse twice or four times that: the gain is the mean of the seeds' gains."""
    factor = {0: 2.0, 1: 4.0, 2: 2.0}
    table = summarise(
        synthetic_cells(lambda method, value, seed: (1 + seed) * (factor[seed] if method == "coarse" else 1))
    )
    assert len(table) == 6
    coarse, exact = row(table, 2.0, "coarse"), row(table, 2.0, "exact")
    assert coarse["delay_s"] == pytest.approx((2 + 8 + 6) / 3)
    assert exact["lower_bound_s"] == coarse["lower_bound_s"] == pytest.approx(0.99 * 2)
    assert coarse["gain"] == pytest.approx((0.5 + 0.75 + 0.5) / 3)
    assert coarse["gap"] == pytest.approx(1 - 0.99 * (0.5 + 0.25 + 0.5) / 3)
    assert coarse["gap_max"] == pytest.approx(1 - 0.99 * 0.25)
    assert (exact["gain"], exact["gap"]) == (0.0, pytest.approx(0.01))
    assert (coarse["cloud_blocks"], exact["cloud_blocks"]) == (1.0, 0.0)
    assert coarse["gain_low"] < coarse["gain"] < coarse["gain_high"]


def test_a_seed_that_is_infeasible_somewhere_counts_nowhere():
    cells = synthetic_cells(lambda method, value, seed: None if (value, seed) == (1.0, 2) else 1.0 + seed)
    assert common_seeds(cells) == {0, 1}
    table = summarise(cells)
    assert row(table, 3.0, "exact")["delay_s"] == pytest.approx(1.5)
    assert (row(table, 3.0, "exact")["solved"], row(table, 3.0, "exact")["seeds"]) == (3, 2)


def test_no_mean_where_a_method_misses_a_seed():
    """A mean over fewer seeds than the others' would not be comparable."""
    table = summarise(
        synthetic_cells(lambda method, value, seed: None if (method, seed) == ("coarse", 0) else 2.0)
    )
    coarse = row(table, 1.0, "coarse")
    assert (coarse["solved"], coarse["cells"], coarse["seeds"]) == (2, 3, 0)
    assert all(math.isnan(coarse[name]) for name in ("delay_s", "gain", "gap", "cloud_blocks"))


def test_a_point_that_is_infeasible_for_every_seed_leaves_the_others():
    table = summarise(
        synthetic_cells(lambda method, value, seed: None if (method, value) == ("exact", 1.0) else 2.0)
    )
    assert math.isnan(row(table, 1.0, "exact")["delay_s"])
    lone = row(table, 1.0, "coarse")
    assert (lone["seeds"], lone["delay_s"]) == (3, 2.0)
    assert math.isnan(lone["gain"])
    assert row(table, 2.0, "coarse")["gain"] == 0.0


def test_second_parameter_keeps_its_own_points():
    table = summarise(synthetic_cells(lambda method, value, seed: value, series=(4.0, 8.0)))
    assert len(table) == 12
    assert sorted(set(table["series"])) == [4.0, 8.0]
