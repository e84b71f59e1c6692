"""What the rows of a comparison say together: best bounds and delays, gaps, and one class per row."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from fgamcd_opt.instances.library.best_known import BestKnown, read_best_known
from fgamcd_opt.io.optional import require_extra
from fgamcd_opt.io.short_repr import short_repr
from fgamcd_opt.problem.tolerances import CLAIM_TOLERANCE
from fgamcd_opt.problem.variants import Variant
from fgamcd_opt.solving.status import StopReason, above_best, relative_gap
from fgamcd_opt.studies.grid.cell_outcome import CellOutcome
from fgamcd_opt.studies.grid.row import Row

if TYPE_CHECKING:
    import pandas as pd

CLASSES: Mapping[str, str] = {
    "proved": "a verified point whose solver proved the gap asked for, on the variant that it solves",
    "better_than_known": "a verified point, quicker than the best known delay of the library",
    "feasible": "a verified point",
    "bound": "a method that looks for no point has proved a bound",
    "infeasible": "proved that no point exists",
    "limit": "no point: time, memory, nodes or a licence ran out",
    "failed": "no point for another reason: refused, crashed, gave up, or rejected by the checker",
    "wrong": "a delay below a proved bound of the same instance and variant, or a point where none was said to exist; "
    "or a result that the front door refused, since it contradicts itself",
}
"""Every class with its meaning."""

DEFAULT_VARIANT = str(Variant())

_LIMITS = (StopReason.TIME_LIMIT, StopReason.NODE_LIMIT, StopReason.INTERRUPTED, StopReason.BACKEND_LIMIT)


@dataclass(frozen=True)
class Contradiction:
    """Two claims about one instance and variant that cannot both be true.

    Attributes
    ----------
    instance, variant
        The problem.
    delay_by, delay_s
        Who found a point, and its verified delay in s.
    bound_by, lower_bound_s
        Who proved that there is none below this bound, in s; infinite for a proof that there is no point at all.
    """

    instance: str
    variant: str
    delay_by: str
    delay_s: float
    bound_by: str
    lower_bound_s: float

    __repr__ = short_repr

    def __str__(self) -> str:
        problem = f"{self.instance} ({self.variant})"
        claim = "no point" if math.isinf(self.lower_bound_s) else f"no delay below {self.lower_bound_s!r} s"
        return f"{problem}: {self.bound_by} proved {claim}, {self.delay_by} found {self.delay_s!r} s"


@dataclass(frozen=True)
class _Claim:
    """A verified delay or a proved bound, in s, and who made it (a row's cell, or None for the library)."""

    value_s: float
    by: str
    cell: str | None
    solver: str


@dataclass(frozen=True)
class _Problem:
    """All claims about one instance and variant."""

    delays: Sequence[_Claim]
    bounds: Sequence[_Claim]
    known_s: float | None

    @property
    def best_delay_s(self) -> float | None:
        return min((claim.value_s for claim in self.delays), default=None)

    @property
    def best_bound_by(self) -> str | None:
        best = max(
            (c for c in self.bounds if math.isfinite(c.value_s)), key=lambda c: c.value_s, default=None
        )
        return None if best is None else best.solver

    @property
    def best_lower_bound_s(self) -> float | None:
        return max((c.value_s for c in self.bounds if math.isfinite(c.value_s)), default=None)

    def contradictions(self) -> Iterable[tuple[_Claim, _Claim]]:
        """Pairs (delay, bound) that exclude each other by more than rounding."""
        for delay in self.delays:
            for bound in self.bounds:
                if bound.value_s > delay.value_s * (1.0 + CLAIM_TOLERANCE):
                    yield delay, bound


def derive(rows: Sequence[Row], known: Mapping[str, BestKnown] | None = None) -> pd.DataFrame:
    """Flat table of the rows with what follows from all of them together.

    Parameters
    ----------
    rows
        Of one comparison.
    known
        Best known values of instances, by any name; those of the library if not given.

    Returns
    -------
    pandas.DataFrame
        One line per row, in their order: all fields of `Row`, its metrics as their own columns, and
        ``best_lower_bound_s``, ``best_delay_s`` (of the same instance and variant), ``reference_lower_bound_s`` (of P1
        itself) and ``reference_bound_by`` (who proved it), ``gap`` (to the row's own bound), ``reference_gap``,
        ``to_best``, ``total_s``, ``class``.

    Raises
    ------
    BackendError
        pandas is not installed.
    """
    require_extra("compare", "a comparison", "pandas")
    import pandas as pd

    problems = _problems(rows, known)
    wrong = {
        claim.cell for problem in problems.values() for pair in problem.contradictions() for claim in pair
    }
    return pd.DataFrame([_line(row, problems, row.cell in wrong) for row in rows])


def contradictions(rows: Sequence[Row], known: Mapping[str, BestKnown] | None = None) -> list[Contradiction]:
    """Every pair of claims that cannot both be true; see :func:`derive`."""
    names = {row.instance_digest: row.instance for row in rows}
    return [
        Contradiction(names[digest], variant, delay.by, delay.value_s, bound.by, bound.value_s)
        for (digest, variant), problem in _problems(rows, known).items()
        for delay, bound in problem.contradictions()
    ]


def _problems(rows: Sequence[Row], known: Mapping[str, BestKnown] | None) -> dict[tuple[str, str], _Problem]:
    """Claims by (digest, variant), those of the library for the default variant among them."""
    by_digest = {best.digest: best for best in (read_best_known() if known is None else known).values()}
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.instance_digest, DEFAULT_VARIANT), [])
        groups.setdefault((row.instance_digest, row.variant), []).append(row)
    problems = {}
    for (digest, variant), same in groups.items():
        best = by_digest.get(digest) if variant == DEFAULT_VARIANT else None
        delays = [
            _Claim(row.delay_s, _author(row), row.cell, row.solver) for row in same if row.delay_s is not None
        ]
        bounds = [
            _Claim(row.lower_bound_s, _author(row), row.cell, row.solver)
            for row in same
            if row.lower_bound_s is not None
        ]
        bounds += [_Claim(math.inf, _author(row), row.cell, row.solver) for row in same if row.infeasibility]
        if best is not None and best.delay_s is not None:
            delays.append(_of_library(best.delay_s, best.delay_solver))
        if best is not None and best.lower_bound_s is not None:
            bounds.append(_of_library(best.lower_bound_s, best.bound_solver))
        problems[digest, variant] = _Problem(delays, bounds, best.delay_s if best is not None else None)
    return problems


def _of_library(value_s: float, solver: str | None) -> _Claim:
    by = f"the library ({solver})"
    return _Claim(value_s, by, None, by)


def _author(row: Row) -> str:
    return f"{row.solver} (seed {row.seed}, cell {row.cell[:12]})"


def _line(row: Row, problems: Mapping[tuple[str, str], _Problem], wrong: bool) -> dict[str, Any]:
    """One line of the table."""
    own = problems[row.instance_digest, row.variant]
    reference = problems[row.instance_digest, DEFAULT_VARIANT]
    fields = asdict(row) | {"outcome": str(row.outcome)}
    return {
        **{name: value for name, value in fields.items() if name != "metrics"},
        "total_s": _sum(row.load_s, row.build_s, row.solve_s),
        **row.metrics,
        "best_lower_bound_s": own.best_lower_bound_s,
        "best_delay_s": own.best_delay_s,
        "reference_lower_bound_s": reference.best_lower_bound_s,
        "reference_bound_by": reference.best_bound_by,
        "reference_gap": _gap(row.delay_s, reference.best_lower_bound_s),
        "to_best": _to_best(row.delay_s, own.best_delay_s),
        "gap": _gap(row.delay_s, row.lower_bound_s),
        "class": "wrong" if wrong else _class(row, own.known_s),
    }


def _sum(*seconds: float | None) -> float | None:
    known = [value for value in seconds if value is not None]
    return sum(known) if len(known) == len(seconds) else None


def _gap(delay_s: float | None, lower_bound_s: float | None) -> float | None:
    return None if delay_s is None or lower_bound_s is None else relative_gap(delay_s, lower_bound_s)


def _to_best(delay_s: float | None, best_s: float | None) -> float | None:
    return None if delay_s is None or best_s is None else above_best(delay_s, best_s)


def _class(row: Row, known_s: float | None) -> str:
    """Class of a row that no other one contradicts."""
    if row.outcome is CellOutcome.REFUTED:
        return "wrong"
    if row.point_status == "feasible" and row.delay_s is not None:
        gap = _gap(row.delay_s, row.lower_bound_s)
        if gap is not None and gap <= row.gap_tolerance:
            return "proved"
        better = known_s is not None and row.delay_s < known_s * (1.0 - CLAIM_TOLERANCE)
        return "better_than_known" if better else "feasible"
    if row.infeasibility:
        return "infeasible"
    if row.lower_bound_s is not None and not row.finds_solutions:
        return "bound"
    if row.outcome in (CellOutcome.KILLED_TIME, CellOutcome.KILLED_MEMORY) or row.stop_reason in _LIMITS:
        return "limit"
    return "failed"
