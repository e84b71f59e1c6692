"""Every method trains; ended early and resumed it leaves the same bits; states of another form are refused."""

from __future__ import annotations

import csv
import itertools
import shutil
from pathlib import Path

import pytest
import torch
from games import preset_scenario

from fgamcd_opt.io.errors import InputError
from fgamcd_opt.learning.config import METHODS, method_config
from fgamcd_opt.learning.environment.sources import FixedSource
from fgamcd_opt.learning.policies.policy_file import load_policy
from fgamcd_opt.learning.training.checkpoint import load_checkpoint, save_checkpoint
from fgamcd_opt.learning.training.run_folder import RunFolder
from fgamcd_opt.learning.training.trainer import Trainer
from fgamcd_opt.learning.training.training_run import TrainingRun

SHORT = {
    "episodes": 24,
    "copies": 2,
    "evaluate_every": 6,
    "checkpoint_every": 12,
    "warmup_steps": 12,
    "batch_size": 8,
    "hidden": 8,
    "critic_hidden": 8,
    "mixer_hidden": 8,
    "plain_hidden": 8,
    "buffer_size": 300,
    "reservoir": 10,
    "lr_end": 0.2,
    "washout": 0,
}
CLOCK = {"seconds", "steps_per_s", "seal"}


@pytest.fixture(scope="module")
def source() -> FixedSource:
    scenario = preset_scenario("tiny")
    scenario.warm()
    return FixedSource(scenario)


def trainer_of(source: FixedSource, method: str) -> Trainer:
    return Trainer(source, method_config(method, SHORT), bound_s=0.1)


def train(path: Path, trainer: Trainer, method: str, stopped_after: int | None = None) -> None:
    """Start or resume; end in order after some batches of episodes."""
    config, layout = trainer.config, trainer.source.layout
    description = {
        "method": method,
        "config": config.to_json(),
        "n_nodes": layout.n_nodes,
        "slots": layout.slots,
        "provenance": {},
    }
    path.mkdir(exist_ok=True)
    questions = itertools.count(1)
    run = TrainingRun(trainer, RunFolder(path), description, lambda row: None)
    run.go(config.episodes, lambda: next(questions) == stopped_after)


def curve(path: Path) -> list[dict[str, str]]:
    """The rows without what the clock says."""
    with (path / "curve.csv").open(newline="") as stream:
        return [{k: v for k, v in row.items() if k not in CLOCK} for row in csv.DictReader(stream)]


def weights(path: Path) -> dict[str, bytes]:
    tensors, _ = load_policy(path / "policy.safetensors")
    return {name: tensor.numpy().tobytes() for name, tensor in tensors.items()}


STOPS = ([5], [8], [4, 3], [10], [7], [9], [3])
"""Batches after which the trainings of the methods end early: between rows and between checkpoints."""


@pytest.mark.parametrize(("method", "stops"), list(zip(METHODS, STOPS, strict=True)))
def test_every_method_trains_and_resumes_to_the_same_bits(
    source: FixedSource, tmp_path: Path, method: str, stops: list[int]
) -> None:
    train(tmp_path / "straight", trainer_of(source, method), method)
    for stop in stops:
        train(tmp_path / "resumed", trainer_of(source, method), method, stopped_after=stop)
    assert len(curve(tmp_path / "resumed")) < 4
    train(tmp_path / "resumed", trainer_of(source, method), method)
    rows = curve(tmp_path / "straight")
    assert [row["episode"] for row in rows] == ["6", "12", "18", "24"]
    assert int(rows[-1]["updates"]) > 0
    assert curve(tmp_path / "resumed") == rows
    assert weights(tmp_path / "resumed") == weights(tmp_path / "straight")


@pytest.fixture(scope="module")
def stopped(source: FixedSource, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("stopped")
    train(path, trainer_of(source, "maasn-da"), "maasn-da", stopped_after=10)
    return path


def without(tensors: dict[str, torch.Tensor], name: str) -> None:
    del tensors[name]


def reshaped(tensors: dict[str, torch.Tensor], name: str) -> None:
    tensors[name] = tensors[name].reshape(1, *tensors[name].shape)


def longer(tensors: dict[str, torch.Tensor], name: str) -> None:
    plain = tensors[name].reshape(-1)
    tensors[name] = torch.cat([plain, plain[:1]])


def of_other_type(tensors: dict[str, torch.Tensor], name: str) -> None:
    other = torch.float64 if tensors[name].dtype != torch.float64 else torch.float32
    tensors[name] = tensors[name].to(other)


CHANGES = (without, reshaped, longer, of_other_type)


@pytest.mark.parametrize("first", range(len(CHANGES)))
def test_tensors_of_another_form_are_refused(
    source: FixedSource, stopped: Path, tmp_path: Path, first: int
) -> None:
    """Every tensor is changed in every way, a quarter of the pairs at a time."""
    folder, trainer = tmp_path / "run", trainer_of(source, "maasn-da")
    shutil.copytree(stopped, folder)
    before = (folder / "curve.csv").read_bytes()
    tensors, meta = load_checkpoint(stopped / "checkpoint")
    assert len(tensors) > 20
    for number, name in enumerate(tensors, first):
        changed = dict(tensors)
        CHANGES[number % len(CHANGES)](changed, name)
        save_checkpoint(folder / "checkpoint", changed, meta)
        with pytest.raises(InputError, match=r"run/checkpoint: "):
            train(folder, trainer, "maasn-da")
    assert (folder / "curve.csv").read_bytes() == before


def test_a_tensor_too_many_is_refused(source: FixedSource, stopped: Path, tmp_path: Path) -> None:
    tensors, meta = load_checkpoint(stopped / "checkpoint")
    save_checkpoint(tmp_path / "checkpoint", {**tensors, "learner.more": torch.zeros(1)}, meta)
    with pytest.raises(InputError, match=r"tensor 'learner\.more' is unexpected"):
        train(tmp_path, trainer_of(source, "maasn-da"), "maasn-da")


def test_counters_of_another_form_are_refused(source: FixedSource, stopped: Path, tmp_path: Path) -> None:
    trainer = trainer_of(source, "maasn-da")
    tensors, meta = load_checkpoint(stopped / "checkpoint")
    states: list[dict[str, object]] = [{**meta["trainer"], "more": 1}]
    for number, name in enumerate(meta["trainer"]):
        states.append({each: value for each, value in meta["trainer"].items() if each != name})
        other = (None, "1", {"a": 1})[number % 3]
        states.append({**meta["trainer"], name: other})
    for state in states:
        save_checkpoint(tmp_path / "checkpoint", tensors, {**meta, "trainer": state})
        with pytest.raises(InputError, match=r"is not of this training"):
            train(tmp_path, trainer, "maasn-da")


@pytest.mark.parametrize("other", ["plain-actor", "no-augmentation"])
def test_checkpoint_of_another_method_is_refused(
    source: FixedSource, stopped: Path, tmp_path: Path, other: str
) -> None:
    shutil.copytree(stopped / "checkpoint", tmp_path / "checkpoint")
    with pytest.raises(InputError, match=r"checkpoint: "):
        train(tmp_path, trainer_of(source, other), other)
