"""Trainings and evaluations of a campaign: commands of `fgamcd` in one folder, run where they are missing.

Everything is what a user could type in that folder. A training that was stopped goes on from its checkpoint, one that
is finished is not started again, and `fgamcd evaluate` itself runs only the solves that are missing.
"""

from __future__ import annotations

import json
import math
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from fgamcd_opt.io.files import write_bytes_atomically
from fgamcd_opt.learning.training.curve import read_curve
from fgamcd_opt.solving.status import StopReason, relative_gap
from fgamcd_opt.studies.policies.gap_summary import FAILED_GAP
from fgamcd_opt.studies.scores import SOLVED_CLASSES

POLL_S = 0.2
ONE_THREAD = {"OMP_NUM_THREADS": "1"}


def option_words(options: Mapping[str, Any]) -> list[str]:
    """``--option NAME=VALUE`` for each."""
    return [word for name, value in options.items() for word in ("--option", f"{name}={value}")]


@dataclass(frozen=True)
class Training:
    """One training.

    Parameters
    ----------
    name
        Of its folder, and of the files ``NAME.json`` (its summary, once it is finished) and ``NAME.log`` beside it.
    arguments
        Of ``fgamcd train``, without those that say where its files are.
    """

    name: str
    arguments: tuple[str, ...]

    @property
    def out(self) -> str:
        """Folder of the training in that of the campaign."""
        return f"runs/{self.name}"

    @property
    def best(self) -> str:
        """File of the best policy that it met, by the evaluations of its curve."""
        return f"{self.out}/best.safetensors"

    @property
    def words(self) -> list[str]:
        """The complete command, to be run in the folder of the campaign."""
        return ["fgamcd", "train", *self.arguments, "--rate-cache", "rates", "-o", self.out]

    def is_finished(self, folder: Path) -> bool:
        """Whether this very command was run to its end in the folder of a campaign."""
        path = folder / f"{self.out}.json"
        return path.exists() and json.loads(path.read_text(encoding="utf-8"))["command"] == self.words

    def start(self, folder: Path) -> subprocess.Popen[bytes]:
        """Start the command, or go on with it where it stopped."""
        resume = ["--resume"] if (folder / self.out / "config.json").exists() else []
        with (
            (folder / f"{self.out}.out").open("wb") as output,
            (folder / f"{self.out}.log").open("ab") as log,
        ):
            return subprocess.Popen(
                [sys.executable, "-m", "fgamcd_opt", *self.words[1:], "--json", *resume],
                cwd=folder,
                stdout=output,
                stderr=log,
                env=os.environ | ONE_THREAD,
                start_new_session=True,  # Ctrl-C is for us alone, and we end our children in good order
            )

    def end(self, folder: Path, code: int) -> str | None:
        """Keep the summary of a training that ended by itself; what was wrong otherwise."""
        output = folder / f"{self.out}.out"
        if code:
            lines = (folder / f"{self.out}.log").read_text(encoding="utf-8", errors="replace").splitlines()
            return f"exit code {code}: {lines[-1] if lines else 'nothing was said'}"
        summary = json.loads(output.read_text(encoding="utf-8"))
        if summary["stop_reason"] != StopReason.COMPLETED:
            return f"stopped early: {summary['stop_reason']}"
        text = json.dumps({"command": self.words, **summary}, indent=1)
        write_bytes_atomically(folder / f"{self.out}.json", f"{text}\n".encode())
        output.unlink()
        return None


def run_trainings(folder: Path, trainings: Sequence[Training], at_once: int) -> None:
    """Run what is missing, so many side by side; exits if one fails, after all others."""
    (folder / "runs").mkdir(parents=True, exist_ok=True)
    waiting = [training for training in trainings if not training.is_finished(folder)]
    done, failed = len(trainings) - len(waiting), 0
    tell(f"{len(trainings)} trainings, {done} of them finished already")
    running: dict[subprocess.Popen[bytes], tuple[Training, float]] = {}
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        while waiting or running:
            while waiting and len(running) < at_once:
                training = waiting.pop(0)
                running[training.start(folder)] = (training, time.monotonic())
            time.sleep(POLL_S)
            for process in [each for each in running if each.poll() is not None]:
                training, begun = running.pop(process)
                wrong = training.end(folder, process.returncode)
                done, failed = done + (wrong is None), failed + (wrong is not None)
                state = wrong or f"{time.monotonic() - begun:.0f} s"
                tell(f"{done}/{len(trainings)} {training.name}: {state}")
    finally:
        for process in running:
            process.terminate()  # a training keeps its checkpoint
        for process in running:
            process.wait()
    if failed:
        sys.exit(f"{failed} trainings failed; see {folder / 'runs'}/*.log. The same command runs them again")


def evaluate(folder: Path, words: Sequence[str]) -> dict[str, Any]:
    """What ``fgamcd evaluate`` gives as JSON; its words are those after ``fgamcd``."""
    call = [sys.executable, "-m", "fgamcd_opt", *words, "--json"]
    ended = subprocess.run(call, cwd=folder, stdout=subprocess.PIPE, env=os.environ | ONE_THREAD, check=False)
    if ended.returncode:
        sys.exit(f"fgamcd {shlex.join(words)}: exit code {ended.returncode}")
    content: dict[str, Any] = json.loads(ended.stdout)
    return content


def solves(evaluations: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One record per solve of evaluations on the same instances: gaps to the best bound of any of them.

    What solved the same instance in two evaluations, as `exact` does, comes once.
    """
    evaluations = list(evaluations)
    bounds: dict[str, float] = {}
    for row in (row for each in evaluations for row in each["gaps"]):
        if row["bound s"] is not None:
            bounds[row["instance"]] = max(row["bound s"], bounds.get(row["instance"], 0.0))
    found = {}
    for row in (row for each in evaluations for row in each["rows"] if row["instance"] in bounds):
        solved, lower_bound_s = row["class"] in SOLVED_CLASSES, bounds[row["instance"]]
        found[row["instance"], row["solver"], row["seed"]] = {
            "instance": row["instance"],
            "solver": row["solver"],
            "seed": row["seed"],
            "delay_s": row["delay_s"] if solved else None,
            "lower_bound_s": lower_bound_s,
            "gap": relative_gap(row["delay_s"], lower_bound_s) if solved else FAILED_GAP,
            "time_s": row["solve_s"],
        }
    return list(found.values())


class Point(NamedTuple):
    """A row of a learning curve, as far as it is kept and drawn."""

    episode: int
    return_: float
    gap: float | None
    delay_s: float | None


def curve_record(path: Path) -> dict[str, Any]:
    """A learning curve by columns, and what its training took; returns and gaps to six digits."""
    rows = read_curve(path)
    return {
        "episode": [row.episode for row in rows],
        "return": [_short(row.return_) for row in rows],
        "gap": [_short(row.gap) for row in rows],
        "unserved": [row.unserved for row in rows],
        "steps": rows[-1].steps,
        "updates": rows[-1].updates,
        "synthetic": rows[-1].synthetic,
        "seconds": _short(rows[-1].seconds),
    }


def curve_points(record: Mapping[str, Any]) -> list[Point]:
    """The curve of a record; blocks that were not delivered mean an infinite delay."""
    columns = zip(record["episode"], record["return"], record["gap"], record["unserved"], strict=True)
    return [Point(at, value, gap, math.inf if lost else None) for at, value, gap, lost in columns]


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.6g}")


def tell(text: str) -> None:
    """A line of progress."""
    print(text, file=sys.stderr, flush=True)
