"""``fgamcd train`` as a shell sees it: settings, files, summary, refusals; killed and resumed."""

from __future__ import annotations

import csv
import json
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_runner import Ran, Run

from fgamcd_opt.instances.format import save_instance
from fgamcd_opt.instances.generation.from_recipe import generate
from fgamcd_opt.instances.recipes.presets import PRESETS
from fgamcd_opt.io import optional
from fgamcd_opt.io.errors import ExitCode, InfeasibleError
from fgamcd_opt.learning.config import TrainConfig
from fgamcd_opt.learning.policies.policy_file import load_policy
from fgamcd_opt.learning.training.proved_bound import ProvedBound
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.solving.status import relative_gap

SETTINGS = """\
copies = 2
evaluate_every = 4
checkpoint_every = 8
warmup_steps = 12
batch_size = 8
hidden = 8
critic_hidden = 8
mixer_hidden = 8
reservoir = 10
washout = 0
"""
CLOCK = {"seconds", "steps_per_s", "seal"}


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder as the current one, with a file of settings."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "toy.toml").write_text(SETTINGS)
    return tmp_path


def words(out: str, *more: str, episodes: int = 8) -> list[str]:
    return [
        "train",
        "maasn-da",
        "tiny",
        "--config",
        "toy.toml",
        "--episodes",
        str(episodes),
        "-o",
        out,
        *more,
    ]


def curve(folder: Path) -> list[dict[str, str]]:
    """The rows without what the clock says."""
    with (folder / "curve.csv").open(newline="") as stream:
        return [{k: v for k, v in row.items() if k not in CLOCK} for row in csv.DictReader(stream)]


def weights(path: Path) -> dict[str, bytes]:
    return {name: tensor.numpy().tobytes() for name, tensor in load_policy(path)[0].items()}


def content(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_settings_are_taken_in_order(toy: Path, fgamcd: Run) -> None:
    ran = fgamcd(
        *(
            "train",
            "no-augmentation",
            "tiny",
            "--config",
            "toy.toml",
            "-o",
            "run",
            "--json",
            "--seed",
            "3",
        ),
        *(
            "--option",
            "hidden=4",
            "--option",
            "seed=2",
            "--episodes",
            "2",
            "--option",
            "standardise_rewards=false",
        ),
    )
    assert ran.code == ExitCode.DONE, ran.err
    config = json.loads((toy / "run" / "config.json").read_text())["config"]
    defaults = TrainConfig().to_json()
    assert config["augmentation"] == "none"  # of the method
    assert config["critic_hidden"] == 8  # of the file
    assert (config["hidden"], config["standardise_rewards"]) == (4, False)  # of the options, before the file
    assert (config["seed"], config["episodes"]) == (3, 2)  # of the flags, before the options
    assert config["gamma"] == defaults["gamma"]


def test_summary_says_what_the_files_say(toy: Path, fgamcd: Run) -> None:
    ran = fgamcd(*words("run", "--json"))
    assert ran.code == ExitCode.DONE, ran.err
    report, rows = ran.json, curve(toy / "run")
    assert report["stop_reason"] == "completed"
    assert not report["resumed"]
    assert [row["episode"] for row in rows] == ["4", "8"]
    for name in ("episode", "return", "delay_s", "gap", "unserved", "updates", "synthetic"):
        assert float(rows[-1][name]) == report["last"][name]
    (bound,) = report["bounds"]
    exact = fgamcd("solve", "tiny", "--json").json
    assert bound["lower_bound_s"] == pytest.approx(exact["lower_bound_s"], rel=1e-9)
    assert bound["digest"] == exact["digest"]
    for row in rows:
        assert float(row["gap"]) == relative_gap(float(row["delay_s"]), bound["lower_bound_s"])
        assert float(row["gap"]) >= 0.0
    least = min(rows, key=lambda row: (int(row["unserved"]), float(row["delay_s"])))
    assert report["best"]["episode"] == int(least["episode"])
    assert all(Path(name).exists() for name in report["files"])
    _, meta = load_policy(toy / "run" / "policy.safetensors")
    assert meta["provenance"]["digest"] == report["digest"]
    assert meta["provenance"]["episode"] == 8
    lines = [line for line in ran.err.splitlines() if " episode " in line]
    assert lines[-1].split("episode ")[1].startswith("8/8, ")
    assert f", return {report['last']['return']:.3f}, delay " in lines[-1]
    for part in (f"gap {100 * report['last']['gap']:.3f} %", "steps/s", "left"):
        assert part in lines[-1]


def test_recorded_command_makes_the_same_policy(toy: Path, fgamcd: Run) -> None:
    assert fgamcd(*words("run", "--set", "storage_gb=0.1", "--option", "gamma=0.5")).code == ExitCode.DONE
    tensors = weights(toy / "run" / "policy.safetensors")
    _, meta = load_policy(toy / "run" / "policy.safetensors")
    program, *again = shlex.split(meta["provenance"]["command"])
    assert program == "fgamcd"
    assert fgamcd(*again, "-o", "again").code == ExitCode.DONE
    assert curve(toy / "again") == curve(toy / "run")
    assert weights(toy / "again" / "policy.safetensors") == tensors
    assert fgamcd(*again, "--seed", "1", "-o", "other").code == ExitCode.DONE
    assert weights(toy / "other" / "policy.safetensors") != tensors


def test_demonstrations_and_regret(toy: Path, fgamcd: Run) -> None:
    """Who imitates the optimum and learns nothing afterwards plays the optimum, which others at this point do not."""
    options = (
        "demonstrations=1",
        "cloning_steps=400",
        "reward=regret",
        "warmup_steps=10000",
        "actor_lr=0.01",
    )
    more = [word for option in options for word in ("--option", option)]
    ran = fgamcd(*words("run", "--json", "--set", "storage_gb=0.2", *more))
    assert ran.code == ExitCode.DONE, ran.err
    assert ran.json["last"]["updates"] == 0
    assert ran.json["last"]["delay_s"] == pytest.approx(ran.json["bounds"][0]["delay_s"], rel=1e-9)
    assert all(float(row["return"]) <= 0.0 for row in curve(toy / "run"))  # a regret is never negative
    assert fgamcd(*words("other", "--json", "--set", "storage_gb=0.2")).json["last"]["gap"] > 0.01


def test_family_is_judged_on_instances_of_its_own(toy: Path, fgamcd: Run) -> None:
    reports = []
    for method, seed in (("maasn-da", "0"), ("plain-actor", "5")):
        flags = ("--family", "--judged", "2", "--episodes", "4", "--seed", seed, "--json", "-o", method)
        ran = fgamcd("train", method, "tiny", "--config", "toy.toml", *flags)
        assert ran.code == ExitCode.DONE, ran.err
        reports.append(ran.json)
    one, other = reports
    assert one["mode"] == "family"
    assert one["bounds"] == other["bounds"]
    digests = {bound["digest"] for bound in one["bounds"]}
    assert len(digests) == 2
    assert generate(PRESETS["tiny"]).digest not in digests
    for report in reports:
        mean = np.mean([bound["lower_bound_s"] for bound in report["bounds"]])
        assert report["last"]["delay_s"] >= mean * (1 - 1e-9)
    resumed = fgamcd(
        *(
            "train",
            "maasn-da",
            "tiny",
            "--config",
            "toy.toml",
            "--family",
            "--judged",
            "2",
            "--episodes",
            "4",
        ),
        *("-o", "maasn-da", "--resume", "--json"),
    )
    assert resumed.json["bounds"] == one["bounds"]


def test_family_is_not_judged_on_what_has_no_solution(
    toy: Path, fgamcd: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second instance drawn is made to look infeasible; a third takes its place, after a resume, too."""
    flags = ("--family", "--judged", "2", "--episodes", "2", "--json", "-o")
    fixed = ("train", "maasn-da", "tiny", "--config", "toy.toml", *flags)
    first, second = (bound["digest"] for bound in fgamcd(*fixed, "plain").json["bounds"])
    prove = ProvedBound.prove

    def proved(problem: P1, *rest: Any) -> ProvedBound:
        if problem.instance.digest == second:
            raise InfeasibleError("proved infeasible")
        return prove(problem, *rest)

    monkeypatch.setattr(ProvedBound, "prove", proved)
    found = [bound["digest"] for bound in fgamcd(*fixed, "run").json["bounds"]]
    assert found[0] == first
    assert found[1] not in (first, second)
    assert [bound["digest"] for bound in fgamcd(*fixed, "run", "--resume").json["bounds"]] == found


def test_killed_training_resumes_to_the_same_curve(toy: Path, fgamcd: Run) -> None:
    """SIGKILL after a checkpoint, with rows after it."""
    long = words("killed", episodes=200)
    process = subprocess.Popen([sys.executable, "-m", "fgamcd_opt", *long], stderr=subprocess.PIPE, cwd=toy)
    path = toy / "killed" / "curve.csv"
    end = time.monotonic() + 300
    while not path.exists() or path.read_bytes().count(b"\n") < 8:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.005)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    killed = curve(toy / "killed")
    assert 6 < len(killed) < 50
    kept = json.loads((toy / "killed" / "checkpoint" / "checkpoint.json").read_text())["meta"]
    assert 0 < kept["rows"] <= len(killed)
    ran = fgamcd(*long, "--resume", "--json")
    assert ran.code == ExitCode.DONE, ran.err
    assert ran.json["resumed"]
    assert fgamcd(*words("straight", episodes=200)).code == ExitCode.DONE
    rows = curve(toy / "straight")
    assert len(rows) == 50
    assert curve(toy / "killed") == rows
    for name in ("policy.safetensors", "best.safetensors"):
        assert weights(toy / "killed" / name) == weights(toy / "straight" / name)


def test_interrupt_keeps_checkpoint_and_policy(toy: Path, fgamcd: Run) -> None:
    endless = words("run", "--json", episodes=10**7)
    process = subprocess.Popen(
        [sys.executable, "-m", "fgamcd_opt", *endless],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=toy,
    )
    assert process.stderr is not None
    assert any(" episode " in line for line in process.stderr)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert process.returncode == ExitCode.DONE, err
    report = json.loads(out)
    assert report["stop_reason"] == "interrupted"
    kept = json.loads((toy / "run" / "checkpoint" / "checkpoint.json").read_text())["meta"]
    assert report["last"]["episode"] <= kept["trainer"]["episode"] < report["last"]["episode"] + 4
    _, meta = load_policy(toy / "run" / "policy.safetensors")
    assert meta["provenance"]["episode"] == report["last"]["episode"]
    ran = fgamcd(*endless, "--resume", "--time-limit", "1e-3")
    assert ran.code == ExitCode.DONE, ran.err
    assert ran.json["stop_reason"] == "time_limit"
    assert ran.json["last"] == report["last"]


def test_nothing_that_exists_is_overwritten(toy: Path, fgamcd: Run) -> None:
    assert fgamcd(*words("run")).code == ExitCode.DONE
    before = content(toy)
    ran = fgamcd(*words("run"))
    assert (ran.code, ran.out) == (ExitCode.USAGE, "")
    assert "run/config.json: exists; add --resume" in ran.err
    for more, named in (
        (["--option", "gamma=0.5"], "config.gamma"),
        (["--seed", "1"], "config.seed"),
        (["--set", "storage_gb=0.1"], "source."),
        (["--family"], "source.mode"),
        (["--threads", "2"], "threads"),
    ):
        ran = fgamcd(*words("run", "--resume", *more))
        assert ran.code == ExitCode.INPUT_REJECTED
        assert f"run/config.json: this training has {named}" in ran.err
    other = ["rnn" if word == "maasn-da" else word for word in words("run", "--resume")]
    assert "has method = 'maasn-da', asked for is 'rnn'" in fgamcd(*other).err
    assert content(toy) == before
    done = fgamcd(*words("run", "--resume", "--json"))
    assert (done.code, done.json["stop_reason"]) == (ExitCode.DONE, "completed")
    assert curve(toy / "run")[-1]["episode"] == "8"


def test_folder_that_cannot_be_written_is_refused_before_bounds_are_proved(
    toy: Path, fgamcd: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ProvedBound, "prove", None)
    before = content(toy)
    for out in ("toy.toml", "toy.toml/run"):
        ran = fgamcd(*words(out))
        assert (ran.code, ran.out) == (ExitCode.INPUT_REJECTED, "")
        assert f"{out}: cannot be written: " in ran.err
    assert content(toy) == before


def test_damaged_checkpoint_is_refused(toy: Path, fgamcd: Run) -> None:
    assert fgamcd(*words("run")).code == ExitCode.DONE
    (path,) = (toy / "run" / "checkpoint").glob("*.safetensors")
    path.write_bytes(path.read_bytes()[:-1])
    before = content(toy)
    ran = fgamcd(*words("run", "--resume"))
    assert ran.code == ExitCode.INPUT_REJECTED
    assert "damaged" in ran.err.splitlines()[-1]
    assert content(toy) == before


def changed_config(folder: Path, **changes: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_crafted_bounds_are_refused(toy: Path, fgamcd: Run) -> None:
    assert fgamcd(*words("run")).code == ExitCode.DONE
    (bound,) = json.loads((toy / "run" / "config.json").read_text())["bounds"]
    for bounds in (
        None,
        [],
        [1],
        [{**bound, "more": 1}],
        [{**bound, "lower_bound_s": "1"}],
        [{**bound, "digest": "ab"}],
    ):
        changed_config(toy / "run", bounds=bounds)
        ran = fgamcd(*words("run", "--resume"))
        assert (ran.code, ran.out) == (ExitCode.INPUT_REJECTED, "")
        assert "run/config.json" in ran.err.splitlines()[-1]


def refused(ran: Ran, folder: Path) -> str:
    """The one line of the error, after nothing was written."""
    assert ran.out == ""
    assert not (folder / "run").exists()
    return ran.err.splitlines()[-1]


@pytest.mark.parametrize(
    ("more", "code", "text"),
    [
        (["--option", "gama=0.5"], 2, "gama: unknown setting of a training; did you mean 'gamma'?"),
        (["--option", "gamma=high"], 2, "gamma: 'high' is not of type float"),
        (["--option", "standardise_rewards=2"], 2, "standardise_rewards: '2' is not of type bool"),
        (["--episodes", "0"], 2, "episodes: 0 is out of range"),
        (["--config", "absent.toml"], 3, "absent.toml: cannot be read (No such file"),
        (["--config", "bad.toml"], 3, "bad.toml: hidden: 0 is out of range"),
        (["--device", "nowhere"], 7, "--device nowhere: PyTorch cannot use it here"),
        (
            ["--time-limit", "1e-9"],
            2,
            "was over while the bounds to judge by were being proved, and nothing was started",
        ),
        (["-o", ""], 2, "argument -o/--output: is empty"),
        (["--time-limit", "0"], 2, "time limit 0.0 s: must be positive"),
        (["--threads", "0"], 2, "threads 0: must be at least 1"),
        (["--judged", "2"], 2, "--judged: only with --family"),
        (["--resume"], 3, "there is no training to resume"),
        (["--set", "storage_gb=0.001"], 4, "infeasible"),
        (["--family", "--set", "storage_gb=0.001"], 3, "are all infeasible"),
    ],
)
def test_bad_requests_are_refused(toy: Path, fgamcd: Run, more: list[str], code: int, text: str) -> None:
    (toy / "bad.toml").write_text("hidden = 0\n")
    ran = fgamcd("train", "maasn-da", "tiny", "-o", "run", *more)
    assert text in refused(ran, toy)
    assert ran.code == code


def test_unknown_method_is_refused(toy: Path, fgamcd: Run) -> None:
    ran = fgamcd("train", "masn-da", "tiny", "-o", "run")
    assert "method 'masn-da' is unknown; did you mean 'maasn-da'?" in refused(ran, toy)
    assert ran.code == ExitCode.USAGE


def test_family_needs_a_recipe(toy: Path, fgamcd: Run) -> None:
    instance = generate(PRESETS["tiny"])
    object.__setattr__(instance, "recipe", None)
    save_instance(toy / "plain.npz", instance)
    ran = fgamcd("train", "maasn-da", "plain.npz", "--family", "-o", "run")
    assert "carries no recipe" in refused(ran, toy)
    assert ran.code == ExitCode.INPUT_REJECTED


def test_missing_packages_are_named_with_their_extra(
    toy: Path, fgamcd: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(optional, "find_spec", lambda name: None if name in ("torch", "tensorboard") else 1)
    ran = fgamcd("train", "maasn-da", "tiny", "-o", "run")
    expected = 'training needs torch, tensorboard: pip install -c constraints.txt -e ".[learn]"'
    assert expected in refused(ran, toy)
    assert ran.code == ExitCode.BACKEND_MISSING
