"""A MILP backend of another package: what it is given is its own, and what it returns is checked before it counts."""

from __future__ import annotations

import math
from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.formulations.knapsack.multiple_choice import Knapsack
from fgamcd_opt.io.errors import SolverError
from fgamcd_opt.io.safe_text import quote
from fgamcd_opt.io.short_repr import short_repr
from fgamcd_opt.solvers.milp_backends.milp_task import MilpResult, MilpTask
from fgamcd_opt.solvers.milp_backends.registry import load_milp_backend
from fgamcd_opt.solving.context import SolveContext

_CLAIM_TOLERANCE = 1e-6
"""Share by which a claimed bound may exceed a known delay, as tolerances of MILP solvers allow; none is used."""


class PlugIn:
    """The backend of that name; an error that it makes names it.

    Parameters
    ----------
    name
        Of the entry point.
    """

    __repr__ = short_repr

    def __init__(self, name: str) -> None:
        self.name = name
        self._run = load_milp_backend(name)

    def __call__(self, task: MilpTask, context: SolveContext) -> MilpResult:
        """Have it work on copies, and check the types and numbers of what it returns.

        Raises
        ------
        SolverError
            It returned what is no result, or asked Python to exit.
        """
        start = None if task.start is None else task.start.copy()
        own = replace(task, knapsack=deepcopy(task.knapsack), rows=deepcopy(task.rows), start=start)
        try:
            found = self._run(own, context.untraced())
        except SystemExit as error:
            raise SolverError(
                f"MILP backend {self.name} called exit({error.code!r}) instead of returning"
            ) from error
        except Exception as error:
            error.add_note(f"in MILP backend {self.name}")
            raise
        return self._checked(found, task.knapsack)

    def require_true(self, claim_s: float, delay_s: float) -> None:
        """Refuse a bound that a choice refutes.

        Raises
        ------
        SolverError
            The claimed bound is above the delay of a choice that fits.
        """
        if claim_s > delay_s * (1.0 + _CLAIM_TOLERANCE):
            claim = "that nothing fits" if math.isinf(claim_s) else f"the bound {claim_s!r} s"
            raise SolverError(
                f"MILP backend {self.name} claims {claim}, but a choice that fits has {delay_s!r} s: "
                "nothing that it claims is accepted"
            )

    def _checked(self, found: object, knapsack: Knapsack) -> MilpResult:
        if not isinstance(found, MilpResult):
            raise self._error("", found, "a MilpResult")
        bound = found.bound_s
        number = isinstance(bound, int | float | np.floating | np.integer) and not isinstance(bound, bool)
        if not number or math.isnan(bound):
            raise self._error("bound_s ", bound, "a number, -infinity for no bound, infinity if nothing fits")
        nodes = found.nodes
        if isinstance(nodes, bool) or not isinstance(nodes, int | np.integer) or nodes < 0:
            raise self._error("nodes ", nodes, "a whole number >= 0")
        return MilpResult(self._columns(found.columns, knapsack), float(bound), False, int(nodes))

    def _columns(self, columns: Any, knapsack: Knapsack) -> NDArray[np.int64] | None:
        """One column per block, in the order of the blocks, or None."""
        if columns is None:
            return None
        expected = f"None, or {knapsack.n_blocks} whole numbers: one column of each block in turn"
        if not isinstance(columns, np.ndarray) or columns.dtype.kind not in "iu":
            raise self._error("columns ", columns, expected)
        if columns.shape != (knapsack.n_blocks,) or not (
            (columns >= 0).all() and (columns < knapsack.block.size).all()
        ):
            raise self._error("columns ", columns, expected)
        chosen = columns.astype(np.int64)
        if not np.array_equal(knapsack.block[chosen], np.arange(knapsack.n_blocks)):
            raise self._error("columns ", columns, expected)
        return chosen

    def _error(self, field: str, value: object, expected: str) -> SolverError:
        return SolverError(f"MILP backend {self.name} returned {field}{quote(value)}; expected {expected}")
