"""`Cell`: one instance, one solver, one seed and all limits; the grid is the product of them."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fgamcd_opt.instances.resolve import load
from fgamcd_opt.io.errors import InputError, UsageError
from fgamcd_opt.io.safe_text import quote
from fgamcd_opt.io.short_repr import short_repr
from fgamcd_opt.problem.variants import Variant
from fgamcd_opt.solving.arguments import complete_options
from fgamcd_opt.solving.context import DEFAULT_GAP, Limits
from fgamcd_opt.solving.registry import get_solver


@dataclass(frozen=True, kw_only=True)
class Source:
    """An instance as it is named: preset, library name or file, the changed fields of its recipe, and what came of it.

    Parameters
    ----------
    instance
        Preset, library name, recipe file or instance file.
    changes
        Changed fields of the recipe, as text.
    name, digest
        Of the instance that this gives.
    """

    instance: str
    changes: Mapping[str, str] = field(default_factory=dict)
    name: str
    digest: str

    __repr__ = short_repr

    @classmethod
    def of(cls, instance: str, changes: Mapping[str, str] | None = None) -> Source:
        """Make the instance once, for its name and digest.

        Raises
        ------
        InputError
            As :func:`fgamcd_opt.instances.resolve.load` does.
        """
        made = load(instance, changes)
        return cls(instance=instance, changes=dict(changes or {}), name=made.name, digest=made.digest)


def digest_of(content: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of plain JSON values, whatever the order of their names."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class CellLimits:
    """Limits of every cell of a comparison.

    Parameters
    ----------
    time_s
        Wall-clock limit that the solver is given, in s; None is no limit.
    memory_bytes
        Resident memory of the cell's processes above which they are killed; None is no limit.
    gap
        Relative certified gap at which a solver may stop.
    threads
        Threads of a solver.

    Raises
    ------
    UsageError
        A limit that is out of range.
    """

    time_s: float | None = None
    memory_bytes: int | None = None
    gap: float = DEFAULT_GAP
    threads: int = 1

    __repr__ = short_repr

    def __post_init__(self) -> None:
        limits = Limits(
            time_s=math.inf if self.time_s is None else self.time_s, gap=self.gap, threads=self.threads
        )
        object.__setattr__(self, "time_s", None if self.time_s is None else limits.time_s)
        object.__setattr__(self, "gap", limits.gap)
        object.__setattr__(self, "threads", limits.threads)
        if self.memory_bytes is not None and self.memory_bytes <= 0:
            raise UsageError(f"memory limit {self.memory_bytes} bytes: must be positive")

    def of_solver(self) -> dict[str, Any]:
        """The part that the solver keeps by itself, as arguments of :func:`fgamcd_opt.solve`."""
        time_limit = math.inf if self.time_s is None else self.time_s
        return {"time_limit": time_limit, "gap": self.gap, "threads": self.threads}


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One solve of a comparison. Every field is part of :attr:`id`.

    Parameters
    ----------
    source
        The instance.
    solver, seed, options
        What solves it; options that are not named keep their defaults.
    variant
        Changed declarations of P1 that are asked for, as text.
    limits
        Of time, memory, gap and threads.
    """

    source: Source
    solver: str
    seed: int = 0
    variant: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    limits: CellLimits = field(default_factory=CellLimits)

    __repr__ = short_repr

    @property
    def id(self) -> str:
        """SHA-256 (hex) of all fields."""
        return digest_of(self.to_json())

    def to_json(self) -> dict[str, Any]:
        """All fields as plain JSON values."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Cell:
        """The cell that :meth:`to_json` wrote.

        Raises
        ------
        InputError
            A field that is missing or unknown.
        """
        try:
            parts = {"source": Source(**fields["source"]), "limits": CellLimits(**fields["limits"])}
            return cls(**{**fields, **parts})
        except (KeyError, TypeError) as error:
            raise InputError(f"not a cell of a comparison ({error})") from error


def make_grid(
    sources: Sequence[Source],
    solvers: Sequence[str],
    seeds: Iterable[int] = (0,),
    *,
    variant: Mapping[str, str] | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    limits: CellLimits | None = None,
) -> list[Cell]:
    """Product of instances, solvers and seeds, in this order.

    Parameters
    ----------
    sources, solvers, seeds
        The three axes.
    variant
        Changed declarations of P1, for all cells.
    options
        By solver, its options.
    limits
        For all cells.

    Raises
    ------
    UsageError
        An unknown solver or option, options for a solver that is not compared, or something named twice.
    InputError
        A variant that does not exist.
    """
    seeds, options = list(seeds), options or {}
    Variant.parse(variant or {})
    for unknown in set(options) - set(solvers):
        raise UsageError(
            f"option of {quote(unknown)}: this solver is not compared; compared: {', '.join(solvers)}"
        )
    for name in solvers:
        complete_options(get_solver(name), options.get(name, {}))
    cells = [
        Cell(
            source=source,
            solver=solver,
            seed=seed,
            variant=dict(variant or {}),
            options=dict(options.get(solver, {})),
            limits=limits or CellLimits(),
        )
        for source in sources
        for solver in solvers
        for seed in seeds
    ]
    require_distinct(cells)
    return cells


def require_distinct(cells: Sequence[Cell]) -> None:
    """Refuse a list that holds a cell twice.

    Raises
    ------
    UsageError
        Naming the first cell that comes twice.
    """
    seen: set[str] = set()
    for cell in cells:
        if cell.id in seen:
            raise UsageError(f"{cell.source.name}, {cell.solver}, seed {cell.seed}: is named twice")
        seen.add(cell.id)
