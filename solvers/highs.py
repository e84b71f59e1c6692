"""HiGHS as a backend for the knapsack of F5: LP relaxation with multipliers, and MILP, through its matrix interface."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.context import SolveContext
from fgamcd_opt.formulations.knapsack import Knapsack

_POLL_S = 0.05
_PATIENCE_S = 10.0


@dataclass(frozen=True, eq=False)
class MilpResult:
    """Outcome of one MILP: chosen columns (one per block) or None, proved bound in s, whether it ran to its gap."""

    columns: NDArray[np.int64] | None
    bound_s: float
    finished: bool
    nodes: int


def solve_relaxation(knapsack: Knapsack, context: SolveContext) -> tuple[NDArray[np.float64], bool] | None:
    """Storage multipliers (N,), in s per byte and >= 0, of the LP relaxation; and whether the LP is feasible.

    The multipliers are only a proposal: a bound is proved from them by exact evaluation
    (:func:`fgamcd_opt.solvers.lagrangian.lagrangian_bound`), never by trusting the LP. None if stopped.
    """
    solver = _load(knapsack, integral=False, context=context)
    _run(solver, context, None)
    per_second, per_byte = _units(knapsack)
    status = solver.getModelStatus().name
    if status == "kInfeasible":
        return np.zeros(knapsack.storage_bytes.size), False
    if status != "kOptimal":
        return None
    duals = np.array(solver.getSolution().row_dual)[knapsack.n_blocks :]
    return np.maximum(-duals, 0.0) * per_byte / per_second, True


def solve_milp(
    knapsack: Knapsack,
    context: SolveContext,
    *,
    gap: float,
    good_s: float,
    time_s: float,
    start: NDArray[np.int64] | None = None,
    label: str = "milp",
) -> MilpResult:
    """Solve the knapsack to a relative gap.

    Parameters
    ----------
    knapsack
        Columns; every block needs at least one.
    context
        Threads, seed, clock, stop flag.
    gap
        Relative gap at which to stop.
    good_s
        Delay in s at which to stop whatever the bound; -infinite if there is none.
    time_s
        Time limit in s for this call.
    start
        One column per block as a first incumbent.
    label
        Name of the problem in the progress lines.

    Returns
    -------
    MilpResult
        With an infinite bound if the knapsack is proved infeasible.
    """
    solver = _load(knapsack, integral=True, context=context)
    per_second, _ = _units(knapsack)
    solver.setOptionValue("mip_rel_gap", gap)
    solver.setOptionValue("mip_abs_gap", 0.0)
    solver.setOptionValue("time_limit", max(0.01, min(time_s, context.remaining_s)))
    if math.isfinite(good_s):
        solver.setOptionValue("objective_target", good_s * per_second)
    if start is not None:
        _set_start(solver, knapsack, start)
    solver.cbMipInterrupt.subscribe(_progress(context, label, per_second))
    _run(solver, context, time_s)
    status = solver.getModelStatus().name
    info = solver.getInfo()
    if status == "kInfeasible":
        return MilpResult(None, math.inf, True, int(info.mip_node_count))
    values = np.array(solver.getSolution().col_value)
    columns = _round(knapsack, values) if values.size and solver.getSolution().value_valid else None
    bound = float(info.mip_dual_bound) / per_second
    finite = bound if math.isfinite(bound) else -math.inf
    return MilpResult(columns, finite, status == "kOptimal", int(info.mip_node_count))


def _units(knapsack: Knapsack) -> tuple[float, float]:
    """Units per second and per byte: powers of ten that bring delays and sizes near 10.

    The backend's tolerances are absolute; on much smaller numbers its optimum and its bound would be wrong.
    """
    delay = float(knapsack.delay_s[knapsack.starts[:-1]].mean())
    largest = float(knapsack.size_bytes.max())
    return 10.0 ** round(1.0 - math.log10(delay)), 10.0 ** (1 - round(math.log10(largest)))


def _load(knapsack: Knapsack, *, integral: bool, context: SolveContext) -> Any:
    """A silent HiGHS object that holds the knapsack."""
    import highspy

    per_second, per_byte = _units(knapsack)
    columns, rows = knapsack.block.size, knapsack.n_blocks + knapsack.storage_bytes.size
    member = knapsack.membership()
    per_column = 1 + member.sum(axis=1)
    starts = np.concatenate([[0], np.cumsum(per_column)]).astype(np.int32)
    index = np.empty(starts[-1], np.int32)
    value = np.ones(starts[-1])
    index[starts[:-1]] = knapsack.block
    column, node = np.nonzero(member)
    position = np.ones(starts[-1], bool)
    position[starts[:-1]] = False
    index[position] = knapsack.n_blocks + node
    value[position] = knapsack.size_bytes[knapsack.block[column]] * per_byte

    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = columns, rows
    model.col_cost_ = knapsack.delay_s * per_second
    model.col_lower_, model.col_upper_ = np.zeros(columns), np.ones(columns)
    model.row_lower_ = np.concatenate(
        [np.ones(knapsack.n_blocks), np.full(rows - knapsack.n_blocks, -np.inf)]
    )
    model.row_upper_ = np.concatenate([np.ones(knapsack.n_blocks), knapsack.storage_bytes * per_byte])
    model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    model.a_matrix_.start_, model.a_matrix_.index_, model.a_matrix_.value_ = starts, index, value
    if integral:
        model.integrality_ = [highspy.HighsVarType.kInteger] * columns
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


def _run(solver: Any, context: SolveContext, time_s: float | None) -> None:
    """Run in HiGHS's own thread, so that a stop request or Ctrl-C is served; the incumbent survives."""
    if time_s is None:
        solver.setOptionValue("time_limit", max(0.01, context.remaining_s))
    solver.HandleUserInterrupt = True
    solver.startSolve()
    try:
        while not solver.wait(_POLL_S)[0]:
            if context.must_stop:
                solver.cancelSolve()
    except BaseException:  # a hard interrupt: its thread must end before the interpreter does
        solver.cancelSolve()
        solver.wait(_PATIENCE_S)
        raise


def _progress(context: SolveContext, label: str, per_second: float) -> Callable[[Any], None]:
    def report(event: Any) -> None:
        out = event.data_out
        primal, dual = out.mip_primal_bound / per_second, out.mip_dual_bound / per_second
        context.progress(f"{label:<14} delay {primal:.6f} s  bound {dual:.6f} s  nodes {out.mip_node_count}")

    return report


def _round(knapsack: Knapsack, values: NDArray[np.float64]) -> NDArray[np.int64] | None:
    """The largest column of every block; None if that breaks the storage, counted in whole bytes."""
    order = np.lexsort((-values, knapsack.block))
    columns = order[np.searchsorted(knapsack.block[order], np.arange(knapsack.n_blocks))]
    return columns if knapsack.fits(columns) else None
