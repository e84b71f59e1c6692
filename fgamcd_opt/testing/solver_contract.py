"""The contract that every registered solver keeps: rules that a third party can run on its own plug-in.

Every rule takes a solver under test and raises :class:`ContractError` if it is broken. Problems are tiny, so that their
optimum is known by enumeration. The front door itself refuses unknown options and variants that a solver does not
declare, checks solutions and compares bounds with delays; what it raises on a solver's result breaks the rule, too.
"""

from __future__ import annotations

import contextlib
import io
import logging
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from fgamcd_opt.instances.error_sets import CSI_SETS
from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.instances.resolve import load
from fgamcd_opt.io.errors import BackendError
from fgamcd_opt.io.short_repr import short_repr
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.problem.variants import Variant
from fgamcd_opt.solving.arguments import complete_options
from fgamcd_opt.solving.context import SolveContext
from fgamcd_opt.solving.front_door import solve
from fgamcd_opt.solving.registry import get_solver, require_backends
from fgamcd_opt.solving.result import Result
from fgamcd_opt.solving.solver import Solver
from fgamcd_opt.solving.status import StopReason
from fgamcd_opt.testing.brute_force import best_delay, full_oracle
from fgamcd_opt.testing.contract_checks import (
    ROUNDING,
    ContractError,
    check_declarations,
    check_result,
    require,
    variant_of,
)
from fgamcd_opt.testing.random_problems import random_problem
from fgamcd_opt.testing.stop_after import StopAfter

__all__ = ["RULES", "ContractError", "SolverUnderTest", "check_rule", "check_solver"]

TRIALS = 8
"""Random problems that are compared with enumeration."""

LOOKS = (1, 3, 10, 40)
"""Looks at the stop flag after which a run is interrupted."""

_PROOFS = (StopReason.OPTIMAL, StopReason.GAP_REACHED, StopReason.INFEASIBLE)


@dataclass(frozen=True)
class SolverUnderTest:
    """A registered solver and the options with which it is checked.

    Parameters
    ----------
    name
        Registered name.
    options
        Options that differ from their defaults.
    variant
        Of the problems that are posed to it: for a solver that changes P1 so that the small problems here have no
        solution otherwise, such as `unserved=cloud(1e9)` where nodes do not cooperate.

    Raises
    ------
    UsageError
        Unknown solver or option.
    BackendError
        The solver cannot be loaded, or a backend that it needs is missing.
    """

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    variant: Variant = field(default_factory=Variant)

    __repr__ = short_repr

    def __post_init__(self) -> None:
        complete_options(self.solver, self.options)
        require_backends(self.solver)

    @property
    def solver(self) -> Solver:
        """A new object of the solver's class."""
        return get_solver(self.name)

    def solve(self, instance: Instance, variant: Variant | None = None, **arguments: Any) -> Result:
        """Solve by the front door, which judges the result; then hold it against the declarations."""
        result = solve(P1(instance, variant or self.variant), self.name, options=self.options, **arguments)
        check_result(result, self.solver)
        return result


def declares_what_it_is(case: SolverUnderTest) -> None:
    """Name, summary, what it finds and proves, variants, options and backends are complete and exist."""
    check_declarations(case.solver, case.name)


def solves_the_smallest_preset(case: SolverUnderTest) -> None:
    """A solution of `tiny` if it finds solutions, a bound if it proves bounds; without any limit, so it has an end."""
    result = case.solve(load("tiny"), gap=1e-3)
    solver = case.solver
    require((result.solution is not None) == solver.finds_solutions, "no solution of the preset tiny")
    require((result.lower_bound_s is not None) == solver.proves_bounds, "no bound for the preset tiny")
    stopped = result.stop_reason in (StopReason.TIME_LIMIT, StopReason.INTERRUPTED)
    require(not stopped, f"it says {result.stop_reason}, but there was no limit and no interruption")


def is_quiet(case: SolverUnderTest) -> None:
    """Nothing on standard output, which belongs to results; no progress while it gets ready."""
    with _log_lines() as lines, contextlib.redirect_stdout(io.StringIO()) as printed:
        case.solver.prepare()
        require(not lines, f"prepare() logs {lines[:1]}")
        options = complete_options(case.solver, case.options)  # the front door would divert what it prints
        case.solver.solve(P1(load("tiny"), case.variant), SolveContext(silent=True), options)
    require(not printed.getvalue(), f"it prints {printed.getvalue()[:60]!r}; log instead")


def never_beats_enumeration(case: SolverUnderTest) -> None:
    """No delay below the enumeration with certified rate bounds, no bound above the delay of a feasible solution."""
    for seed in range(TRIALS):
        errors = CSI_SETS[seed % len(CSI_SETS)]
        _against_enumeration(case, _random_instance(seed, nodes=2 + seed % 2, csi_set=errors))


def stops_at_once_when_asked(case: SolverUnderTest) -> None:
    """A stop flag that is set from the first look on: the result says interrupted, unless everything is proved."""
    result = case.solve(load("tiny"), stop=StopAfter(0))
    allowed = (StopReason.INTERRUPTED, *_PROOFS)
    require(result.stop_reason in allowed, f"asked to stop before it began, it says {result.stop_reason}")


def stops_in_good_order(case: SolverUnderTest) -> None:
    """Interrupted after some looks at the stop flag, whatever it returns is true."""
    instance = _random_instance(0)
    for looks in LOOKS:
        _against_enumeration(case, instance, stop=StopAfter(looks))


def keeps_what_it_found(case: SolverUnderTest) -> None:
    """Interrupted at its last look at the stop flag, it still returns a solution, a bound, or both."""
    instance = _random_instance(0)
    flag = StopAfter(2**31)
    complete = case.solve(instance, stop=flag)
    looks = 2**31 - flag.looks
    stopped = case.solve(instance, stop=StopAfter(max(0, looks - 1)))
    if looks > 1:
        kept = complete.solution is None or stopped.solution is not None
        require(
            kept, f"interrupted at look {looks} of {looks} it returns no solution; the complete run found one"
        )
        proved = complete.lower_bound_s is None or stopped.lower_bound_s is not None
        require(
            proved, f"interrupted at look {looks} of {looks} it returns no bound; the complete run proved one"
        )


def honours_the_time_limit(case: SolverUnderTest) -> None:
    """In no time at all it says so, unless everything is proved, and whatever it returns is true."""
    allowed = (StopReason.TIME_LIMIT, *_PROOFS)
    for seed in range(3):
        result = _against_enumeration(case, _random_instance(seed), time_limit=1e-9)
        require(result.stop_reason in allowed, f"at a time limit of 1e-9 s it says {result.stop_reason}")


def finds_nothing_where_nothing_is(case: SolverUnderTest) -> None:
    """Caches too small in all, a block larger than every cache, a rate out of reach: no solution, no rejected one."""
    data = random_problem(1, nodes=2, users=2, storage_share=4.0, qos_share=0.0).instance
    requested = data.requested_blocks
    total, largest = int(data.block_bytes[requested].sum()), int(data.block_bytes[requested].max())
    impossible = {
        "caches too small in all": {"storage_bytes": np.array([largest, total - largest - 1])},
        "a block larger than every cache": {"storage_bytes": np.full(2, largest - 1)},
        "a rate out of reach": {"qos_bps": np.full(2, 100.0 * data.bandwidth_hz)},
    }
    for reason, fields in impossible.items():
        result = case.solve(data.replace(**fields), Variant())
        require(result.solution is None, f"a solution where there is none: {reason}")
        if case.solver.proves_bounds:
            proved = result.stop_reason is StopReason.INFEASIBLE
            require(proved, f"it proves bounds, but not that nothing is feasible: {reason}")


def repeats_itself(case: SolverUnderTest) -> None:
    """Same seed, same result; whatever the number of threads."""
    instance = _random_instance(3)
    first, *others = (case.solve(instance, seed=3, threads=n) for n in (1, 1, 2))
    for threads, other in zip((1, 2), others, strict=True):
        same = (other.lower_bound_s, other.delay_s, other.stop_reason) == (
            first.lower_bound_s,
            first.delay_s,
            first.stop_reason,
        )
        require(
            same and _same_point(first, other), f"another result with the same seed and {threads} thread(s)"
        )


def solves_its_variants(case: SolverUnderTest) -> None:
    """Every variant value that it declares is accepted and leads to a result that the checker accepts.

    Where it declares the cloud, too, the problem has it: not every variant can serve every user of tiny.
    """
    declared = case.solver.variants
    cloud = declared.get("unserved", frozenset())
    for changed, values in declared.items():
        for value in sorted(values):
            variant = variant_of(changed, value, case.variant)
            for other in cloud if changed != "unserved" else ():
                variant = variant_of("unserved", other, variant)
            result = case.solve(load("tiny"), variant)
            found = result.solution is not None or not case.solver.finds_solutions
            require(found, f"it declares {variant}, but finds no solution of tiny")


RULES: dict[str, Callable[[SolverUnderTest], None]] = {
    rule.__name__: rule
    for rule in (
        declares_what_it_is,
        solves_the_smallest_preset,
        is_quiet,
        never_beats_enumeration,
        stops_at_once_when_asked,
        stops_in_good_order,
        keeps_what_it_found,
        honours_the_time_limit,
        finds_nothing_where_nothing_is,
        repeats_itself,
        solves_its_variants,
    )
}
"""Every rule by its name."""


def check_rule(rule: str, case: SolverUnderTest) -> None:
    """Check one rule.

    Parameters
    ----------
    rule
        A key of :data:`RULES`.
    case
        The solver.

    Raises
    ------
    ContractError
        The rule is broken; whatever the solver raised is the cause.
    BackendError
        A backend or its licence does not suffice, which is no fault of the solver.
    """
    try:
        RULES[rule](case)
    except (ContractError, BackendError):
        raise
    except (Exception, SystemExit) as error:
        raise ContractError(f"{type(error).__name__}: {error}") from error


def check_solver(name: str, options: Mapping[str, Any] | None = None, variant: Variant | None = None) -> None:
    """Check a registered solver by every rule.

    Parameters
    ----------
    name
        Registered name.
    options
        Options that differ from their defaults.
    variant
        Of the problems that are posed to it, see :class:`SolverUnderTest`.

    Raises
    ------
    ContractError
        Names every rule that is broken, and how.
    UsageError, BackendError
        As :class:`SolverUnderTest` and :func:`check_rule`.
    """
    case, broken = SolverUnderTest(name, options or {}, variant or Variant()), []
    for rule in RULES:
        try:
            check_rule(rule, case)
        except ContractError as error:
            broken.append(f"{rule}: {error}")
    require(not broken, f"solver {name} breaks {len(broken)} of {len(RULES)} rules\n" + "\n".join(broken))


@cache
def _random_instance(seed: int, **fields: Any) -> Instance:
    """A tiny problem with storage for more than one copy of every block."""
    return random_problem(seed, storage_share=2.5, **fields).instance


def _against_enumeration(case: SolverUnderTest, instance: Instance, **arguments: Any) -> Result:
    """Solve, and compare delay, bound and proof of infeasibility with the enumeration of all placements.

    A solver that changes P1 itself is measured on the variant that its result is for.
    """
    result = case.solve(instance, **arguments)
    fastest, reached = _enumerated(instance, result.variant)
    where = f"{instance.name} ({result.variant})"
    if result.delay_s is not None:
        possible = result.delay_s >= fastest * (1 - ROUNDING)
        require(possible, f"{where}: delay {result.delay_s} s, but no solution is below {fastest} s")
    if result.lower_bound_s is not None:
        true = result.lower_bound_s <= reached * (1 + ROUNDING)
        require(true, f"{where}: bound {result.lower_bound_s} s, but a solution has {reached} s")
    if result.stop_reason is StopReason.INFEASIBLE:
        require(math.isinf(reached), f"{where}: called infeasible, but a solution has {reached} s")
    return result


@cache
def _enumerated(instance: Instance, variant: Variant) -> tuple[float, float]:
    """Least delay over all placements, in s: with proved bounds on the rates, and with known beams."""
    problem = P1(instance, variant)
    oracle = full_oracle(problem)
    return best_delay(problem, oracle.upper_bps()), best_delay(problem, oracle.lower_bps())


def _same_point(first: Result, other: Result) -> bool:
    """Equal to the last bit, or both without a solution."""
    if first.solution is None or other.solution is None:
        return first.solution is other.solution
    one, two = first.solution.decision, other.solution.decision
    return all(
        np.array_equal(getattr(one, name), getattr(two, name)) for name in ("caching", "migration", "beams")
    )


@contextlib.contextmanager
def _log_lines() -> Iterator[list[str]]:
    """Collect what is logged by the library inside."""
    lines: list[str] = []
    logger, handler = logging.getLogger("fgamcd_opt"), logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        yield lines
    finally:
        logger.setLevel(level)
        logger.removeHandler(handler)
