"""Tables over all instances of a comparison: summary by method, other metrics, bounds proved."""

from __future__ import annotations

from functools import partial

from fgamcd_opt.problem.metrics import Place, shown_in
from fgamcd_opt.solving.status import relative_gap
from fgamcd_opt.studies.comparison.classes import CLASSES, DEFAULT_VARIANT
from fgamcd_opt.studies.comparison.comparison_settings import distinct
from fgamcd_opt.studies.comparison.explanations import imposed, legend, roles, without_delay, word
from fgamcd_opt.studies.scores import (
    COVERAGE,
    TIME_SHIFT_S,
    Score,
    Scores,
    known,
    mean,
    shifted_geometric_mean,
)
from fgamcd_opt.studies.table import GAP, TIME, Column, Table, Value, in_percent, without_empty

_TIME_NOTE = f"Time: shifted geometric mean, shift {TIME_SHIFT_S:g} s."


def overview(scores: Scores) -> list[Table]:
    """Tables over all instances: summary, pairs of several instances, bounds, metrics; empty ones are left out."""
    pairs = [pair_table(scores)] if len(scores.instances) > 1 else []
    found = [summary_table(scores), *pairs, bounds_table(scores), metrics_table(scores)]
    return [table for table in found if table.rows]


def summary_table(scores: Scores) -> Table:
    """One line per method: cells by class, and averages over the common instances."""
    columns = (
        Column("method"),
        Column("role", meaning="what the method is for"),
        Column("solved", "d", "instances solved with every seed"),
        Column("of", "d", "instances run"),
        Column("n", "d", "instances that the averages of this line are taken over"),
        Column("gap mean %", GAP, "mean of (T - bound) / T against the best certified bound of P1"),
        Column("gap max %", GAP, "largest of these gaps"),
        Column(
            "to best %",
            GAP,
            "mean of (T - best) / best against the best delay known of the problem asked for",
        ),
        Column("solve s", TIME, f"shifted geometric mean of the time of a solve, shift {TIME_SHIFT_S:g} s"),
        *(Column(word(name), "d", f"cells: {meaning}") for name, meaning in CLASSES.items()),
    )
    rows = tuple(_summary_row(scores, method) for method in scores.methods)
    return without_empty(Table("summary", "Summary by method", columns, rows, comparability(scores)))


def _summary_row(scores: Scores, method: str) -> tuple[Value, ...]:
    found = scores.of_method(method)
    gaps = scores.averages(method, partial(Score.mean, field="reference_gap"))
    to_best = scores.averages(method, scores.above_best)
    times = scores.averages(method, lambda score: score.time_s)
    cells = [record["class"] for score in found for record in score.records]
    return (
        method,
        found[0].role,
        len(scores.solved(method)),
        len(found),
        len(scores.common) if method in scores.compared else None,
        in_percent(mean(gaps)),
        in_percent(max(gaps, default=None)),
        in_percent(mean(to_best)),
        shifted_geometric_mean(times),
        *(cells.count(name) or None for name in CLASSES),
    )


def comparability(scores: Scores) -> tuple[str, ...]:
    """In words: over which instances averages are taken, what the words mean, and why a method has no average."""
    others = [method for method in scores.methods if method not in scores.compared]
    bounded = sum(scores.reference_lower_bound_s(i) is not None for i in scores.common)
    asked = [variant for variant in distinct(scores.records, "asked_variant") if variant != DEFAULT_VARIANT]
    seeds = len({record["seed"] for record in scores.records})
    said = [
        f"n: instances that the averages of a line are taken over, the {len(scores.common)} of "
        f"{len(scores.instances)} that every method with n has solved{' with every seed' if seeds > 1 else ''}; "
        f"gaps over the {bounded} of them for which a bound of P1 is proved. {_TIME_NOTE}"
    ]
    if asked:
        said.insert(0, f"The problem asked for is P1 with {' or with '.join(asked)}.")
    read = [record["rates_read"] for record in scores.records]
    if any(read):
        said.append(
            f"{sum(map(bool, read))} of {len(read)} cells read rates that an earlier cell had computed; their times "
            "hold no beamforming."
        )
    if others:
        least = f"fewer than {COVERAGE:.0%} of the instances"
        said.append(f"Without averages, for they have a delay on {least}: {', '.join(others)}.")
    said += imposed(scores.by_cell.values())
    if len(scores.instances) > 1:
        said += _lacking(scores)
    said += [roles(scores)] if roles(scores) else []
    return (*said, legend(record["class"] for record in scores.records))


def _lacking(scores: Scores) -> list[str]:
    """Why methods have no delay on some instance; of each method the first such instance speaks."""
    first = []
    for method in scores.methods:
        lacking = [score for score in scores.of_method(method) if without_delay([score])]
        first += lacking[:1]
    texts = without_delay(first)
    return (
        [f"Without a delay on some instance, here the first of each method. {texts[0]}", *texts[1:]]
        if texts
        else []
    )


def pair_table(scores: Scores) -> Table:
    """Each method beside the one that solved most (the first of them), on the instances that both solved."""
    reference = max(scores.methods, key=lambda method: len(scores.solved(method)))
    columns = (
        Column("method"),
        Column(
            "n", "d", f"instances that the method and {reference} both solved, with a certified bound of P1"
        ),
        Column("gap mean %", GAP, "mean of (T - bound) / T of the method on these instances"),
        Column(f"{reference} gap %", GAP, f"the same mean of {reference}"),
        Column("solve s", TIME, "shifted geometric mean of the time of the method on these instances"),
        Column(f"{reference} solve s", TIME, f"the same mean of {reference}"),
    )
    rows = []
    for method in scores.methods:
        pairs = scores.pairs_with_bound(method, reference)
        if method != reference and pairs:
            both = list(zip(*pairs, strict=True))
            gaps = [in_percent(mean(known(s.mean("reference_gap") for s in side))) for side in both]
            times = [shifted_geometric_mean(known(s.time_s for s in side)) for side in both]
            rows.append((method, len(pairs), *gaps, *times))
    note = f"Every line has its own n instances: compare its two methods, not one line with another. {_TIME_NOTE}"
    return Table("pairs", f"Each method beside {reference}", columns, tuple(rows), (note,))


def metrics_table(scores: Scores) -> Table:
    """Means of the metrics beside the delay over the common instances."""
    metrics = shown_in(Place.METHODS)
    columns = (Column("method"), *(Column(m.heading, m.form, m.meaning) for m in metrics))
    rows = tuple(
        (method, *(m.scaled(_mean_metric(scores, method, m.name)) for m in metrics))
        for method in scores.compared
    )
    note = f"Means over the same {len(scores.common)} instances as in the summary."
    return without_empty(Table("metrics", "Metrics beside the delay", columns, rows, (note,)))


def _mean_metric(scores: Scores, method: str, field: str) -> float | None:
    return mean(scores.averages(method, partial(Score.mean, field=field)))


def bounds_table(scores: Scores) -> Table:
    """How close the bound that each method proves for the problem asked for comes to its best known delay."""
    columns = (
        Column("method"),
        Column("bounds", "d", "instances with a bound"),
        Column("n", "d", "instances with a bound by every method of this table"),
        Column("gap mean %", GAP, "mean of (best T - bound) / best T over these n instances"),
        Column("gap max %", GAP, "largest of these gaps"),
    )
    gaps = {method: _bound_gaps(scores, method) for method in scores.methods}
    proving = {method: of_instance for method, of_instance in gaps.items() if of_instance}
    least = COVERAGE * max((len(of_instance) for of_instance in proving.values()), default=0)
    compared = [of_instance for of_instance in proving.values() if len(of_instance) >= least]
    common = [i for i in scores.instances if compared and all(i in of_instance for of_instance in compared)]
    rows = []
    for method, of_instance in proving.items():
        values = [of_instance[i] for i in common] if of_instance in compared else []
        n = len(common) if values else None
        rows.append(
            (method, len(of_instance), n, in_percent(mean(values)), in_percent(max(values, default=None)))
        )
    note = (
        "Against the best delay known of the problem asked for. Methods that impose another variant prove bounds for "
        "that variant only and are left out, as are cells that are wrong. Averages: over the instances bounded by all "
        f"methods with at least {COVERAGE:.0%} of the most."
    )
    return Table("bounds", "Bounds proved", columns, tuple(rows), (note,))


def _bound_gaps(scores: Scores, method: str) -> dict[str, float]:
    """Gap of the method's bound to the best delay known, by instance."""
    gaps = {}
    for score in scores.of_method(method):
        best = scores.best_delay_s(score.instance)
        if (
            score.variant == score.asked_variant
            and "wrong" not in score.classes
            and score.own_bound_s is not None
            and best is not None
        ):
            gaps[score.instance] = relative_gap(best, score.own_bound_s)
    return gaps
