"""What learning curves and gap profiles show, read back from the axes."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from fgamcd_opt.learning.training.curve import CurveRow
from fgamcd_opt.studies.policies.gap_profile import gap_profile_figure
from fgamcd_opt.studies.policies.policy_figures import (
    AXES,
    VALUES,
    Panel,
    curve_panels_figure,
    learning_curves_figure,
    measured,
)


def curve(seed: int, gaps: list[float | None], step: int = 100) -> list[CurveRow]:
    return [
        CurveRow(
            seed=seed, episode=8 * i, steps=step * i, seconds=1.5 * i + seed, return_=-float(gap or 9), delay_s=None,
            gap=gap, unserved=0, updates=i, synthetic=0, steps_per_s=50.0,
        )
        for i, gap in enumerate(gaps, 1)
    ]  # fmt: skip


def lines(figure):
    return {line.get_label(): line for line in figure.axes[0].get_lines()}


def test_means_and_bars_are_those_of_the_seeds_at_the_evaluations():
    runs = [curve(0, [0.4, 0.2, 0.1]), curve(1, [0.6, 0.4, 0.1]), curve(2, [0.5, 0.3, 0.1])]
    figure = learning_curves_figure({"maasn-da": runs, "qmix-da": runs[:2], "rnn": runs[:1]})
    at, mean = lines(figure)["maasn-da (3 seeds)"].get_data()
    assert at.tolist() == [100.0, 200.0, 300.0]  # what was measured, nothing between
    assert_allclose(mean, [50.0, 30.0, 10.0])
    (bars,) = figure.axes[0].collections  # two seeds have none
    low, high = bars.get_segments()[0][:, 1]
    assert low == pytest.approx(40.0, abs=0.1)  # the mean of one seed drawn three times
    assert high == pytest.approx(60.0, abs=0.1)
    assert {"qmix-da (2 seeds)", "rnn (1 seed)"} <= set(lines(figure))


def test_a_wide_interval_does_not_change_the_scale():
    """The limits are those of the means alone: three seeds far apart, or three that agree."""
    apart = [curve(0, [0.001, 0.001]), curve(1, [0.1, 0.01]), curve(2, [0.999, 0.049])]
    agreeing = [curve(seed, [1.1 / 3, 0.02]) for seed in range(3)]
    limits = [learning_curves_figure({"a": runs}).axes[0].get_ylim() for runs in (apart, agreeing)]
    assert_allclose(*limits)
    assert limits[0][0] < 2.0 < 36.7 < limits[0][1]


def test_evaluations_that_all_seeds_have():
    at, runs = measured([curve(0, [0.4, 0.2, 0.1]), curve(1, [0.4, 0.3], step=80)], "steps", "gap")
    assert at.tolist() == [90.0, 180.0]  # the mean of the places
    assert runs.tolist() == [[0.4, 0.2], [0.4, 0.3]]


def test_unknown_values_are_left_out():
    at, runs = measured([curve(0, [None, 0.4, None, 0.2])], "episode", "gap")
    assert (at.tolist(), runs.tolist()) == ([16.0, 32.0], [[0.4, 0.2]])
    at, runs = measured([curve(0, [None, 0.4])], "steps", "gap")
    assert (at.tolist(), runs.tolist()) == ([200.0], [[0.4]])
    assert measured([curve(0, [None, 0.4]), curve(0, [0.4, None])], "steps", "gap") is None
    assert learning_curves_figure({"maasn-da": [curve(0, [None, None])]}) is None


def test_what_is_not_delivered_is_a_gap_of_everything():
    run = curve(0, [None, 0.4, 0.2])
    run[0] = dataclasses.replace(run[0], delay_s=math.inf, unserved=3)
    at, runs = measured([run], "steps", "gap")
    assert (at.tolist(), runs.tolist()) == ([100.0, 200.0, 300.0], [[1.0, 0.4, 0.2]])
    assert measured([[run[0]]], "steps", "gap") is None  # no bound is known


@pytest.mark.parametrize("x", AXES)
def test_axes_say_what_they_show(x):
    runs = [curve(seed, [0.4, 0.2]) for seed in range(2)]
    (axes,) = learning_curves_figure({"maasn-da": runs}, x, "return_").axes
    assert axes.get_xlabel() == AXES[x]
    assert axes.get_ylabel() == "return of an episode"
    first = axes.get_lines()[0].get_data()
    assert first[0][-1] == np.mean([getattr(run[-1], x) for run in runs])


def test_methods_differ_without_colour():
    runs = {f"method {i}": [curve(0, [0.4, 0.1 * i + 0.1])] for i in range(7)}
    looks = {
        (line.get_marker(), line.get_linestyle()) for line in lines(learning_curves_figure(runs)).values()
    }
    assert len(looks) == 7


def test_profile_is_the_empirical_distribution():
    gaps = {"maasn-da": np.array([[0.01, 0.03], [0.02, 1.0]]), "qmix-da": np.array([[0.05]])}
    line = lines(gap_profile_figure(gaps))["maasn-da (4)"]
    x, share = line.get_data()
    for limit, expected in ((0.5, 0.0), (1.5, 0.25), (2.5, 0.5), (50.0, 0.75), (120.0, 1.0)):
        assert share[np.searchsorted(x, limit, side="right") - 1 if limit >= x[0] else 0] == expected
    assert gap_profile_figure({}) is None


def test_panels_share_their_looks_and_their_legend():
    runs = [curve(0, [0.4, 0.2]), curve(1, [0.6, 0.4])]
    panels = [
        Panel(curves={"plain": runs, "regret": runs}, title="first"),
        Panel(curves={"plain": [curve(0, [None, None])]}, title="without a gap"),
        Panel(
            curves={"regret": runs, "other": runs[:1]}, x="episode", y="return_", title="second", log_x=True
        ),
    ]
    figure = curve_panels_figure(panels)
    first, second = figure.axes
    assert (first.get_title(), second.get_title()) == ("first", "second")
    assert (first.get_xscale(), second.get_xscale()) == ("linear", "log")
    assert (second.get_xlabel(), second.get_ylabel()) == (AXES["episode"], VALUES["return_"])
    looks = [{line.get_label(): line.get_marker() for line in axes.get_lines()} for axes in (first, second)]
    assert looks[0]["regret (2 seeds)"] == looks[1]["regret (2 seeds)"] != looks[0]["plain (2 seeds)"]
    (legend,) = figure.legends
    names = [text.get_text() for text in legend.get_texts()]
    assert names == ["plain (2 seeds)", "regret (2 seeds)", "other (1 seed)"]
    assert curve_panels_figure(panels[1:2]) is None
