"""Ablation of the learned method: ``python benchmarks/ablation.py FOLDER [--page PAGE]``.

Trains MAASN-DA, QMIX-DA and the five ablations on a family with the same settings, seeds and budget, evaluates all
policies on held-out instances, and writes FOLDER/ablation.json, from which tables and figure are made: what the paper
reports in its figure 7 beside what is measured. Started again with the same folder, it runs only what is missing.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from campaign import (
    Point,
    Training,
    curve_points,
    curve_record,
    evaluate,
    option_words,
    run_trainings,
    solves,
)
from machine import machine_words
from results import add_arguments, percents, publish, verdict

from fgamcd_opt.learning.config import METHODS
from fgamcd_opt.studies.policies.policy_figures import Panel, curve_panels_figure
from fgamcd_opt.studies.statistics import Estimate, Floats, bootstrap, probability_of_improvement
from fgamcd_opt.studies.table import GAP, Column, Table, Value

NAME = "ablation"
OPTIONS: Mapping[str, Any] = {"reward": "regret", "gamma": 0, "observation": "channels", "lr_end": 0.05}
"""Settings of all trainings besides the switches of the methods."""
HELD_OUT = 16
"""Instances on which the policies are evaluated after the training."""
FULL, *RIVALS = METHODS
WINDOW = 64
"""Episodes of a running mean, and of the final return."""
RISE = 0.9
"""Share of the way from the first to the final running mean after which a curve counts as converged."""
CLAIM = ("confirmed", "contradicted", "no difference shown")
UNCLAIMED = ("better", "worse", "no difference shown")


def training(method: str, seed: int, args: argparse.Namespace) -> Training:
    """The training of a method with a seed."""
    words = [method, args.family, "--family", "--judged", str(args.judged), *option_words(OPTIONS)]
    words += ["--episodes", str(args.episodes), "--seed", str(seed)]
    return Training(f"{method}-{seed}", tuple(words))


def trainings(seeds: int, args: argparse.Namespace) -> dict[tuple[str, int], Training]:
    """All of them by method and seed; seed after seed, so that all methods are there early."""
    return {(m, seed): training(m, seed, args) for seed in range(seeds) for m in METHODS}


def evaluation(seeds: int, args: argparse.Namespace) -> list[str]:
    """The command that evaluates all policies."""
    named = [f"{m}={each.out}" for (m, _), each in sorted(trainings(seeds, args).items(), key=_in_order)]
    return ["evaluate", *named, "--family", args.family, "--held-out", str(HELD_OUT), "-o", "evaluation"]


def _in_order(item: tuple[tuple[str, int], Training]) -> tuple[int, int]:
    (method, seed), _ = item
    return list(METHODS).index(method), seed


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Run what is missing; everything that the report is made of."""
    wanted = trainings(args.seeds, args)
    run_trainings(args.folder, list(wanted.values()), args.jobs)
    shown = [each.words for each in trainings(1, args).values()] + [["fgamcd", *evaluation(1, args)]]
    return {
        "script": f"python benchmarks/{NAME}.py FOLDER --family {args.family} --seeds {args.seeds} "
        f"--episodes {args.episodes} --judged {args.judged}",
        "machine": machine_words(),
        "commands": [shlex.join(words) for words in shown],
        "trainings": [
            {"method": method, "seed": seed, **curve_record(args.folder / each.out / "curve.csv")}
            for (method, seed), each in wanted.items()
        ],
        "solves": solves([evaluate(args.folder, evaluation(args.seeds, args))]),
    }


def require_same_games(trainings: Sequence[Mapping[str, Any]]) -> None:
    """Refuse to pair trainings of a seed that did not meet the same instances, which shows in their steps."""
    steps: dict[int, set[int]] = {}
    for each in trainings:
        steps.setdefault(each["seed"], set()).add(each["steps"])
    for seed, found in steps.items():
        if len(found) > 1:
            sys.exit(f"seed {seed}: trainings of {sorted(found)} steps, so not on the same instances")


def running_mean(episodes: Floats, values: Floats, window: float = WINDOW) -> tuple[Floats, Floats]:
    """Means over the last episodes, from the first row on that has so many before it.

    Parameters
    ----------
    episodes
        (R,) at the end of each row.
    values
        (..., R) mean over the episodes since the row before.
    window
        Episodes to average over; rows that lie in it partly do not count. A shorter curve is one window.

    Returns
    -------
    tuple
        (P,) episodes and (..., P) means.
    """
    width = np.diff(episodes, prepend=0.0)
    window = min(window, episodes[-1])
    ends = np.flatnonzero(episodes >= window)
    begins = episodes - width
    weights = np.array([width * (begins >= episodes[i] - window) * (episodes <= episodes[i]) for i in ends])
    means: Floats = values @ (weights / weights.sum(axis=1, keepdims=True)).T
    return episodes[ends], means


def converged_at(episodes: Floats, values: Floats) -> Floats:
    """Episode at which a running mean first has :data:`RISE` of its rise; the last episode without any rise.

    Parameters
    ----------
    episodes
        (R,)
    values
        (..., R) returns by row.
    """
    at, means = running_mean(episodes, values)
    first, final = means[..., :1], means[..., -1:]
    there = (means >= first + RISE * (final - first)) & (final > first)
    there[..., -1] = True
    found: Floats = at[there.argmax(axis=-1)]
    return found


def returns_of(content: Mapping[str, Any], method: str) -> tuple[Floats, Floats]:
    """(R,) episodes and (seeds, R) returns."""
    here = sorted((t for t in content["trainings"] if t["method"] == method), key=lambda t: t["seed"])
    return np.array(here[0]["episode"], float), np.array([t["return"] for t in here], float)


def final_returns(content: Mapping[str, Any], method: str) -> Floats:
    """(seeds,) mean return of the last :data:`WINDOW` episodes."""
    final: Floats = running_mean(*returns_of(content, method))[1][:, -1]
    return final


def convergence(content: Mapping[str, Any], *methods: str) -> Estimate:
    """Episodes until the mean curve of the seeds has converged: of a method, or of the second minus the first.

    The interval resamples seeds, the same ones for both methods.
    """
    episodes, _ = returns_of(content, methods[0])
    curves = np.stack([returns_of(content, method)[1] for method in methods], axis=1)  # (seeds, methods, R)

    def statistic(drawn: Floats) -> Floats:
        means = drawn.reshape(*drawn.shape[:-1], *curves.shape).mean(axis=-3)
        at = converged_at(episodes, means)
        return at[..., 0] if len(methods) == 1 else at[..., 1] - at[..., 0]

    return bootstrap([curves.reshape(len(curves), -1)], statistic, resamples=1000)


def held_out_gaps(content: Mapping[str, Any], method: str) -> Floats:
    """(seeds, instances) gaps of the policies after the training."""
    by_place = {(r["seed"], r["instance"]): r["gap"] for r in content["solves"] if r["solver"] == method}
    seeds = sorted({seed for seed, _ in by_place})
    instances = list(dict.fromkeys(instance for _, instance in by_place))
    return np.array([[by_place[seed, instance] for instance in instances] for seed in seeds])


def ends(estimate: Estimate) -> tuple[Value, ...]:
    """Value and ends; None where there is no interval."""
    return tuple(None if part != part else part for part in estimate)


def method_table(content: Mapping[str, Any]) -> Table:
    """One row per method."""
    columns = (
        Column("method"),
        Column("seeds", "d"),
        Column("final return", ".2f"),
        Column("95 % from", ".2f"),
        Column("to", ".2f"),
        Column("converged at episode", ".0f"),
        Column("from", ".0f"),
        Column("to", ".0f"),
        Column("held-out gap %", GAP),
        Column("from", GAP),
        Column("to", GAP),
        Column("training s", ".0f"),
        Column("synthetic samples", "d"),
    )
    rows = []
    for method in METHODS:
        here = [t for t in content["trainings"] if t["method"] == method]
        returns, gaps = final_returns(content, method), held_out_gaps(content, method)
        estimates = (*ends(bootstrap([returns])), *ends(convergence(content, method)))
        cost = (np.mean([t["seconds"] for t in here]), round(np.mean([t["synthetic"] for t in here])))
        rows.append((method, len(here), *estimates, *percents(bootstrap([gaps])), *cost))
    note = (
        f"Final return: mean of the last {WINDOW} episodes, as played with exploration. Converged: the mean curve of "
        f"the seeds, averaged over {WINDOW} episodes, first has {100 * RISE:g} % of its rise; one that does not rise "
        "counts as converging at its end. Gap: of the last policy, deterministic, on held-out instances. Final return "
        "and gap are interquartile means; all intervals are 95 % bootstrap intervals over training seeds."
    )
    return Table("methods", "The methods", columns, tuple(rows), (note,))


def claim_table(content: Mapping[str, Any]) -> Table:
    """Reported and measured: two rows per rival for the paper's claims, and one for the gap."""
    columns = (
        Column(f"{FULL} against"),
        Column("quantity"),
        Column("reported"),
        Column("measured advantage", ".2f"),
        Column("95 % from", ".2f"),
        Column("to", ".2f"),
        Column("better in seeds"),
        Column("probability of improvement %", ".0f"),
        Column("verdict"),
    )
    require_same_games(content["trainings"])
    rows = [row for rival in RIVALS for row in _claims(content, rival)]
    note = (
        f"Advantage: by how much {FULL} is better; interquartile mean over the seeds of differences at the same seed, "
        "for which all methods meet the same instances, with a 95 % bootstrap interval over seeds. Episodes: how much "
        "earlier its mean curve has converged, as above. Probability of improvement: of a run drawn at random against "
        "one of the rival's, seeds not paired. A claim is confirmed if the whole interval is on its side, contradicted "
        "if all of it is on the other; each interval by itself, not corrected for their number."
    )
    return Table("claims", "Reported and measured", columns, tuple(rows), (note,))


def _claims(content: Mapping[str, Any], rival: str) -> list[tuple[Value, ...]]:
    """Rows of one rival."""
    ours, theirs = final_returns(content, FULL), final_returns(content, rival)
    returns = bootstrap([ours - theirs])
    earlier = convergence(content, FULL, rival)
    our_gaps, their_gaps = 100.0 * held_out_gaps(content, FULL), 100.0 * held_out_gaps(content, rival)
    gaps = bootstrap([their_gaps - our_gaps])
    return [
        (
            rival,
            "final return",
            "higher",
            *ends(returns),
            f"{int((ours > theirs).sum())} of {ours.size}",
            100.0 * probability_of_improvement(-ours, -theirs).value,
            verdict(returns, CLAIM),
        ),
        (rival, "episodes to converge", "fewer", *ends(earlier), None, None, verdict(earlier, CLAIM)),
        (
            rival,
            "held-out gap, percentage points",
            None,
            *ends(gaps),
            f"{int((our_gaps.mean(axis=1) < their_gaps.mean(axis=1)).sum())} of {len(our_gaps)}",
            100.0 * probability_of_improvement(our_gaps, their_gaps).value,
            verdict(gaps, UNCLAIMED),
        ),
    ]


def figure(content: Mapping[str, Any]) -> Any:
    """Return and gap over episodes, as in the paper's figure 7 and beyond it."""
    played: dict[str, list[Any]] = {method: [] for method in METHODS}
    judged: dict[str, list[Any]] = {method: [] for method in METHODS}
    for each in content["trainings"]:
        judged[each["method"]].append(curve_points(each))
        at, means = running_mean(np.array(each["episode"], float), np.array(each["return"], float))
        points = [Point(int(e), float(value), None, None) for e, value in zip(at, means, strict=True)]
        played[each["method"]].append(points)
    return curve_panels_figure(
        [
            Panel(
                curves=played,
                x="episode",
                y="return_",
                title=f"as played, mean of the last {WINDOW} episodes",
            ),
            Panel(
                curves=judged, x="episode", y="gap", title="deterministic policy on instances not trained on"
            ),
        ]
    )


def main() -> None:
    """Run, report."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    add_arguments(parser, NAME)
    parser.add_argument("--family", default="small", help="recipe (default: %(default)s)")
    parser.add_argument("--seeds", type=int, default=10, help="per method (default: %(default)s)")
    parser.add_argument("--episodes", type=int, default=200, help="per training (default: %(default)s)")
    parser.add_argument(
        "--judged", type=int, default=8, help="instances behind the gap of the curves (default: %(default)s)"
    )
    args = parser.parse_args()
    publish(
        args,
        NAME,
        lambda: run(args),
        lambda content: [method_table(content), claim_table(content)],
        figure,
    )


if __name__ == "__main__":
    main()
