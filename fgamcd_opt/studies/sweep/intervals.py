"""Mean and 95 % confidence interval of a few independent values (Student's t), without SciPy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

LEVEL = 0.95
"""Probability that the interval covers the mean, if the values are normal."""


class Interval(NamedTuple):
    """Mean and ends of its interval; the ends are NaN for a single value, all are NaN for none."""

    mean: float
    low: float
    high: float


def mean_interval(values: Sequence[float], level: float = LEVEL) -> Interval:
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
        return Interval(math.nan, math.nan, math.nan)
    mean = math.fsum(values) / n
    if n == 1:
        return Interval(mean, math.nan, math.nan)
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1))
    half = t_quantile(0.5 + 0.5 * level, n - 1) * deviation / math.sqrt(n)
    return Interval(mean, mean - half, mean + half)


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
