"""What each method achieved on each instance, over its seeds: the one source of every table and figure."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fgamcd_opt.io.html import html_card, html_table, svg_bars
from fgamcd_opt.io.short_repr import short_repr
from fgamcd_opt.solving.solver import Role
from fgamcd_opt.solving.status import above_best

if TYPE_CHECKING:
    from pandas import DataFrame

Record = Mapping[str, Any]
"""One row of the derived table, None where a value is unknown."""

COVERAGE = 0.5
"""Share of the instances that a method must have solved to have a say in which instances are comparable."""
TIME_SHIFT_S = 1.0
"""Shift of the geometric mean of times, in s."""
SOLVED_CLASSES = ("proved", "better_than_known", "feasible")
"""Classes of cells whose delay the checker accepted and no bound contradicts."""


@dataclass(frozen=True)
class Score:
    """One method on one instance.

    Attributes
    ----------
    instance, method
        Names.
    records
        Its rows, one per seed.
    """

    instance: str
    method: str
    records: tuple[Record, ...]

    __repr__ = short_repr

    @property
    def solved(self) -> bool:
        """Every seed ended with a delay that the checker accepts and no bound contradicts."""
        return all(record["class"] in SOLVED_CLASSES for record in self.records)

    def values(self, field: str) -> list[float]:
        """Known values of a column in the order of the seeds, of cells that hold an accepted point."""
        return known(record.get(field) for record in self.records if record["class"] in SOLVED_CLASSES)

    def mean(self, field: str) -> float | None:
        """Mean of :meth:`values`, or None."""
        return mean(self.values(field))

    @property
    def time_s(self) -> float | None:
        """Mean time of a solve over all seeds; for a cell that told none, the wall-clock time of its process."""
        return mean(known(r["wall_s"] if r["solve_s"] is None else r["solve_s"] for r in self.records))

    @property
    def own_bound_s(self) -> float | None:
        """Largest lower bound that the method proved for the variant that it solves."""
        return max((r["lower_bound_s"] for r in self.records if r["lower_bound_s"] is not None), default=None)

    @property
    def variant(self) -> str:
        """Variant of P1 that was solved, or asked for where nothing was; a solver may impose one."""
        return next(
            (r["variant"] for r in self.records if r["variant"] != r["asked_variant"]), self.asked_variant
        )

    @property
    def role(self) -> str | None:
        """What the solver is for; None for a plug-in that does not say."""
        return next((r["role"] for r in self.records if r["role"] is not None), None)

    @property
    def asked_variant(self) -> str:
        """Variant of P1 that the comparison asks for."""
        return str(self.records[0]["asked_variant"])

    @property
    def classes(self) -> str:
        """Class, with its count if there are several seeds, and how a cell ended that its solver did not end."""
        names = Counter(map(_class_of, self.records))
        return ", ".join(
            name if len(self.records) == 1 else f"{name} {count}" for name, count in names.items()
        )


def _class_of(record: Record) -> str:
    ended = record["outcome"] == "solved"
    name = str(record["class"]).replace("_", " ")
    return name if ended else f"{name} ({str(record['outcome']).replace('_', ' ')})"


@dataclass(frozen=True)
class Scores:
    """Scores of a comparison.

    Attributes
    ----------
    by_cell
        Score of each pair (instance, method); pairs that were not run are missing.
    instances, methods
        Names in the order of the grid.
    """

    by_cell: Mapping[tuple[str, str], Score]
    instances: tuple[str, ...]
    methods: tuple[str, ...]

    __repr__ = short_repr

    @property
    def records(self) -> list[Record]:
        """All rows."""
        return [record for score in self.by_cell.values() for record in score.records]

    def _repr_html_(self) -> str:
        rows, gaps = [], []
        for method in self.methods:
            found = self.of_method(method)
            gap = mean(self.averages(method, lambda score: score.mean("reference_gap")))
            time_s = mean(self.averages(method, lambda score: score.time_s))
            rows.append(
                (method, f"{len(self.solved(method))} of {len(found)}", _percent(gap), _number(time_s))
            )
            gaps.append((method, (0.0 if gap is None else gap,)))
        headings = ("method", "solved", "gap mean %", "time mean s")
        note = f"Averages: over the {len(self.common)} of {len(self.instances)} instances solved by all compared."
        return html_card(
            html_table(
                "Comparison",
                headings,
                rows,
                [note],
            ),
            svg_bars("Mean gap to the certified bound", gaps),
        )

    def of_method(self, method: str) -> list[Score]:
        """Scores of a method in the order of the instances."""
        return [self.by_cell[i, method] for i in self.instances if (i, method) in self.by_cell]

    def of_instance(self, instance: str) -> list[Score]:
        """Scores on an instance in the order of the methods."""
        return [self.by_cell[instance, m] for m in self.methods if (instance, m) in self.by_cell]

    def reference_lower_bound_s(self, instance: str) -> float | None:
        """Best certified bound of P1 itself, in s."""
        bound: float | None = self._shared(instance, "reference_lower_bound_s", imposed=True)
        return bound

    def reference_bound_by(self, instance: str) -> str | None:
        """Who proved that bound."""
        by = self._shared(instance, "reference_bound_by", imposed=True)
        return None if by is None else str(by)

    def best_delay_s(self, instance: str) -> float | None:
        """Best delay known of the variant that the comparison asks for, in s."""
        best: float | None = self._shared(instance, "best_delay_s", imposed=False)
        return best

    def _shared(self, instance: str, field: str, *, imposed: bool) -> Any:
        """A derived value that is the same in all rows of an instance (with or without those of imposed variants)."""
        records = (record for score in self.of_instance(instance) for record in score.records)
        kept = (r[field] for r in records if imposed or r["variant"] == r["asked_variant"])
        return next((value for value in kept if value is not None), None)

    def above_best(self, score: Score) -> float | None:
        """Mean over the seeds of (T - best) / best, where best is :meth:`best_delay_s`."""
        best = self.best_delay_s(score.instance)
        delays = score.values("delay_s")
        return None if best is None else mean(above_best(delay, best) for delay in delays)

    def solved(self, method: str) -> list[str]:
        """Instances that the method solved with every seed."""
        return [score.instance for score in self.of_method(method) if score.solved]

    @property
    def compared(self) -> tuple[str, ...]:
        """Methods that solved at least :data:`COVERAGE` of the instances."""
        least = max(COVERAGE * len(self.instances), 1)
        return tuple(method for method in self.methods if len(self.solved(method)) >= least)

    @property
    def common(self) -> tuple[str, ...]:
        """Instances that every one of the :attr:`compared` methods solved; averages are taken over them only."""
        sets = [set(self.solved(method)) for method in self.compared]
        return tuple(i for i in self.instances if sets and all(i in solved for solved in sets))

    def pairs_with_bound(self, method: str, other: str) -> list[tuple[Score, Score]]:
        """Scores of both methods on each instance that both solved and that has a certified bound of P1."""
        both = set(self.solved(method)) & set(self.solved(other))
        kept = (i for i in self.instances if i in both and self.reference_lower_bound_s(i) is not None)
        return [(self.by_cell[i, method], self.by_cell[i, other]) for i in kept]

    def averages(self, method: str, value: Callable[[Score], float | None]) -> list[float]:
        """Values of a compared method on the common instances; empty for the other methods.

        Instances on which the value is unknown for some compared method are left out for all of them.
        """
        if method not in self.compared:
            return []
        cells = self.by_cell
        everywhere = [i for i in self.common if all(value(cells[i, m]) is not None for m in self.compared)]
        return known(value(cells[i, method]) for i in everywhere)


def scores_of(frame: DataFrame) -> Scores:
    """Scores of the derived table of a comparison; rows that differ in the seed only make one score."""
    records = records_of(frame)
    names, instances = _method_names(records), _instance_names(records)
    groups: dict[tuple[str, str], list[Record]] = {}
    for record, instance, method in zip(records, instances, names, strict=True):
        groups.setdefault((instance, method), []).append(record)
    role_of = {name: record["role"] for record, name in zip(records, names, strict=True)}
    return Scores(
        by_cell={key: Score(*key, tuple(group)) for key, group in groups.items()},
        instances=tuple(dict.fromkeys(instances)),
        methods=tuple(sorted(dict.fromkeys(names), key=lambda name: _rank(role_of[name]))),
    )


def _rank(role: str | None) -> int:
    """Place of a role in the order of tables; what has none comes last."""
    return list(Role).index(Role(role)) if role is not None else len(Role)


def records_of(frame: DataFrame) -> list[Record]:
    """Rows as dictionaries with None in place of pandas' missing values."""
    columns = [[_plain(value) for value in frame[name].tolist()] for name in frame.columns]
    return [dict(zip(frame.columns, values, strict=True)) for values in zip(*columns, strict=True)]


def _plain(value: object) -> object:
    missing = isinstance(value, float) and math.isnan(value)
    return None if missing or type(value).__name__ in ("NAType", "NaTType") else value


def _instance_names(records: Sequence[Record]) -> list[str]:
    """The instance's name; with the beginning of its digest where two instances have the same name."""
    digests: dict[str, set[str]] = {}
    for record in records:
        digests.setdefault(record["instance"], set()).add(record["instance_digest"])
    return [
        str(r["instance"])
        if len(digests[r["instance"]]) == 1
        else f"{r['instance']} {r['instance_digest'][:8]}"
        for r in records
    ]


def _method_names(records: Sequence[Record]) -> list[str]:
    """The solver's name; with its options or the variant asked for where a comparison holds several of them."""
    values: dict[tuple[str, str], set[str]] = {}
    for record in records:
        for option, value in record["options"].items():
            values.setdefault((record["solver"], option), set()).add(json.dumps(value))
    several_variants = len({record["asked_variant"] for record in records}) > 1
    names = []
    for record in records:
        solver = record["solver"]
        varied = {o: value for o, value in record["options"].items() if len(values[solver, o]) > 1}
        parts = [solver, *(f"{option}={value}" for option, value in sorted(varied.items()))]
        names.append(" ".join([*parts, record["asked_variant"]] if several_variants else parts))
    return names


def variants_of(found: Sequence[Score]) -> str | None:
    """What the methods changed in the problem asked for, or None."""
    changed = [
        part for s in found for part in s.variant.split(", ") if part not in s.asked_variant.split(", ")
    ]
    return ", ".join(dict.fromkeys(changed)) or None


def known(values: Iterable[float | None]) -> list[float]:
    """The values that are not None."""
    return [value for value in values if value is not None]


def mean(values: Iterable[float]) -> float | None:
    """Arithmetic mean; None of nothing."""
    found = list(values)
    return math.fsum(found) / len(found) if found else None


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _percent(share: float | None) -> str:
    return _number(None if share is None else 100.0 * share)


def shifted_geometric_mean(values: Sequence[float], shift: float = TIME_SHIFT_S) -> float | None:
    """exp(mean(log(value + shift))) - shift; None of nothing."""
    logarithm = mean(math.log(value + shift) for value in values)
    return None if logarithm is None else math.exp(logarithm) - shift
