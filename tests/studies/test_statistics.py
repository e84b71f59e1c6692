"""Interquartile mean, bootstrap and probability of improvement against SciPy, enumeration and closed forms."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from fgamcd_opt.studies.statistics import bootstrap, interquartile_mean, probability_of_improvement

SCORES = st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=30)


def mean(values):
    return values.mean(axis=-1)


@given(SCORES)
def test_interquartile_mean_is_scipys_trimmed_mean(values):
    assert interquartile_mean(values) == pytest.approx(stats.trim_mean(values, 0.25), abs=1e-9)


def test_interquartile_mean_along_the_last_axis():
    values = np.random.default_rng(0).normal(size=(3, 4, 9))
    expected = stats.trim_mean(values, 0.25, axis=-1)
    np.testing.assert_allclose(interquartile_mean(values), expected)


def test_interval_is_that_of_all_resamples():
    """Few runs: every resample can be enumerated, and the percentiles of them all are the limit of the bootstrap."""
    scores = np.random.default_rng(1).normal(size=(4, 3))
    picks = itertools.product(range(4), repeat=4)
    every = [stats.trim_mean(scores[list(pick)].ravel(), 0.25) for pick in picks]
    found = bootstrap([scores], resamples=100_000)
    assert found.value == pytest.approx(stats.trim_mean(scores.ravel(), 0.25))
    np.testing.assert_allclose(found[1:], np.quantile(every, [0.025, 0.975]), atol=0.02)


def test_interval_of_a_mean_is_that_of_the_normal_distribution():
    scores = np.random.default_rng(2).normal(size=400)
    found = bootstrap([scores], mean, resamples=20_000)
    half = 1.96 * scores.std() / 20
    np.testing.assert_allclose(
        [found.low, found.high], [scores.mean() - half, scores.mean() + half], atol=0.005
    )


def test_runs_are_drawn_with_all_of_their_scores():
    """Two runs that differ by 1 everywhere: means of resamples are 0, 1/2, 1, whatever the number of instances."""
    scores = np.array([np.zeros(50), np.ones(50)])
    assert bootstrap([scores], mean)[1:] == (0.0, 1.0)
    by_task = bootstrap(list(scores.T), mean)  # one stratum per task: scores are drawn each by itself
    spread = math.sqrt(0.25 / 100)
    np.testing.assert_allclose(by_task[1:], [0.5 - 1.96 * spread, 0.5 + 1.96 * spread], atol=0.02)


def test_strata_are_never_mixed():
    strata = [np.zeros(5), np.full(5, 10.0)]
    assert bootstrap(strata, mean) == (5.0, 5.0, 5.0)
    low, high = bootstrap([np.concatenate(strata)], mean)[1:]
    assert low < 5.0 < high


@given(SCORES.filter(lambda values: len(values) > 1), st.integers(0, 2**63 - 1))
def test_same_seed_same_interval_that_stays_within_the_scores(values, seed):
    found = bootstrap([values], seed=seed, resamples=50)
    assert found == bootstrap([values], seed=seed, resamples=50)
    slack = 1e-9 * max(map(abs, values))
    assert min(values) - slack <= found.low <= found.high <= max(values) + slack


def test_one_run_has_no_interval():
    found = bootstrap([[0.5], [1.0, 2.0]], mean)
    assert found.value == pytest.approx(3.5 / 3)
    assert math.isnan(found.low)
    assert math.isnan(found.high)


@pytest.mark.parametrize("strata", [[], [[]], [[1.0, math.nan]], [[[[1.0]]]]])
def test_scores_that_mean_nothing_are_refused(strata):
    with pytest.raises(ValueError, match=r"stratum|scores of shape"):
        bootstrap(strata)


@given(st.integers(2, 4), st.integers(2, 4), st.integers(1, 3), st.integers(0, 100))
def test_improvement_by_counting(ours, theirs, instances, seed):
    generator = np.random.default_rng(seed)
    left, right = (generator.integers(0, 3, (n, instances)) for n in (ours, theirs))
    wins = [
        1.0 if left[i, k] < right[j, k] else 0.5 * (left[i, k] == right[j, k])
        for i in range(ours) for j in range(theirs) for k in range(instances)
    ]  # fmt: skip
    found = probability_of_improvement(left, right, resamples=50)
    assert found.value == pytest.approx(sum(wins) / len(wins))
    assert 0.0 <= found.low <= found.high <= 1.0
    other = probability_of_improvement(right, left, resamples=50)
    assert found.value + other.value == pytest.approx(1.0)


def test_improvement_is_mann_whitneys_statistic():
    generator = np.random.default_rng(3)
    left, right = generator.normal(0.0, 1.0, 12), generator.normal(0.4, 1.0, 9)
    u = stats.mannwhitneyu(right, left).statistic
    assert probability_of_improvement(left, right).value == pytest.approx(u / (12 * 9))


def test_interval_of_an_improvement_is_that_of_all_resamples():
    left, right = np.array([1.0, 2.0, 5.0]), np.array([1.5, 3.0, 4.0])
    every = [
        np.mean([left[i] < right[j] for i in a for j in b])
        for a in itertools.product(range(3), repeat=3) for b in itertools.product(range(3), repeat=3)
    ]  # fmt: skip
    found = probability_of_improvement(left, right, resamples=100_000)
    np.testing.assert_allclose(found[1:], np.quantile(every, [0.025, 0.975]), atol=0.06)
