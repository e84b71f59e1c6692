"""Figures: what is drawn is what the rows say; nothing is drawn where there is nothing."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic_rows import BOUND_S, GAPS, cell, failed, frame, varied

from fgamcd_opt.studies.comparison.comparison_figures import comparison_figures, ratios_to_least
from fgamcd_opt.studies.figure_style import add_legend, new_figure, styles
from fgamcd_opt.studies.scores import scores_of


@pytest.fixture(scope="module")
def table():
    return varied(seeds=2)


@pytest.fixture(scope="module")
def figures(table):
    return comparison_figures(scores_of(table))


def lines(axes):
    """Lines of the axes by label."""
    return {line.get_label(): line for line in axes.lines}


def test_every_figure_and_every_trace_is_there(figures):
    three = {"gap_distribution", "time_against_gap", "performance_profile"}
    assert set(figures) == three | {f"trace_{instance}" for instance in BOUND_S}


def test_gap_distribution_draws_every_gap(figures, table):
    (axes,) = figures["gap_distribution"].axes
    points = [line for line in axes.lines if line.get_linestyle() == "None" and line.get_marker() != "None"]
    for line, solver, tick in zip(points, GAPS, axes.get_yticklabels(), strict=True):
        gaps = table.loc[table["solver"] == solver, "reference_gap"].dropna()
        np.testing.assert_allclose(line.get_xdata(), np.maximum(100.0 * gaps, 1e-4))
        assert tick.get_text() == f"{solver} ({gaps.size})"


def test_gaps_below_the_floor_are_drawn_at_it():
    cells = [cell("beta", "greedy", delay_s=d) for d in (5.0, 4.9999, 10.0)]
    (axes,) = comparison_figures(scores_of(frame(cells)))["gap_distribution"].axes
    np.testing.assert_allclose(axes.lines[0].get_xdata(), [1e-4, 1e-4, 50.0])


@pytest.mark.parametrize(("cells", "boxes"), [(2, 0), (3, 1)])
def test_a_box_needs_three_cells(cells, boxes):
    rows = [cell("beta", "greedy", delay_s=5.0 + number) for number in range(cells)]
    (axes,) = comparison_figures(scores_of(frame(rows)))["gap_distribution"].axes
    medians = [line for line in axes.lines if line.get_linewidth() == 2.0]
    assert len(medians) == boxes


def test_time_against_gap_draws_every_cell(figures, table):
    (axes,) = figures["time_against_gap"].axes
    for solver, line in lines(axes).items():
        rows = table[(table["solver"] == solver) & table["delay_s"].notna()]
        np.testing.assert_allclose(line.get_xdata(), rows["solve_s"])
        np.testing.assert_allclose(line.get_ydata(), np.maximum(100.0 * rows["reference_gap"], 1e-4))


def test_delay_profile_is_the_share_within_each_factor():
    cells = [
        cell(i, solver)
        for i in BOUND_S
        for solver in ("exact", "greedy")
        if (i, solver) != ("beta", "greedy")
    ]
    above = comparison_figures(scores_of(frame([*cells, failed("beta", "greedy")])))[
        "performance_profile"
    ].axes[0]
    greedy, exact = lines(above)["greedy"], lines(above)["exact"]
    excess = 100.0 * ((1.0 - GAPS["exact"]) / (1.0 - GAPS["greedy"]) - 1.0)
    np.testing.assert_allclose(greedy.get_xdata()[:-1], excess)
    assert greedy.get_ydata()[-1] == 0.75
    assert exact.get_ydata()[-1] == 1.0
    assert greedy.get_xdata()[-1] == exact.get_xdata()[-1] > excess


def test_time_profile_counts_only_good_delays():
    times = {"exact": 4.0, "local-search": 1.0, "greedy": 0.1}  # greedy is 2 % off: too far
    cells = [cell(i, solver, solve_s=time_s) for i in BOUND_S for solver, time_s in times.items()]
    below = comparison_figures(scores_of(frame(cells)))["performance_profile"].axes[1]
    assert set(lines(below)) == {"exact", "local-search"}
    np.testing.assert_allclose(lines(below)["exact"].get_xdata()[:-1], 4.0)
    np.testing.assert_allclose(lines(below)["local-search"].get_xdata()[:-1], 1.0)


@given(st.lists(st.dictionaries(st.sampled_from("abcd"), st.floats(1e-3, 1e3)), min_size=1, max_size=4))
def test_ratios_are_to_the_least_on_the_same_instance(values):
    methods = {str(i): of_instance for i, of_instance in enumerate(values)}
    ratios = ratios_to_least(methods)
    assert set(ratios) == {name for name, of_instance in methods.items() if of_instance}
    for name, found in ratios.items():
        expected = [v / min(o[i] for o in values if i in o) for i, v in methods[name].items()]
        assert found == pytest.approx(expected)


def test_trace_draws_delays_above_and_bounds_below_the_best():
    trace = [[0.5, None, 4.0], [1.0, 6.0, 4.0], [2.0, 5.5, 4.5], [3.0, 5.5, 4.5]]
    figures = comparison_figures(scores_of(frame([cell("beta", "exact", trace=trace, best_delay_s=5.0)])))
    delay, bound, zero = figures["trace_beta"].axes[0].lines
    np.testing.assert_allclose(delay.get_xydata(), [[1, 20], [2, 10], [3, 10], [3, 10]])
    np.testing.assert_allclose(bound.get_xydata(), [[0.5, -20], [1, -20], [2, -10], [3, -10], [3, -10]])
    assert (delay.get_linestyle(), bound.get_linestyle()) == ("-", "--")
    assert set(zero.get_ydata()) == {0.0}


def test_nothing_is_drawn_of_nothing():
    assert comparison_figures(scores_of(frame([failed("beta", "greedy")]))) == {}


def test_axes_have_labels_with_units_and_no_text_leaves_the_figure(figures):
    for name, figure in figures.items():
        figure.savefig(io.BytesIO(), format="png")  # lays out
        labels = [axes.get_xlabel() for axes in figure.axes] + [figure.axes[0].get_ylabel()]
        assert all(labels), name
        assert sum("(s)" in label or "(%)" in label or "time / least time" in label for label in labels) >= 1
        for part in (*figure.axes, *figure.legends):
            box = part.get_tightbbox()
            assert box.x0 >= 0, name
            assert box.y0 >= 0, name
            assert box.x1 <= figure.bbox.x1, name
            assert box.y1 <= figure.bbox.y1, name


def test_methods_differ_without_colour():
    looks = styles([str(i) for i in range(18)])
    assert len({(look["marker"]) for look in looks.values()}) == 18


def test_long_names_take_fewer_columns_of_the_legend():
    figure, axes = new_figure(2.0)
    for name in ("short", "a rather long name of a method", "another long name of a method", "fourth name"):
        axes.plot([0, 1], [0, 1], label=name)
    add_legend(figure, axes)
    figure.draw_without_rendering()
    (legend,) = figure.legends
    assert legend.get_window_extent().width <= figure.bbox.width
    places = {round(text.get_window_extent().x0) for text in legend.get_texts()}
    assert len(places) == 2
