"""HiGHS as a backend for the knapsack of F5: LP relaxation with multipliers, and MILP, through its matrix interface."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.formulations.knapsack.knapsack_matrix import knapsack_matrix
from fgamcd_opt.formulations.knapsack.multiple_choice import Knapsack
from fgamcd_opt.formulations.knapsack.sparse_milp import SparseMilp
from fgamcd_opt.formulations.knapsack.storage_rows import StorageRow
from fgamcd_opt.io.short_repr import short_repr
from fgamcd_opt.solvers.milp_backends.interruptible import wait_until_ended
from fgamcd_opt.solvers.milp_backends.milp_task import TOLERANCE, MilpResult, MilpTask, chosen
from fgamcd_opt.solving.context import SolveContext

_MOST_NODES = 2**31 - 1
"""Largest limit on nodes that HiGHS takes."""


def solve_relaxation(knapsack: Knapsack, context: SolveContext) -> tuple[NDArray[np.float64], bool] | None:
    """Storage multipliers (N,), in s per byte and >= 0, of the LP relaxation; and whether the LP is feasible.

    The multipliers are only a proposal: a bound is proved from them by exact evaluation
    (:func:`fgamcd_opt.formulations.knapsack.dual_function.lagrangian_bound`), never by trusting the LP. None if
    stopped.
    """
    total = sum(knapsack.size_bytes.tolist())
    rows = (
        StorageRow(n, knapsack.size_bytes, min(int(q), total), 1)
        for n, q in enumerate(knapsack.storage_bytes)
    )
    matrix = knapsack_matrix(knapsack, tuple(rows))
    solver = load_highs(matrix, context, integral=False)
    solver.setOptionValue("time_limit", max(0.01, context.remaining_s))
    run_highs(solver, context)
    status = solver.getModelStatus().name
    if status == "kInfeasible":
        return np.zeros(knapsack.storage_bytes.size), False
    if status != "kOptimal":
        return None
    duals = np.array(solver.getSolution().row_dual)[knapsack.n_blocks :]
    return np.maximum(-duals, 0.0) * matrix.per_byte / matrix.per_second, True


def run_milp(task: MilpTask, context: SolveContext) -> MilpResult:
    """Solve one knapsack, see :func:`fgamcd_opt.solvers.milp_backends.milp.solve_milp`."""
    knapsack, matrix = task.knapsack, knapsack_matrix(task.knapsack, task.rows)
    solver = load_highs(matrix, context)
    if math.isfinite(task.good_s):
        solver.setOptionValue("objective_target", task.good_s * matrix.per_second)
    if task.start is not None:
        _set_start(solver, knapsack, task.start)
    limits = HighsLimits(
        task.gap,
        task.time_s,
        matrix.per_second,
        lambda delay, bound, nodes: task.report(context, delay, bound, nodes),
        task.target_s,
        task.most_nodes,
    )
    found = search_highs(solver, context, limits)
    columns = None if found.values is None else chosen(knapsack, found.values)
    return MilpResult(columns, found.bound_s, found.finished, found.nodes)


@dataclass(frozen=True)
class HighsLimits:
    """Relative gap, time in s, units of cost per second of delay; who is told of delay and bound in s, and nodes.

    Then the bound in s that is enough, and most nodes.
    """

    gap: float
    time_s: float
    per_second: float
    report: Callable[[float, float, int], None]
    target_s: float = math.inf
    most_nodes: float = math.inf

    __repr__ = short_repr


@dataclass(frozen=True, eq=False)
class HighsPoint:
    """Values of the variables (None without an incumbent), proved bound in s (infinite if infeasible), and the end."""

    values: NDArray[np.float64] | None
    bound_s: float
    finished: bool
    nodes: int

    __repr__ = short_repr


def search_highs(solver: Any, context: SolveContext, limits: HighsLimits) -> HighsPoint:
    """Solve the mixed-integer program that ``solver`` holds; incumbent and bound survive limits and interruptions."""
    solver.setOptionValue("mip_rel_gap", limits.gap)
    solver.setOptionValue("mip_abs_gap", 0.0)
    solver.setOptionValue("mip_feasibility_tolerance", TOLERANCE)
    solver.setOptionValue("primal_feasibility_tolerance", TOLERANCE)
    solver.setOptionValue("dual_feasibility_tolerance", TOLERANCE)
    if math.isfinite(limits.most_nodes):
        solver.setOptionValue("mip_max_nodes", min(int(limits.most_nodes), _MOST_NODES))
    solver.setOptionValue("time_limit", max(0.01, min(limits.time_s, context.remaining_s)))
    solver.cbMipInterrupt.subscribe(_watch(solver, limits))
    run_highs(solver, context)
    status, info = solver.getModelStatus().name, solver.getInfo()
    if status == "kInfeasible":
        return HighsPoint(None, math.inf, True, int(info.mip_node_count))
    values = np.array(solver.getSolution().col_value)
    point = values if values.size and solver.getSolution().value_valid else None
    bound = float(info.mip_dual_bound) / limits.per_second
    proved = bound if math.isfinite(bound) else -math.inf
    return HighsPoint(point, proved, status == "kOptimal", int(info.mip_node_count))


def load_highs(milp: SparseMilp, context: SolveContext, *, integral: bool = True) -> Any:
    """A silent HiGHS object that holds the program, or its linear relaxation."""
    import highspy

    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = milp.n_columns, milp.n_rows
    model.col_cost_ = milp.cost
    model.col_lower_, model.col_upper_ = np.zeros(milp.n_columns), milp.upper
    model.row_lower_, model.row_upper_ = milp.row_lower, milp.row_upper
    model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    model.a_matrix_.start_, model.a_matrix_.index_, model.a_matrix_.value_ = (
        milp.starts,
        milp.index,
        milp.value,
    )
    if integral:
        kinds = highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger
        model.integrality_ = [kinds[whole] for whole in milp.integral.astype(int).tolist()]
    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)
    solver.setOptionValue("threads", context.limits.threads)
    solver.setOptionValue("random_seed", context.seed % 2**31)
    solver.passModel(model)
    return solver


def _set_start(solver: Any, knapsack: Knapsack, start: NDArray[np.int64]) -> None:
    import highspy

    point = highspy.HighsSolution()
    values = np.zeros(knapsack.block.size)
    values[start] = 1.0
    point.col_value = values.tolist()
    solver.setSolution(point)


def run_highs(solver: Any, context: SolveContext) -> None:
    """Run in HiGHS's own thread; the incumbent survives an interruption."""
    solver.HandleUserInterrupt = True
    solver.startSolve()
    wait_until_ended(lambda seconds: bool(solver.wait(seconds)[0]), solver.cancelSolve, context)


def _watch(solver: Any, limits: HighsLimits) -> Callable[[Any], None]:
    """Progress, and the end once the bound is enough."""

    def report(event: Any) -> None:
        out = event.data_out
        primal, dual = out.mip_primal_bound / limits.per_second, out.mip_dual_bound / limits.per_second
        limits.report(primal, dual, out.mip_node_count)
        if dual >= limits.target_s:
            solver.cancelSolve()

    return report
