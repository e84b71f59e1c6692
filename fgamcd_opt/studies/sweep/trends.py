"""What the paper reports about each of its figures, and the table that compares it with what was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fgamcd_opt.io.short_repr import short_repr
from fgamcd_opt.studies.sweep.judges import (
    EQUAL,
    NOTHING,
    POINTS,
    Judge,
    Judgement,
    diminishing,
    direction,
    equal_at_first,
    gain,
    misses_when_small,
    order,
    some_value_beats_first,
)
from fgamcd_opt.studies.sweep.measured import Measured
from fgamcd_opt.studies.table import Column, Table

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Trend:
    """One reported trend.

    Parameters
    ----------
    quantity
        What the report is about.
    reported
        The report, in our words.
    judge
        Compares it with a sweep.
    at
        Place on the axis that the report is about; the nearest point of the sweep is judged. None: all points.
    """

    quantity: str
    reported: str
    judge: Judge
    at: float | None = None

    __repr__ = short_repr


REPORTED_GAINS: Mapping[str, Mapping[str, float]] = {
    "storage": {
        "qmix-da": 0.1220,
        "trimcaching": 0.1224,
        "no-cooperation": 0.2330,
        "tdma-unicast": 0.2974,
        "coarse": 0.6786,
    },
    "users": {
        "qmix-da": 0.1306,
        "trimcaching": 0.1244,
        "no-cooperation": 0.2538,
        "tdma-unicast": 0.4285,
        "coarse": 0.8296,
    },
    "reuse": {
        "qmix-da": 0.0800,
        "trimcaching": 0.1219,
        "no-cooperation": 0.1875,
        "tdma-unicast": 0.2183,
        "coarse": 0.3109,
    },
    "llm": {
        "qmix-da": 0.0568,
        "trimcaching": 0.0880,
        "no-cooperation": 0.147,
        "tdma-unicast": 0.3052,
        "coarse": 0.5086,
    },
}
"""By how much the paper's MAASN-DA is below each method: figures 9, 9b, 13b at a reuse ratio of 8.70 %, and 18."""

_REPORTED_AT = {"reuse": 0.087}
"""Place on the axis of the gains above, where they are not over the whole sweep."""

_FALLS = direction("delay_s", "s", 1.0, -1)
_RISES = direction("delay_s", "s", 1.0, 1)
_RATE_RISES = direction("mean_user_rate_bps", "Gbit/s", 1e9, 1)


def _gains(reported: Mapping[str, float], at: float | None) -> tuple[Trend, ...]:
    """One trend per reported gain, and one for their order."""
    where = "" if at is None else f" at {at:g}"
    each = [
        Trend(f"T below {name}{where}", f"MAASN-DA by {100 * value:.2f} %", gain(name, value), at)
        for name, value in reported.items()
    ]
    ranked = sorted(reported, key=lambda name: -reported[name])
    return (*each, Trend(f"order of the gains{where}", ", ".join(ranked), order(ranked), at))


_TRENDS: Mapping[str, tuple[Trend, ...]] = {
    "storage": (
        Trend("T", "falls as storage grows", _FALLS),
        Trend("coarse at small storage", "misses QoS rates", misses_when_small("coarse")),
    ),
    "users": (Trend("T", "grows with users", _RISES),),
    "nodes": (
        Trend("T", "falls as nodes are added", _FALLS),
        Trend("T", "each further node helps less", diminishing),
    ),
    "antennas": (Trend("T", "falls as antennas are added", _FALLS),),
    "zipf": (Trend("T", "falls as requests concentrate", _FALLS),),
    "reuse": (
        Trend("T", "falls as more is reused", _FALLS),
        Trend("block caching without reuse", "equals coarse caching", equal_at_first("coarse-exact")),
    ),
    "backhaul": (
        Trend("T", "falls with the backhaul rate", _FALLS),
        Trend("user rate", "rises with the backhaul rate", _RATE_RISES),
    ),
    "threshold": (
        Trend(
            "T of hybrid",
            "some threshold beats broadcasting everything",
            some_value_beats_first("hybrid"),
        ),
    ),
}
"""Reports about how things change, by sweep; those of ``csi`` are in `fgamcd_opt.studies.sweep.csi`."""

RULE = (
    f"A gain agrees if the reported one differs from the measured mean by at most {100 * POINTS:g} percentage points; "
    f"delays are equal if they differ by at most {100 * EQUAL:g} %. The measured gains are those of the certified "
    "optimum, the reported ones those of the paper's method."
)


def trends_of(sweep: str, preset: str) -> tuple[Trend, ...]:
    """What the paper reports about a sweep of a preset that stands for one of its figures."""
    gains = REPORTED_GAINS.get("llm" if preset == "llm" else sweep, {})
    return _TRENDS.get(sweep, ()) + (_gains(gains, _REPORTED_AT.get(sweep)) if gains else ())


COLUMNS = (
    Column("figure"),
    Column("quantity"),
    Column("reported"),
    Column("measured"),
    Column("verdict"),
    Column("why"),
)

VERDICTS = {True: "agrees", False: "disagrees", None: "not comparable"}


def trend_rows(sweep: str, preset: str, cells: pd.DataFrame) -> list[tuple[str, str, Judgement]]:
    """Quantity, report and judgement of every trend of a sweep."""
    measured = Measured(cells)
    return [(trend.quantity, trend.reported, _judged(trend, measured)) for trend in trends_of(sweep, preset)]


def _judged(trend: Trend, measured: Measured) -> Judgement:
    """The judgement on all points, or on the one nearest to where the report is, which it names then."""
    if trend.at is None:
        return trend.judge(measured)
    nearest = measured.nearest(trend.at)
    found = trend.judge(nearest)
    where = float(nearest.cells["x"].mean())
    return found if found == NOTHING else replace(found, measured=f"{found.measured} at {where:.4g}")


def trend_table(figure: str, rows: Sequence[tuple[str, str, Judgement]]) -> Table:
    """Reported against measured, one row per trend."""
    lines = tuple(
        (figure, quantity, reported, found.measured, VERDICTS[found.agrees], found.reason)
        for quantity, reported, found in rows
    )
    return Table("trends", "Reported and measured", COLUMNS, lines, (RULE,))
