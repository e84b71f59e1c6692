"""What each field of a row may hold, and what the fields of a row say together.

The same rules hold for rows that are written and for rows that are read, so that a row in a file, whoever wrote it, is
one that a cell can have.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.safe_text import quote
from fgamcd_opt.io.value_rules import LARGEST, Rule, one_of, optional, real, sha256, text, truth, whole
from fgamcd_opt.problem.metrics import METRICS
from fgamcd_opt.problem.tolerances import CLAIM_TOLERANCE
from fgamcd_opt.problem.variants import Variant
from fgamcd_opt.solving.solver import Role
from fgamcd_opt.solving.status import OPTIMALITY_GAP, PointStatus, StopReason, relative_gap
from fgamcd_opt.studies.grid.cell_outcome import CellOutcome

if TYPE_CHECKING:
    from fgamcd_opt.studies.grid.row import Row

_SECONDS = optional(real(0.0))
_COUNT = optional(whole())
_TEXT = text()
_NAME = text(empty=False)

_MAX_ENTRIES = 100_000
"""Entries of a list or mapping at most; traces are thinned out and stay far below."""

_CLOCK_S = 1e-6
"""By how much an entry of the trace may lie beyond the total time, which is a difference of two sums."""


def _mapping(rule_of: Callable[[str], Rule | None]) -> Rule:
    """An object whose names are texts; ``rule_of`` gives the rule of a name, or None for an unknown one."""

    def check(value: Any) -> str | None:
        if not isinstance(value, Mapping):
            return f"{quote(value)} is not an object"
        if len(value) > _MAX_ENTRIES:
            return f"has {len(value)} entries, more than {_MAX_ENTRIES}"
        for name, part in value.items():
            if fault := _NAME(name):
                return f"name: {fault}"
            rule = rule_of(name)
            if rule is None:
                return f"{quote(name)} is unknown"
            if fault := rule(part):
                return f"{name}: {fault}"
        return None

    return check


def _option(value: Any) -> str | None:
    """Value of an option: truth value, number, text, None."""
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, str):
        return _TEXT(value)
    if isinstance(value, int):
        return whole(-(2**63))(value)
    return real()(value)


def _metric(name: str) -> Rule | None:
    """What a metric may be; None if there is none of this name."""
    metric = METRICS.get(name)
    if metric is None:
        return None
    largest = LARGEST if metric.largest is None else metric.largest
    return optional(whole() if metric.whole else real(0.0, largest))


def _metrics(value: Any) -> str | None:
    """All metrics, or none."""
    fault = _mapping(_metric)(value)
    if fault is None and value and set(value) != set(METRICS):
        return f"has {', '.join(sorted(value))}; expected {', '.join(METRICS)}, as this release has them"
    return fault


def _trace(value: Any) -> str | None:
    """Triples (time, delay or None, bound or None); time goes on, delays fall, bounds rise."""
    if not isinstance(value, list | tuple):
        return f"{quote(value)} is not a list"
    if len(value) > _MAX_ENTRIES:
        return f"has {len(value)} entries, more than {_MAX_ENTRIES}"
    rules = (real(0.0), optional(real(0.0)), optional(real()))
    for number, entry in enumerate(value):
        if not isinstance(entry, list | tuple) or len(entry) != len(rules):
            return f"entry {number}: {quote(entry)} is not (time, delay, bound)"
        for rule, part in zip(rules, entry, strict=True):
            if fault := rule(part):
                return f"entry {number}: {fault}"
    times, delays, bounds = (
        ([part for part in column if part is not None] for column in zip(*value, strict=True))
        if value
        else ([], [], [])
    )
    if times != sorted(times):
        return "its times do not go on"
    if delays != sorted(delays, reverse=True):
        return "its delays do not fall"
    return None if bounds == sorted(bounds) else "its bounds do not rise"


def _variant(value: Any) -> str | None:
    """A variant as ``str(Variant(...))`` writes it."""
    if fault := _NAME(value):
        return fault
    pairs = dict(part.partition("=")[::2] for part in value.split(", ")) if value != str(Variant()) else {}
    try:
        known = str(Variant.parse(pairs)) == value
    except InputError as error:
        return str(error)
    return None if known else f"{quote(value)} is not how a variant is written"


def _moment(value: Any) -> str | None:
    """A time with its offset from UTC in ISO 8601."""
    if fault := _NAME(value):
        return fault
    try:
        known = datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        known = False
    return None if known else f"{quote(value)} is no time in ISO 8601 with its zone"


RULES: Mapping[str, Rule] = {
    "cell": sha256,
    "instance": _NAME,
    "instance_digest": sha256,
    "solver": _NAME,
    "seed": whole(0, 2**128),
    "variant": _variant,
    "asked_variant": _variant,
    "options": _mapping(lambda _: _option),
    "time_limit_s": _SECONDS,
    "memory_limit_bytes": optional(whole(1)),
    "gap_tolerance": real(0.0),
    "threads": whole(1),
    "outcome": one_of(list(CellOutcome)),
    "reason": _TEXT,
    "finds_solutions": truth,
    "role": optional(one_of(list(Role))),
    "stop_reason": optional(one_of(list(StopReason))),
    "point_status": optional(one_of(list(PointStatus))),
    "delay_s": _SECONDS,
    "lower_bound_s": optional(real()),
    "bound_kind": optional(_NAME),
    "combinatorial_bound_s": optional(real()),
    "infeasibility": optional(_NAME),
    "max_violation": optional(real()),
    "metrics": _metrics,
    "load_s": _SECONDS,
    "build_s": _SECONDS,
    "solve_s": _SECONDS,
    "rates_s": _SECONDS,
    "search_s": _SECONDS,
    "wall_s": _SECONDS,
    "peak_memory_bytes": _COUNT,
    "rate_problems": _COUNT,
    "rates_read": optional(truth),
    "message": _TEXT,
    "trace": _trace,
    "solution_digest": optional(sha256),
    "fgamcd_version": optional(_NAME),
    "python": optional(_NAME),
    "packages": _mapping(lambda _: _NAME),
    "machine": optional(_TEXT),
    "processor": optional(_TEXT),
    "cores": optional(whole(1)),
    "started": optional(_moment),
    "error": optional(_TEXT),
}
"""By field of `Row`."""

_TOLD_BY_SOLVERS = (
    "stop_reason",
    "point_status",
    "load_s",
    "build_s",
    "solve_s",
    "rates_s",
    "search_s",
    "rates_read",
)
"""Known if and only if the solver returned."""

_FOUND_BY_SOLVERS = (
    *("delay_s", "lower_bound_s", "bound_kind", "combinatorial_bound_s", "infeasibility", "max_violation"),
    *("rate_problems", "solution_digest"),
)
"""None unless the solver returned."""


def field_fault(fields: Mapping[str, Any], names: Collection[str]) -> str | None:
    """What is wrong with the first bad field among those that a row must have, or None."""
    odd = sorted(set(fields) ^ set(names))
    if odd:
        return f"field {quote(odd[0])} is {'unknown' if odd[0] in fields else 'missing'}"
    return next((f"{name}: {fault}" for name in names if (fault := RULES[name](fields[name]))), None)


def contradiction(row: Row) -> str | None:
    """What is wrong between the fields of a row each of which is right by itself, or None."""
    return next((fault for fault in _contradictions(row)), None)


def _contradictions(row: Row) -> Iterable[str]:
    if not row.solved:
        told = [name for name in (*_TOLD_BY_SOLVERS, *_FOUND_BY_SOLVERS) if getattr(row, name) is not None]
        if told or row.trace or row.metrics or row.message:
            what = [*told, *(name for name in ("trace", "metrics", "message") if getattr(row, name))]
            yield f"{what[0]}: is known, but the outcome is {row.outcome}"
        if not row.reason:
            yield f"reason: is empty, but the outcome is {row.outcome}"
        if row.variant != row.asked_variant:
            yield f"variant: {row.variant} was not asked for, but the outcome is {row.outcome}"
        return
    for name in _TOLD_BY_SOLVERS:
        if getattr(row, name) is None:
            yield f"{name}: is not known, but the outcome is {row.outcome}"
            return
    if row.error is not None:
        yield f"error: is known, but the outcome is {row.outcome}"
    yield from _of_the_point(row)
    yield from _of_the_proofs(row)
    beyond = [entry for entry in row.trace if (entry[0] or 0.0) > (row.solve_s or 0.0) + _CLOCK_S]
    if beyond:
        yield f"trace: goes on to {beyond[-1][0]} s, beyond solve_s = {row.solve_s}"


def _of_the_point(row: Row) -> Iterable[str]:
    """Point, delay, digest, reason."""
    feasible, none = row.point_status == PointStatus.FEASIBLE, row.point_status == PointStatus.NONE
    if none != (row.solution_digest is None):
        yield f"solution_digest: {row.solution_digest} with point_status {row.point_status}"
    if feasible and not row.delay_s:
        yield f"delay_s: {row.delay_s} with point_status {row.point_status}"
    if feasible and (not row.metrics or row.max_violation is None):
        yield "metrics, max_violation: are not known of a feasible point"
    if none and (row.delay_s is not None or row.metrics or row.max_violation is not None):
        yield "delay_s, metrics, max_violation: are known, but there is no point"
    if bool(row.reason) != (row.point_status == PointStatus.REJECTED or (none and row.finds_solutions)):
        yield f"reason: {quote(row.reason)} with point_status {row.point_status}"


def _of_the_proofs(row: Row) -> Iterable[str]:
    """Bounds, infeasibility, and what the reason to stop says about the gap."""
    infeasible = row.stop_reason == StopReason.INFEASIBLE
    if (row.lower_bound_s is None) != (row.bound_kind is None):
        yield f"lower_bound_s, bound_kind: {row.lower_bound_s} and {row.bound_kind} do not go together"
    if infeasible != (row.infeasibility is not None):
        yield f"infeasibility: {quote(row.infeasibility)} with stop_reason {row.stop_reason}"
    if infeasible and row.solution_digest is not None:
        yield "stop_reason: infeasible, but there is a point"
    delay_s = row.delay_s if row.point_status == PointStatus.FEASIBLE else None
    if delay_s is not None:
        for name in ("lower_bound_s", "combinatorial_bound_s"):
            bound = getattr(row, name)
            if bound is not None and bound > delay_s * (1.0 + CLAIM_TOLERANCE):
                yield f"{name}: {bound!r} is above the delay {delay_s!r}"
    allowed = {StopReason.OPTIMAL: OPTIMALITY_GAP, StopReason.GAP_REACHED: row.gap_tolerance}
    if row.stop_reason in allowed:
        gap = (
            None if delay_s is None or row.lower_bound_s is None else relative_gap(delay_s, row.lower_bound_s)
        )
        if gap is None or gap > allowed[StopReason(row.stop_reason)]:
            yield f"stop_reason: {row.stop_reason} with gap {gap}"
