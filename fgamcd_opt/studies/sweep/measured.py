"""What a sweep measured, as the judges of trends read it: curves seed by seed, gains, words for intervals."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fgamcd_opt.io.short_repr import short_repr
from fgamcd_opt.solving.status import relative_gap
from fgamcd_opt.studies.statistics import Estimate, mean_interval
from fgamcd_opt.studies.sweep.methods import REFERENCE
from fgamcd_opt.studies.sweep.sweep_table import SOLVED, common_seeds

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Measured:
    """The cells of a sweep.

    Parameters
    ----------
    cells
        As `fgamcd_opt.studies.sweep.sweep_table.common_seeds` describes them, with the features of the instances.
    """

    cells: pd.DataFrame

    __repr__ = short_repr

    @property
    def seeds(self) -> list[int]:
        """Seeds that the reference solved at every point."""
        return sorted(common_seeds(self.cells))

    def curves(self, method: str, quantity: str = "delay_s") -> list[tuple[float, pd.DataFrame]]:
        """Per value of the second parameter (NaN if there is none): value by seed, one row per value of the first.

        Only common seeds, and only values at which the method solved all of them.
        """
        chosen = self.cells[(self.cells["method"] == method) & self.cells["seed"].isin(self.seeds)]
        chosen = chosen[chosen["class"].isin(SOLVED)]
        found = []
        for series, rows in chosen.groupby("series", dropna=False):
            wide = rows.pivot(index="value", columns="seed", values=quantity).dropna()
            complete = wide.shape[1] == len(self.seeds)
            found.append((float(str(series)), wide if complete else wide.iloc[:0]))
        return found

    def nearest(self, x: float) -> Measured:
        """The point of the sweep whose place on the axis is nearest to x."""
        places = self.cells.groupby("value")["x"].mean()
        value = float(str((places - x).abs().idxmin()))
        return Measured(self.cells[self.cells["value"] == value])

    def points(self, methods: Iterable[str]) -> set[tuple[str, float]]:
        """Points (second value as text, value) at which each of these methods solved every common seed."""
        solved = [
            {(str(series), float(str(value))) for series, wide in self.curves(name) for value in wide.index}
            for name in methods
        ]
        return set.intersection(*solved)

    def at_points_of(self, methods: Iterable[str]) -> Measured:
        """The common seeds at :meth:`points` alone, where means of these methods are over the same cells."""
        kept, seeds = self.points(methods), set(self.seeds)
        places = zip(*(self.cells[name].tolist() for name in ("series", "value", "seed")), strict=True)
        inside = [
            (str(float(series)), float(value)) in kept and seed in seeds for series, value, seed in places
        ]
        return Measured(self.cells[inside])

    def of_method(self, method: str) -> pd.DataFrame:
        """All cells of a method."""
        return self.cells[self.cells["method"] == method]

    def gain(self, method: str, below: str = "delay_s") -> Estimate:
        """By how much ``below`` of the reference is below T of the method, mean over all points; over the seeds."""
        by_seed: list[list[float]] = [[] for _ in self.seeds]
        references = {str(series): wide for series, wide in self.curves(REFERENCE, below)}
        for series, wide in self.curves(method):
            reference = references[str(series)]
            for value in wide.index.intersection(reference.index):
                for place, seed in enumerate(self.seeds):
                    pair = float(str(wide.at[value, seed])), float(str(reference.at[value, seed]))
                    by_seed[place].append(relative_gap(*pair))
        return mean_interval([math.fsum(gains) / len(gains) for gains in by_seed if gains])


def percent(share: float) -> str:
    """A share in percent."""
    return f"{100.0 * share:.2f} %"


def percent_interval(interval: Estimate) -> str:
    """Mean and 95 % interval in percent; the mean alone if there is no interval."""
    if math.isnan(interval.low):
        return percent(interval.value)
    return f"{percent(interval.value)} [{100.0 * interval.low:.2f}, {100.0 * interval.high:.2f}]"
