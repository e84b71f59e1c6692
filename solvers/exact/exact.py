"""`exact`: P1 solved as the knapsack of F5, once with the known beams and once with certified rate bounds (F7)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

from fgamcd_opt.beamforming.rate_oracle import RateOracle
from fgamcd_opt.io.errors import UsageError
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.solvers.base_solver import EVERY_VARIANT_AND_SENDERS, BaseSolver
from fgamcd_opt.solvers.decisions import decision_from_masks
from fgamcd_opt.solvers.exact.closing import Closing
from fgamcd_opt.solvers.exact.column_generation import solve_on_demand
from fgamcd_opt.solvers.exact.tabulated_columns import TabulatedColumns
from fgamcd_opt.solvers.milp_backends.registry import require_milp_backend
from fgamcd_opt.solving.context import SolveContext
from fgamcd_opt.solving.rate_tables import rate_table, search_again
from fgamcd_opt.solving.solver import Outcome, Role
from fgamcd_opt.solving.status import StopReason

BOUND_KIND = "knapsack with certified rate bounds (F5, F6, F7)"

AUTO, TABLE, DEMAND = "auto", "table", "demand"
"""Values of the option ``rates``."""

_SMALL_TABLE, _LARGE_TABLE = 2_000, 30_000
"""Up to the first number of beam problems a table of all of them is quicker; from the second on it is slower."""

_LOOSE_GAP = 5e-4
"""Between the two, a table is slower where this gap or more is asked for: few sets then need any beam."""


class ExactSolver(BaseSolver):
    """The knapsack of F5 with a certificate: beams give T, certified rate bounds give L, MILPs close the rest."""

    name: ClassVar[str] = "exact"
    summary: ClassVar[str] = (
        "knapsack over caching sets (F5) by column generation, enumeration and branch and bound (F6, F7)"
    )
    role: ClassVar[Role] = Role.EXACT
    proves_bounds: ClassVar[bool] = True
    finds_solutions: ClassVar[bool] = True
    variants: ClassVar[Mapping[str, frozenset[str]]] = EVERY_VARIANT_AND_SENDERS
    options: ClassVar[Mapping[str, Any]] = {
        "rounds": 2,
        "passes": 10,
        "max_nodes": 0,
        "backend": "tree",
        "iterations": 200,
        "rates": AUTO,
    }
    option_backends: ClassVar[tuple[str, ...]] = ("highspy", "pyscipopt", "gurobipy", "scipy", "pyomo")

    def solve(self, problem: P1, context: SolveContext, options: Mapping[str, Any]) -> Outcome:
        """Solve P1.

        Parameters
        ----------
        problem
            P1 or a variant.
        context
            Limits, seed, clock.
        options
            ``rounds``: beamforming effort per set in the first pass. ``passes``: at most so many passes that
            tighten the rates that hold the gap open. ``max_nodes``: nodes of branch and bound (F8) per set that is
            tightened; off by default, since merged errors close most of the gap. ``backend``: MILP backend, see
            :mod:`fgamcd_opt.solvers.milp_backends.milp`. ``iterations``: of column generation, at most.
            ``rates``: ``table`` works on all node sets first, ``demand`` only on those that the proof asks for, and
            ``auto`` chooses: a table for a small instance, a variant of P1, F8, or rates that are to be kept.

        Raises
        ------
        UsageError, BackendError
            The MILP backend is unknown, not installed or without a licence. A licence that is too small for a model
            that comes up later ends the solve with what was found until then.
        """
        require_milp_backend(options["backend"])
        if _on_demand(problem, context, options):
            return solve_on_demand(problem, context, options)
        oracle = rate_table(problem, context, options["rounds"])
        if isinstance(oracle, Outcome):
            return oracle
        columns = TabulatedColumns(problem, context, oracle, options["max_nodes"])
        closing = Closing(problem, context, columns, options["passes"], options["backend"])
        proof = closing.search()
        if proof is None and closing.best_masks is None and not context.must_stop:
            with context.stage("rates"):
                found = search_again(oracle, context)
            proof = closing.search() if found else None
        return _outcome(closing, oracle, proof)


def _on_demand(problem: P1, context: SolveContext, options: Mapping[str, Any]) -> bool:
    """Whether rates are worked out only when the proof asks for them."""
    plain = not problem.variant.differences() and not options["max_nodes"]
    if options["rates"] == AUTO:
        problems = problem.instance.requested_blocks.size * ((1 << problem.instance.n_nodes) - 1)
        least = _SMALL_TABLE if context.limits.gap >= _LOOSE_GAP else _LARGE_TABLE
        return plain and context.rate_cache is None and problems > least
    if options["rates"] not in (TABLE, DEMAND):
        raise UsageError(f"option rates={options['rates']}: unknown; take {AUTO}, {TABLE} or {DEMAND}")
    if options["rates"] == DEMAND and not plain:
        raise UsageError(
            f"option rates={DEMAND}: for P1 itself and without max_nodes; take {AUTO} or {TABLE}"
        )
    return bool(options["rates"] == DEMAND)


def _outcome(closing: Closing, oracle: RateOracle, infeasibility: str | None) -> Outcome:
    """What the solver returns."""
    counts = {
        "rate_problems": oracle.solved,
        "rate_problems_total": oracle.size,
        "nodes": closing.nodes,
    }
    if infeasibility:
        return Outcome(stop_reason=StopReason.INFEASIBLE, infeasibility=infeasibility, counts=counts)
    decision = None
    if closing.best_masks is not None:
        decision = decision_from_masks(closing.problem, oracle, *closing.best_masks)
    proved = math.isfinite(closing.bound_s)
    return Outcome(
        stop_reason=closing.stop_reason(),
        decision=decision,
        lower_bound_s=closing.bound_s if proved else None,
        bound_kind=BOUND_KIND if proved else None,
        combinatorial_bound_s=closing.combinatorial_s if math.isfinite(closing.combinatorial_s) else None,
        multipliers=closing.multipliers if proved else None,
        counts=counts,
        message=closing.refusal,
    )
