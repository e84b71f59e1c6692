"""SCIP as a MILP backend for the knapsack of F5, through PySCIPOpt, column by column."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from typing import Any

import numpy as np

from fgamcd_opt.formulations.knapsack.knapsack_matrix import KnapsackMatrix, knapsack_matrix
from fgamcd_opt.solvers.milp_backends.interruptible import wait_until_ended
from fgamcd_opt.solvers.milp_backends.milp_task import TOLERANCE, MilpResult, MilpTask, chosen
from fgamcd_opt.solving.context import SolveContext


def run_milp(task: MilpTask, context: SolveContext) -> MilpResult:
    """Solve one knapsack, see :func:`fgamcd_opt.solvers.milp_backends.milp.solve_milp`."""
    matrix = knapsack_matrix(task.knapsack, task.rows)
    model, variables = _load(matrix)
    model.setParams(_parameters(task, matrix, context))
    if task.start is not None:
        point = model.createSol()
        for column in task.start.tolist():
            model.setSolVal(point, variables[column], 1.0)
        model.addSol(point)
    _report_progress(model, context, task, matrix.per_second)
    with ThreadPoolExecutor(1) as pool:
        search = pool.submit(model.optimizeNogil)
        wait_until_ended(lambda s: bool(wait([search], s).done), lambda: _interrupt(model), context)
        search.result()
    status, nodes = model.getStatus(), int(model.getNTotalNodes())
    if status == "infeasible":
        return MilpResult(None, math.inf, True, nodes)
    columns = None
    if model.getNSols() > 0:
        best = model.getBestSol()
        columns = chosen(task.knapsack, np.array([best[variable] for variable in variables]))
    return MilpResult(columns, _bound_s(model, matrix), status in ("optimal", "gaplimit"), nodes)


def _interrupt(model: Any) -> None:
    """Ask SCIP to stop; at the stages of a solve where it refuses, the next time of asking will do."""
    with suppress(Exception):
        model.interruptSolve()


def _parameters(task: MilpTask, matrix: KnapsackMatrix, context: SolveContext) -> dict[str, Any]:
    """Limits and tolerances. SCIP divides its gap by the bound, the task by the delay."""
    settings: dict[str, Any] = {
        "misc/catchctrlc": False,
        "randomization/randomseedshift": context.seed % 2**31,
        "numerics/feastol": TOLERANCE,
        "numerics/dualfeastol": TOLERANCE,
        "limits/gap": task.gap / (1.0 - task.gap),
        "limits/time": max(0.01, min(task.time_s, context.remaining_s, 1e20)),
    }
    if math.isfinite(task.target_s):
        settings["limits/dual"] = task.target_s * matrix.per_second
    if math.isfinite(task.good_s):
        settings["limits/primal"] = task.good_s * matrix.per_second
    if math.isfinite(task.most_nodes):
        settings["limits/totalnodes"] = int(task.most_nodes)
    return settings


def _load(matrix: KnapsackMatrix) -> tuple[Any, list[Any]]:
    """A silent SCIP model that holds the knapsack, and its variables."""
    from pyscipopt import Expr, Model

    model = Model()
    model.hideOutput()
    variables = [model.addVar(vtype="B", obj=cost) for cost in matrix.cost.tolist()]
    rows = [model.addCons(Expr() == 1.0) for _ in range(matrix.n_blocks)]
    rows += [model.addCons(Expr() <= capacity) for capacity in matrix.capacity.tolist()]
    column = np.repeat(np.arange(matrix.n_columns), np.diff(matrix.starts))
    for j, row, value in zip(column.tolist(), matrix.index.tolist(), matrix.value.tolist(), strict=True):
        model.addConsCoeff(rows[row], variables[j], value)
    return model, variables


def _bound_s(model: Any, matrix: KnapsackMatrix) -> float:
    """Proved bound; minus infinity before there is one."""
    bound = float(model.getDualbound())
    return bound / matrix.per_second if abs(bound) < model.infinity() else -math.inf


def _report_progress(model: Any, context: SolveContext, task: MilpTask, per_second: float) -> None:
    """Have SCIP tell where it is after every round, relaxation and node and every better solution."""
    from pyscipopt import SCIP_EVENTTYPE, Eventhdlr

    kinds = SCIP_EVENTTYPE
    events = (kinds.PRESOLVEROUND, kinds.BESTSOLFOUND, kinds.LPSOLVED, kinds.NODESOLVED)

    class Report(Eventhdlr):  # type: ignore[misc]
        def eventinit(self) -> None:
            for event in events:
                self.model.catchEvent(event, self)

        def eventexit(self) -> None:
            for event in events:
                self.model.dropEvent(event, self)

        def eventexec(self, event: Any) -> None:
            primal, dual = self.model.getPrimalbound() / per_second, self.model.getDualbound() / per_second
            task.report(context, primal, dual, self.model.getNTotalNodes())

    model.includeEventhdlr(Report(), "progress", "progress lines")
