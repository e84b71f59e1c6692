"""Order of the methods and size of the gains: ``python benchmarks/gains.py --work FOLDER [--page PAGE]``.

The storage sweep of the paper preset at the paper's storage and in the tight range: what `exact` gains over every
method beside what the paper reports for its own, and every method's gap to the certified bound.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from machine import machine_words
from pages import put

from fgamcd_opt.instances.resolve import load
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.studies.grid.cells import CellLimits
from fgamcd_opt.studies.sweep.judges import gain, order
from fgamcd_opt.studies.sweep.measured import Measured
from fgamcd_opt.studies.sweep.run import SweepPlan, plan_cells, run_sweep
from fgamcd_opt.studies.sweep.sweep_output import Report
from fgamcd_opt.studies.sweep.sweep_settings import SWEEPS, methods_of
from fgamcd_opt.studies.sweep.sweep_table import common_seeds
from fgamcd_opt.studies.sweep.trends import REPORTED_GAINS, RULE, VERDICTS
from fgamcd_opt.studies.table import Column, Table

MARK = "<!-- benchmarks/gains.py -->"
REPORTED = REPORTED_GAINS["storage"]

COLUMNS = (
    Column("storage GB", "g"),
    Column("method"),
    Column("delay s", ".4f"),
    Column("exact below it by %", ".2f"),
    Column("95 % from", ".2f"),
    Column("to", ".2f"),
    Column("reported for MAASN-DA %", ".2f"),
    Column("verdict"),
    Column("gap %", ".3f"),
    Column("largest gap %", ".3f"),
    Column("blocks from cloud", ".1f"),
    Column("solved"),
)


def main() -> None:
    """Run, print, put."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--preset", default="paper")
    parser.add_argument("--storage", default="0.18,0.25,0.4,1.25", help="GB per node, comma-separated")
    parser.add_argument(
        "--seeds",
        help="of the instances, comma-separated (default: the first five that fit into the least storage)",
    )
    parser.add_argument("--solver", help="comma-separated (default: those of the storage sweep)")
    parser.add_argument("--gap", type=float, default=1e-3, help="of every solve (default %(default)s)")
    parser.add_argument(
        "--time-limit", type=float, default=60.0, help="seconds per solve (default %(default)s)"
    )
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--work", type=Path, required=True, help="folder for the cells, kept between runs")
    parser.add_argument("--page", type=Path, help="put the tables into this page")
    args = parser.parse_args()
    args.seeds = args.seeds or first_seeds(args.preset, min(map(float, args.storage.split(","))))
    report = measured(args)
    text = "\n\n".join([gain_table(report).markdown(), order_table(report).markdown(), footer(args)])
    print(text)
    if args.page:
        put(args.page, MARK, text)


def first_seeds(preset: str, storage_gb: float, count: int = 5) -> str:
    """The first seeds, from 0 on, whose requested blocks are not too large for all caches together."""
    found: list[str] = []
    seed = 0
    while len(found) < count:
        instance = load(preset, {"seed": str(seed), "storage_gb": f"{storage_gb:g}"})
        if P1(instance).infeasibility_reason() is None:
            found.append(str(seed))
        seed += 1
    return ",".join(found)


def measured(args: argparse.Namespace) -> Report:
    """The sweep, run or continued."""
    plan = SweepPlan(
        sweep=SWEEPS["storage"],
        instance=args.preset,
        values=[float(part) for part in args.storage.split(",")],
        seeds=[int(part) for part in args.seeds.split(",")],
        methods=methods_of(SWEEPS["storage"], tuple(args.solver.split(",")) if args.solver else None),
        limits=CellLimits(time_s=args.time_limit, gap=args.gap),
    )
    placed = plan_cells(plan)
    return Report.of(plan, placed, run_sweep(placed, args.work, jobs=args.jobs), args.work)


def gain_table(report: Report) -> Table:
    """One row per storage and method, the quickest method first."""
    points = report.points.sort_values(["value", "delay_s"], kind="stable")
    rows = []
    for row in points.to_dict("records"):
        method, here = row["method"], at_storage(report, row["value"])
        known = {name: None if row[name] != row[name] else row[name] for name in row}
        share = {
            name: None if known[name] is None else 100.0 * known[name]
            for name in known
            if name.startswith("g")
        }
        reported = REPORTED.get(method)
        verdict = "" if reported is None else VERDICTS[gain(method, reported)(here).agrees]
        rows.append(
            (
                row["value"],
                method,
                known["delay_s"],
                *(share[name] for name in ("gain", "gain_low", "gain_high")),
                None if reported is None else 100.0 * reported,
                verdict,
                share["gap"],
                share["gap_max"],
                known["cloud_blocks"],
                f"{row['solved']} of {row['cells']}",
            )
        )
    return Table("gains", "Gains", COLUMNS, tuple(rows), (report.caption, RULE))


def at_storage(report: Report, storage_gb: float) -> Measured:
    """The cells of one storage and of the seeds that all means are over."""
    cells = report.cells
    return Measured(cells[(cells["value"] == storage_gb) & cells["seed"].isin(common_seeds(cells))])


def order_table(report: Report) -> Table:
    """One row per storage: the order of the reported methods."""
    ranked = sorted(REPORTED, key=lambda name: -REPORTED[name])
    rows = []
    for value in report.plan.values:
        found = order(ranked)(at_storage(report, value))
        rows.append((value, ", ".join(ranked), found.measured, VERDICTS[found.agrees], found.reason))
    columns = (
        Column("storage GB", "g"),
        Column("reported order, largest gain first"),
        Column("measured"),
        Column("verdict"),
        Column("why"),
    )
    return Table("order", "Order", columns, tuple(rows))


def footer(args: argparse.Namespace) -> str:
    """Command and machine; the seeds are those of :func:`first_seeds` unless they were given."""
    words = f"--preset {args.preset} --storage {args.storage} --seeds {args.seeds} --gap {args.gap:g}"
    return f"`python benchmarks/gains.py {words} --time-limit {args.time_limit:g} --work FOLDER`, {machine_words()}"


if __name__ == "__main__":
    main()
