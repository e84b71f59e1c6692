"""Gaps of every method over its training runs: interquartile means with intervals, as values and as tables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fgamcd_opt.io.short_repr import short_repr
from fgamcd_opt.studies.policies.contender import Contender
from fgamcd_opt.studies.scores import SOLVED_CLASSES, Scores, known, mean
from fgamcd_opt.studies.statistics import Estimate, Floats, bootstrap, probability_of_improvement
from fgamcd_opt.studies.table import GAP, TIME, Column, Table, Value, in_percent, without_empty

FAILED_GAP = 1.0
"""Gap of a solve without an accepted point: that of an infinite delay, (T - L) / T as T grows."""


@dataclass(frozen=True, eq=False)
class MethodGaps:
    """All gaps of a method.

    Attributes
    ----------
    method
        Its name.
    seeds
        Of its trainings; one per row of ``gaps``.
    gaps
        (runs, instances) gap to the certified bound, :data:`FAILED_GAP` where no point was accepted.
    solved
        Solves with an accepted point.
    time_s
        Mean time of a solve in s, None if unknown.
    """

    method: str
    seeds: tuple[int, ...]
    gaps: Floats
    solved: int
    time_s: float | None

    __repr__ = short_repr

    @property
    def over_runs(self) -> Estimate:
        """Interquartile mean of all gaps; the interval says what other training seeds would give."""
        return bootstrap([self.gaps])

    def over_instances(self, run: int) -> Estimate:
        """Interquartile mean of one run; the interval says what other instances of the same kind would give."""
        return bootstrap([self.gaps[run]])


def gaps_by_method(scores: Scores) -> list[MethodGaps]:
    """Gaps of every method on the instances that have a certified bound, in the order of the scores.

    Raises
    ------
    ValueError
        No instance has a bound.
    """
    bounded = [i for i in scores.instances if scores.reference_lower_bound_s(i) is not None]
    if not bounded:
        raise ValueError("no instance has a certified bound")
    found = []
    for method in scores.methods:
        cells = [scores.by_cell[instance, method].records for instance in bounded]
        accepted = [[record["class"] in SOLVED_CLASSES for record in records] for records in cells]
        gaps = [
            [r["reference_gap"] if good else FAILED_GAP for r, good in zip(records, goods, strict=True)]
            for records, goods in zip(cells, accepted, strict=True)
        ]
        found.append(
            MethodGaps(
                method=method,
                seeds=tuple(record["seed"] for record in cells[0]),
                gaps=np.array(gaps, dtype=np.float64).T,
                solved=sum(map(sum, accepted)),
                time_s=mean(known(record["solve_s"] for records in cells for record in records)),
            )
        )
    return found


def method_table(found: Sequence[MethodGaps], reference: str, notes: Sequence[str] = ()) -> Table:
    """One line per method: interquartile mean over runs and instances, and how often it beats the reference.

    Parameters
    ----------
    found
        Gaps of all methods.
    reference
        Name of the method that the others are compared with.
    notes
        What else holds for the whole table.
    """
    columns = (
        Column("method"),
        Column("runs", "d", "training seeds"),
        Column("n", "d", "instances with a certified bound"),
        Column("solved %", ".1f", "share of the solves with an accepted point"),
        Column("IQM gap %", GAP, "interquartile mean of (T - bound) / T over all runs and instances"),
        Column("from %", GAP, "lower end of its 95 % bootstrap interval over training runs"),
        Column("to %", GAP, "upper end of this interval"),
        Column("mean gap %", GAP),
        Column("largest %", GAP),
        Column("solve s", TIME, "mean time of a solve"),
        Column(f"below {reference} %", ".1f", f"probability of a smaller gap than a run of {reference}"),
        Column("from %", ".1f", "lower end of its interval"),
        Column("to %", ".1f", "upper end of its interval"),
    )
    theirs = next(m for m in found if m.method == reference)
    rows = tuple(_method_row(m, None if m is theirs else theirs) for m in found)
    protocol = (
        "Gap: (T - L) / T, T by the independent checker, L the best certified bound of the same instance; "
        f"{100 * FAILED_GAP:g} % where no point was accepted. Intervals resample training runs, each with all of its "
        "instances; there is none for a single run."
    )
    return without_empty(
        Table("methods", "Gap to the certified bound by method", columns, rows, (protocol, *notes))
    )


def _method_row(method: MethodGaps, theirs: MethodGaps | None) -> tuple[Value, ...]:
    against = None if theirs is None else probability_of_improvement(method.gaps, theirs.gaps)
    return (
        method.method,
        *method.gaps.shape,
        in_percent(method.solved / method.gaps.size),
        *_percents(method.over_runs),
        in_percent(float(method.gaps.mean())),
        in_percent(float(method.gaps.max())),
        method.time_s,
        *_percents(against),
    )


def policy_table(found: Sequence[MethodGaps], contenders: Sequence[Contender]) -> Table:
    """One line per policy: interquartile mean over the instances, and what its training took."""
    columns = (
        Column("method"),
        Column("seed", "d", "of the training"),
        Column("IQM gap %", GAP, "interquartile mean over the instances"),
        Column("from %", GAP, "lower end of its 95 % bootstrap interval over instances"),
        Column("to %", GAP, "upper end of this interval"),
        Column("largest %", GAP),
        Column("episodes", "d", "of the training, up to this policy"),
        Column("steps", "d", "of the environment up to then"),
        Column("training s", ".0f", "wall-clock time up to then"),
        Column("policy", meaning="SHA-256 of the file"),
    )
    of = {method.method: method for method in found}
    rows = []
    for contender in contenders:
        method = of[contender.label]
        run = method.seeds.index(contender.seed)
        cost = (contender.episodes, contender.steps, contender.seconds)
        largest = in_percent(float(method.gaps[run].max()))
        estimate = _percents(method.over_instances(run))
        rows.append((contender.label, contender.seed, *estimate, largest, *cost, contender.sha256[:12]))
    note = "Intervals resample instances; there is none for a single instance."
    return without_empty(
        Table("policies", "Gap to the certified bound by policy", columns, tuple(rows), (note,))
    )


def _percents(estimate: Estimate | None) -> tuple[Value, ...]:
    """Value and ends in percent, None where unknown."""
    if estimate is None:
        return (None, None, None)
    return tuple(None if math.isnan(part) else 100.0 * part for part in estimate)
