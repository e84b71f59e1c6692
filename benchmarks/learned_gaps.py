"""Gaps of the learned method to the certified bound: ``python benchmarks/learned_gaps.py FOLDER [--page PAGE]``.

Trains every setting of every case below with several seeds, evaluates the policies beside the paper's rivals, and
writes FOLDER/learned_gaps.json, from which tables and figure are made. Started again with the same folder, it runs
only what is missing.
"""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from campaign import Training, curve_points, curve_record, evaluate, option_words, run_trainings, solves
from machine import machine_words
from results import add_arguments, percents, publish, verdict

from fgamcd_opt.studies.policies.gap_summary import FAILED_GAP
from fgamcd_opt.studies.policies.policy_figures import Panel, curve_panels_figure
from fgamcd_opt.studies.statistics import Estimate, Floats, bootstrap, interquartile_mean
from fgamcd_opt.studies.table import GAP, Column, Table, Value

NAME = "learned_gaps"
RIVALS = ("trimcaching", "no-cooperation", "tdma-unicast", "coarse", "local-search")
"""Those of the paper, and the search with which decoding ends, from a start without any policy."""
TARGET, DECODED_TARGET = 0.05, 0.015
"""Largest gap aimed at: of a policy alone, and of one that imitated the optimum and is decoded with search."""


class Setting(NamedTuple):
    """Options of the training, options of the evaluation, the gap that is aimed at, and a multiple of the seeds.

    Settings of one case whose training options are the same share their policies. Where seeds differ so much that a few
    do not decide about the target, there are ``times`` as many.
    """

    train: Mapping[str, Any] = {}
    evaluate: Mapping[str, Any] = {}
    target: float = TARGET
    times: int = 1

    def seeds(self, usual: int) -> range:
        """Its training seeds, where others have so many; one stays one."""
        return range(usual * self.times if usual > 1 else usual)


CHANNELS = {"observation": "channels", "lr_end": 0.05}
"""What all trainings have in common."""
REGRET = {"reward": "regret", "gamma": 0}
RECENT = 10_000
"""Transitions of the last 20 to 40 episodes. With gamma = 0 a critic values an action under what the others did in the
replayed transitions, and on a single instance only what they do now matters."""
IMITATION = {**CHANNELS, "actor_delay": 1_000_000, "epsilon_start": 0.05, "episodes": 16}
"""No reinforcement after the imitation: it has been measured to lose more than it gains at these budgets."""
DECODED = {"samples": 32, "polish": 1}
PLAIN = Setting({**CHANNELS, "episodes": 320})
LONGER = Setting({**CHANNELS, "episodes": 480})
DEMONSTRATED = Setting({**IMITATION, "demonstrations": 1, "cloning_steps": 4000})
IMITATED = {
    "demonstrations": DEMONSTRATED,
    "demonstrations + decoding": DEMONSTRATED._replace(evaluate=DECODED, target=DECODED_TARGET),
}
FIXED = {"plain": PLAIN, "decoding": PLAIN._replace(evaluate=DECODED), **IMITATED}
SCARCE = {
    "plain": LONGER,
    "regret": Setting({**LONGER.train, **REGRET}),
    "regret, recent": Setting({**LONGER.train, **REGRET, "buffer_size": RECENT}, times=4),
    "decoding": LONGER._replace(evaluate=DECODED),
    **IMITATED,
}
TAUGHT = Setting({**IMITATION, "demonstrations": 600, "cloning_steps": 3000})
HELD_OUT = {
    "regret": Setting({**LONGER.train, **REGRET}),
    "demonstrations": TAUGHT,
    "demonstrations + decoding": TAUGHT._replace(evaluate=DECODED),
}


@dataclass(frozen=True)
class Case:
    """An instance, or a family with held-out instances, and the settings that are tried on it.

    Parameters
    ----------
    instance
        Preset.
    settings
        By label.
    changes
        Changed fields of its recipe.
    held_out
        Number of held-out instances of the family; 0 for a training on the instance itself.
    """

    instance: str
    settings: Mapping[str, Setting]
    changes: Mapping[str, Any] = field(default_factory=dict)
    held_out: int = 0

    @property
    def change_words(self) -> list[str]:
        """``--set FIELD=VALUE`` for each."""
        return [word for name, value in self.changes.items() for word in ("--set", f"{name}={value}")]

    @property
    def trained_as(self) -> dict[str, str]:
        """By setting: the first one with the same training."""
        first: dict[str, str] = {}
        for label, setting in self.settings.items():
            same = (other for other in first if self.settings[other].train == setting.train)
            first[label] = next(same, label)
        return first


CASES = {
    "paper, 1.25 GB": Case("paper", FIXED),
    "paper, 0.4 GB": Case("paper", SCARCE, {"storage_gb": 0.4}),
    "paper, 0.25 GB": Case("paper", IMITATED, {"storage_gb": 0.25}),
    "small, held out": Case("small", HELD_OUT, held_out=16),
}


def slug(text: str) -> str:
    """A name for a file."""
    return "-".join("".join(c if c.isalnum() or c == "." else " " for c in text).split())


def training(name: str, label: str, seed: int, episodes: int | None) -> Training:
    """The training of a setting with a seed."""
    case = CASES[name]
    words = ["maasn-da", case.instance, *case.change_words, *(["--family"] if case.held_out else [])]
    words += [*option_words(case.settings[label].train), "--seed", str(seed)]
    words += ["--episodes", str(episodes)] if episodes else []
    return Training(f"{slug(name)}_{slug(label)}_{seed}", tuple(words))


def trainings(seeds: int, episodes: int | None) -> dict[tuple[str, str, int], Training]:
    """All of them by case, label and seed; seed after seed, so that all settings are there early."""
    found = {
        (name, label, seed): training(name, label, seed, episodes)
        for name, case in CASES.items()
        for label in dict.fromkeys(case.trained_as.values())
        for seed in case.settings[label].seeds(seeds)
    }
    return dict(sorted(found.items(), key=lambda item: item[0][2]))


def evaluations(name: str, seeds: int, episodes: int | None) -> list[list[str]]:
    """Commands that evaluate all policies of a case: one per set of options, the first one with the rivals."""
    case = CASES[name]
    where = (
        ["--family", case.instance, "--held-out", str(case.held_out)] if case.held_out else [case.instance]
    )
    by_options: dict[tuple[str, ...], list[str]] = {}
    for label, setting in case.settings.items():
        seeded = setting.seeds(seeds)
        runs = [training(name, case.trained_as[label], seed, episodes).best for seed in seeded]
        named = by_options.setdefault(tuple(option_words(setting.evaluate)), [])
        named += [f"{label}={run}" for run in runs]
    commands = []
    for options, named in by_options.items():
        rivals = ["--solver", ",".join(RIVALS)] if not commands else []
        out = ["-o", f"evaluations/{slug(name)}"]
        commands.append(["evaluate", *named, *where, *case.change_words, *options, *rivals, *out])
    return commands


def run(folder: Path, seeds: int, episodes: int | None, jobs: int) -> dict[str, Any]:
    """Run what is missing; everything that the report is made of."""
    wanted = trainings(seeds, episodes)
    run_trainings(folder, list(wanted.values()), jobs)
    return {
        "script": f"python benchmarks/{NAME}.py FOLDER --seeds {seeds}"
        + (f" --episodes {episodes}" if episodes else ""),
        "machine": machine_words(),
        "commands": commands(episodes),
        "trainings": [
            {"case": name, "setting": label, "seed": seed, **curve_record(folder / each.out / "curve.csv")}
            for (name, label, seed), each in wanted.items()
        ],
        "solves": [
            {"case": name, **record}
            for name in CASES
            for record in solves(evaluate(folder, words) for words in evaluations(name, seeds, episodes))
        ],
    }


def commands(episodes: int | None) -> list[str]:
    """The commands of the first seed."""
    found = [["fgamcd", *words] for name in CASES for words in evaluations(name, 1, episodes)]
    return [shlex.join(words) for words in [*(t.words for t in trainings(1, episodes).values()), *found]]


def gaps_of(records: Sequence[Mapping[str, Any]], case: str, solver: str) -> Floats:
    """(seeds, instances) gaps of a setting or rival."""
    here = [row for row in records if row["case"] == case and row["solver"] == solver]
    instances = list(dict.fromkeys(row["instance"] for row in here))
    by_place = {(row["seed"], row["instance"]): row["gap"] for row in here}
    seeds = sorted({row["seed"] for row in here})
    return np.array([[by_place[seed, instance] for instance in instances] for seed in seeds])


GAP_COLUMNS = (
    Column("instance"),
    Column("setting"),
    Column("seeds", "d"),
    Column("gap %", GAP),
    Column("95 % from", GAP),
    Column("to", GAP),
    Column("best seed %", GAP),
    Column("worst seed %", GAP),
    Column("largest %", GAP),
    Column("solved"),
    Column("target %", "g"),
    Column("target met"),
    Column("training s", ".0f"),
    Column("steps", "d"),
)


def gap_table(content: Mapping[str, Any]) -> Table:
    """One row per instance and setting, the rivals below."""
    rows = []
    for name, case in CASES.items():
        for label, setting in case.settings.items():
            key = (name, case.trained_as[label])
            spent = [t for t in content["trainings"] if (t["case"], t["setting"]) == key]
            gaps, target = gaps_of(content["solves"], name, label), setting.target
            rows.append(
                (
                    *(name, label, len(gaps), *gap_values(gaps)),
                    *(100.0 * target, target_verdict(bootstrap([gaps]), target)),
                    *(np.mean([t["seconds"] for t in spent]), round(np.mean([t["steps"] for t in spent]))),
                )
            )
        for rival in RIVALS:
            gaps = gaps_of(content["solves"], name, rival)
            rows.append((name, f"*{rival}*", None, *gap_values(gaps), *(None,) * 4))
    note = (
        "Gap: interquartile mean over seeds and instances of (T - L) / T with its 95 % bootstrap interval over "
        "training seeds; best and worst seed: interquartile mean over the instances; largest: of a single solve. "
        "Solved: with an accepted point; the others count with a gap of 100 %. Training seconds and environment steps "
        "are means. A target is met if the whole interval is below it, and missed if all of it is above."
    )
    return Table("gaps", "Gap to the certified bound", GAP_COLUMNS, tuple(rows), (note,))


def gap_values(gaps: Floats) -> tuple[Value, ...]:
    """Cells of :data:`GAP_COLUMNS` from the gap on to the number of solves, of (seeds, instances) gaps."""
    of_seeds = 100.0 * interquartile_mean(gaps)
    several = len(gaps) > 1
    solved = int((gaps < FAILED_GAP).sum())
    return (
        *percents(bootstrap([gaps])),
        float(of_seeds.min()) if several else None,
        float(of_seeds.max()) if several else None,
        100.0 * float(gaps.max()),
        f"{solved} of {gaps.size}",
    )


def target_verdict(gap: Estimate, target: float) -> str:
    """Whether an interval is below the target."""
    return verdict(
        Estimate(target - gap.value, target - gap.high, target - gap.low), ("yes", "no", "undecided")
    )


def rival_table(content: Mapping[str, Any]) -> Table:
    """One row per instance and setting: in how many solves its gap is smaller than a rival's."""
    rows = []
    for name, case in CASES.items():
        for label in case.settings:
            ours = gaps_of(content["solves"], name, label)
            theirs = [gaps_of(content["solves"], name, rival) for rival in RIVALS]
            counts = [f"{int((ours < gaps).sum())} of {ours.size}" for gaps in theirs]
            rows.append((name, label, *counts))
    columns = (Column("instance"), Column("setting"), *(Column(f"below {rival}") for rival in RIVALS))
    note = (
        "Solves (training seeds x instances) with a smaller gap than the rival on the same instance. A rival without "
        "an accepted point has a gap of 100 %."
    )
    return Table("rivals", "Smaller gap than the rivals", columns, tuple(rows), (note,))


def figure(content: Mapping[str, Any]) -> Any:
    """One panel per case, the gap over episodes by setting."""
    panels = []
    for name in CASES:
        curves: dict[str, list[Any]] = {}
        for each in content["trainings"]:
            if each["case"] == name:
                curves.setdefault(each["setting"], []).append(curve_points(each))
        panels.append(Panel(curves=curves, x="episode", y="gap", title=name, log_x=True))
    return curve_panels_figure(panels)


def main() -> None:
    """Run, report."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    add_arguments(parser, NAME)
    parser.add_argument("--seeds", type=int, default=5, help="trainings per setting (default: %(default)s)")
    parser.add_argument("--episodes", type=int, help="of every training, for a trial")
    args = parser.parse_args()
    publish(
        args,
        NAME,
        lambda: run(args.folder, args.seeds, args.episodes, args.jobs),
        lambda content: [gap_table(content), rival_table(content)],
        figure,
    )


if __name__ == "__main__":
    main()
