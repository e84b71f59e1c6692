"""`Row`: what one cell of a comparison came to, as flat JSON; everything that needs other cells is derived later."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fgamcd_opt.io.errors import BackendError, InputError, UsageError
from fgamcd_opt.io.files import require_version
from fgamcd_opt.io.safe_text import quote
from fgamcd_opt.io.sealed_json import read_sealed_json, write_sealed_json
from fgamcd_opt.io.short_repr import short_repr
from fgamcd_opt.problem.variants import Variant
from fgamcd_opt.solving.arguments import complete_options
from fgamcd_opt.solving.registry import get_solver
from fgamcd_opt.solving.solver import Role
from fgamcd_opt.studies.grid.cell_outcome import CellOutcome
from fgamcd_opt.studies.grid.cells import Cell
from fgamcd_opt.studies.grid.row_schema import contradiction, field_fault

SCHEMA_VERSION = 3
"""Version 1 had no seal, version 2 other names of bound and times, and no role."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One cell and its outcome; None where something is not known.

    Parameters
    ----------
    cell
        Id of the cell.
    instance, instance_digest, solver, seed, asked_variant, time_limit_s, memory_limit_bytes, gap_tolerance, threads
        What the cell asked for.
    variant
        The variant of P1 that was solved, ``P1`` for the default; a solver may impose one. The one asked for where the
        solver did not return.
    options
        Of the solver, with their defaults where it ran.
    outcome, reason
        How it ended, and why there is no accepted point of a method that looks for one.
    finds_solutions
        Whether the solver looks for points, or for bounds alone.
    role
        What the solver is for.
    stop_reason, point_status
        As the solver said, and as the checker judged.
    delay_s
        Delay T of a point that the checker accepts, recomputed from the saved solution.
    lower_bound_s, bound_kind, combinatorial_bound_s
        Bounds that the solver proved.
    infeasibility
        Proof in words that there is no feasible point.
    max_violation
        Largest relative violation of a constraint.
    metrics
        Further figures of the checker's evaluation, by name.
    load_s, build_s
        Seconds for loading the solver, and for making the instance.
    solve_s, rates_s, search_s
        Seconds from the solver's start to its end, which is what the time limit is about, and its two stages.
    wall_s
        Seconds of the cell's process from start to end.
    peak_memory_bytes
        Largest resident memory that was seen.
    rate_problems
        Beamforming problems behind the result.
    rates_read
        Whether rates that an earlier cell had left were read; ``rates_s`` is no measurement then.
    message
        Whatever else the solver told.
    trace
        (seconds, best delay in s or None, best bound in s or None), one entry whenever one of the two improved.
    solution_digest
        Of the solution that was checked.
    fgamcd_version, python, packages, machine, processor, cores, started
        Provenance; ``started`` is ISO 8601 in UTC.
    error
        Traceback, or the last lines on standard error of a process that crashed.
    """

    cell: str
    instance: str
    instance_digest: str
    solver: str
    seed: int
    variant: str
    asked_variant: str
    options: Mapping[str, Any]
    time_limit_s: float | None
    memory_limit_bytes: int | None
    gap_tolerance: float
    threads: int
    outcome: CellOutcome
    reason: str = ""
    finds_solutions: bool = True
    role: str | None = None
    stop_reason: str | None = None
    point_status: str | None = None
    delay_s: float | None = None
    lower_bound_s: float | None = None
    bound_kind: str | None = None
    combinatorial_bound_s: float | None = None
    infeasibility: str | None = None
    max_violation: float | None = None
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    load_s: float | None = None
    build_s: float | None = None
    solve_s: float | None = None
    rates_s: float | None = None
    search_s: float | None = None
    wall_s: float | None = None
    peak_memory_bytes: int | None = None
    rate_problems: int | None = None
    rates_read: bool | None = None
    message: str = ""
    trace: Sequence[Sequence[float | None]] = ()
    solution_digest: str | None = None
    fgamcd_version: str | None = None
    python: str | None = None
    packages: Mapping[str, str] = field(default_factory=dict)
    machine: str | None = None
    processor: str | None = None
    cores: int | None = None
    started: str | None = None
    error: str | None = None

    __repr__ = short_repr

    @classmethod
    def of_cell(cls, cell: Cell, outcome: CellOutcome, **known: Any) -> Row:
        """The row of a cell; ``known`` are the fields that the cell does not give."""
        asked = str(Variant.parse(cell.variant))
        given: dict[str, Any] = {
            "cell": cell.id,
            "instance": cell.source.name,
            "instance_digest": cell.source.digest,
            "solver": cell.solver,
            "seed": cell.seed,
            "variant": asked,
            "asked_variant": asked,
            "options": dict(cell.options),
            "time_limit_s": cell.limits.time_s,
            "memory_limit_bytes": cell.limits.memory_bytes,
            "gap_tolerance": cell.limits.gap,
            "threads": cell.limits.threads,
            "outcome": outcome,
            "role": _role_of(cell.solver),
        }
        return cls(**{**given, **known})

    @property
    def solved(self) -> bool:
        """Whether the solver returned."""
        return self.outcome is CellOutcome.SOLVED

    def to_json(self) -> dict[str, Any]:
        """All fields as plain JSON values, with the schema version."""
        return {"schema_version": SCHEMA_VERSION, **dataclasses.asdict(self)}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Row:
        """The row that :meth:`to_json` wrote.

        Raises
        ------
        InputError
            Another schema version, a field that is missing, unknown or out of its range, or fields that contradict
            each other.
        """
        require_version(fields, SCHEMA_VERSION)
        values = {name: value for name, value in fields.items() if name != "schema_version"}
        if fault := field_fault(values, _NAMES):
            raise InputError(fault)
        row = cls(**{**values, "outcome": CellOutcome(values["outcome"])})
        if fault := contradiction(row):
            raise InputError(fault)
        return row

    @property
    def fault(self) -> str | None:
        """What keeps the row from being one that a cell can have, in words; None if nothing does."""
        return field_fault(vars(self), _NAMES) or contradiction(self)

    def unlike(self, cell: Cell, left_out: Collection[str] = ()) -> str | None:
        """Says in words what the row and the cell that it is to be the row of do not share; None if nothing.

        Parameters
        ----------
        cell
            What asks for the row.
        left_out
            Fields and options that the row need not share.
        """
        asked = vars(Row.of_cell(cell, self.outcome))
        for name in _ASKED:
            if name not in left_out and asked[name] != getattr(self, name):
                return f"{name}: is {quote(getattr(self, name))}; the cell asks for {quote(asked[name])}"
        try:
            complete = complete_options(get_solver(cell.solver), cell.options)
        except UsageError:  # then the cell was refused
            complete = dict(cell.options)
        for name, given in cell.options.items():
            if name not in left_out and self.options.get(name) not in (given, complete[name]):
                return f"options: {name} is {quote(self.options.get(name))}; the cell asks for {quote(given)}"
        return None

    def save(self, path: Path) -> None:
        """Write the row to a file with its seal, one field per line, all or nothing.

        Raises
        ------
        InputError
            If the row has a :attr:`fault`, or the file cannot be written.
        """
        if self.fault:
            raise InputError(f"{path}: {self.fault}")
        write_sealed_json(path, self.to_json())

    @classmethod
    def load(cls, path: Path) -> Row:
        """Read the file of a row.

        Raises
        ------
        InputError
            Naming the file and the fault: it was changed after it was written, is of another version, or holds what
            no cell can have come to.
        """
        fields = read_sealed_json(path, SCHEMA_VERSION)
        try:
            row = cls.from_json(fields)
        except InputError as error:
            raise InputError(f"{path}: {error}") from error
        if row.cell != path.stem:
            raise InputError(f"{path}: holds the row of cell {row.cell}")
        return row


def _role_of(name: str) -> str | None:
    """What a solver is for; None for a plug-in that does not say, or cannot be loaded."""
    try:
        role = getattr(get_solver(name), "role", None)
    except (UsageError, BackendError):
        return None
    return role if isinstance(role, Role) else None


_NAMES = tuple(spec.name for spec in dataclasses.fields(Row))

_ASKED = (
    *("instance", "instance_digest", "solver", "seed", "asked_variant"),
    *("time_limit_s", "memory_limit_bytes", "gap_tolerance", "threads"),
)
"""Fields that the cell gives."""
