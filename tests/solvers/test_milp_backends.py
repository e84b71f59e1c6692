"""Every MILP backend on the same knapsacks: same optimum and bound, byte-exact storage, limits, stops, licences."""

from __future__ import annotations

import importlib
import logging
import math
import signal
import threading

import numpy as np
import pytest
from oracles import random_rates
from test_knapsack_stages import optimum

from fgamcd_opt.formulations.knapsack.multiple_choice import Knapsack, build_knapsack
from fgamcd_opt.instances.resolve import load
from fgamcd_opt.io import licences
from fgamcd_opt.io.errors import BackendError, ExitCode, UsageError
from fgamcd_opt.io.optional import Availability, Backend
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.solvers.heuristics.exchanges import search
from fgamcd_opt.solvers.milp_backends.milp import solve_milp
from fgamcd_opt.solvers.milp_backends.milp_task import BOUND_MARGIN, MilpResult
from fgamcd_opt.solvers.milp_backends.registry import MILP_BACKENDS
from fgamcd_opt.solving.context import SolveContext
from fgamcd_opt.solving.front_door import solve
from fgamcd_opt.solving.status import StopReason
from fgamcd_opt.testing.random_problems import random_problem
from fgamcd_opt.testing.stop_after import StopAfter

EVERY_BACKEND = pytest.mark.parametrize("backend", MILP_BACKENDS)


def knapsack_of(seed: int, nodes: int, blocks: int, storage_share: float) -> Knapsack:
    """Random sizes and monotone rates; every block has a column."""
    problem = random_problem(
        seed,
        nodes=nodes,
        users=4,
        blocks=blocks,
        storage_share=storage_share,
        missing_links=0.0,
        qos_share=0.0,
    )
    rates = random_rates(seed, problem.instance.requested_blocks.size, nodes)
    rates[:, -1] = np.maximum(rates[:, -1], 1e8)
    return build_knapsack(problem, rates)


def run(knapsack: Knapsack, backend: str, context: SolveContext | None = None, **changed) -> MilpResult:
    """To the optimum, unless something else is asked for."""
    options = {"gap": 0.0, "good_s": -math.inf, "time_s": math.inf, **changed}
    return solve_milp(knapsack, context or SolveContext(), backend=backend, **options)


@EVERY_BACKEND
@pytest.mark.parametrize("seed", range(3))
def test_the_optimum_and_its_proof_are_the_same_everywhere(backend, seed):
    knapsack = knapsack_of(seed, nodes=3, blocks=7, storage_share=1.5)
    best = optimum(knapsack)
    found = run(knapsack, backend)
    assert found.finished
    assert knapsack.fits(found.columns)
    assert knapsack.total_delay_s(found.columns) == pytest.approx(best, rel=1e-9)
    assert best * (1.0 - 2.0 * BOUND_MARGIN) <= found.bound_s <= best * (1.0 + 1e-12)


@EVERY_BACKEND
def test_too_little_storage_is_proved(backend):
    knapsack = knapsack_of(0, nodes=4, blocks=9, storage_share=0.7)
    assert knapsack.size_bytes.sum() > knapsack.storage_bytes.sum()
    assert math.isinf(optimum(knapsack))
    found = run(knapsack, backend)
    assert (found.columns, found.bound_s, found.finished) == (None, math.inf, True)


@EVERY_BACKEND
@pytest.mark.parametrize("missing", [0, 1])
def test_storage_counts_to_the_byte(backend, missing):
    """Twelve large blocks on one node, of which all but one fit exactly; with a byte less another one must go."""
    rng = np.random.default_rng(4)
    size = np.sort(rng.integers(100_000_000, 400_000_000, size=12))
    every, gain = int(size.sum()), np.linspace(1.0, 2.0, 12)
    storage = np.array([every - int(size[0]) - missing, every])
    block = np.repeat(np.arange(12), 2)
    delay = np.stack([np.ones(12), 1.0 + gain], axis=1).ravel()
    knapsack = Knapsack(block, np.tile([1, 2], 12), delay, size, storage)
    chosen = np.stack(np.meshgrid(*[[0, 1]] * 12), axis=-1).reshape(-1, 12).astype(bool)
    fitting = chosen @ size <= storage[0]
    best = (12.0 + ~chosen[fitting] @ gain).min()
    found = run(knapsack, backend)
    assert knapsack.fits(found.columns)
    assert knapsack.total_delay_s(found.columns) == pytest.approx(best, rel=1e-9)
    assert best * (1.0 - 2.0 * BOUND_MARGIN) <= found.bound_s <= best * (1.0 + 1e-12)


@EVERY_BACKEND
def test_a_choice_that_is_enough_ends_the_search(backend):
    knapsack = knapsack_of(1, nodes=3, blocks=8, storage_share=1.4)
    best = optimum(knapsack)
    found = run(knapsack, backend, good_s=1.2 * best)
    assert best * (1 - 1e-9) <= knapsack.total_delay_s(found.columns) <= 1.2 * best
    assert found.bound_s <= best * (1 + 1e-9)


@EVERY_BACKEND
def test_a_bound_that_is_enough_is_reached_and_valid(backend):
    knapsack = knapsack_of(1, nodes=3, blocks=8, storage_share=1.4)
    best = optimum(knapsack)
    found = run(knapsack, backend, target_s=0.999 * best)
    assert 0.999 * best <= found.bound_s <= best * (1 + 1e-9)


def test_a_bound_that_is_enough_ends_the_search():
    """The hard one: without the target none of these would end."""
    knapsack, start = hard_knapsack()
    for backend in MILP_BACKENDS:
        target = 0.9 * knapsack.total_delay_s(start)
        found = run(knapsack, backend, target_s=target, start=start)
        assert target * (1 - 1e-12) <= found.bound_s <= knapsack.total_delay_s(found.columns)
        assert found.finished


@EVERY_BACKEND
def test_a_gap_is_a_share_of_the_delay(backend):
    knapsack = knapsack_of(1, nodes=3, blocks=8, storage_share=1.4)
    best = optimum(knapsack)
    found = run(knapsack, backend, gap=0.1)
    delay = knapsack.total_delay_s(found.columns)
    assert found.finished
    assert best * (1 - 1e-9) <= delay
    assert delay * (1 - 0.1 - 1e-9) <= found.bound_s <= best * (1 + 1e-9)


def hard_knapsack() -> tuple[Knapsack, np.ndarray]:
    """No backend closes this one to a gap of zero in a fraction of a second; and a choice that fits."""
    knapsack = knapsack_of(2, nodes=5, blocks=65, storage_share=1.3)
    start = search(knapsack, np.zeros(5))
    assert start is not None
    return knapsack, start


@EVERY_BACKEND
@pytest.mark.parametrize("time_s", [1e-9, 0.3])
def test_a_time_limit_keeps_the_start_and_a_valid_bound(backend, time_s):
    knapsack, start = hard_knapsack()
    found = run(knapsack, backend, time_s=time_s, start=start)
    assert knapsack.fits(found.columns)
    assert knapsack.total_delay_s(found.columns) <= knapsack.total_delay_s(start)
    assert found.bound_s <= knapsack.total_delay_s(found.columns) * (1 + 1e-9)
    assert not found.finished


@EVERY_BACKEND
@pytest.mark.parametrize("looks", [0, 1, 3, 6])
def test_a_stop_request_keeps_the_start_and_a_valid_bound(backend, looks):
    knapsack, start = hard_knapsack()
    found = run(knapsack, backend, SolveContext(stop=StopAfter(looks)), start=start)
    assert knapsack.total_delay_s(found.columns) <= knapsack.total_delay_s(start)
    assert found.bound_s <= knapsack.total_delay_s(found.columns) * (1 + 1e-9)
    assert not found.finished


_THREAD_ENDS_S = 60.0
"""A thread that was asked to end may take a while on a busy machine; one that was not asked never ends."""


class SignalAfter(StopAfter):
    """Never set, but at the ``looks``-th look the user presses Ctrl-C."""

    def is_set(self) -> bool:
        if super().is_set() and self.looks == -1:
            signal.raise_signal(signal.SIGINT)
        return False


@EVERY_BACKEND
def test_a_hard_interrupt_reaches_python_and_leaves_no_thread(backend):
    knapsack, _ = hard_knapsack()
    before = set(threading.enumerate())
    with pytest.raises(KeyboardInterrupt):
        run(knapsack, backend, SolveContext(stop=SignalAfter(3)))
    for thread in set(threading.enumerate()) - before:
        thread.join(_THREAD_ENDS_S)
    assert set(threading.enumerate()) <= before


class StopWhenTold(logging.Handler):
    """Keeps the first line and sets the stop flag."""

    def __init__(self, stop: threading.Event) -> None:
        super().__init__()
        self.stop = stop
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())
        self.stop.set()


@EVERY_BACKEND
def test_progress_is_told_and_nothing_is_printed(backend, caplog, capfd):
    knapsack, start = hard_knapsack()
    context = SolveContext()
    told = StopWhenTold(context.stop)
    with caplog.at_level("INFO", logger="fgamcd_opt"):
        logging.getLogger("fgamcd_opt").addHandler(told)
        try:
            run(knapsack, backend, context, start=start, label="the placement")
        finally:
            logging.getLogger("fgamcd_opt").removeHandler(told)
    assert "the placement" in told.lines[0]
    assert "bound" in told.lines[0]
    assert capfd.readouterr() == ("", "")


@EVERY_BACKEND
def test_exact_reaches_its_gap_with_every_backend_on_a_library_instance(backend):
    """Reduced costs leave columns out, and a bound that is enough comes into play here."""
    problem = P1(load("small-s1-0020MB"))
    assert solve(problem, gap=1e-3, options={"backend": backend}).gap <= 1e-3


def tight_problem(seed: int) -> P1:
    """Three nodes, up to eight blocks, little storage: the relaxation alone does not close the gap."""
    return random_problem(seed, nodes=3, blocks=8, storage_share=1.5, missing_links=0.0)


@EVERY_BACKEND
@pytest.mark.parametrize("seed", [2, 4])
def test_exact_gives_the_same_result_with_every_backend(backend, seed, monkeypatch):
    module, _, function = MILP_BACKENDS[backend].target.partition(":")
    called = getattr(importlib.import_module(module), function)
    tasks = []
    monkeypatch.setattr(f"{module}.{function}", lambda *given: tasks.append(given) or called(*given))
    first = solve(tight_problem(seed), gap=1e-4)
    tasks.clear()
    other = solve(tight_problem(seed), gap=1e-4, options={"backend": backend})
    assert len(tasks) > 0
    assert first.gap <= 1e-4
    assert other.gap <= 1e-4
    assert other.delay_s == pytest.approx(first.delay_s, rel=1e-4)
    assert max(first.lower_bound_s, other.lower_bound_s) <= min(first.delay_s, other.delay_s)


def test_every_backend_names_a_function_and_an_unknown_one_is_refused():
    for known in MILP_BACKENDS.values():
        module, _, function = known.target.partition(":")
        assert callable(getattr(importlib.import_module(module), function))
    with pytest.raises(UsageError, match="'cplex' is unknown; expected one of tree, highs, scip"):
        solve(P1(load("tiny")), options={"backend": "cplex"})


def licence(monkeypatch: pytest.MonkeyPatch, availability: Availability, limit: int) -> None:
    """Pretend another licence of Gurobi than there is."""
    backend = Backend("gurobipy", "13", availability, "a remedy")
    monkeypatch.setattr(licences, "gurobi_state", lambda: backend)
    monkeypatch.setattr(licences, "SIZE_LIMIT", limit)


def test_a_model_too_large_for_the_licence_is_refused_with_its_size(monkeypatch):
    knapsack = knapsack_of(0, nodes=3, blocks=7, storage_share=1.5)
    columns, rows = knapsack.block.size, knapsack.n_blocks + 3
    licence(monkeypatch, Availability.LIMITED, columns)
    assert run(knapsack, "gurobi").finished
    licence(monkeypatch, Availability.LIMITED, columns - 1)
    with pytest.raises(
        BackendError, match=rf"{columns} variables and {rows} .* ends at {columns - 1} .* GRB_LIC"
    ):
        run(knapsack, "gurobi")
    licence(monkeypatch, Availability.FULL, columns - 1)
    assert run(knapsack, "gurobi").finished


def test_without_a_licence_nothing_is_begun(monkeypatch):
    licence(monkeypatch, Availability.UNLICENSED, 0)
    with pytest.raises(BackendError, match="gurobi cannot use gurobipy: a remedy"):
        solve(P1(load("tiny")), options={"backend": "gurobi"})


def test_a_refusal_in_the_middle_keeps_what_was_found(monkeypatch):
    reference = solve(tight_problem(2), gap=1e-4)
    licence(monkeypatch, Availability.LIMITED, 10)
    result = solve(tight_problem(2), gap=1e-4, options={"backend": "gurobi"})
    assert result.stop_reason is StopReason.BACKEND_LIMIT
    assert result.exit_code is ExitCode.BACKEND_MISSING
    assert "ends at 10 of each" in result.message
    assert result.gap > 1e-4
    assert result.lower_bound_s <= reference.delay_s
    assert reference.lower_bound_s <= result.delay_s
