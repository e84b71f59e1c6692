"""The certified bound on one instance, as a training proves it at its start and keeps it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fgamcd_opt.io.errors import InfeasibleError, InputError
from fgamcd_opt.io.safe_text import quote
from fgamcd_opt.io.short_repr import short_repr
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.solving.context import DEFAULT_GAP, SolveContext
from fgamcd_opt.solving.front_door import solve

SOLVER = "exact"
TIME_S = 120.0
"""How it is proved: to the default gap, or as far as this many seconds lead. Either way it is a bound."""


@dataclass(frozen=True)
class ProvedBound:
    """Lower bound on the delay of one instance.

    Parameters
    ----------
    instance, digest
        What it holds for.
    lower_bound_s
        In s; None if none was proved in time.
    kind, solver
        Kind of proof, and what proved it.
    delay_s, gap
        Delay in s of the solution found with it, and that one's relative gap; None without a solution.
    """

    instance: str
    digest: str
    lower_bound_s: float | None
    kind: str | None
    solver: str
    delay_s: float | None
    gap: float | None

    __repr__ = short_repr

    @classmethod
    def prove(cls, problem: P1, context: SolveContext, rate_cache: Path | None = None) -> ProvedBound:
        """Prove it, within what the context leaves.

        Raises
        ------
        InfeasibleError
            The problem is proved to have no solution.
        """
        time_s = max(min(TIME_S, context.remaining_s), 1e-3)
        result = solve(
            problem,
            SOLVER,
            time_limit=time_s,
            gap=DEFAULT_GAP,
            threads=context.limits.threads,
            stop=context.stop,
            rate_cache=rate_cache,
        )
        if result.infeasibility:
            raise InfeasibleError(f"{result.instance_name}: proved infeasible: {result.infeasibility}")
        return cls(
            result.instance_name,
            result.instance_digest,
            result.lower_bound_s,
            result.bound_kind,
            result.solver,
            result.delay_s,
            result.gap,
        )

    @property
    def is_tight(self) -> bool:
        """Whether it was proved as far as it was meant to be, given the time."""
        return self.gap is not None and self.gap <= DEFAULT_GAP

    def to_json(self) -> dict[str, Any]:
        """All fields as plain JSON values."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, where: Path, content: object) -> ProvedBound:
        """The bound that :meth:`to_json` wrote.

        Raises
        ------
        InputError
            Naming ``where`` and the field that is missing, unexpected or not of its type.
        """
        names = [spec.name for spec in dataclasses.fields(cls)]
        if not isinstance(content, dict) or set(content) != set(names):
            raise InputError(
                f"{where}: {quote(content)} is no bound; expected an object of {', '.join(names)}"
            )
        for name in names:
            kind = float if name in ("lower_bound_s", "delay_s", "gap") else str
            optional = kind is float or name == "kind"
            if not (isinstance(content[name], kind) or (optional and content[name] is None)):
                raise InputError(f"{where}: {name}: {quote(content[name])} is not of type {kind.__name__}")
        return cls(**content)
