"""What a MILP backend is given and what it returns: one knapsack of F5, and a choice with a bound."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.formulations.knapsack.multiple_choice import Knapsack
from fgamcd_opt.formulations.knapsack.storage_rows import StorageRow
from fgamcd_opt.io.short_repr import short_repr
from fgamcd_opt.solving.context import SolveContext

TOLERANCE = 1e-9
"""Tolerance on rows, integrality and reduced costs; half a unit of a row of storage is at least 50 times that."""


BOUND_MARGIN = 1e-8
"""Share by which the bound of a floating-point backend is lowered, for what its tolerances are worth.

The columns of a block sum up to 1, so reduced costs that are off by 1e-9 move the value of an LP by at most R x 1e-9;
the cost of R blocks is near 10 R, which makes 1e-10 of it. Shares that are off by 1e-9 move the cost by 1e-9 of it,
and nodes are cut off at an incumbent with a relative tolerance of at most 1e-9 (SCIP's epsilon). A choice that fits
keeps half a unit in every row of storage, and shares that are off by 1e-9 move a row by a tenth of a unit at most. The
sum, 2.1e-9, is taken five times.
"""


ROUNDING = 1e-12
"""A bound that is short of the target by less than this, relatively, is enough: backends have their own units."""


Watch = Callable[[float, float], None]
"""Told (delay, bound) in s, both of a knapsack, whenever one of them may have improved."""


@dataclass(frozen=True, eq=False)
class MilpTask:
    """One MILP to be solved; the fields are the arguments of :func:`fgamcd_opt.solvers.milp_backends.milp.solve_milp`.

    ``rows`` are the rows of storage for backends that need some; ``note`` is the end of every progress line.
    """

    knapsack: Knapsack
    gap: float
    good_s: float
    time_s: float
    start: NDArray[np.int64] | None
    label: str
    target_s: float = math.inf
    watch: Watch | None = None
    most_nodes: float = math.inf
    rows: tuple[StorageRow, ...] = ()
    note: Callable[[], str] = str

    __repr__ = short_repr

    def report(self, context: SolveContext, delay_s: float, bound_s: float, nodes: int) -> None:
        """Tell where a backend is: the watch, and a line of progress that says whose bound it is."""
        context.progress(
            f"{self.label}: delay {delay_s:.6f} s, bound of this knapsack {bound_s:.6f} s, {nodes} nodes{self.note()}",
            nodes=nodes,
        )

    def met(self, delay_s: float, bound_s: float) -> bool:
        """Whether a delay and a bound are enough: gap, target or good delay."""
        return (
            delay_s <= self.good_s
            or bound_s >= self.target_s * (1.0 - ROUNDING)
            or bound_s >= delay_s * (1.0 - self.gap) * (1.0 - 2.0 * BOUND_MARGIN)
        )


@dataclass(frozen=True, eq=False)
class MilpResult:
    """Outcome of one MILP: chosen columns (one per block) or None, bound in s, whether gap or target is met.

    From ``solve_milp`` the columns fit and the bound is proved; from a backend the columns obey the task's rows. An
    infinite bound says that nothing fits, a bound of minus infinity that there is none.
    """

    columns: NDArray[np.int64] | None
    bound_s: float
    finished: bool
    nodes: int

    __repr__ = short_repr


def chosen(knapsack: Knapsack, values: NDArray[np.float64]) -> NDArray[np.int64]:
    """The column of largest value of every block; together they need not fit.

    Parameters
    ----------
    knapsack
        Columns.
    values
        (c,) values of the variables as a backend returned them.
    """
    order = np.lexsort((-values, knapsack.block))
    return np.asarray(order[np.searchsorted(knapsack.block[order], np.arange(knapsack.n_blocks))])
