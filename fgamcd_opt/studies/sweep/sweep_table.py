"""From the cells of a sweep to its table: means and intervals over the same seeds, gaps, gains."""

from __future__ import annotations

import math
from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

from fgamcd_opt.problem.metrics import METRICS
from fgamcd_opt.solving.status import relative_gap
from fgamcd_opt.studies.statistics import mean_interval
from fgamcd_opt.studies.sweep.methods import REFERENCE

if TYPE_CHECKING:
    import pandas as pd

SOLVED = ("proved", "better_than_known", "feasible")
"""Classes of a cell whose solution the checker accepts."""

POINT = ["series", "value"]
"""What names a point of the sweep; ``series`` is NaN where there is no second parameter."""


def averaged() -> tuple[str, ...]:
    """Columns of the cells of which the table holds the mean."""
    return (*METRICS, "solve_s")


def common_seeds(cells: pd.DataFrame) -> frozenset[int]:
    """Seeds that every mean is taken over: those that the reference solved at every point.

    Points at which it solved none, because P1 is infeasible there for every seed, do not count.

    Parameters
    ----------
    cells
        One row per cell: `POINT`, ``method``, ``seed``, ``class``, ``delay_s``,
        ``lower_bound_s`` and those of `averaged`.
    """
    reference = cells[cells["method"] == REFERENCE]
    common: frozenset[int] | None = None
    for _, point in reference.groupby(POINT, dropna=False):
        solved = frozenset(point.loc[point["class"].isin(SOLVED), "seed"].tolist())
        if solved:
            common = solved if common is None else common & solved
    return common or frozenset()


def summarise(cells: pd.DataFrame) -> pd.DataFrame:
    """One row per point and method, in the order of the points and of the methods in ``cells``.

    A mean stands only where the method solved every common seed; ``solved`` of ``cells`` counts all seeds.

    Columns
    -------
    series, value, x, method
        The point, its place on the axis, the method.
    cells, solved, infeasible, seeds
        Seeds that were run, those solved by the method, those that it proved to have no solution, and those the means
        are over (0: no mean).
    delay_s, delay_low_s, delay_high_s
        Mean T and its 95 % interval, in s.
    lower_bound_s
        Mean proved lower bound of the reference, in s.
    gap, gap_max
        Mean and largest gap of T to the reference's proved bound, seed by seed.
    gain, gain_low, gain_high
        By how much the reference's T is below the method's, as a share of the method's; mean over the seeds.
    served, ..., solve_s
        Means of the metrics, and of the time of a solve in s.
    """
    import pandas as pd

    common = common_seeds(cells)
    methods = list(dict.fromkeys(cells["method"]))
    rows: list[dict[str, Any]] = []
    for key, point in cells.groupby(POINT, dropna=False, sort=True):
        shared = point[point["seed"].isin(common)]
        reference = shared[shared["method"] == REFERENCE].set_index("seed")
        rows += [_row(key, name, point[point["method"] == name], reference, common) for name in methods]
    return pd.DataFrame(rows)


def _row(
    key: Hashable, method: str, cells: pd.DataFrame, reference: pd.DataFrame, common: frozenset[int]
) -> dict[str, Any]:
    """One row of the table."""
    series, value = key if isinstance(key, tuple) else (math.nan, key)
    accepted = cells[cells["class"].isin(SOLVED)]
    of_common = accepted[accepted["seed"].isin(common)].set_index("seed").sort_index()
    comparable = bool(common) and len(of_common) == len(common)
    used = of_common if comparable else of_common.iloc[:0]
    best = reference.reindex(used.index)
    row: dict[str, Any] = {"series": series, "value": value, "x": float(cells["x"].mean()), "method": method}
    row |= {
        "cells": len(cells),
        "solved": len(accepted),
        "infeasible": int((cells["class"] == "infeasible").sum()),
    }
    row |= {"seeds": len(used)}
    row |= _named("delay", "_s", used["delay_s"].tolist())
    bounds = reference["lower_bound_s"].tolist() if reference["lower_bound_s"].notna().all() else []
    row["lower_bound_s"] = mean_interval(bounds).value
    gaps = _pairs(used["delay_s"], best["lower_bound_s"])
    row["gap"], row["gap_max"] = mean_interval(gaps).value, max(gaps, default=math.nan)
    row |= _named("gain", "", _pairs(used["delay_s"], best["delay_s"]))
    return row | {name: float(used[name].astype(float).mean()) for name in averaged()}


def _named(name: str, unit: str, values: list[float]) -> dict[str, float]:
    """Mean and ends of the interval under their names."""
    mean, low, high = mean_interval(values)
    return {f"{name}{unit}": mean, f"{name}_low{unit}": low, f"{name}_high{unit}": high}


def _pairs(delays_s: pd.Series[float], below_s: pd.Series[float]) -> list[float]:
    """Relative gaps, seed by seed; none at all if one cannot be computed."""
    if below_s.isna().any():
        return []
    return [relative_gap(delay, below) for delay, below in zip(delays_s, below_s, strict=True)]
