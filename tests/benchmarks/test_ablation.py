"""Convergence, differences and verdicts of the ablation against values by hand."""

from __future__ import annotations

import argparse
from types import SimpleNamespace

import ablation
import numpy as np
import pytest
from ablation import claim_table, converged_at, convergence, method_table, running_mean

from fgamcd_opt.cli.commands import evaluate, train
from fgamcd_opt.learning.config import METHODS, method_config, parse_settings

SEEDS = 4
EPISODES = [64, 128, 192, 256]
CURVES = {
    "fast": [-10.0, -0.5, -0.2, 0.0],
    "slow": [-10.0, -8.0, -0.5, 0.0],
    "flat": [-3.0, -4.0, -2.0, -3.0],
}


def test_running_mean_weighs_rows_by_their_episodes():
    at, means = running_mean(np.array([8.0, 16.0, 32.0]), np.array([[1.0, 4.0, 10.0], [0.0, 0.0, 3.0]]), 24)
    assert at.tolist() == [32.0]
    np.testing.assert_allclose(means, [[(8 * 4.0 + 16 * 10.0) / 24], [16 * 3.0 / 24]])
    at, means = running_mean(np.array([8.0, 16.0, 24.0, 32.0]), np.array([1.0, 4.0, 10.0, 0.0]), 16)
    assert at.tolist() == [16.0, 24.0, 32.0]
    np.testing.assert_allclose(means, [2.5, 7.0, 5.0])
    assert running_mean(np.array([8.0, 16.0]), np.array([1.0, 3.0]), 64)[1].tolist() == [2.0]  # one window


def test_convergence_is_most_of_the_rise():
    curves = np.array([CURVES["fast"], CURVES["slow"], CURVES["flat"]])
    assert converged_at(np.array(EPISODES, float), curves).tolist() == [128.0, 192.0, 256.0]


@pytest.fixture
def content():
    """MAASN-DA rises fast to 0; rivals differ from it as said, with an offset per seed that all methods share."""
    shapes = dict.fromkeys(METHODS, "fast") | {"qmix-da": "slow", "rnn": "flat"}
    lower = dict.fromkeys(METHODS, 0.0) | {"plain-actor": 0.5, "cgan": -0.5}
    gaps = dict.fromkeys(METHODS, 0.03) | {"plain-actor": 0.05, "cgan": 0.01}
    return {
        "trainings": [
            {
                "method": method, "seed": seed, "episode": EPISODES, "seconds": 50.0 + seed,
                "synthetic": 10 * seed, "steps": 9000 + seed,
                "return": [value - lower[method] - 5.0 * seed for value in CURVES[shapes[method]]],
            }
            for seed in range(SEEDS)
            for method in METHODS
        ],
        "solves": [
            {"solver": method, "seed": seed, "instance": name, "gap": gaps[method] + 0.1 * (name == "j")}
            for method in METHODS
            for seed in range(SEEDS)
            for name in "ij"
        ],
    }  # fmt: skip


def test_claims_by_hand(content):
    rows = {row[:2]: row[2:] for row in claim_table(content).rows}
    assert len(rows) == 3 * (len(METHODS) - 1)
    returns = {rival: rows[rival, "final return"] for rival in ablation.RIVALS}
    assert returns["plain-actor"] == ("higher", 0.5, 0.5, 0.5, "4 of 4", pytest.approx(62.5), "confirmed")
    assert returns["cgan"][1:5] == (-0.5, -0.5, -0.5, "0 of 4")
    assert returns["cgan"][-1] == "contradicted"
    assert returns["no-augmentation"] == ("higher", 0.0, 0.0, 0.0, "0 of 4", 50.0, "no difference shown")
    assert returns["rnn"][1] == 3.0
    speeds = {rival: rows[rival, "episodes to converge"] for rival in ablation.RIVALS}
    assert speeds["qmix-da"] == ("fewer", 64.0, 64.0, 64.0, None, None, "confirmed")
    assert speeds["rnn"][1] == 128.0
    assert speeds["cgan"][-1] == "no difference shown"
    gap = rows["plain-actor", "held-out gap, percentage points"]
    assert gap[0] is None
    assert gap[1:4] == pytest.approx((2.0, 2.0, 2.0))
    assert gap[4:] == ("4 of 4", 100.0, "better")
    assert rows["cgan", "held-out gap, percentage points"][-1] == "worse"


def test_methods_by_hand(content):
    table = method_table(content)
    rows = {row[0]: row[1:] for row in table.rows}
    assert list(rows) == list(METHODS)
    assert rows["maasn-da"][:2] == (SEEDS, -7.5)  # the middle two of 0, -5, -10, -15
    assert rows["maasn-da"][4:7] == (128.0, 128.0, 128.0)
    assert rows["qmix-da"][4] == 192.0
    assert rows["maasn-da"][7] == pytest.approx(8.0)  # the middle half of four 3 and four 13
    assert rows["maasn-da"][-2:] == (51.5, 15)


def test_runs_on_other_instances_are_not_paired(content):
    content["trainings"][-1]["steps"] += 1
    with pytest.raises(SystemExit, match="not on the same instances"):
        claim_table(content)


def test_a_single_seed_has_no_interval(content):
    single = {key: [row for row in content[key] if row["seed"] == 0] for key in ("trainings", "solves")}
    assert convergence(single, "maasn-da").value == 128.0
    for row in claim_table(single).rows:
        assert row[4:6] == (None, None)
        assert row[-1] == "no interval"


def test_convergence_resamples_the_same_seeds_of_both(content):
    """Seed by seed the rival is slow; the noise of the seeds alone would hide it."""
    rng = np.random.default_rng(0)
    noise = {seed: rng.normal(0.0, 3.0, len(EPISODES)) for seed in range(SEEDS)}
    for run in content["trainings"]:
        run["return"] = (np.array(run["return"]) + noise[run["seed"]]).tolist()
    same = convergence(content, "maasn-da", "independent-critics")
    assert tuple(same) == (0.0, 0.0, 0.0)


def test_commands_are_acceptable():
    args = SimpleNamespace(family="small", judged=8, episodes=300, seeds=2)
    parser, evaluating = argparse.ArgumentParser(), argparse.ArgumentParser()
    train.add_arguments(parser)
    evaluate.add_arguments(evaluating)
    wanted = ablation.trainings(2, args)
    assert list(wanted)[: len(METHODS)] == [(method, 0) for method in METHODS]
    for (method, seed), each in wanted.items():
        parsed = parser.parse_args(each.words[2:])
        assert (parsed.method, parsed.seed, parsed.judged, parsed.family) == (method, seed, 8, True)
        method_config(method, parse_settings(parsed.option))
    words = ablation.evaluation(2, args)
    evaluating.parse_args(words[1:])
    assert words[1:4] == ["maasn-da=runs/maasn-da-0", "maasn-da=runs/maasn-da-1", "qmix-da=runs/qmix-da-0"]
