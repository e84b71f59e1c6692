"""The contract of MILP backends of other packages: rules on small knapsacks, whose optimum is found by enumeration.

The package uses no bound of such a backend (:mod:`fgamcd_opt.solvers.milp_backends.plug_in`); the contract tells its
author whether it says the truth all the same, and whether it keeps limits.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.formulations.knapsack.knapsack_matrix import rows_of
from fgamcd_opt.formulations.knapsack.multiple_choice import Knapsack
from fgamcd_opt.io.errors import BackendError
from fgamcd_opt.io.short_repr import short_repr
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.solvers.milp_backends.milp_task import MilpResult, MilpTask
from fgamcd_opt.solvers.milp_backends.plug_in import PlugIn
from fgamcd_opt.solvers.milp_backends.registry import require_milp_backend
from fgamcd_opt.solving.context import Limits, SolveContext
from fgamcd_opt.solving.front_door import solve
from fgamcd_opt.testing.contract_checks import ContractError, require
from fgamcd_opt.testing.random_problems import random_problem
from fgamcd_opt.testing.stop_after import StopAfter

ROUNDING = 1e-6
"""Relative difference that is put down to the tolerances of a MILP solver."""

TRIALS = 6
"""Random knapsacks that are compared with enumeration."""


@dataclass(frozen=True)
class MilpBackendUnderTest:
    """A backend by the name of its entry point.

    Raises
    ------
    UsageError, BackendError
        Unknown name, or it cannot be loaded.
    """

    name: str

    __repr__ = short_repr

    def __post_init__(self) -> None:
        require_milp_backend(self.name)

    def run(
        self,
        knapsack: Knapsack,
        *,
        gap: float = 0.0,
        start: NDArray[np.int64] | None = None,
        time_s: float = math.inf,
        context: SolveContext | None = None,
    ) -> MilpResult:
        """One knapsack, with rows of storage that are exact on these sizes."""
        task = MilpTask(knapsack, gap, -math.inf, time_s, start, "contract", rows=rows_of(knapsack))
        return PlugIn(self.name)(task, context or SolveContext())


def finds_the_optimum(case: MilpBackendUnderTest) -> None:
    """To a gap of 0: the least delay of all choices that fit."""
    for seed in range(TRIALS):
        knapsack, best = _knapsack(seed), _best(seed)
        found = case.run(knapsack)
        require(found.columns is not None, f"knapsack {seed}: no choice, but one has {best} s")
        require(_fits(knapsack, found), f"knapsack {seed}: its choice does not fit into the storage")
        delay = _delay(knapsack, found)
        require(
            math.isclose(delay, best, rel_tol=ROUNDING), f"knapsack {seed}: {delay} s, the least is {best} s"
        )


def claims_no_false_bound(case: MilpBackendUnderTest) -> None:
    """At any gap: no bound above the least delay, and the gap asked for is met by choice and bound."""
    for seed, gap in itertools.product(range(TRIALS), (0.0, 0.05)):
        best, found = _best(seed), case.run(_knapsack(seed), gap=gap)
        true = found.bound_s <= best * (1 + ROUNDING)
        require(true, f"knapsack {seed}: bound {found.bound_s} s, but a choice has {best} s")
        delay = _delay(_knapsack(seed), found) if found.columns is not None else math.inf
        met = found.bound_s >= delay * (1 - gap - ROUNDING)
        require(
            met, f"knapsack {seed}: without limits it ends at delay {delay} s and bound {found.bound_s} s"
        )


def says_when_nothing_fits(case: MilpBackendUnderTest) -> None:
    """Too little storage: no choice, and an infinite bound."""
    data = _knapsack(0)
    found = case.run(
        Knapsack(data.block, data.mask, data.delay_s, data.size_bytes, np.zeros_like(data.storage_bytes))
    )
    require(found.columns is None, "a choice where nothing fits")
    require(found.bound_s == math.inf, f"where nothing fits, its bound is {found.bound_s}, not infinite")


def takes_a_start(case: MilpBackendUnderTest) -> None:
    """Given a first incumbent, its choice is no worse."""
    for seed in range(TRIALS):
        knapsack, start = _knapsack(seed), _some_choice(seed)
        found = case.run(knapsack, start=start)
        worse = found.columns is None or _delay(knapsack, found) > knapsack.total_delay_s(start) * (
            1 + ROUNDING
        )
        require(not worse, f"knapsack {seed}: worse than the choice that it was given")


def stops_when_asked(case: MilpBackendUnderTest) -> None:
    """No time, or a stop flag that is set: whatever it returns is true."""
    for seed in range(2):
        knapsack, best = _knapsack(seed), _best(seed)
        stopped = [
            case.run(knapsack, context=SolveContext(stop=StopAfter(0))),
            case.run(knapsack, time_s=1e-9, context=SolveContext(Limits(time_s=1e-9))),
        ]
        for found in stopped:
            true = found.bound_s <= best * (1 + ROUNDING)
            require(true, f"knapsack {seed}, stopped: bound {found.bound_s} s, but a choice has {best} s")
            fits = found.columns is None or _fits(knapsack, found)
            require(fits, f"knapsack {seed}, stopped: its choice does not fit into the storage")


def is_quiet(case: MilpBackendUnderTest) -> None:
    """Nothing on standard output, which belongs to results."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        case.run(_knapsack(0))
    require(not printed.getvalue(), f"it prints {printed.getvalue()[:60]!r}")


def repeats_itself(case: MilpBackendUnderTest) -> None:
    """Same seed, same choice and bound."""
    for seed in range(2):
        one, two = (case.run(_knapsack(seed), context=SolveContext(seed=3)) for _ in range(2))
        same = np.array_equal(one.columns, two.columns) and one.bound_s == two.bound_s  # type: ignore[arg-type]
        require(same, f"knapsack {seed}: another result with the same seed")


def serves_exact(case: MilpBackendUnderTest) -> None:
    """`exact` reaches its gap with it, and its result is the one that it reaches with its own tree."""
    problem = random_problem(2, nodes=3, blocks=8, storage_share=1.5, missing_links=0.0)
    own, by_tree = (_solved(problem, name) for name in (case.name, "tree"))
    agree = math.isclose(own, by_tree, rel_tol=2e-4)
    require(agree, f"exact finds {own} s with it, and {by_tree} s with its own tree")


MILP_RULES: dict[str, Callable[[MilpBackendUnderTest], None]] = {
    rule.__name__: rule
    for rule in (
        finds_the_optimum,
        claims_no_false_bound,
        says_when_nothing_fits,
        takes_a_start,
        stops_when_asked,
        is_quiet,
        repeats_itself,
        serves_exact,
    )
}
"""Every rule by its name."""


def check_milp_rule(rule: str, case: MilpBackendUnderTest) -> None:
    """Check one rule.

    Parameters
    ----------
    rule
        A key of :data:`MILP_RULES`.
    case
        The backend.

    Raises
    ------
    ContractError
        The rule is broken; whatever the backend raised is the cause.
    BackendError
        Its solver or licence is missing, which is no fault of the backend.
    """
    try:
        MILP_RULES[rule](case)
    except (ContractError, BackendError):
        raise
    except Exception as error:
        raise ContractError(f"{type(error).__name__}: {error}") from error


@cache
def _knapsack(seed: int) -> Knapsack:
    """Two or three nodes, three or four blocks, all caching sets; larger sets are never slower; storage is tight."""
    rng = np.random.default_rng(seed)
    nodes, blocks = 2 + seed % 2, 3 + seed % 2
    masks = np.arange(1, 2**nodes)
    sizes = rng.integers(1_000_000, 9_000_000, blocks)
    count = np.array([bin(mask).count("1") for mask in masks.tolist()])
    delay = rng.uniform(0.5, 1.5, (blocks, 1)) / count + rng.uniform(0.0, 0.1, (blocks, masks.size))
    order = np.argsort(delay, axis=1, kind="stable")
    return Knapsack(
        np.repeat(np.arange(blocks), masks.size),
        masks[order].ravel(),
        np.take_along_axis(delay, order, axis=1).ravel(),
        sizes,
        np.full(nodes, int(0.8 * sizes.sum())),
    )


@cache
def _best(seed: int) -> float:
    """Least delay over all choices of one column per block that fit, by enumeration."""
    knapsack = _knapsack(seed)
    per_block = [np.flatnonzero(knapsack.block == k).tolist() for k in range(knapsack.n_blocks)]
    best = math.inf
    for choice in itertools.product(*per_block):
        used = [
            sum(int(knapsack.size_bytes[k]) for k, j in enumerate(choice) if int(knapsack.mask[j]) >> n & 1)
            for n in range(knapsack.storage_bytes.size)
        ]
        if all(u <= q for u, q in zip(used, knapsack.storage_bytes.tolist(), strict=True)):
            best = min(best, math.fsum(float(knapsack.delay_s[j]) for j in choice))
    return best


def _some_choice(seed: int) -> NDArray[np.int64]:
    """Every block on one node alone, in turn where it fits."""
    knapsack = _knapsack(seed)
    free, chosen = knapsack.storage_bytes.copy(), []
    for k, size in enumerate(knapsack.size_bytes.tolist()):
        node = int(free.argmax())
        free[node] -= size
        chosen.append(int(np.flatnonzero((knapsack.block == k) & (knapsack.mask == 1 << node))[0]))
    return np.array(chosen)


def _fits(knapsack: Knapsack, found: MilpResult) -> bool:
    return found.columns is not None and knapsack.fits(found.columns)


def _delay(knapsack: Knapsack, found: MilpResult) -> float:
    return math.inf if found.columns is None else knapsack.total_delay_s(found.columns)


def _solved(problem: P1, backend: str) -> float:
    result = solve(problem, "exact", gap=1e-4, options={"backend": backend}, silent=True)
    require(result.delay_s is not None, f"exact finds no solution with backend {backend}")
    return result.delay_s or math.inf
