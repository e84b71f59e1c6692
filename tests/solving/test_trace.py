"""The trace of a run: improvements only, and an end that is the result."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fgamcd_opt.instances.resolve import load
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.solving.context import SolveContext
from fgamcd_opt.solving.front_door import solve

VALUES = st.none() | st.floats(0.1, 10.0) | st.sampled_from([math.inf, -math.inf])


@given(told=st.lists(st.tuples(st.floats(0.0, 100.0), VALUES, VALUES), max_size=30))
def test_the_trace_is_the_running_best(told: list[tuple[float, float | None, float | None]]) -> None:
    context = SolveContext()
    moments = sorted(moment for moment, _, _ in told)
    for moment, (_, delay, bound) in zip(moments, told, strict=True):
        context.started = 0.0
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("fgamcd_opt.solving.context.time.monotonic", lambda moment=moment: moment)
            context.record(delay_s=delay, lower_bound_s=bound)
    delays = [d for _, d, _ in told if d is not None and math.isfinite(d)]
    bounds = [b for _, _, b in told if b is not None and math.isfinite(b)]
    assert bool(context.trace) == bool(delays or bounds)
    if context.trace:
        assert context.trace[-1][1:] == (min(delays, default=None), max(bounds, default=None))
    for (t0, d0, b0), (t1, d1, b1) in zip(context.trace, context.trace[1:], strict=False):
        assert t0 <= t1
        assert (d0, b0) != (d1, b1)
        assert d0 is None or (d1 is not None and d1 <= d0)
        assert b0 is None or (b1 is not None and b1 >= b0)


@pytest.mark.parametrize(
    ("solver", "steps"),
    [
        ("exact", 3),
        ("column-generation", 3),
        ("lagrangian", 2),
        ("greedy", 1),
        ("local-search", 1),
        ("coarse-exact", 1),
        ("tdma-unicast", 1),
        ("hybrid", 1),
    ],
)
def test_the_trace_ends_at_the_result(solver: str, steps: int) -> None:
    result = solve(
        P1(load("small-s1-0080MB" if steps == 1 else "small-s1-0020MB")),
        solver,
        gap=1e-6,
        time_limit=10.0,
    )
    assert len(result.trace) >= steps
    times = [moment for moment, _, _ in result.trace]
    assert times == sorted(times)
    assert times[-1] <= result.times.solve_s
    _, delay, bound = result.trace[-1]
    assert bound == result.lower_bound_s
    if result.delay_s is None:
        assert delay is None
    else:
        assert delay == pytest.approx(result.delay_s, rel=1e-9)
    assert all(b <= result.lower_bound_s * (1 + 1e-12) for _, _, b in result.trace if b is not None)
    assert result.to_json()["trace"] == [list(entry) for entry in result.trace]


def test_a_method_within_another_one_leaves_no_trace() -> None:
    context = SolveContext()
    twin = context.untraced()
    with twin.stage("rates"):
        twin.record(delay_s=1.0, lower_bound_s=0.5)
    assert context.trace == ()
    assert "rates" in context.stage_s
    result = solve(P1(load("tiny")), "minlp")
    assert result.trace[-1][2] == result.lower_bound_s
    assert [b for _, _, b in result.trace[:-1]] == [None] * (len(result.trace) - 1)
