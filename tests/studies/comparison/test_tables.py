"""Tables: the values of the rows, the same cells as text and as Markdown."""

from __future__ import annotations

import pytest
from synthetic_rows import BOUND_S, GAPS, cell, failed, frame, varied

from fgamcd_opt.studies.comparison.instance_tables import cell_table, gap_table, instance_table
from fgamcd_opt.studies.comparison.summary_tables import bounds_table, metrics_table, overview
from fgamcd_opt.studies.scores import scores_of
from fgamcd_opt.studies.table import Column, Table, without_empty


def by_first(table):
    """Rows as dictionaries by heading, under their first cell."""
    return {row[0]: dict(zip(table.headings, row, strict=True)) for row in table.rows}


@pytest.fixture(scope="module")
def scores():
    return scores_of(frame([cell(i, s) for i in BOUND_S for s in GAPS]))


def test_instance_table_holds_delay_gap_time_and_class(scores):
    rows = by_first(instance_table(scores, "beta"))
    assert list(rows) == list(GAPS)
    for solver, gap in GAPS.items():
        delay = BOUND_S["beta"] / (1.0 - gap)
        assert rows[solver]["delay s"] == pytest.approx(delay)
        assert rows[solver]["gap %"] == pytest.approx(100.0 * gap)
        assert rows[solver]["to best %"] == pytest.approx(100.0 * (delay / (1.001 * BOUND_S["beta"]) - 1.0))
        assert rows[solver]["solve s"] == 0.6
    assert rows["exact"]["class"] == "proved"
    assert rows["exact"]["lower bound s"] == BOUND_S["beta"]
    assert rows["greedy"]["lower bound s"] is None


def test_instance_table_over_seeds_holds_mean_and_best():
    cells = [cell("beta", "greedy", seed, delay_s=delay) for seed, delay in enumerate((6.0, 5.5, 8.0))]
    row = by_first(instance_table(scores_of(frame(cells)), "beta"))["greedy"]
    assert row["delay s"] == pytest.approx(6.5)
    assert row["least delay s"] == 5.5
    assert row["gap %"] == pytest.approx(100.0 * sum(1.0 - 5.0 / d for d in (6.0, 5.5, 8.0)) / 3.0)
    assert row["class"] == "feasible 3"


def test_gap_table_leaves_out_what_was_not_solved():
    cells = [cell(i, s) for i in ("beta", "gamma") for s in ("exact", "greedy")]
    cells += [cell("beta", "local-search"), failed("gamma", "local-search"), failed("beta", "tdma-unicast")]
    table = by_first(gap_table(scores_of(frame(cells))))
    assert "tdma-unicast" not in table["beta"]
    assert table["beta"]["local-search"] == pytest.approx(100.0 * GAPS["local-search"])
    assert table["gamma"]["local-search"] is None


def test_metrics_are_means_in_the_units_of_their_headings():
    cells = [cell(i, "greedy", hit_ratio=h) for i, h in (("beta", 0.25), ("gamma", 0.75))]
    row = by_first(metrics_table(scores_of(frame(cells))))["greedy"]
    expected = {"saved MB": 2.5, "backhaul MB": 40.0, "rate Gbit/s": 5.5, "served %": 100.0, "hit ratio": 0.5}
    assert {name: row[name] for name in expected} == pytest.approx(expected)


def test_bounds_are_compared_on_common_instances_of_the_same_problem():
    cells = [cell(i, "exact") for i in BOUND_S]
    cells += [cell(i, "greedy", lower_bound_s=0.5 * BOUND_S[i]) for i in BOUND_S if i != "beta"]
    cells += [cell(i, "tdma-unicast", lower_bound_s=BOUND_S[i]) for i in BOUND_S]
    cells += [cell("beta", "local-search", lower_bound_s=4.9)]
    rows = by_first(bounds_table(scores_of(frame(cells))))
    assert "tdma-unicast" not in rows
    assert (rows["exact"]["bounds"], rows["exact"]["n"]) == (4, 3)
    assert (rows["greedy"]["bounds"], rows["greedy"]["n"]) == (3, 3)
    assert rows["greedy"]["gap mean %"] == pytest.approx(100.0 * (1.0 - 0.5 / 1.001))
    assert (rows["local-search"]["bounds"], rows["local-search"]["n"]) == (1, None)


def test_cell_table_holds_every_cell(scores):
    table = varied(2)
    shown = cell_table(scores_of(table))
    assert len(shown.rows) == len(table)
    place = shown.headings.index("class")
    assert sorted(row[place] for row in shown.rows) == sorted(table["class"])
    reasons = [row[shown.headings.index("why without a result")] for row in shown.rows]
    assert reasons.count("above 4 GB") == 1


def test_comparison_without_any_delay_still_has_a_summary():
    scores = scores_of(frame([failed("beta", "greedy"), failed("beta", "exact")]))
    (summary,) = overview(scores)
    assert by_first(summary)["greedy"]["failed"] == 1
    assert "the 0 of 1 that every method with n has solved" in summary.notes[0]


def test_text_and_markdown_hold_the_same_cells(scores):
    for table in (*overview(scores), gap_table(scores), instance_table(scores, "beta"), cell_table(scores)):
        lines = table.markdown().split("\n\n")[0].splitlines()
        cells = [[part.strip() for part in line.strip("|").split(" | ")] for line in lines]
        assert cells[0] == table.headings
        assert cells[2:] == table.texts


def test_formats():
    number = Column("x", ".3f")
    assert [number.text(v) for v in (None, 1.23456, -0.0001, -1.0, 0)] == [
        "-",
        "1.235",
        "0.000",
        "-1.000",
        "0.000",
    ]
    assert Column("x").text("a") == "a"
    assert Table("t", "t", (Column("a|b"),), (("c|d",),)).markdown().count("\\|") == 2


def test_columns_without_values_are_dropped():
    table = Table(
        "t", "t", (Column("a"), Column("b", "d"), Column("c", "d")), (("x", None, 0), ("y", None, None))
    )
    kept = without_empty(table)
    assert kept.headings == ["a", "c"]
    assert kept.rows == (("x", 0), ("y", None))
