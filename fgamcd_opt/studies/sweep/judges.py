"""Judges of the trends that the paper reports: each compares one report with what a sweep measured."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from fgamcd_opt.io.short_repr import short_repr
from fgamcd_opt.studies.statistics import LEVEL, mean_interval
from fgamcd_opt.studies.sweep.measured import Measured, percent, percent_interval
from fgamcd_opt.studies.sweep.methods import REFERENCE

POINTS = 0.05
"""A reported gain agrees if it differs from the measured mean by at most this much (5 percentage points)."""

EQUAL = 0.01
"""Delays that differ by no more than this share count as equal."""


@dataclass(frozen=True)
class Judgement:
    """What was measured, whether it agrees with the report (None: nothing to compare), and why."""

    measured: str
    agrees: bool | None
    reason: str

    __repr__ = short_repr


Judge = Callable[[Measured], Judgement]

NOTHING = Judgement("not measured", None, "the sweep has no comparable cells of this method")


def direction(quantity: str, unit: str, scale: float, sign: int) -> Judge:
    """A quantity of the reference rises (sign 1) or falls (-1) over the sweep, for every second value.

    Agrees if the change from the first to the last value has that sign with its whole 95 % interval, and no step of
    the mean goes the other way.
    """
    word = "rises" if sign > 0 else "falls"

    def judge(measured: Measured) -> Judgement:
        told, right, reasons = [], [], []
        for series, wide in measured.curves(REFERENCE, quantity):
            if len(wide) < 2:
                continue
            change = mean_interval(((wide.iloc[-1] - wide.iloc[0]) / wide.iloc[0]).tolist())
            means = (wide.mean(axis=1) / scale).tolist()
            against = [b for a, b in pairwise(means) if sign * (b - a) < 0]
            end = change.value if math.isnan(change.low) else (change.low if sign > 0 else change.high)
            right.append(sign * end > 0 and not against)
            where = "" if math.isnan(series) else f"{series:g}: "
            told.append(f"{where}{means[0]:.4g} to {means[-1]:.4g} {unit} ({percent_interval(change)})")
            reasons.append(f"{where}{len(against)} of {len(means) - 1} steps do not go that way")
        if not told:
            return NOTHING
        return Judgement(
            "; ".join(told), all(right), f"it {word} if no step does otherwise: {', '.join(reasons)}"
        )

    return judge


def diminishing(measured: Measured) -> Judgement:
    """The first step of the reference's delay is larger than the last one."""
    told, right = [], []
    for series, wide in measured.curves(REFERENCE):
        if len(wide) < 3:
            continue
        means = wide.mean(axis=1).tolist()
        first, last = means[0] - means[1], means[-2] - means[-1]
        right.append(first > last)
        where = "" if math.isnan(series) else f"{series:g}: "
        told.append(f"{where}first step saves {first:.4g} s, last step {last:.4g} s")
    if not told:
        return NOTHING
    return Judgement("; ".join(told), all(right), "agrees if the first step saves more than the last one")


def gain(method: str, reported: float) -> Judge:
    """The reference's T is below the method's by the reported share.

    Agrees if the report differs from the measured mean by at most `POINTS`; a wide interval proves no agreement.
    """

    def judge(measured: Measured) -> Judgement:
        found = measured.gain(method)
        if math.isnan(found.value):
            return NOTHING
        agrees = abs(found.value - reported) <= POINTS
        return Judgement(percent_interval(found), agrees, _why(measured, method, reported, found.value))

    return judge


def _why(measured: Measured, method: str, reported: float, found: float) -> str:
    """What the cells say about a difference between reported and measured gain."""
    said = [
        f"{100 * abs(found - reported):.1f} points {'smaller' if found < reported else 'larger'} than reported"
    ]
    said += _fewer_points(measured, (REFERENCE, method))
    most = measured.gain(method, "lower_bound_s").value
    if most < reported:
        said.append(
            f"more than {percent(most)} is impossible here: no solution of P1 is below the proved bound"
        )
    cells = measured.of_method(method)
    roomy = (cells["storage_bytes"] / cells["requested_bytes"]).mean()
    said.append(f"the caches together hold {roomy:.1f} times the requested bytes")
    return _left_to_cloud(measured, method, "; ".join(said))


def _fewer_points(measured: Measured, methods: Sequence[str]) -> list[str]:
    """Says at how many points of the reference all of the methods solved every seed, if not at all of them."""
    shared, of_all = len(measured.points(methods)), len(measured.points([REFERENCE]))
    return [f"over the {shared} of {of_all} points solved with every seed"] if shared < of_all else []


def _left_to_cloud(measured: Measured, method: str, said: str) -> str:
    """What was said, and how many blocks a method leaves to the cloud if it leaves any."""
    used = measured.of_method(method)["cloud_blocks"].fillna(0.0)
    if not (used > 0).any():
        return said
    count = f"in {int((used > 0).sum())} of {len(used)} cells ({used.mean():.1f} on average)"
    return f"{said}; {method} leaves blocks to the cloud {count}"


def order(reported: Sequence[str]) -> Judge:
    """The methods from the largest to the smallest gain come in the reported order, all over the same points."""

    def judge(measured: Measured) -> Judgement:
        known = [name for name in reported if not math.isnan(measured.gain(name).value)]
        if len(known) < 2:
            return NOTHING
        shared = measured.at_points_of([REFERENCE, *known])
        gains = {name: shared.gain(name).value for name in known}
        if any(math.isnan(gain) for gain in gains.values()):
            return Judgement("not measured", None, "at no point all of these methods solved every seed")
        found = sorted(known, key=lambda name: -gains[name])
        text = ", ".join(f"{name} {percent(gains[name])}" for name in found)
        apart = [name for name, other in zip(known, found, strict=True) if name != other]
        missing = [name for name in reported if name not in known]
        reasons = [f"in another place: {', '.join(apart)}" if apart else "every method is in its place"]
        reasons += _fewer_points(measured, [REFERENCE, *known])
        reasons += [f"not measured: {', '.join(missing)}"] if missing else []
        return Judgement(text, not apart, "; ".join(reasons))

    return judge


def equal_at_first(method: str) -> Judge:
    """At the first value of the sweep the method's delay equals the reference's, within `EQUAL`."""

    def judge(measured: Measured) -> Judgement:
        ours, theirs = (measured.curves(name) for name in (REFERENCE, method))
        if not (ours and theirs and len(ours[0][1]) and len(theirs[0][1])):
            return NOTHING
        reference, other = ours[0][1], theirs[0][1]
        if reference.index[0] != other.index[0]:
            return NOTHING
        apart = mean_interval(((other.iloc[0] - reference.iloc[0]) / other.iloc[0]).tolist())
        agrees = abs(apart.value) <= EQUAL
        reason = (
            f"equal means a difference of at most {percent(EQUAL)}, the gaps of the solvers being part of it"
        )
        return Judgement(f"exact is below {method} by {percent_interval(apart)}", agrees, reason)

    return judge


def misses_when_small(method: str) -> Judge:
    """The method cannot serve everything at the smallest value and can at the largest."""

    def judge(measured: Measured) -> Judgement:
        cells = measured.of_method(method)
        if cells.empty or cells["cloud_blocks"].isna().all():
            return NOTHING
        blocks = cells.groupby("value")["cloud_blocks"].mean()
        first, last = float(blocks.iloc[0]), float(blocks.iloc[-1])
        text = f"{first:.1f} blocks from the cloud at {blocks.index[0]:g}, {last:.1f} at {blocks.index[-1]:g}"
        return Judgement(
            text, first > 0.0 and last < first, "a block that no node delivers comes from the cloud"
        )

    return judge


def some_value_beats_first(method: str) -> Judge:
    """For some second value, some value of the sweep gives a lower delay than the first one.

    The best of many values is looked at, so the level of the intervals is that of Bonferroni: together they cover
    with 95 %.
    """

    def judge(measured: Measured) -> Judgement:
        told, right = [], []
        curves = [(series, wide) for series, wide in measured.curves(method) if len(wide) >= 2]
        tries = sum(len(wide) - 1 for _, wide in curves)
        for series, wide in curves:
            change = {
                float(str(v)): mean_interval(
                    ((row - wide.iloc[0]) / wide.iloc[0]).tolist(), 1.0 - (1.0 - LEVEL) / tries
                )
                for v, row in wide[1:].iterrows()
            }
            best = min(change, key=lambda value: change[value].value)
            right.append(change[best].value < 0.0 and not change[best].high > 0.0)
            where = "" if math.isnan(series) else f"{series:g}: "
            told.append(f"{where}{percent_interval(change[best])} of T at {best:g}")
        if not told:
            return NOTHING
        reason = (
            f"some other value saves time, with its whole interval, on {sum(right)} of {len(right)} curves"
        )
        return Judgement(
            f"changes against the first value: {'; '.join(told)}",
            any(right),
            _left_to_cloud(measured, method, reason),
        )

    return judge
