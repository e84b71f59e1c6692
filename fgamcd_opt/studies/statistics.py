"""Statistics of a few runs with 95 % intervals, without SciPy: means by Student's t; the rest by a bootstrap over runs.

The bootstrap resamples training runs: the scores of one policy on several instances are not independent.
(Agarwal et al., Deep Reinforcement Learning at the Edge of the Statistical Precipice, 2021, resample every score by
itself, which suits runs that were trained for one task each: pass these as one stratum per task.)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fgamcd_opt.io.short_repr import short_repr

LEVEL = 0.95
"""Probability that an interval covers the statistic."""

RESAMPLES = 5000

TRIMMED = 0.25
"""Share of the values that the interquartile mean leaves out at either end."""

Floats = NDArray[np.float64]


class Estimate(NamedTuple):
    """A statistic and the ends of its interval; the ends are NaN for a single run, all are NaN for none."""

    value: float
    low: float
    high: float

    def __repr__(self) -> str:
        return short_repr(self)


def mean_interval(values: Sequence[float], level: float = LEVEL) -> Estimate:
    """Mean +- t_{n-1} s / sqrt(n) of n values, s their sample standard deviation.

    Parameters
    ----------
    values
        n independent values, such as one per seed.
    level
        Coverage.
    """
    n = len(values)
    if n == 0:
        return Estimate(math.nan, math.nan, math.nan)
    mean = math.fsum(values) / n
    if n == 1:
        return Estimate(mean, math.nan, math.nan)
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1))
    half = t_quantile(0.5 + 0.5 * level, n - 1) * deviation / math.sqrt(n)
    return Estimate(mean, mean - half, mean + half)


def t_quantile(probability: float, freedom: int) -> float:
    """Quantile of Student's t with a whole number of degrees of freedom, by bisection of its distribution.

    Parameters
    ----------
    probability
        In [0.5, 1).
    freedom
        Degrees of freedom, at least 1.
    """
    low, high = 0.0, 1.0
    while t_distribution(high, freedom) < probability:
        high *= 2.0
    while high - low > 1e-14 * high:
        middle = 0.5 * (low + high)
        if middle in (low, high):
            break
        if t_distribution(middle, freedom) < probability:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


def t_distribution(t: float, freedom: int) -> float:
    """P(T <= t) of Student's t, t >= 0: the finite trigonometric sums for whole degrees of freedom.

    Abramowitz and Stegun, 26.7.3 (odd) and 26.7.4 (even), with theta = atan(t / sqrt(freedom)).
    """
    theta = math.atan2(t, math.sqrt(freedom))
    cosine2, sine = math.cos(theta) ** 2, math.sin(theta)
    total = term = 1.0 if freedom > 1 else 0.0
    for j in range(2 + freedom % 2, freedom - 1, 2):
        term *= cosine2 * (j - 1) / j
        total += term
    if freedom % 2 == 0:
        return 0.5 + 0.5 * sine * total
    return 0.5 + (theta + sine * math.cos(theta) * total) / math.pi


def interquartile_mean(values: ArrayLike) -> Floats:
    """Mean of the middle half along the last axis: floor(n / 4) values are left out at either end.

    Parameters
    ----------
    values
        (..., n) finite values, n at least 1.
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64), axis=-1)
    out = int(TRIMMED * ordered.shape[-1])
    kept: Floats = ordered[..., out : ordered.shape[-1] - out].mean(axis=-1)
    return kept


def bootstrap(
    strata: Sequence[ArrayLike],
    statistic: Callable[[Floats], Floats] = interquartile_mean,
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Estimate:
    """A statistic of all scores, with its stratified percentile bootstrap interval.

    Runs are drawn with replacement within each stratum, each with all of its scores.

    Parameters
    ----------
    strata
        One (runs, scores per run) array each, at least one run; a vector counts as runs of one score.
    statistic
        From (..., n) scores to (...) values.
    seed
        Of the resampling; the same seed gives the same interval.
    resamples
        Number of resamples.

    Raises
    ------
    ValueError
        No stratum, an empty one, or a score that is not finite.
    """
    arrays = [_as_runs(stratum) for stratum in strata]
    if not arrays:
        raise ValueError("no stratum")
    value = float(statistic(np.concatenate([array.ravel() for array in arrays])))
    if any(array.shape[0] == 1 for array in arrays):
        return Estimate(value, math.nan, math.nan)
    generator = np.random.default_rng(np.random.SeedSequence(seed))
    drawn = [_resampled(array, generator, resamples).reshape(resamples, -1) for array in arrays]
    return _interval(value, statistic(np.concatenate(drawn, axis=1)))


def probability_of_improvement(
    ours: ArrayLike, theirs: ArrayLike, *, seed: int = 0, resamples: int = RESAMPLES
) -> Estimate:
    """Probability that a run of ours has the smaller score than a run of theirs, on an instance drawn at random.

    Equal scores count half. The interval resamples the runs of both.

    Parameters
    ----------
    ours, theirs
        (runs, instances) scores, such as gaps, on the same instances.
    seed, resamples
        As for :func:`bootstrap`.
    """
    left, right = _as_runs(ours), _as_runs(theirs)
    difference = right[None, :, :] - left[:, None, :]
    wins = (0.5 * (np.sign(difference) + 1.0)).mean(axis=-1)  # (runs of ours, runs of theirs)
    value = float(wins.mean())
    if 1 in wins.shape:
        return Estimate(value, math.nan, math.nan)
    generator = np.random.default_rng(np.random.SeedSequence(seed))
    ours_count, theirs_count = (_counts(n, generator, resamples) for n in wins.shape)
    shares = np.einsum("ri,ij,rj->r", ours_count, wins, theirs_count) / wins.size
    return _interval(value, shares)


def _as_runs(scores: ArrayLike) -> Floats:
    """(runs, scores per run) of finite numbers."""
    array = np.asarray(scores, dtype=np.float64)
    array = array[:, None] if array.ndim == 1 else array
    if array.ndim != 2 or not array.size or not np.isfinite(array).all():
        raise ValueError(
            f"scores of shape {array.shape}: expected (runs, scores per run), finite and not empty"
        )
    return array


def _resampled(array: Floats, generator: np.random.Generator, resamples: int) -> Floats:
    """(resamples, runs, scores per run) with runs drawn with replacement."""
    runs = array.shape[0]
    return array[generator.integers(runs, size=(resamples, runs))]


def _counts(runs: int, generator: np.random.Generator, resamples: int) -> Floats:
    """(resamples, runs) how often each run is drawn."""
    return generator.multinomial(runs, np.full(runs, 1.0 / runs), size=resamples).astype(np.float64)


def _interval(value: float, resampled: Floats) -> Estimate:
    """Percentile interval."""
    low, high = np.quantile(resampled, [0.5 - 0.5 * LEVEL, 0.5 + 0.5 * LEVEL])
    return Estimate(value, float(low), float(high))
