"""`scipy-milp`: the knapsack of F5 by `scipy.optimize.milp`.

A template for MILP backends of your own. What every backend has to do is commented; the solver is meant to be replaced.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csc_array

from fgamcd_opt.formulations.knapsack.knapsack_matrix import knapsack_matrix
from fgamcd_opt.solvers.milp_backends.milp_task import TOLERANCE, MilpResult, MilpTask, chosen
from fgamcd_opt.solving.context import SolveContext

INFEASIBLE = 2
"""Status of `scipy.optimize.milp`."""


def run_milp(task: MilpTask, context: SolveContext) -> MilpResult:
    """Choose one column per block, so that the storage of every node holds what it caches and the delay is least."""
    # Rows and columns in units that suit floating-point tolerances: delays are near 10, storage is in small whole
    # numbers. One variable per column; the first rows choose one column per block, the others are storage.
    matrix = knapsack_matrix(task.knapsack, task.rows)

    # Whoever stops before it has begun returns what it was given. A bound of minus infinity says: none.
    seconds = min(task.time_s, context.remaining_s)
    if seconds <= TOLERANCE:
        return MilpResult(task.start, -math.inf, finished=False, nodes=0)

    # This solver takes no start, no target and no stop flag; one that does gets task.start (a column per block),
    # task.target_s, task.good_s, and looks at context.must_stop.
    found = milp(
        matrix.cost,
        integrality=np.ones(matrix.n_columns),
        bounds=Bounds(0.0, 1.0),
        constraints=LinearConstraint(
            csc_array((matrix.value, matrix.index, matrix.starts), shape=(matrix.n_rows, matrix.n_columns)),
            matrix.row_lower,
            matrix.row_upper,
        ),
        options={"mip_rel_gap": task.gap} | ({"time_limit": seconds} if math.isfinite(seconds) else {}),
    )
    if found.status == INFEASIBLE:
        return MilpResult(None, math.inf, finished=True, nodes=0)

    # `chosen` turns values of variables into columns. The bound is a claim: the package proves its own, starting from
    # these columns, and refuses a claim that a choice refutes.
    columns = task.start if found.x is None else chosen(task.knapsack, found.x)
    bound = -math.inf if found.mip_dual_bound is None else found.mip_dual_bound / matrix.per_second
    return MilpResult(columns, bound, finished=found.status == 0, nodes=int(found.mip_node_count or 0))
