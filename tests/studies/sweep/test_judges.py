"""Judges of reported trends on sweeps that were made to agree, to disagree, and to be empty."""

from __future__ import annotations

import pytest
from synthetic_cells import synthetic_cells

from fgamcd_opt.studies.sweep import judges
from fgamcd_opt.studies.sweep.measured import Measured
from fgamcd_opt.studies.sweep.sweep_settings import SWEEPS
from fgamcd_opt.studies.sweep.trends import trend_rows, trend_table, trends_of

FALLS = judges.direction("delay_s", "s", 1.0, -1)
RISES = judges.direction("delay_s", "s", 1.0, 1)


def judged(judge, delay_s, **kwargs):
    return judge(Measured(synthetic_cells(delay_s, **kwargs)))


def test_direction():
    def falling(method, value, seed):
        return (1 + 0.1 * seed) / value

    assert judged(FALLS, falling).agrees
    assert judged(RISES, falling).agrees is False
    assert "1 to 0.3333 s" in judged(FALLS, falling, seeds=(0,)).measured
    assert "-66.67 %" in judged(FALLS, falling).measured


@pytest.mark.parametrize("delay_s", [lambda m, v, s: 1.0, lambda m, v, s: [0, 3, 4, 1][int(v)]])
def test_flat_or_bent_curves_do_not_fall(delay_s):
    assert judged(FALLS, delay_s).agrees is False


def test_seeds_that_contradict_each_other_do_not_make_a_trend():
    assert judged(FALLS, lambda m, value, seed: 10 + value * (-3, 1, 1.5)[seed]).agrees is False


def test_every_curve_of_the_second_parameter_has_to_agree():
    cells = synthetic_cells(lambda m, value, seed: 1 / value, series=(4.0, 8.0))
    assert FALLS(Measured(cells)).agrees
    cells.loc[cells["series"] == 8.0, "delay_s"] = 1.0
    assert FALLS(Measured(cells)).agrees is False


def test_diminishing_returns():
    assert judged(judges.diminishing, lambda m, value, s: 1 / value).agrees
    assert judged(judges.diminishing, lambda m, value, s: 10 - value**2).agrees is False


def test_gain_by_hand():
    """Exact takes 3 s where coarse takes 4 s: 25 % below, with bound 2.97 s at most 25.75 % below."""

    def delay(method, value, seed):
        return value * (3.0 if method == "exact" else 4.0)

    assert judged(judges.gain("coarse", 0.25), delay).agrees
    assert judged(judges.gain("coarse", 0.299), delay).agrees
    off = judged(judges.gain("coarse", 0.31), delay)
    assert off.agrees is False
    assert "6.0 points smaller than reported" in off.reason
    assert "more than 25.75 % is impossible here" in off.reason
    assert "2 of 3" not in off.reason
    assert "in 6 of 9 cells (1.0 on average)" in off.reason
    assert "hold 2.0 times the requested bytes" in off.reason
    assert "larger than reported" in judged(judges.gain("coarse", 0.1), delay).reason


def test_a_wide_interval_is_no_agreement():
    """Gains of 0 %, 50 % and 0 %: the interval reaches far beyond 40 %, the mean of 17 % does not."""

    def delay(method, value, seed):
        return 2.0 if (method, seed) == ("coarse", 1) else 1.0

    found = Measured(synthetic_cells(delay)).gain("coarse")
    assert found.high > 0.8
    assert judged(judges.gain("coarse", 0.4), delay).agrees is False


def test_order_of_gains():
    factor = {"exact": 1.0, "a": 2.0, "b": 3.0}
    cells = synthetic_cells(lambda m, v, s: factor[m] * v, methods=tuple(factor))
    assert judges.order(["b", "a"])(Measured(cells)).agrees
    swapped = judges.order(["a", "b", "c"])(Measured(cells))
    assert swapped.agrees is False
    assert "in another place: a, b; not measured: c" in swapped.reason
    assert judges.order(["a", "c"])(Measured(cells)) == judges.NOTHING


def test_order_and_gains_are_over_points_that_all_solved():
    """At 1 and 2 the gains of a and b are 50 % and 75 %; at 3, which only a solves, a gains 90 %, on average 63 %."""
    factor = {"exact": 1.0, "a": 2.0, "b": 4.0}

    def delay(method, value, seed):
        if value == 3.0:
            return {"exact": 1.0, "a": 10.0, "b": None}[method]
        return factor[method]

    measured = Measured(synthetic_cells(delay, methods=tuple(factor)))
    found = judges.order(["b", "a"])(measured)
    assert found.agrees
    assert found.measured == "b 75.00 %, a 50.00 %"
    assert "over the 2 of 3 points" in found.reason
    assert "over the 2 of 3 points" in judges.gain("b", 0.7)(measured).reason
    assert "points solved" not in judges.gain("a", 0.7)(measured).reason
    assert measured.gain("a").value == pytest.approx((0.5 + 0.5 + 0.9) / 3)


def test_methods_without_a_common_point_have_no_order():
    """a solves the first point alone and b the others."""
    cells = synthetic_cells(
        lambda m, value, s: None if (m == "a") == (value > 1.0) and m != "exact" else 1.0,
        methods=("exact", "a", "b"),
    )
    assert judges.order(["a", "b"])(Measured(cells)).agrees is None


def test_equal_at_the_first_value():
    same = judges.equal_at_first("coarse")
    assert judged(same, lambda m, value, s: value if m == "exact" else 1.004).agrees
    assert judged(same, lambda m, value, s: value if m == "exact" else 1.02).agrees is False
    assert judged(same, lambda m, value, s: None if (m, value) == ("coarse", 1.0) else 1.0) == judges.NOTHING


def test_blocks_from_the_cloud_when_storage_is_small():
    cells = synthetic_cells(lambda m, v, s: v)
    misses = judges.misses_when_small("coarse")
    assert misses(Measured(cells)).agrees is False  # as many at every value
    cells.loc[cells["value"] > 1, "cloud_blocks"] = 0
    assert misses(Measured(cells)).agrees
    assert misses(Measured(cells[cells["method"] == "exact"])) == judges.NOTHING


def test_some_threshold_beats_the_first():
    some = judges.some_value_beats_first("coarse")
    assert judged(some, lambda m, value, s: (0, 3, 2, 4)[int(value)]).agrees
    assert judged(some, lambda m, value, s: value).agrees is False


def test_nearest_point_alone_is_judged():
    cells = synthetic_cells(lambda m, value, s: 1.0 if m == "exact" else value + 1.0)
    assert Measured(cells).nearest(1.2).gain("coarse").value == pytest.approx(0.5)
    assert Measured(cells).nearest(2.9).gain("coarse").value == pytest.approx(0.75)


@pytest.mark.parametrize("preset", ["paper", "llm"])
@pytest.mark.parametrize("name", SWEEPS)
def test_every_trend_is_judged_in_words(name, preset):
    methods = ("exact", *SWEEPS[name].rivals)
    cells = synthetic_cells(lambda m, value, seed: (1 + len(m)) / value, methods=methods)
    rows = trend_rows(name, preset, cells)
    assert len(rows) == len(trends_of(name, preset))
    assert all(found.measured and found.reason for _, _, found in rows)
    assert len(trend_table("9", rows).markdown().splitlines()) == len(rows) + 4
