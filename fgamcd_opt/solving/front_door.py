"""The front door: ``solve(problem, solver=..., time_limit=..., seed=...)`` runs one solver and judges what it returns.

A solver is given a copy of the instance. It is judged on the instance itself, which it never held.
"""

from __future__ import annotations

import dataclasses
import math
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.io.backend_output import backend_output_logged
from fgamcd_opt.io.errors import InputError, SolverError, UnsupportedVariantError
from fgamcd_opt.io.times import Times
from fgamcd_opt.io.version import package_version
from fgamcd_opt.problem.checker import verdict
from fgamcd_opt.problem.constraints.formulation import Formulation
from fgamcd_opt.problem.evaluation import Evaluation
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.problem.solution_file import Solution
from fgamcd_opt.solving.arguments import chosen_solver, complete_options, folder_of, problem_of, seed_of
from fgamcd_opt.solving.context import DEFAULT_GAP, Limits, SolveContext
from fgamcd_opt.solving.outcome_check import evaluated, require_consistent, require_outcome
from fgamcd_opt.solving.registry import get_solver, require_backends, solver_names
from fgamcd_opt.solving.result import Result
from fgamcd_opt.solving.solver import ANY_NUMBER, Outcome, Solver
from fgamcd_opt.solving.status import OPTIMALITY_GAP, StopReason, relative_gap

BOUNDS_ONLY = "this method proves bounds and looks for no solution"
"""Message of a result of a method that finds no solutions."""

ENDLESS = (
    "the beams of the point found reach some user at rate zero when its channel errors are at their worst"
)
"""Message of a result whose decision never delivers some block, as beams of csi=nominal may do."""


def solve(
    problem: P1 | Instance,
    solver: str | Solver = "exact",
    *,
    time_limit: float = math.inf,
    gap: float = DEFAULT_GAP,
    threads: int = 1,
    seed: int = 0,
    options: Mapping[str, Any] | None = None,
    rate_cache: Path | str | None = None,
    build_s: float = 0.0,
    stop: threading.Event | None = None,
    silent: bool = False,
) -> Result:
    """Solve P1; the independent checker scores what comes back.

    The arguments have the names of the options of ``fgamcd solve``.

    Parameters
    ----------
    problem
        P1, or an instance, which stands for ``P1(instance)``.
    solver
        Registered name, or an object with what :class:`fgamcd_opt.solving.solver.Solver` declares.
    time_limit
        Seconds for the solver, above 0; what is found and proved until then is returned.
    gap
        Certified relative gap of the delay at which the solver may stop, from 0 to below 1.
    threads
        Threads, at least 1.
    seed
        The solver's seed, at least 0; that of an instance is a field of its recipe.
    options
        Options of that solver; unknown ones are an error.
    rate_cache
        Folder in which finished rate tables are kept between runs; see :mod:`fgamcd_opt.beamforming.rate_cache`.
    build_s
        Seconds that the caller spent on making the instance, for the record of times.
    stop
        Set it (from another thread or a signal handler) to end early with the best point so far. Without it,
        Ctrl-C does the same.
    silent
        Log no progress.

    Raises
    ------
    UsageError
        An argument of the wrong type or out of range, naming the expected one; an unknown solver or option.
    UnsupportedVariantError
        The solver does not support the variant; says which solvers do. Raised before any work.
    BackendError
        A backend that the solver needs is missing; says the remedy.
    SolverError
        What the solver returned is no outcome, or contradicts itself or its own verified point; or it changed the
        instance, or asked Python to exit. Names the solver.
    """
    problem, chosen = problem_of(problem), chosen_solver(solver)
    limits, seed = Limits(time_s=time_limit, gap=gap, threads=threads), seed_of(seed)
    refuse_unsupported(problem, chosen)
    complete = complete_options(chosen, {} if options is None else options)
    require_backends(chosen)
    begun = time.monotonic()
    with backend_output_logged():
        chosen.prepare()
    load_s = time.monotonic() - begun
    context = SolveContext(limits, seed, folder_of(rate_cache), stop or threading.Event(), silent)
    with nullcontext() if stop else _interrupt_sets(context.stop), backend_output_logged():
        outcome, returned_s = _returned(problem, chosen, context, complete)
    return _judge(problem, chosen, outcome, context, limits, complete, Times(load_s, build_s, returned_s))


def _returned(
    problem: P1, solver: Solver, context: SolveContext, options: Mapping[str, Any]
) -> tuple[Outcome, float]:
    """What the solver returns for a copy of the problem, and after how many seconds."""
    held = problem.instance.copy()
    try:
        outcome = solver.solve(P1(held, problem.variant), context, dict(options))
    except SystemExit as error:
        raise SolverError(f"solver {solver.name} called exit({error.code!r}) instead of returning") from error
    except InputError as error:
        if solver.name in str(error):
            raise
        raise InputError(f"solver {solver.name}: {error}") from error
    except Exception as error:
        error.add_note(f"in solver {solver.name}")
        raise
    returned_s = context.elapsed_s
    _require_unchanged(held, problem.instance, solver)
    return require_outcome(outcome, solver.name, problem.instance.n_nodes), returned_s


def _require_unchanged(held: Instance, instance: Instance, solver: Solver) -> None:
    """Refuse a solver that wrote into the instance that it was given."""
    try:
        same = held.current_digest() == instance.digest
    except (AttributeError, TypeError, ValueError):  # arrays replaced by something else
        same = False
    if not same:
        raise SolverError(
            f"solver {solver.name} changed the instance that it was given: its result is refused"
        )


def refuse_unsupported(problem: P1, solver: Solver) -> None:
    """Raise `UnsupportedVariantError` unless the solver supports every variant field that differs."""
    for field, value in problem.variant.differences().items():
        if not supports(solver, field, value):
            able = [name for name in solver_names() if supports(get_solver(name), field, value)]
            raise UnsupportedVariantError(
                f"solver {solver.name} does not support {field}={value}{_reason(solver, field)}; "
                + (f"these do: {', '.join(able)}" if able else "no installed solver does")
            )


def _reason(solver: Solver, field: str) -> str:
    """Why a solver does not support what a variant field brings, in brackets; empty for a plug-in that gives none."""
    formulation: Formulation | None = getattr(solver, "formulation", None)
    if formulation is None:
        return ""
    refused = (reason for family, reason in formulation.refused.items() if family.field == field)
    return f" ({next(refused, 'its method was not checked with it')})"


def supports(solver: Solver, field: str, value: str) -> bool:
    """Whether a solver declares the (non-default) value of a variant field, parameters in brackets aside."""
    supported = solver.variants.get(field, frozenset())
    return supported == ANY_NUMBER or value.partition("(")[0] in supported


@contextmanager
def _interrupt_sets(stop: threading.Event) -> Iterator[None]:
    """Within: the first Ctrl-C asks for an orderly end, the second one interrupts at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.getsignal(signal.SIGINT)

    def request(number: int, frame: Any) -> None:
        stop.set()
        signal.signal(signal.SIGINT, previous)

    signal.signal(signal.SIGINT, request)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)


def _judge(
    problem: P1,
    solver: Solver,
    outcome: Outcome,
    context: SolveContext,
    limits: Limits,
    options: Mapping[str, Any],
    times: Times,
) -> Result:
    """Score the outcome with the checker and wrap it up."""
    instance = problem.instance
    problem = P1(instance, outcome.variant or problem.variant)
    outcome, evaluation = _with_finite_delay(problem, outcome, solver)
    stages = {f"{name}_s": context.stage_s.get(name, 0.0) for name in ("rates", "search")}
    common: dict[str, Any] = {
        "instance_name": instance.name,
        "instance_digest": instance.digest,
        "solver": solver.name,
        "solver_version": package_version(),
        "options": options,
        "seed": context.seed,
        "variant": problem.variant,
        "times": dataclasses.replace(times, **stages),
    }
    solution, verification, reason = None, None, outcome.stop_reason
    if outcome.decision is not None and evaluation is not None:
        require_consistent(outcome, evaluation, solver.name)
        delay = evaluation.delay_s
        solution = Solution(
            decision=outcome.decision,
            delay_s=delay,
            lower_bound_s=outcome.lower_bound_s,
            bound_kind=outcome.bound_kind,
            **common,
        )
        verification = verdict(solution, evaluation)
        if outcome.lower_bound_s is not None:
            gap = relative_gap(delay, outcome.lower_bound_s) if verification.valid else math.inf
            reason = _settled(reason, gap, limits.gap)
        if verification.valid:
            context.record(delay_s=delay, at_s=times.solve_s)
    context.record(lower_bound_s=outcome.lower_bound_s, at_s=times.solve_s)
    try:
        return Result(
            stop_reason=reason,
            solution=solution,
            verification=verification,
            lower_bound_s=outcome.lower_bound_s,
            bound_kind=outcome.bound_kind,
            combinatorial_bound_s=outcome.combinatorial_bound_s,
            gap_tolerance=limits.gap,
            multipliers=None if problem.variant.differences() else outcome.multipliers,
            infeasibility=outcome.infeasibility,
            counts=outcome.counts,
            trace=context.trace,
            rates_read=context.rates_read,
            message=outcome.message or ("" if solver.finds_solutions else BOUNDS_ONLY),
            **common,
        )
    except ValueError as error:
        raise SolverError(f"solver {solver.name} returned an {error}") from error


def _with_finite_delay(problem: P1, outcome: Outcome, solver: Solver) -> tuple[Outcome, Evaluation | None]:
    """The outcome and the evaluation of its decision.

    A decision that never delivers some block is left out: there is no delay that it could claim.
    """
    if outcome.decision is None:
        return outcome, None
    evaluation = evaluated(problem, outcome.decision, solver.name)
    if math.isfinite(evaluation.delay_s):
        return outcome, evaluation
    stop_reason = _settled(outcome.stop_reason, math.inf, 0.0)
    return dataclasses.replace(outcome, decision=None, stop_reason=stop_reason, message=ENDLESS), None


def _settled(reason: StopReason, gap: float, tolerance: float) -> StopReason:
    """Stop reason in the light of the gap as the checker sees it, infinite for a point that it rejects."""
    if gap <= OPTIMALITY_GAP:
        return StopReason.OPTIMAL
    if gap <= tolerance:
        return StopReason.GAP_REACHED
    return StopReason.COMPLETED if reason in (StopReason.GAP_REACHED, StopReason.OPTIMAL) else reason
