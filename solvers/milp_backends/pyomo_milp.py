"""The knapsack of F5 through Pyomo's solver interface: slower to build, a check on the direct backends.

Pyomo neither reports progress nor can be stopped before its time limit. A start is not handed on, nor to HiGHS a bound
that is enough.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fgamcd_opt.formulations.knapsack.knapsack_matrix import KnapsackMatrix, knapsack_matrix
from fgamcd_opt.formulations.knapsack.knapsack_pyomo import knapsack_model
from fgamcd_opt.io.licences import require_gurobi
from fgamcd_opt.solvers.milp_backends.milp import TOLERANCE, MilpResult, MilpTask, chosen
from fgamcd_opt.solving.context import SolveContext


def run_highs(task: MilpTask, context: SolveContext) -> MilpResult:
    """By HiGHS, see :func:`fgamcd_opt.solvers.milp_backends.milp.solve_milp`."""
    options: dict[str, Any] = {
        "random_seed": context.seed % 2**31,
        "mip_feasibility_tolerance": TOLERANCE,
        "primal_feasibility_tolerance": TOLERANCE,
        "dual_feasibility_tolerance": TOLERANCE,
    }
    return _run(task, context, "highs", options, ("objective_target", None, "mip_max_nodes"))


def run_scip(task: MilpTask, context: SolveContext) -> MilpResult:
    """By SCIP."""
    options: dict[str, Any] = {
        "randomization/randomseedshift": context.seed % 2**31,
        "numerics/feastol": TOLERANCE,
        "numerics/dualfeastol": TOLERANCE,
        "misc/catchctrlc": False,
    }
    return _run(task, context, "scip_direct", options, ("limits/primal", "limits/dual", "limits/totalnodes"))


def run_gurobi(task: MilpTask, context: SolveContext) -> MilpResult:
    """By Gurobi; its licence is checked first."""
    matrix = knapsack_matrix(task.knapsack, task.rows)
    require_gurobi(matrix.n_columns, matrix.n_rows)
    options = {
        "Seed": context.seed % 2_000_000_000,
        "FeasibilityTol": TOLERANCE,
        "IntFeasTol": TOLERANCE,
        "OptimalityTol": TOLERANCE,
    }
    return _run(task, context, "gurobi_direct", options, ("BestObjStop", "BestBdStop", "NodeLimit"))


def _run(
    task: MilpTask,
    context: SolveContext,
    solver: str,
    options: dict[str, Any],
    names: tuple[str, str | None, str],
) -> MilpResult:
    """Build, solve, and read what is there, whatever the reason to stop.

    ``names`` are the solver's options for a delay that is enough, a bound that is enough, and most nodes.
    """
    from pyomo.contrib.solver.common.factory import SolverFactory
    from pyomo.contrib.solver.common.results import TerminationCondition

    matrix = knapsack_matrix(task.knapsack, task.rows)
    model = knapsack_model(matrix)
    good_option, target_option, nodes_option = names
    if math.isfinite(task.most_nodes):
        options[nodes_option] = int(task.most_nodes)
    if math.isfinite(task.good_s):
        options[good_option] = task.good_s * matrix.per_second
    if math.isfinite(task.target_s) and target_option:
        options[target_option] = task.target_s * matrix.per_second
    seconds = min(task.time_s, context.remaining_s)
    results = SolverFactory(solver).solve(
        model,
        load_solutions=False,
        raise_exception_on_nonoptimal_result=False,
        time_limit=max(0.01, seconds) if math.isfinite(seconds) else None,
        threads=context.limits.threads,
        rel_gap=task.gap / (1.0 - task.gap) if solver == "scip_direct" else task.gap,
        abs_gap=0.0,
        solver_options=options,
    )
    reason = results.termination_condition
    if reason in (TerminationCondition.provenInfeasible, TerminationCondition.infeasibleOrUnbounded):
        return MilpResult(None, math.inf, True, 0)
    finished = reason is TerminationCondition.convergenceCriteriaSatisfied
    return MilpResult(_columns(task, results, model), _bound_s(results, matrix), finished, 0)


def _columns(task: MilpTask, results: Any, model: Any) -> np.ndarray[Any, Any] | None:
    if results.incumbent_objective is None:
        return None
    found = results.solution_loader.get_vars()
    return chosen(task.knapsack, np.array([found[variable] for variable in model.x.values()]))


def _bound_s(results: Any, matrix: KnapsackMatrix) -> float:
    bound = results.objective_bound
    return -math.inf if bound is None or not math.isfinite(bound) else float(bound) / matrix.per_second
