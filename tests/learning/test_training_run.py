"""A training in its folder: killed anywhere and resumed, it leaves what an uninterrupted one leaves."""

from __future__ import annotations

import contextlib
import itertools
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from toy_trainer import DESCRIPTION, PLAYED_TOGETHER, ToyTrainer

from fgamcd_opt.io.errors import InputError, UsageError
from fgamcd_opt.learning.policies.policy_file import load_policy
from fgamcd_opt.learning.training.checkpoint import save_checkpoint
from fgamcd_opt.learning.training.curve import CurveRow, read_curve
from fgamcd_opt.learning.training.run_folder import RunFolder
from fgamcd_opt.learning.training.training_run import TrainingRun

EPISODES = 30


class Killed(BaseException):
    """Stands for the end of the process."""


def train(
    path: Path,
    *,
    killed_after_rows: int | None = None,
    stopped_after: int | None = None,
    told: Callable[[CurveRow], None] = lambda row: None,
) -> TrainingRun:
    """Start or resume in the folder; end by a kill after some rows, or in order after some questions."""
    rows, questions = itertools.count(1), itertools.count(1)

    def tell(row: CurveRow) -> None:
        told(row)
        if next(rows) == killed_after_rows:
            raise Killed

    path.mkdir(exist_ok=True)
    run = TrainingRun(ToyTrainer(), RunFolder(path), DESCRIPTION, tell)
    run.go(EPISODES, lambda: next(questions) == stopped_after)
    return run


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("straight")
    train(path)
    return path


def same_results(one: Path, other: Path) -> bool:
    names = ("curve.csv", "policy.safetensors", "best.safetensors")
    return all((one / name).read_bytes() == (other / name).read_bytes() for name in names)


@settings(max_examples=15)
@given(ends=st.lists(st.tuples(st.booleans(), st.integers(1, 6)), max_size=4))
def test_any_ends_and_resumes_leave_what_one_run_leaves(
    straight: Path, tmp_path_factory: pytest.TempPathFactory, ends: list[tuple[bool, int]]
) -> None:
    path = tmp_path_factory.mktemp("run")
    for kill, place in ends:
        with contextlib.suppress(Killed):
            train(path, **{"killed_after_rows" if kill else "stopped_after": place})
    train(path)
    assert same_results(path, straight)


def test_resumed_run_goes_on_at_the_checkpoint(straight: Path, tmp_path: Path) -> None:
    with pytest.raises(Killed):
        train(tmp_path, killed_after_rows=4)
    assert [row.episode for row in read_curve(tmp_path / "curve.csv")] == [4, 8, 12, 16]
    told: list[int] = []
    run = train(tmp_path, told=lambda row: told.append(row.episode))
    assert run.resumed
    assert told == [16, 20, 24, 28]  # the checkpoint was made in episode 12
    reader = EventAccumulator(str(tmp_path / "tensorboard"))
    reader.Reload()
    rows = read_curve(straight / "curve.csv")
    found = [(event.step, event.value) for event in reader.Scalars("training/return")]
    assert found == [(row.episode, pytest.approx(row.return_)) for row in rows]


def test_orderly_stop_keeps_checkpoint_and_policy(tmp_path: Path) -> None:
    run = train(tmp_path, stopped_after=4)
    assert run.last is not None
    tensors, meta = load_policy(tmp_path / "policy.safetensors")
    reached = json.loads((tmp_path / "checkpoint" / "checkpoint.json").read_text())["meta"]
    assert reached == {"trainer": {"episode": 3 * PLAYED_TOGETHER}, "rows": 1}
    assert tensors["weights"].tolist() == run.trainer.policy_tensors()["weights"].tolist()
    assert meta["provenance"]["instance"] == "toy"
    assert meta["provenance"]["episode"] == run.last.episode


def test_best_policy_is_the_one_of_the_best_row(straight: Path) -> None:
    rows = read_curve(straight / "curve.csv")
    best = sorted(rows, key=lambda row: (row.unserved, row.delay_s))[0]
    tensors, meta = load_policy(straight / "best.safetensors")
    weights = tensors["weights"].tolist()
    assert (best.return_, best.delay_s, best.gap) == (weights[0], abs(weights[1]), weights[2])
    assert meta["provenance"]["episode"] == best.episode
    assert best.unserved == 0 < len({row.unserved for row in rows})  # both kinds of rows occur


@pytest.mark.parametrize(
    "meta", [{}, {"rows": -1, "trainer": {}}, {"rows": True, "trainer": {}}, {"rows": 0}]
)
def test_checkpoint_of_something_else_is_refused(tmp_path: Path, meta: dict[str, Any]) -> None:
    save_checkpoint(tmp_path / "checkpoint", {}, meta)
    with pytest.raises(InputError, match="was not made by a training"):
        train(tmp_path)


def test_folder_that_holds_a_run_is_refused(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "new" / "run")
    folder.require_new()
    with folder.locked():
        folder.begin({"method": "maasn-da"})
    for refusing in (folder.require_new, lambda: folder.begin({"method": "rnn"})):
        with pytest.raises(UsageError, match=r"config\.json: exists; add --resume"):
            refusing()
    for name in ("curve.csv", "policy.safetensors"):
        (tmp_path / name).write_text("")
        with pytest.raises(UsageError, match=rf"{name}: exists"):
            RunFolder(tmp_path).require_new()
        (tmp_path / name).unlink()


def test_two_processes_do_not_train_in_one_folder(tmp_path: Path) -> None:
    """The lock is free again when its holder ends, even if it is killed."""
    script = (
        "import pathlib, sys\nfrom fgamcd_opt.learning.training.run_folder import RunFolder\n"
        "with RunFolder(pathlib.Path(sys.argv[1])).locked():\n    print('held', flush=True)\n    sys.stdin.read()\n"
    )
    words = [sys.executable, "-c", script, str(tmp_path / "run")]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with (
            pytest.raises(UsageError, match="run: another process trains there"),
            RunFolder(tmp_path / "run").locked(),
        ):
            pass
        other.kill()
    with RunFolder(tmp_path / "run").locked():
        assert (tmp_path / "run").is_dir()


IDENTITY = {"method": "rnn", "config": {"gamma": 0.9, "seed": 0}, "source": {"mode": "fixed", "digest": "ab"}}


def test_the_same_training_is_reopened(tmp_path: Path) -> None:
    content = {**IDENTITY, "source": {**IDENTITY["source"], "instance": "tiny"}, "bound": None}
    RunFolder(tmp_path).begin(content)
    assert RunFolder(tmp_path).reopen(IDENTITY) == {"schema_version": 1, **content}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"method": "cgan"}, "this training has method = 'rnn', asked for is 'cgan'"),
        ({"config": {"gamma": 0.5, "seed": 0}}, "has config.gamma = 0.9, asked for is 0.5"),
        ({"source": {"mode": "fixed", "digest": "cd"}}, "has source.digest = 'ab', asked for is 'cd'"),
        ({"source": {"mode": "family", "recipe": {}}}, "has source.mode = 'fixed', asked for is 'family'"),
    ],
)
def test_another_training_is_not_resumed(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    RunFolder(tmp_path).begin(IDENTITY)
    with pytest.raises(InputError, match=words):
        RunFolder(tmp_path).reopen({**IDENTITY, **change})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "there is no training to resume"),
        ("", "not valid JSON"),
        ("[]", "top level is a list"),
        ("{}", "schema_version is None"),
    ],
)
def test_damaged_description_is_refused(tmp_path: Path, text: str | None, words: str) -> None:
    if text is not None:
        (tmp_path / "config.json").write_text(text)
    with pytest.raises(InputError, match=words):
        RunFolder(tmp_path).reopen(IDENTITY)
