"""Campaigns of trainings: only what is missing runs, and what is kept of evaluations and curves."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Sequence

import campaign
import pytest
import results
from campaign import Training, curve_points, curve_record, run_trainings, solves
from matplotlib.figure import Figure

from fgamcd_opt.learning.training.curve import CurveFile, CurveRow
from fgamcd_opt.studies.statistics import Estimate
from fgamcd_opt.studies.table import Column, Table

COMPLETED = 'print(\'{"stop_reason": "completed"}\')'
STOPPED = 'print(\'{"stop_reason": "interrupted"}\')'
FAILED = "import sys; print('no such thing', file=sys.stderr); sys.exit(3)"


@pytest.fixture
def trained(monkeypatch) -> list[list[str]]:
    """Calls of ``fgamcd train``; in its place the code that is the first argument of a training is run."""
    calls: list[list[str]] = []
    popen = subprocess.Popen

    def start(words: Sequence[str], **how):
        assert words[:4] == [sys.executable, "-m", "fgamcd_opt", "train"]
        assert how["env"]["OMP_NUM_THREADS"] == "1"
        calls.append(list(words[4:]))
        return popen([sys.executable, "-S", "-c", words[4]], **how)

    monkeypatch.setattr(campaign.subprocess, "Popen", start)
    monkeypatch.setattr(campaign, "POLL_S", 0.01)
    return calls


def test_only_what_is_missing_runs(tmp_path, trained):
    first, second = Training("a-0", (COMPLETED, "--seed", "0")), Training("a-1", (COMPLETED, "--seed", "1"))
    run_trainings(tmp_path, [first], 2)
    run_trainings(tmp_path, [first, second], 2)
    assert [call[1:3] for call in trained] == [["--seed", "0"], ["--seed", "1"]]
    kept = json.loads((tmp_path / "runs/a-0.json").read_text())
    assert kept == {
        "command": [
            "fgamcd",
            "train",
            COMPLETED,
            "--seed",
            "0",
            "--rate-cache",
            "rates",
            "-o",
            "runs/a-0",
        ],
        "stop_reason": "completed",
    }
    run_trainings(
        tmp_path, [Training("a-0", (COMPLETED, "--seed", "7"))], 2
    )  # another command is another training
    assert trained[-1][1:3] == ["--seed", "7"]


@pytest.mark.parametrize("code", [STOPPED, FAILED])
def test_what_did_not_end_well_runs_again_after_all_others(tmp_path, trained, code, capsys):
    wanted = [Training("bad", (code,)), Training("good", (COMPLETED,))]
    for _ in range(2):
        with pytest.raises(SystemExit, match="1 trainings failed"):
            run_trainings(tmp_path, wanted, 1)
    assert [call[0] for call in trained] == [code, COMPLETED, code]
    said = capsys.readouterr().err
    assert ("exit code 3: no such thing" if code == FAILED else "stopped early: interrupted") in said


def test_a_training_that_was_begun_goes_on(tmp_path, trained):
    (tmp_path / "runs/a").mkdir(parents=True)
    (tmp_path / "runs/a/config.json").write_text("{}")
    run_trainings(tmp_path, [Training("a", (COMPLETED,)), Training("b", (COMPLETED,))], 1)
    assert ["--resume" in call for call in trained] == [True, False]


def test_running_trainings_are_ended_with_the_campaign(tmp_path, trained, monkeypatch):
    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    started = []
    start = Training.start
    monkeypatch.setattr(
        Training, "start", lambda self, folder: started.append(start(self, folder)) or started[-1]
    )
    monkeypatch.setattr(campaign.time, "sleep", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_trainings(tmp_path, [Training("a", ("import time; time.sleep(60)",))], 1)
    assert started[0].returncode is not None
    assert not (tmp_path / "runs/a.json").exists()


def solve_row(solver: str, delay_s: float | None, name: str, seed: int = 0) -> dict[str, object]:
    return {
        "instance": "i",
        "solver": solver,
        "seed": seed,
        "delay_s": delay_s,
        "class": name,
        "solve_s": 0.5,
    }


def test_gaps_are_to_the_best_bound_of_all_evaluations():
    plain = {
        "gaps": [{"instance": "i", "bound s": 1.0}, {"instance": "unbounded", "bound s": None}],
        "rows": [
            solve_row("exact", 1.3, "proved"),
            solve_row("plain", 1.6, "feasible", 1),
            solve_row("rival", None, "infeasible"),
            solve_row("plain", 3.0, "feasible") | {"instance": "unbounded"},
        ],
    }
    decoded = {
        "gaps": [{"instance": "i", "bound s": 1.2}],
        "rows": [solve_row("exact", 1.3, "proved"), solve_row("decoded", 1.5, "feasible", 1)],
    }
    found = {
        (r["solver"], r["seed"]): (r["delay_s"], r["lower_bound_s"], r["gap"])
        for r in solves([plain, decoded])
    }
    assert found == {
        ("exact", 0): (1.3, 1.2, pytest.approx(0.1 / 1.3)),
        ("plain", 1): (1.6, 1.2, pytest.approx(0.25)),
        ("rival", 0): (None, 1.2, 1.0),
        ("decoded", 1): (1.5, 1.2, pytest.approx(0.2)),
    }


def curve_row(episode: int, delay_s: float, gap: float | None, unserved: int) -> CurveRow:
    return CurveRow(
        seed=0, episode=episode, steps=10 * episode, seconds=0.5 * episode, return_=-1.23456789, delay_s=delay_s,
        gap=gap, unserved=unserved, updates=2 * episode, synthetic=3 * episode, steps_per_s=20.0,
    )  # fmt: skip


def test_curves_survive_the_file(tmp_path):
    with CurveFile(tmp_path / "curve.csv") as curve:
        curve.append(curve_row(8, math.inf, None, 2))
        curve.append(curve_row(16, 1.5, 0.25, 0))
    record = json.loads(json.dumps(curve_record(tmp_path / "curve.csv"), allow_nan=False))
    assert [record[name] for name in ("steps", "updates", "synthetic", "seconds")] == [160, 32, 48, 8.0]
    assert curve_points(record) == [(8, -1.23457, None, math.inf), (16, -1.23457, 0.25, None)]


def test_the_page_can_be_made_again_from_what_is_beside_it(tmp_path):
    content = {
        "script": "python x.py",
        "machine": "a machine",
        "commands": ["fgamcd x"],
        "solves": [{"gap": 0.1}, {"gap": 0.2}],
    }
    page = tmp_path / "docs" / "page.md"
    page.parent.mkdir()
    page.write_text("before\n<!-- benchmarks/trial.py -->\n<!-- benchmarks/trial.py -->\nafter\n")
    (tmp_path / "work").mkdir()

    def parse(*words: str):
        parser = results.argparse.ArgumentParser()
        results.add_arguments(parser, "trial")
        return parser.parse_args([*words, "--page", str(page)])

    def publish(args, run) -> str:
        results.publish(
            args,
            "trial",
            run,
            lambda held: [
                Table("t", "Gaps", (Column("gap", "g"),), tuple((r["gap"],) for r in held["solves"]))
            ],
            lambda held: Figure(),
        )
        return page.read_text()

    text = publish(parse(str(tmp_path / "work")), lambda: content)
    assert "| 0.1 |\n| 0.2 |" in text
    assert "    fgamcd x" in text
    assert "`python x.py`, a machine. Files: [trial.json](figures/trial.json)" in text
    assert text.startswith("before\n") and text.endswith("after\n")  # noqa: PT018
    pictures = page.parent / "figures"
    assert sorted(path.name for path in pictures.iterdir()) == ["trial.json", "trial.png", "trial.svg"]
    assert json.loads((pictures / "trial.json").read_text()) == content
    assert publish(parse(str(pictures), "--report-only"), lambda: pytest.fail("ran")) == text


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [
        (0.1, 0.3, "yes"),
        (-0.3, -0.1, "no"),
        (-0.1, 0.1, "open"),
        (0.0, 0.1, "open"),
        (math.nan, math.nan, "no interval"),
    ],
)
def test_verdicts_follow_the_interval(low, high, word):
    assert results.verdict(Estimate(0.0, low, high), ("yes", "no", "open")) == word
