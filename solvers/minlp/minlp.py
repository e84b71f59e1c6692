"""`minlp`: the monolithic P1 of section 3 by a global solver, for tiny instances; an independent check of `exact`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from fgamcd_opt.beamforming.broadcast import BeamformingSettings
from fgamcd_opt.beamforming.rate_oracle import RateOracle
from fgamcd_opt.formulations.knapsack.storage_rows import cover_row
from fgamcd_opt.formulations.monolithic.monolithic_cuts import add_analytic_cuts, add_rate_cuts
from fgamcd_opt.formulations.monolithic.monolithic_data import MonolithicBlock
from fgamcd_opt.formulations.monolithic.monolithic_model import (
    MONOLITHIC,
    add_cover,
    build_monolithic,
    scaled_blocks,
    time_unit_s,
)
from fgamcd_opt.formulations.monolithic.monolithic_points import assign_decision, decision_of_model
from fgamcd_opt.io.errors import UsageError
from fgamcd_opt.problem.constraints.formulation import Formulation
from fgamcd_opt.problem.decision import Decision
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.solvers.base_solver import BaseSolver
from fgamcd_opt.solvers.exact.exact import ExactSolver
from fgamcd_opt.solvers.minlp.minlp_backends import (
    TOLERANCE,
    GlobalResult,
    require_minlp_backend,
    solve_global,
)
from fgamcd_opt.solving.context import SolveContext
from fgamcd_opt.solving.rate_tables import complete_table, unservable_block
from fgamcd_opt.solving.solver import ANY_NUMBER, Outcome, Role
from fgamcd_opt.solving.status import StopReason

MAX_BINARIES = 250
"""Binaries a, b and lambda up to which the model is solved; global solvers give up far below it."""

_RATE_SETTINGS = BeamformingSettings(rounds=4, tolerance=1e-6)
"""Effort of the rate bounds behind the inequalities of level 2."""

_TRIVIAL_KIND = "sum of the Cauchy-Schwarz bounds of all broadcasts"

_CONTRADICTION = 1e-5
"""A bound above a verified delay by more than this relative rounding is wrong, and not used."""


class MinlpSolver(BaseSolver):
    """The monolithic model with SCIP, Gurobi or another solver that Pyomo drives."""

    name: ClassVar[str] = "minlp"
    formulation: ClassVar[Formulation] = MONOLITHIC
    variants: ClassVar[Mapping[str, frozenset[str]]] = {"max_senders": ANY_NUMBER}
    summary: ClassVar[str] = "monolithic P1 in Pyomo by a global solver (SCIP, Gurobi); tiny instances only"
    role: ClassVar[Role] = Role.EXACT
    proves_bounds: ClassVar[bool] = True
    finds_solutions: ClassVar[bool] = True
    options: ClassVar[Mapping[str, Any]] = {"backend": "scip", "cuts": 2, "start": 1}
    backends: ClassVar[tuple[str, ...]] = ("pyomo", "pyscipopt")
    option_backends: ClassVar[tuple[str, ...]] = ("gurobipy",)

    def prepare(self) -> None:
        """Load the modelling language."""
        import pyomo.environ  # noqa: F401
        import pyscipopt  # noqa: F401

    def solve(self, problem: P1, context: SolveContext, options: Mapping[str, Any]) -> Outcome:
        """Solve P1.

        Parameters
        ----------
        problem
            P1, with or without a limit on the senders.
        context
            Limits, seed, clock.
        options
            ``backend``: scip, gurobi, or a name of Pyomo's solver interface (its bounds are not trusted).
            ``cuts``: redundant inequalities: 0 none, 1 those that follow from section 3, 2 also the rate bounds F6.
            ``start``: 1 to start from the solution of `exact`, 0 to start from nothing. With cuts 0 or 1 and start 0
            nothing rests on F3 to F7.

        Raises
        ------
        UsageError
            Unknown backend, value of ``cuts`` or ``start`` out of range, or an instance that is far too large.
        BackendError
            The backend is missing, cannot take the model, or its licence is too small for it.
        """
        _require_options(options)
        _refuse_large(problem)
        reason = problem.infeasibility_reason()
        if reason:
            return Outcome(stop_reason=StopReason.INFEASIBLE, infeasibility=reason)
        return _MinlpRun(problem, context, options).outcome()


def _require_options(options: Mapping[str, Any]) -> None:
    for name, values in {"cuts": (0, 1, 2), "start": (0, 1)}.items():
        if options[name] not in values:
            raise UsageError(f"option {name}: {options[name]} is not one of {', '.join(map(str, values))}")
    require_minlp_backend(options["backend"])


def _refuse_large(problem: P1) -> None:
    data = problem.instance
    binaries = data.requested_blocks.size * data.n_nodes * (data.n_nodes + 1)
    if binaries > MAX_BINARIES:
        raise UsageError(
            f"{data.name}: {data.requested_blocks.size} requested blocks and {data.n_nodes} nodes make {binaries} "
            f"binaries; solver minlp is for tiny instances, up to {MAX_BINARIES}; use solver exact"
        )


@dataclass(eq=False)
class _MinlpRun:
    """State of one solve."""

    problem: P1
    context: SolveContext
    options: Mapping[str, Any]
    blocks: tuple[MonolithicBlock, ...] = field(init=False)
    decision: Decision | None = None
    delay_s: float = math.inf

    def __post_init__(self) -> None:
        self.blocks = scaled_blocks(self.problem)

    def outcome(self) -> Outcome:
        """Start, model, inequalities, solve."""
        if self.options["start"]:
            started = ExactSolver().solve(self.problem, self.context.untraced(), ExactSolver.options)
            if started.infeasibility and self.options["cuts"] == 2:
                return started
            self._offer(started.decision)
        unit_s = time_unit_s(self.blocks)
        bound_s, kind, nodes = unit_s, _TRIVIAL_KIND, 0
        if not self.context.must_stop:
            model = build_monolithic(self.problem, self.blocks)
            unable = self._add_cuts(model, unit_s)
            if unable:
                return Outcome(stop_reason=StopReason.INFEASIBLE, infeasibility=unable)
            again = True
            while again:
                result = self._ask(model, unit_s)
                nodes += result.nodes
                proved_s = unit_s * (result.bound - tolerance_margin(len(self.blocks)))
                if result.found:
                    again = self._take(decision_of_model(model, self.problem, self.blocks), model)
                else:
                    again = False
                if proved_s > self.delay_s * (1.0 + _CONTRADICTION) or result.bound == math.inf:
                    return self._confirmed(nodes, bound_s, kind)
                if proved_s > bound_s:
                    bound_s, kind = proved_s, self._bound_kind()
        return Outcome(
            stop_reason=self.context.stop_reason(),
            decision=self.decision,
            lower_bound_s=min(bound_s, self.delay_s),
            bound_kind=kind,
            counts={"nodes": nodes},
        )

    def _ask(self, model: Any, unit_s: float) -> GlobalResult:
        """Have the backend solve the model from the incumbent."""
        if self.decision is not None:
            assign_decision(model, self.problem, self.blocks, self.decision)
        with self.context.stage("search"):
            return solve_global(
                model,
                self.context,
                backend=self.options["backend"],
                start=self.decision is not None,
                gap=0.5 * self.context.limits.gap,
                unit_s=unit_s,
            )

    def _take(self, decision: Decision, model: Any) -> bool:
        """Offer a point of the model; whether it exceeded a storage in whole bytes, which is forbidden from now on."""
        self._offer(decision)
        data = self.problem.instance
        size = data.block_bytes[[scaled.block for scaled in self.blocks]]
        covered = False
        for node, storage in enumerate(data.storage_bytes.tolist()):
            stored = decision.caching[node, [scaled.block for scaled in self.blocks]]
            if sum(size[stored].tolist()) > storage:
                add_cover(model, cover_row(node, size, stored, storage))
                covered = True
        return covered and not self.context.must_stop

    def _offer(self, decision: Decision | None) -> None:
        """Keep a decision if the checker's evaluation finds it feasible and better."""
        if decision is not None:
            judged = self.problem.evaluate(decision)
            if judged.feasible and judged.delay_s < self.delay_s:
                self.decision, self.delay_s = decision, judged.delay_s
                self.context.record(delay_s=self.delay_s)

    def _add_cuts(self, model: Any, unit_s: float) -> str | None:
        """Strengthen the model by proved inequalities; a proof that a block cannot be served, or None."""
        if self.options["cuts"] >= 1:
            add_analytic_cuts(model, self.blocks, unit_s)
        if self.options["cuts"] == 2:
            with self.context.stage("rates"):
                oracle = RateOracle(self.problem, _RATE_SETTINGS, self.context.limits.threads)
                complete_table(oracle, self.context)
            unable = unservable_block(oracle)
            if unable:
                return unable
            add_rate_cuts(model, self.blocks, oracle.upper_bps() / self.problem.instance.bandwidth_hz)
        return None

    def _confirmed(self, nodes: int, bound_s: float, kind: str) -> Outcome:
        """What is left where the backend calls the model infeasible, or its bound exceeds a verified delay.

        A floating-point solver's word for infeasible is no proof: it counts if the knapsack of F5, in whole bytes,
        has none either. A bound that a point refutes is dropped, and those before it are kept.
        """
        proof = None
        if self.decision is None and not self.context.must_stop:
            checked = ExactSolver().solve(self.problem, self.context.untraced(), ExactSolver.options)
            self._offer(checked.decision)
            proof = checked.infeasibility
        counts, backend = {"nodes": nodes}, self.options["backend"]
        if proof:
            proof = f"{backend} finds no feasible point of the monolithic model, and {proof}"
            return Outcome(stop_reason=StopReason.INFEASIBLE, infeasibility=proof, counts=counts)
        return Outcome(
            stop_reason=self.context.stop_reason(),
            decision=self.decision,
            lower_bound_s=min(bound_s, self.delay_s),
            bound_kind=kind,
            counts=counts,
            message=f"what {backend} says of bounds was not confirmed in whole bytes, and is not used",
        )

    def _bound_kind(self) -> str:
        facts = "F1, F2, F6" if self.options["cuts"] == 2 else "F1, F2"
        return (
            f"global MINLP of section 3 ({facts}), dual bound of {self.options['backend']} in floating point"
        )


def tolerance_margin(n_blocks: int) -> float:
    """What is taken off a solver's dual bound, in units of the objective.

    A solver takes two values of a variable for the same within its tolerance. In this model all quantities are near 1
    and the objective is sum_k c_k t_k + M_k with sum c_k = 1, so values that differ by the tolerance move it by at most
    the tolerance times 1 + n_blocks.
    """
    return TOLERANCE * (1 + n_blocks)
