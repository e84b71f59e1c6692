"""Speed and certified gaps of the robust beamforming: ``python benchmarks/beamforming.py [--quick] [--json]``.

Three measurements, on the network of the paper preset:

1. broadcasts to 1 to 30 new users without QoS, every node set S, one thread: problems per second and the
   distribution of certified gaps in rate, by number of users;
2. the same by number of users and |S|;
3. the complete rate table of an instance with its QoS rates, on all threads asked for.

A problem is one (block, S): beam, worst-case rate and proved upper bound. The gap is 1 - rate / bound.
``--reference`` compares with the paper's own method instead (`beamforming_reference.py`).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from fresh_broadcasts import broadcast_of
from machine import machine
from numpy.typing import NDArray

from fgamcd_opt.beamforming.broadcast import BeamformingSettings, SetTable, masks_by_size
from fgamcd_opt.beamforming.rate_oracle import RateOracle
from fgamcd_opt.instances.recipes.recipe import Recipe
from fgamcd_opt.instances.resolve import load
from fgamcd_opt.io.files import write_bytes_atomically
from fgamcd_opt.problem.p1 import P1

USERS = (1, 2, 3, 4, 6, 8, 12, 20, 30)
SEEDS = {1: 20, 2: 20, 3: 20, 4: 20, 6: 10, 8: 10, 12: 5, 20: 3, 30: 3}
"""Fresh channels per number of users; ``--quick`` takes a fifth, at least one."""


@dataclass
class Sample:
    """Problems of one number of users and one |S|: seconds for all of them, and their certified gaps."""

    users: int
    size: int
    problems: int = 0
    time_s: float = 0.0
    gaps: list[float] = field(default_factory=list)


def main() -> None:
    """Measure and print."""
    args = parse()
    if args.reference:
        from beamforming_reference import reference_text, run_reference

        result = run_reference(quick=args.quick, first_seed=args.seed, settings=settings_of(args))
        text = reference_text(result)
    else:
        result = run(args)
        text = report(result)
    result = {"command": " ".join(["python", *sys.argv]), "machine": machine(), **result}
    print(json.dumps(result, indent=1) if args.json else f"{facts(result)}\n{text}")
    if args.output:
        write_bytes_atomically(args.output, (json.dumps(result, indent=1) + "\n").encode())


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a fifth of the channels")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of tables")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="for the complete table")
    parser.add_argument("--seed", type=int, default=1000, help="first seed of the channels (default 1000)")
    parser.add_argument("--rounds", type=int, default=BeamformingSettings().rounds, help="effort per problem")
    parser.add_argument("--max-nodes", type=int, default=0, help="branch and bound nodes per problem")
    parser.add_argument("--instance", default="paper", help="instance of the complete table (default paper)")
    parser.add_argument("--reference", action="store_true", help="compare with the paper's own method")
    parser.add_argument("-o", "--output", type=Path, help="write the JSON object to this file, too")
    return parser.parse_args()


def settings_of(args: argparse.Namespace) -> BeamformingSettings:
    """Effort of the fast path."""
    return BeamformingSettings(rounds=args.rounds, max_nodes=args.max_nodes)


def run(args: argparse.Namespace) -> dict[str, Any]:
    """All three measurements as plain JSON values."""
    recipe = Recipe()
    settings = settings_of(args)
    samples = []
    for users in USERS:
        count = max(1, SEEDS[users] // 5) if args.quick else SEEDS[users]
        print(f"{users} users, {count} channels ...", file=sys.stderr)
        samples += measure(recipe, users, range(args.seed, args.seed + count), settings)
    print(f"complete table of {args.instance} ...", file=sys.stderr)
    return {
        "nodes": recipe.nodes,
        "antennas": recipe.antennas,
        "first_seed": args.seed,
        "settings": asdict(settings),
        "by_users": [
            {"users": users, **summary([s for s in samples if s.users == users])} for users in USERS
        ],
        "by_users_and_size": [{"users": s.users, "size": s.size, **summary([s])} for s in samples],
        "table": complete_table(args.instance, settings, args.threads),
    }


def measure(recipe: Recipe, users: int, seeds: range, settings: BeamformingSettings) -> list[Sample]:
    """All node sets, largest first as in the product, timed by |S|; gaps as they stand at the end."""
    masks = masks_by_size(recipe.nodes)
    sizes = np.bitwise_count(masks)
    samples = {size: Sample(users, size) for size in range(recipe.nodes, 0, -1)}
    for seed in seeds:
        started = time.perf_counter()
        table = SetTable(broadcast_of(recipe, users, seed))
        samples[recipe.nodes].time_s += time.perf_counter() - started  # reduction counts for the full set
        for size, sample in samples.items():
            started = time.perf_counter()
            table.solve(masks[sizes == size], settings, seed)
            sample.time_s += time.perf_counter() - started
        table.close()
        for size, sample in samples.items():
            chosen = masks[sizes == size]
            sample.problems += chosen.size
            sample.gaps += rate_gaps(table.lower[chosen], table.upper[chosen]).tolist()
    return list(samples.values())


def rate_gaps(lower: NDArray[np.float64], upper: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 - rate / bound from the SNR reached and proved; 1 where there is no beam."""
    return np.asarray(1.0 - np.log1p(lower) / np.log1p(upper))


def summary(samples: list[Sample]) -> dict[str, float | int]:
    """Speed and distribution of gaps over some samples."""
    gaps = np.concatenate([s.gaps for s in samples])
    problems, time_s = sum(s.problems for s in samples), sum(s.time_s for s in samples)
    return {
        "problems": problems,
        "time_s": time_s,
        "problems_per_s": problems / time_s,
        "gap_mean": float(gaps.mean()),
        "gap_median": float(np.median(gaps)),
        "gap_90": float(np.quantile(gaps, 0.9)),
        "gap_max": float(gaps.max()),
    }


def complete_table(name: str, settings: BeamformingSettings, threads: int) -> dict[str, Any]:
    """Every (block, S) of an instance with QoS: time, statuses, and gaps of the feasible sets by |U_k|."""
    instance = load(name)
    started = time.perf_counter()
    oracle = RateOracle(P1(instance), settings, threads)
    oracle.compute()
    elapsed = time.perf_counter() - started
    users = np.array([table.broadcast.floors.size for table in oracle.tables])
    status = np.stack([table.status[1:] for table in oracle.tables])
    rate, bound = oracle.lower_bps()[:, 1:], oracle.upper_bps()[:, 1:]
    gap = np.where(status == 1, 1.0 - rate / np.where(bound > 0, bound, 1.0), np.nan)
    rows = []
    for count in np.unique(users).tolist():
        mine, feasible = status[users == count], status[users == count] == 1
        known = gap[users == count][feasible]
        rows.append(
            {
                "users": count,
                "blocks": int((users == count).sum()),
                "feasible_share": float(feasible.mean()),
                "infeasible_share": float((mine == -1).mean()),
                "open_share": float((mine == 0).mean()),
                "gap_mean": float(known.mean()) if known.size else None,
                "gap_max": float(known.max()) if known.size else None,
            }
        )
    return {
        "instance": instance.name,
        "digest": instance.digest,
        "csi_set": instance.csi_set,
        "threads": threads,
        "problems": oracle.size,
        "time_s": elapsed,
        "problems_per_s": oracle.size / elapsed,
        "feasible_share": float((status == 1).mean()),
        "infeasible_share": float((status == -1).mean()),
        "open_share": float((status == 0).mean()),
        "gap_mean": float(np.nanmean(gap)),
        "gap_max": float(np.nanmax(gap)),
        "by_users": rows,
    }


def facts(result: dict[str, Any]) -> str:
    """Command, machine and settings in words."""
    where = result["machine"]
    load_now = "unknown" if where["load_1min"] is None else f"{where['load_1min']:.1f}"
    settings = ", ".join(f"{name} {value}" for name, value in result["settings"].items())
    return (
        f"$ {result['command']}\n"
        f"{where['cpu']}, {where['cores']} cores (load {load_now}), Python {where['python']}, "
        f"NumPy {where['numpy']}, fgamcd-opt {where['fgamcd-opt']}\n"
        f"settings: {settings}"
    )


def report(result: dict[str, Any]) -> str:
    """Tables for people."""
    lines = [
        "",
        f"{result['nodes']} nodes x {result['antennas']} antennas, no QoS, every S, seeds from "
        f"{result['first_seed']}, one thread; certified gap of the rate in %",
        "users  problems  problems/s      mean    median      90 %       max",
    ]
    lines += [
        f"{row['users']:5d}  {row['problems']:8d}  {row['problems_per_s']:10.0f}"
        + "".join(f"  {100 * row[key]:8.4f}" for key in ("gap_mean", "gap_median", "gap_90", "gap_max"))
        for row in result["by_users"]
    ]
    sizes = range(1, result["nodes"] + 1)
    cells = {(row["users"], row["size"]): row for row in result["by_users_and_size"]}
    for title, key, factor, form in (
        (
            "problems per second (|S| = N includes the reduction of the block, done once)",
            "problems_per_s",
            1.0,
            "9.0f",
        ),
        ("mean certified gap of the rate in %", "gap_mean", 100.0, "9.4f"),
    ):
        lines += ["", f"{title}, by users (rows) and |S|", "users" + "".join(f"{size:9d}" for size in sizes)]
        lines += [
            f"{users:5d}" + "".join(f"{factor * cells[users, size][key]:{form}}" for size in sizes)
            for users in dict.fromkeys(row["users"] for row in result["by_users"])
        ]
    return "\n".join([*lines, "", *table_lines(result["table"])])


def table_lines(table: dict[str, Any]) -> list[str]:
    """The complete table of an instance in words."""
    lines = [
        f"complete table of {table['instance']} ({table['csi_set']}, digest {table['digest'][:12]}), "
        f"{table['threads']} threads: {table['problems']} problems in {table['time_s']:.2f} s "
        f"({table['problems_per_s']:.0f} per s)",
        f"QoS met by {100 * table['feasible_share']:.2f} %, proved impossible {100 * table['infeasible_share']:.2f} %, "
        f"open {100 * table['open_share']:.2f} %; certified gap of the sets that meet it: "
        f"mean {100 * table['gap_mean']:.4f} %, max {100 * table['gap_max']:.4f} %",
        "users  blocks  QoS met  impossible     open  mean gap   max gap   (all in %)",
    ]
    for row in table["by_users"]:
        gaps = "".join(
            "         -" if row[k] is None else f"  {100 * row[k]:8.4f}" for k in ("gap_mean", "gap_max")
        )
        lines.append(
            f"{row['users']:5d}  {row['blocks']:6d}  {100 * row['feasible_share']:7.2f}"
            f"  {100 * row['infeasible_share']:10.2f}  {100 * row['open_share']:7.2f}{gaps}"
        )
    return lines


if __name__ == "__main__":
    main()
