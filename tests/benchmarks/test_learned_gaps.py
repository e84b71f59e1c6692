"""Tables of the gaps campaign against values by hand, and its commands against the command line."""

from __future__ import annotations

import argparse

import learned_gaps
import pytest
from learned_gaps import CASES, Case, Setting, evaluations, gap_table, rival_table, trainings

from fgamcd_opt.cli.commands import evaluate, train
from fgamcd_opt.learning.config import method_config, parse_settings
from fgamcd_opt.solving.registry import get_solver

GAPS = {"plain": [0.01, 0.02, 0.03, 0.04, 0.99], "good": [0.011, 0.012, 0.013, 0.012, 0.012]}


@pytest.fixture
def content(monkeypatch):
    """Five seeds on one instance; three settings, two of them with the same training."""
    settings = {
        "plain": Setting(),
        "good": Setting({"gamma": 0}, {"polish": 1}, 0.015),
        "decoding": Setting({}, {"polish": 1}, 0.015),
    }
    monkeypatch.setattr(learned_gaps, "CASES", {"one": Case("paper", settings)})
    gaps = GAPS | {"decoding": [0.02] * 5}
    rivals = dict(zip(learned_gaps.RIVALS, (0.012, 0.03, 0.5, 1.0, 0.001), strict=True))
    solves = [
        {"case": "one", "solver": label, "seed": seed, "instance": "i", "gap": gap}
        for label, values in gaps.items()
        for seed, gap in enumerate(values)
    ]
    solves += [
        {"case": "one", "solver": rival, "seed": 0, "instance": "i", "gap": gap}
        for rival, gap in rivals.items()
    ]
    spent = [
        {
            "case": "one",
            "setting": label,
            "seed": seed,
            "seconds": 10.0 * (seed + 1),
            "steps": 100 * (seed + 1),
        }
        for label in ("plain", "good")
        for seed in range(5)
    ]
    return {"solves": solves, "trainings": spent}


def test_gap_table_by_hand(content):
    table = gap_table(content)
    rows = {row[1]: dict(zip(table.headings, row, strict=True)) for row in table.rows}
    plain, good, decoding = rows["plain"], rows["good"], rows["decoding"]
    assert plain["gap %"] == pytest.approx(3.0)  # mean of the middle three
    assert (plain["best seed %"], plain["worst seed %"]) == pytest.approx((1.0, 99.0))
    assert 1.0 <= plain["95 % from"] < 3.0 < plain["to"] <= 99.0
    assert (plain["training s"], plain["steps"]) == (30.0, 300)
    assert (plain["target %"], plain["target met"]) == (5.0, "undecided")
    assert good["gap %"] == pytest.approx(1.2)
    assert (good["target %"], good["target met"]) == (1.5, "yes")
    assert (decoding["gap %"], decoding["target met"]) == (pytest.approx(2.0), "no")
    assert decoding["training s"] == 30.0  # that of the plain policies
    assert (plain["largest %"], plain["solved"]) == (99.0, "5 of 5")
    coarse = rows["*coarse*"]
    assert (coarse["gap %"], coarse["95 % from"], coarse["best seed %"]) == (100.0, None, None)
    assert (coarse["largest %"], coarse["solved"]) == (100.0, "0 of 1")


def test_rivals_are_counted_solve_by_solve(content):
    table = rival_table(content)
    assert table.rows[0] == ("one", "plain", "1 of 5", "2 of 5", "4 of 5", "5 of 5", "0 of 5")
    assert table.rows[1][2] == "1 of 5"  # equal gaps are not smaller


def test_several_instances_count_each(content):
    more = [
        row | {"instance": "j", "gap": row["gap"] + 0.1}
        for row in content["solves"]
        if row["solver"] == "plain"
    ]
    content["solves"] += more
    gaps = learned_gaps.gaps_of(content["solves"], "one", "plain")
    assert gaps.tolist() == [[value, pytest.approx(value + 0.1)] for value in GAPS["plain"]]
    assert learned_gaps.gap_values(gaps)[3:5] == pytest.approx((6.0, 104.0))


def test_settings_with_the_same_training_share_it():
    for name, case in CASES.items():
        assert case.trained_as.get("decoding", "plain") == "plain", name
    wanted = trainings(2, None)
    assert ("paper, 1.25 GB", "decoding", 0) not in wanted
    assert len({each.name for each in wanted.values()}) == len(wanted)
    first, *more = evaluations("paper, 0.4 GB", 2, None)
    plain = wanted["paper, 0.4 GB", "plain", 1].best
    assert f"plain={plain}" in first
    assert [f"decoding={plain}" in words for words in more] == [True]
    assert ["--solver" in words for words in (first, *more)] == [True, False]


def test_more_seeds_where_a_setting_asks_for_them(monkeypatch):
    settings = {"usual": Setting(), "more": Setting({"gamma": 0}, times=3)}
    monkeypatch.setattr(learned_gaps, "CASES", {"one": Case("paper", settings)})
    seeds = [("usual", 0), ("more", 0), ("usual", 1), ("more", 1), *(("more", seed) for seed in range(2, 6))]
    assert [key[1:] for key in trainings(2, None)] == seeds
    (evaluation,) = evaluations("one", 2, None)
    assert [word.partition("=")[0] for word in evaluation[1:9]] == ["usual"] * 2 + ["more"] * 6
    assert [key[1:] for key in trainings(1, None)] == [("usual", 0), ("more", 0)]


def parsed(command, words):
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return parser.parse_args(words)


def test_commands_are_acceptable():
    for each in trainings(1, 16).values():
        args = parsed(train, each.words[2:])
        assert method_config(args.method, parse_settings(args.option)).seed == 0
        assert args.episodes == 16
    for name in CASES:
        for words in evaluations(name, 1, None):
            parsed(evaluate, words[1:])
    for rival in learned_gaps.RIVALS:
        get_solver(rival)
