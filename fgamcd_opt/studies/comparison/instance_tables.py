"""Tables of single instances and cells: gaps of all methods, one table per instance, every cell."""

from __future__ import annotations

from collections.abc import Callable

from fgamcd_opt.problem.metrics import Metric, Place, shown_in
from fgamcd_opt.studies.comparison.explanations import instance_notes
from fgamcd_opt.studies.scores import Score, Scores
from fgamcd_opt.studies.table import DELAY, GAP, Column, Table, Value, column_of, in_percent, without_empty


def gap_table(scores: Scores) -> Table:
    """Gap of every method to the best certified bound of P1 on every instance, in %."""
    solving = [method for method in scores.methods if scores.solved(method)]
    columns = (
        Column("instance"),
        column_of("reference_lower_bound_s"),
        column_of("best_delay_s"),
        *(Column(method, GAP, f"gap of {method} in %") for method in solving),
    )
    rows = tuple(
        (
            instance,
            scores.reference_lower_bound_s(instance),
            scores.best_delay_s(instance),
            *(_gap_of_cell(scores, instance, method) for method in solving),
        )
        for instance in scores.instances
    )
    note = "100 (T - bound) / T, mean over the seeds; empty where a seed ended without an accepted delay."
    return Table("gaps", "Gap to the best certified bound of P1, in %", columns, rows, (note,))


def _gap_of_cell(scores: Scores, instance: str, method: str) -> float | None:
    score = scores.by_cell.get((instance, method))
    return in_percent(score.mean("reference_gap")) if score is not None and score.solved else None


_Filled = tuple[Column, Callable[[Scores, Score], Value]]

_INSTANCE_COLUMNS: tuple[_Filled, ...] = (
    (Column("method"), lambda _, s: s.method),
    (Column("role", meaning="what the method is for"), lambda _, s: s.role),
    (
        column_of("delay_s", "delay by the independent checker, mean over the seeds"),
        lambda _, s: s.mean("delay_s"),
    ),
    (
        Column("least delay s", DELAY, "least over the seeds"),
        lambda _, s: min(s.values("delay_s"), default=None) if len(s.records) > 1 else None,
    ),
    (
        column_of("reference_gap"),
        lambda _, s: in_percent(s.mean("reference_gap")),
    ),
    (
        column_of("to_best"),
        lambda scores, s: in_percent(scores.above_best(s)),
    ),
    (
        column_of("lower_bound_s", "bound proved by the method for the problem that it solves"),
        lambda _, s: s.own_bound_s,
    ),
    (column_of("solve_s", "time of a solve, mean over the seeds"), lambda _, s: s.time_s),
)

_LAST_COLUMNS: tuple[_Filled, ...] = (
    (Column("class", meaning="how it ended, in one word"), lambda _, s: s.classes),
)


def _metric_column(metric: Metric) -> _Filled:
    """Mean over the seeds."""

    def value(_: Scores, score: Score) -> Value:
        mean = metric.scaled(score.mean(metric.name))
        return mean or None if metric.only_if_any else mean

    return Column(metric.heading, metric.form, metric.meaning), value


def instance_table(scores: Scores, instance: str) -> Table:
    """One line per method on one instance."""
    filled = (*_INSTANCE_COLUMNS, *map(_metric_column, shown_in(Place.INSTANCE)), *_LAST_COLUMNS)
    columns = tuple(column for column, _ in filled)
    rows = tuple(tuple(value(scores, s) for _, value in filled) for s in scores.of_instance(instance))
    number = scores.instances.index(instance) + 1
    return without_empty(
        Table(f"instance-{number}", instance, columns, rows, instance_notes(scores, instance))
    )


_CELL_FIELDS = {
    "seed": Column("seed", "d"),
    "delay_s": column_of("delay_s"),
    "lower_bound_s": column_of("lower_bound_s"),
    "solve_s": column_of("solve_s"),
    "wall_s": column_of("wall_s"),
    "peak_memory_bytes": Column("memory MB", ".0f", "peak memory of the process"),
    "class": Column("class"),
    "stop_reason": Column("stop"),
    "reason": Column("why without a result"),
    "solution_digest": Column("solution"),
}


def cell_table(scores: Scores) -> Table:
    """Every cell as it ended, also the failed ones."""
    columns = (Column("instance"), Column("method"), *_CELL_FIELDS.values())
    rows = tuple(
        (score.instance, score.method, *(_cell_value(field, record.get(field)) for field in _CELL_FIELDS))
        for instance in scores.instances
        for score in scores.of_instance(instance)
        for record in score.records
    )
    return without_empty(Table("cells", "All cells", columns, rows))


def _cell_value(field: str, value: Value) -> Value:
    if field == "peak_memory_bytes" and isinstance(value, float | int):
        return value / 1e6
    return value[:12] if field == "solution_digest" and isinstance(value, str) else value
