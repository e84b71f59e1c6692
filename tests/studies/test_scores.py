"""Scores: what counts as solved and as comparable, averages against pandas and scipy, names of methods."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import gmean
from synthetic_rows import BOUND_S, GAPS, METRICS, cell, failed, frame, varied

from fgamcd_opt.studies.comparison.classes import derive
from fgamcd_opt.studies.comparison.summary_tables import pair_table, summary_table
from fgamcd_opt.studies.grid.cell_outcome import CellOutcome
from fgamcd_opt.studies.grid.cells import Cell, Source
from fgamcd_opt.studies.grid.row import Row
from fgamcd_opt.studies.scores import scores_of, shifted_geometric_mean


def test_synthetic_rows_have_the_columns_of_real_ones():
    source = Source(instance="tiny", name="tiny", digest="0" * 64)
    row = Row.of_cell(Cell(source=source, solver="greedy"), CellOutcome.CRASHED, metrics=METRICS)
    real = derive([row], {})
    assert (
        sorted(real.columns) == sorted(varied().columns) == sorted(frame([failed("beta", "exact")]).columns)
    )
    assert scores_of(real).by_cell["tiny", "greedy"].classes == "failed (crashed)"


def column(table, heading):
    """Values of a column by the first cell of their rows."""
    place = table.headings.index(heading)
    return {row[0]: row[place] for row in table.rows}


@given(st.lists(st.floats(0.0, 1e5), min_size=1, max_size=20))
def test_shifted_geometric_mean_is_that_of_scipy(times):
    expected = gmean([time + 1.0 for time in times]) - 1.0
    assert shifted_geometric_mean(times) == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_nothing_has_no_mean():
    assert shifted_geometric_mean([]) is None


def test_averages_are_those_of_pandas_over_the_comparable_rows():
    table = varied(seeds=3)
    lost = table[table["class"] == "failed"]["instance"].unique()
    comparable = table[~table["instance"].isin(lost)]
    assert 0 < len(lost) < len(BOUND_S)
    per_instance = comparable.groupby(["solver", "instance"])
    gaps = 100.0 * per_instance["reference_gap"].mean().unstack()
    times = per_instance["solve_s"].mean().unstack()
    summary = summary_table(scores_of(table))
    for solver in GAPS:
        assert column(summary, "n")[solver] == len(BOUND_S) - len(lost)
        assert column(summary, "gap mean %")[solver] == pytest.approx(gaps.loc[solver].mean())
        assert column(summary, "gap max %")[solver] == pytest.approx(gaps.loc[solver].max())
        assert column(summary, "solve s")[solver] == pytest.approx(gmean(times.loc[solver] + 1.0) - 1.0)


def test_counts_by_class_cover_every_cell():
    table = varied(seeds=2)
    summary = summary_table(scores_of(table))
    for solver, group in table.groupby("solver"):
        for name, count in group["class"].value_counts().items():
            assert column(summary, name)[solver] == count
    counted = sum(sum(filter(None, column(summary, name).values())) for name in table["class"].unique())
    assert counted == len(table)


def test_a_method_that_solves_few_instances_neither_has_averages_nor_takes_them_from_the_others():
    cells = [cell(instance, solver) for instance in BOUND_S for solver in ("exact", "greedy")]
    cells += [cell("beta", "local-search")]
    cells += [failed(instance, "local-search") for instance in BOUND_S if instance != "beta"]
    summary = summary_table(scores_of(frame(cells)))
    assert column(summary, "n") == {"exact": 4, "greedy": 4, "local-search": None}
    assert column(summary, "solved") == {"exact": 4, "greedy": 4, "local-search": 1}
    assert column(summary, "gap mean %")["local-search"] is None
    assert any("50% of the instances: local-search." in note for note in summary.notes)


def test_an_instance_that_one_compared_method_fails_on_counts_for_none():
    hard = {"delay_s": BOUND_S["gamma"] / (1 - 0.9)}
    cells = [
        cell(i, solver)
        for i in BOUND_S
        for solver in ("exact", "greedy")
        if (i, solver) != ("gamma", "greedy")
    ]
    cells += [failed("gamma", "local-search"), *(cell(i, "local-search") for i in BOUND_S if i != "gamma")]
    summary = summary_table(scores_of(frame([*cells, cell("gamma", "greedy", **hard)])))
    assert column(summary, "n") == {"exact": 3, "greedy": 3, "local-search": 3}
    assert column(summary, "gap max %")["greedy"] == pytest.approx(100 * GAPS["greedy"])


def test_pairs_are_averaged_over_the_instances_that_both_solved():
    table = varied(seeds=3)
    rows = {row[0]: row[1:] for row in pair_table(scores_of(table)).rows}
    assert set(rows) == set(GAPS) - {"exact"}
    solved = table.groupby(["solver", "instance"])["class"].apply(lambda names: "failed" not in set(names))
    for solver, (n, gap, exact_gap, time_s, exact_time_s) in rows.items():
        both = [i for i in BOUND_S if solved[solver, i] and solved["exact", i]]
        means = (
            table[table["instance"].isin(both)]
            .groupby(["solver", "instance"])[["reference_gap", "solve_s"]]
            .mean()
        )
        assert n == len(both) == len(BOUND_S) - (solver == "tdma-unicast")
        assert gap == pytest.approx(100.0 * means.loc[solver, "reference_gap"].mean())
        assert exact_gap == pytest.approx(100.0 * means.loc["exact", "reference_gap"].mean())
        assert time_s == pytest.approx(gmean(means.loc[solver, "solve_s"] + 1.0) - 1.0)
        assert exact_time_s == pytest.approx(gmean(means.loc["exact", "solve_s"] + 1.0) - 1.0)


def test_one_failed_seed_makes_an_instance_unsolved():
    scores = scores_of(
        frame([cell("beta", "greedy", 0), failed("beta", "greedy", 1), cell("gamma", "greedy")])
    )
    assert scores.solved("greedy") == ["gamma"]
    assert scores.by_cell["beta", "greedy"].classes == "feasible 1, failed (killed memory) 1"


def test_a_wrong_cell_is_in_no_average():
    scores = scores_of(frame([cell("beta", "greedy", **{"class": "wrong"}), cell("gamma", "greedy")]))
    assert scores.common == ("gamma",)
    assert scores.by_cell["beta", "greedy"].mean("delay_s") is None


def test_gaps_are_averaged_only_where_all_have_a_bound():
    cells = [cell(i, solver) for i in BOUND_S for solver in ("exact", "greedy")]
    cells += [
        cell(i, "local-search", reference_lower_bound_s=None if i == "beta" else BOUND_S[i]) for i in BOUND_S
    ]
    scores = scores_of(frame(cells))
    for method in ("exact", "local-search"):
        assert len(scores.averages(method, lambda score: score.mean("reference_gap"))) == 3
        assert len(scores.averages(method, lambda score: score.time_s)) == 4


def test_best_known_is_that_of_the_problem_asked_for():
    cells = [cell("beta", "tdma-unicast", best_delay_s=7.0), cell("beta", "greedy", best_delay_s=5.0)]
    scores = scores_of(frame(cells))
    assert scores.best_delay_s("beta") == 5.0
    score = scores.by_cell["beta", "tdma-unicast"]
    assert scores.above_best(score) == pytest.approx(cells[0]["delay_s"] / 5.0 - 1.0)


def test_methods_are_named_after_what_distinguishes_them():
    cells = [
        cell("beta", "greedy", options={"rounds": 2, "kicks": 1}),
        cell("beta", "greedy", options={"rounds": 0, "kicks": 1}),
        failed("beta", "exact", options={}),
        cell("gamma", "exact", options={"rounds": 2}),
    ]
    assert scores_of(frame(cells)).methods == ("greedy rounds=2", "greedy rounds=0", "exact")
    other = cell("beta", "exact", asked_variant="csi=nominal", variant="csi=nominal")
    assert scores_of(frame([cell("beta", "exact"), other])).methods == ("exact P1", "exact csi=nominal")


def test_variants_are_told_by_what_the_method_changes():
    asked = {"asked_variant": "unserved=cloud(1e9)"}
    both = "delivery=unicast_tdma, unserved=cloud(1e9)"
    cells = [
        cell("beta", "tdma-unicast", variant=both, **asked),
        cell("beta", "exact", variant="unserved=cloud(1e9)", **asked),
    ]
    summary = summary_table(scores_of(frame(cells)))
    assert "tdma-unicast: solves the variant delivery=unicast_tdma." in summary.notes
    assert not any(note.startswith("exact: solves") for note in summary.notes)
    assert summary.notes[0] == "The problem asked for is P1 with unserved=cloud(1e9)."


def test_instances_of_the_same_name_stay_apart():
    cells = [
        cell("beta", "greedy"),
        cell("beta", "greedy", instance_digest="another"),
        cell("gamma", "greedy"),
    ]
    assert scores_of(frame(cells)).instances == ("beta digest o", "beta another", "gamma")


def test_missing_values_of_pandas_are_none():
    scores = scores_of(frame([cell("beta", "greedy"), failed("gamma", "greedy")]))
    score = scores.by_cell["gamma", "greedy"]
    assert score.records[0]["delay_s"] is None
    assert score.mean("delay_s") is None
    assert score.time_s == 2.0
    assert not any(isinstance(v, float) and math.isnan(v) for r in score.records for v in r.values())
