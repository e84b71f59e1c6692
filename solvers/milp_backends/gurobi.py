"""Gurobi as a MILP backend for the knapsack of F5, through the matrix interface of gurobipy."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from fgamcd_opt.formulations.knapsack.knapsack_matrix import KnapsackMatrix, knapsack_matrix
from fgamcd_opt.io.licences import require_gurobi, silent_environment
from fgamcd_opt.solvers.milp_backends.interruptible import wait_until_ended
from fgamcd_opt.solvers.milp_backends.milp_task import TOLERANCE, MilpResult, MilpTask, chosen
from fgamcd_opt.solving.context import SolveContext

_STEP_S = 0.002


def run_milp(task: MilpTask, context: SolveContext) -> MilpResult:
    """Solve one knapsack, see :func:`fgamcd_opt.solvers.milp_backends.milp.solve_milp`.

    Raises
    ------
    BackendError
        The model is too large for the licence; raised before it is built.
    """
    import gurobipy

    matrix = knapsack_matrix(task.knapsack, task.rows)
    require_gurobi(matrix.n_columns, matrix.n_rows)
    with silent_environment() as environment, gurobipy.Model(env=environment) as model:
        variables = _load(model, matrix)
        for name, value in _parameters(task, matrix, context).items():
            model.setParam(name, value)
        if task.start is not None:
            start = np.zeros(matrix.n_columns)
            start[task.start] = 1.0
            variables.Start = start
        report = _progress(context, task, matrix.per_second)
        model.optimizeAsync(report)  # `optimize` would take Ctrl-C to itself and write about it
        wait_until_ended(lambda seconds: _ended(model, seconds), model.terminate, context)
        model.sync()
        return _result(task, matrix, model, variables)


def _parameters(task: MilpTask, matrix: KnapsackMatrix, context: SolveContext) -> dict[str, Any]:
    """Limits and tolerances."""
    settings: dict[str, Any] = {
        "Threads": context.limits.threads,
        "Seed": context.seed % 2_000_000_000,
        "FeasibilityTol": TOLERANCE,
        "IntFeasTol": TOLERANCE,
        "OptimalityTol": TOLERANCE,
        "MIPGap": task.gap,
        "MIPGapAbs": 0.0,
        "TimeLimit": max(0.01, min(task.time_s, context.remaining_s)),
    }
    if math.isfinite(task.target_s):
        settings["BestBdStop"] = task.target_s * matrix.per_second
    if math.isfinite(task.good_s):
        settings["BestObjStop"] = task.good_s * matrix.per_second
    if math.isfinite(task.most_nodes):
        settings["NodeLimit"] = task.most_nodes
    return settings


def _load(model: Any, matrix: KnapsackMatrix) -> Any:
    """Fill an empty model with the knapsack; returns its variables (c,)."""
    from gurobipy import GRB
    from scipy.sparse import csc_array

    shape = matrix.n_rows, matrix.n_columns
    coefficients = csc_array((matrix.value, matrix.index, matrix.starts), shape=shape).tocsr()
    variables = model.addMVar(matrix.n_columns, vtype=GRB.BINARY, obj=matrix.cost)
    model.addMConstr(coefficients[: matrix.n_blocks], variables, "=", np.ones(matrix.n_blocks))
    model.addMConstr(coefficients[matrix.n_blocks :], variables, "<", matrix.capacity)
    return variables


def _ended(model: Any, seconds: float) -> bool:
    """Wait for the search in the background for at most so long; True if it has ended."""
    from gurobipy import GRB

    end = time.monotonic() + seconds
    while model.Status == GRB.INPROGRESS:
        if time.monotonic() >= end:
            return False
        time.sleep(_STEP_S)
    return True


def _result(task: MilpTask, matrix: KnapsackMatrix, model: Any, variables: Any) -> MilpResult:
    """What the model holds after the search, wherever it stopped."""
    from gurobipy import GRB

    nodes = int(model.NodeCount)
    if model.Status in (GRB.INFEASIBLE, GRB.INF_OR_UNBD):  # all variables are bounded
        return MilpResult(None, math.inf, True, nodes)
    columns = chosen(task.knapsack, variables.X) if model.SolCount > 0 else None
    bound = float(model.ObjBound)
    proved = bound / matrix.per_second if abs(bound) < GRB.INFINITY else -math.inf
    return MilpResult(columns, proved, model.Status == GRB.OPTIMAL, nodes)


def _progress(context: SolveContext, task: MilpTask, per_second: float) -> Callable[[Any, int], None]:
    def report(model: Any, where: int) -> None:
        from gurobipy import GRB

        if where == GRB.Callback.MIP:
            primal = model.cbGet(GRB.Callback.MIP_OBJBST) / per_second
            dual = model.cbGet(GRB.Callback.MIP_OBJBND) / per_second
            nodes = int(model.cbGet(GRB.Callback.MIP_NODCNT))
            task.report(context, primal, dual, nodes)

    return report
