"""The one table of names: every figure that a report, a CSV file or a table may hold, under its only name; numpy alone.

Metrics are computed from a decision; a new one is one entry. `python -m fgamcd_opt.problem.metrics` prints the table
for the documentation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.io.short_repr import short_repr
from fgamcd_opt.problem.cache_hits import hit_ratio
from fgamcd_opt.problem.constraints.constraint import Candidate
from fgamcd_opt.problem.decision import Decision
from fgamcd_opt.problem.delay import BITS_PER_BYTE
from fgamcd_opt.problem.tolerances import owed_rate_bps


class Place(StrEnum):
    """Where people read metrics. JSON, CSV and Parquet hold all of them."""

    TEXT = "text"
    """`fgamcd solve` and `fgamcd verify`."""
    METHODS = "methods"
    """Means by method of a comparison."""
    INSTANCE = "instance"
    """The table of one instance of a comparison."""
    SWEEP = "sweep"
    """The points of a sweep."""


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """One entry of the table of names.

    Parameters
    ----------
    name
        Key in JSON, column in CSV and Parquet, attribute in Python; the unit of a stored figure is in it, SI or bytes.
    meaning
        One sentence for the documentation and beside headings.
    heading
        Of its column in tables, with the unit that people read.
    scale
        What the stored figure is multiplied by to be in the unit that people read.
    form
        Format in tables.
    """

    name: str
    meaning: str
    heading: str
    scale: float = 1.0
    form: str = ".3f"

    __repr__ = short_repr

    def scaled(self, value: float | None) -> float | None:
        """The stored figure in the unit that people read; None stays None."""
        return None if value is None else value * self.scale


@dataclass(frozen=True, kw_only=True)
class Metric(Quantity):
    """A figure of a decision beside its delay.

    Parameters
    ----------
    compute
        The stored figure of a candidate: finite and not negative.
    label, phrase
        Name of its line in texts, and its words there, ``{}`` for the figure. Metrics with one label share the line.
    whole, largest
        Whether only whole numbers can be stored, and the largest figure that can be.
    places
        Where people read it.
    only_if_any
        Whether it is left out of texts and of the table of an instance where it is 0.
    """

    compute: Callable[[Candidate], float]
    label: str = ""
    phrase: str = "{}"
    whole: bool = False
    largest: float | None = None
    places: frozenset[Place] = frozenset(Place)
    only_if_any: bool = False

    __repr__ = short_repr

    def in_words(self, value: float) -> str:
        """The stored figure as its part of a line."""
        return self.phrase.format(f"{value}" if self.whole else f"{value * self.scale:.3f}")


def served(candidate: Candidate) -> int:
    """Number of users all of whose blocks arrive at their QoS rate."""
    instance, rate = candidate.instance, candidate.rate_bps
    qos = instance.qos_bps[instance.pair_user]
    late = (rate < owed_rate_bps(qos)) | (rate <= 0.0)
    return int(instance.n_users - np.unique(instance.pair_user[late]).size)


def storage_saved_bytes(instance: Instance, caching: NDArray[np.bool_]) -> int:
    """Storage of all nodes that the same caching would need in addition if no two models shared a block.

    Every requested model would then have its own copy of each of its blocks, and a node that caches a block would
    cache all of these copies: ``sum_n sum_k a_{n,k} D_k (m_k - 1)`` with m_k requested models that contain k.

    Parameters
    ----------
    instance
        Data of the problem.
    caching
        a_{n,k}, shape (N, K).
    """
    requested = np.unique(instance.requests)
    further = np.maximum(instance.model_blocks[requested].sum(axis=0) - 1, 0)
    copies = (further * caching.sum(axis=0)).tolist()
    return sum(size * count for size, count in zip(instance.block_bytes.tolist(), copies, strict=True))


def backhaul_bytes(instance: Instance, decision: Decision) -> int:
    """Traffic of all migrations, ``sum b_{n,m,k} D_k``, in bytes."""
    copies = decision.migration.sum(axis=(0, 1)).tolist()
    return sum(size * count for size, count in zip(instance.block_bytes.tolist(), copies, strict=True))


def mean_user_rate_bps(instance: Instance, pair_rate_bps: NDArray[np.float64]) -> float:
    """Mean over the users of the rate at which a user's whole model arrives, in bit/s.

    A user's rate is the size of its model over the time in which the blocks are sent to it, ``sum_k D_k / sum_k
    (D_k / rate_{u,k})``: the size-weighted harmonic mean of its rates (6). Migration and the time in which others are
    sent to do not count. It is 0 if a block never arrives.

    Parameters
    ----------
    instance
        Data of the problem.
    pair_rate_bps
        (P,) rate of each requested pair.
    """
    bits = instance.block_bytes[instance.pair_block].astype(np.float64) * BITS_PER_BYTE
    with np.errstate(divide="ignore", over="ignore"):
        time_s = np.bincount(instance.pair_user, bits / pair_rate_bps, minlength=instance.n_users)
    size = np.bincount(instance.pair_user, bits, minlength=instance.n_users)
    return float((size / time_s).mean())


def _mean_user_rate_bps(candidate: Candidate) -> float:
    """With the cloud's rate where it sends."""
    cloud, rate = candidate.from_cloud[candidate.sent.of_pair], candidate.rate_bps
    return mean_user_rate_bps(
        candidate.instance, np.where(cloud, candidate.variant.cloud_rate_bps or 0.0, rate)
    )


_TABLE = (
    Metric(
        name="served",
        compute=served,
        meaning="Number of users all of whose blocks arrive at their QoS rate.",
        heading="served",
        phrase="{} users",
        form=".1f",
        whole=True,
        places=frozenset({Place.TEXT}),
    ),
    Metric(
        name="served_share",
        compute=lambda candidate: served(candidate) / candidate.instance.n_users,
        meaning="Share of the users all of whose blocks arrive at their QoS rate.",
        heading="served %",
        scale=100.0,
        form=".1f",
        largest=1.0,
        places=frozenset({Place.METHODS}),
    ),
    Metric(
        name="hit_ratio",
        compute=lambda candidate: hit_ratio(candidate.instance, candidate.decision.caching),
        meaning="Share of users for whom one node stores the whole model and, alone and for that user alone, reaches "
        "its QoS for every block: the cache hit of TrimCaching (Qu et al., arXiv 2405.03990).",
        heading="hit ratio",
        largest=1.0,
        places=frozenset({Place.TEXT, Place.METHODS, Place.SWEEP}),
    ),
    Metric(
        name="storage_saved_bytes",
        compute=lambda candidate: storage_saved_bytes(candidate.instance, candidate.decision.caching),
        meaning="What the same caching would need more if no two models shared a block, "
        "sum_n sum_k a_{n,k} D_k (m_k - 1) where m_k requested models contain block k.",
        heading="saved MB",
        label="sharing saves",
        phrase="{} MB of storage",
        scale=1e-6,
        form=".1f",
        places=frozenset({Place.TEXT, Place.METHODS}),
    ),
    Metric(
        name="backhaul_bytes",
        compute=lambda candidate: backhaul_bytes(candidate.instance, candidate.decision),
        meaning="Traffic of all migrations, sum b_{n,m,k} D_k.",
        heading="backhaul MB",
        label="backhaul",
        phrase="{} MB",
        scale=1e-6,
        form=".1f",
        places=frozenset({Place.TEXT, Place.METHODS}),
    ),
    Metric(
        name="mean_user_rate_bps",
        compute=_mean_user_rate_bps,
        meaning="Mean over the users of the rate at which a user's model arrives, "
        "sum_k D_k / sum_k (D_k / rate_{u,k}) over its blocks; the cloud's rate where it sends.",
        heading="rate Gbit/s",
        label="served",
        phrase="{} Gbit/s on average",
        scale=1e-9,
        places=frozenset({Place.TEXT, Place.METHODS}),
    ),
    Metric(
        name="cloud_blocks",
        compute=lambda candidate: int(np.unique(candidate.sent.block[candidate.from_cloud]).size),
        meaning="Number of blocks that some user gets from the cloud (variant unserved=cloud).",
        heading="cloud blocks",
        label="from the cloud",
        phrase="{} blocks, outside P1",
        form=".1f",
        whole=True,
        only_if_any=True,
    ),
)

METRICS: Mapping[str, Metric] = {metric.name: metric for metric in _TABLE}
"""By name, in the order of all reports."""


def _seconds(name: str, heading: str, meaning: str, form: str = ".2f") -> Quantity:
    return Quantity(name=name, heading=f"{heading} s", meaning=meaning, form=form)


def _delay(name: str, heading: str, meaning: str) -> Quantity:
    return _seconds(name, heading, meaning, ".6g")


def _percent(name: str, heading: str, meaning: str) -> Quantity:
    return Quantity(name=name, heading=f"{heading} %", meaning=meaning, scale=100.0)


_NAMED = (
    _delay("delay_s", "delay", "Delay T of the point found, recomputed by the independent checker."),
    _delay("lower_bound_s", "lower bound", "Proved lower bound L on the delay of the problem solved."),
    _delay(
        "combinatorial_bound_s",
        "bound V",
        "Proved lower bound V over all caching with the known beams, where the solver has one.",
    ),
    _percent("gap", "gap", "(T - L) / T, with the lower bound L of the same report."),
    _percent("gap_combinatorial", "combinatorial gap", "Part (T - V) / T of the gap: caching and migration."),
    _percent("gap_beamforming", "beamforming gap", "Part (V - L) / T of the gap: beams."),
    _percent("gap_tolerance", "gap asked", "Gap at which the solver may stop."),
    _delay(
        "reference_lower_bound_s",
        "reference bound",
        "Best proved lower bound on P1 itself, whoever proved it.",
    ),
    _percent("reference_gap", "gap", "(T - L) / T, with the reference bound L."),
    _percent("gap_max", "largest gap", "Largest of several gaps."),
    _delay("best_delay_s", "best delay", "Least delay known of the problem asked for, whoever found it."),
    _percent("to_best", "to best", "(T - best) / best, with the best delay known."),
    _percent(
        "gap_of_best", "gap of the best delay", "(best - L) / best: how far the best delay lies above L."
    ),
    _delay("best_lower_bound_s", "best bound", "Best proved lower bound on the variant solved."),
    _delay("certified_lower_bound_s", "certificate", "Lower bound that a stored certificate proves."),
    _delay("claimed_delay_s", "claimed delay", "What a solution file says its delay is."),
    _delay("claimed_lower_bound_s", "claimed bound", "What a solution file says was proved."),
    _delay("delay_low_s", "from", "Lower end of the interval of a mean delay."),
    _delay("delay_high_s", "to", "Upper end of the interval of a mean delay."),
    _seconds("load_s", "load", "Loading and compiling what the solver needs."),
    _seconds("build_s", "build", "Making or reading the instance."),
    _seconds("solve_s", "solve", "From the solver's start to its return; what a time limit is about."),
    _seconds("rates_s", "rates", "Part of the solve: beamforming, that is rates and their bounds."),
    _seconds("search_s", "search", "Part of the solve: the combinatorial search."),
    _seconds("total_s", "total", "The sum load + build + solve."),
    _seconds("wall_s", "process", "Life of the process of a cell."),
    _seconds("time_limit_s", "time limit", "Time limit of the solve."),
)

QUANTITIES: Mapping[str, Quantity] = {quantity.name: quantity for quantity in (*_NAMED, *_TABLE)}
"""By name: everything that reports say about a solve, metrics included."""


def shown_in(place: Place) -> list[Metric]:
    """The metrics that people read in a place."""
    return [metric for metric in METRICS.values() if place in metric.places]


def text_rows(metrics: Mapping[str, float]) -> dict[str, str]:
    """Lines of a text, by label."""
    rows: dict[str, list[str]] = {}
    for metric in shown_in(Place.TEXT):
        value = metrics[metric.name]
        if value or not metric.only_if_any:
            rows.setdefault(metric.label or metric.heading, []).append(metric.in_words(value))
    return {label: ", ".join(parts) for label, parts in rows.items()}


def markdown() -> str:
    """The table for the documentation."""
    lines = ["| column | heading in tables | meaning |", "|---|---|---|"]
    lines += [f"| `{each.name}` | {each.heading} | {each.meaning} |" for each in (*_NAMED, *METRICS.values())]
    return "\n".join(lines)


if __name__ == "__main__":
    print(markdown())
