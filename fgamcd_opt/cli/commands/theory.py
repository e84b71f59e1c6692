"""``fgamcd theory``: the error bound of fitted Q-iteration with synthetic samples, and where it is least."""

from __future__ import annotations

import argparse
import csv
import dataclasses
import io
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fgamcd_opt.cli.arguments import (
    add_force,
    add_json,
    add_log_level,
    add_output,
    add_pairs,
    named_path,
    require_new_files,
)
from fgamcd_opt.cli.output import print_json, print_rows, print_table, say, say_text
from fgamcd_opt.io.errors import ExitCode, UsageError
from fgamcd_opt.io.safe_text import quote
from fgamcd_opt.io.targets import make_folder

if TYPE_CHECKING:
    from fgamcd_opt.studies.theory.sample_bound import Constants, ErrorBound, Floats, LeastBound

log = logging.getLogger("fgamcd_opt.cli")

_FACTORS = (0.5, 2.0)
"""What each assumed constant is multiplied by, to see how far the minimiser moves."""

_MOST_POINTS = 2001


EXAMPLES = (
    "fgamcd theory",
    "fgamcd theory --constant lipschitz=2 --xi-max 4",
    "fgamcd theory --zeta-points 21 --xi-points 26 -o error-bound",
)
"""Commands of the help, which run one after the other in one folder."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.epilog = (
        "The structure is that of Theorem 1 of the paper; the form of the one-step error and the constants marked "
        "as assumptions are not the paper's, and the minimiser depends on them."
    )
    add_pairs(
        parser, "--constant", "NAME=VALUE", "another value of a constant, such as lipschitz=2; repeatable"
    )
    parser.add_argument(
        "--distances",
        type=named_path,
        metavar="FILE",
        help="measured distances of predictions, one per line, in place of the Rayleigh distribution",
    )
    parser.add_argument(
        "--zeta-points",
        type=_points,
        default=101,
        metavar="N",
        help="of zeta from 0 to 1 (default: %(default)s)",
    )
    parser.add_argument(
        "--xi-points", type=_points, default=126, metavar="N", help="of xi from 0 (default: %(default)s)"
    )
    parser.add_argument("--xi-max", type=float, default=2.5, metavar="XI", help="(default: %(default)s)")
    add_output(parser, "FOLDER", "write the surface: theory.csv, .png and .svg")
    add_force(parser)
    add_json(parser)
    add_log_level(parser, default="info")


def run(args: argparse.Namespace) -> ExitCode:
    """Evaluate, search, draw, print."""
    import numpy as np

    from fgamcd_opt.io.optional import require_extra
    from fgamcd_opt.studies.figure_files import FORMATS
    from fgamcd_opt.studies.theory.sample_bound import ErrorBound, read_distances

    if not 0.0 < args.xi_max < 1e9:
        raise UsageError(f"--xi-max {args.xi_max:g}: must be positive")
    measured = None if args.distances is None else read_distances(args.distances)
    bound = ErrorBound(_constants(args.constant, measured is not None), measured)
    zeta, xi = np.linspace(0.0, 1.0, args.zeta_points), np.linspace(0.0, args.xi_max, args.xi_points)
    if args.output is not None:
        require_extra("plots", "a figure")
        require_new_files(args, args.output, [f"theory.{suffix}" for suffix in ("csv", *FORMATS)])
        make_folder(args.output)
    least = bound.minimum(zeta, xi)
    report = _report(bound, least, zeta, xi)
    if args.output is not None:
        report["files"] = [str(path) for path in _write(bound, least, zeta, xi, args.output)]
    if args.json:
        print_json(report)
    else:
        _print(report)
    return ExitCode.DONE


def _constants(given: dict[str, str], measured: bool) -> Constants:
    """The constants with those that were given.

    Raises
    ------
    UsageError
        An unknown name, a value that is no number or out of range, or one that has no effect.
    """
    from fgamcd_opt.studies.theory.sample_bound import Constants

    known = [spec.name for spec in dataclasses.fields(Constants)]
    values: dict[str, float] = {}
    for name, text in given.items():
        if name not in known:
            raise UsageError(f"--constant {name}={text}: no such constant; they are {', '.join(known)}")
        try:
            values[name] = float(text)
        except ValueError as error:
            raise UsageError(f"--constant {name}={text}: {quote(text)} is no number") from error
    if measured and "distance_rms" in values:
        raise UsageError("--constant distance_rms: has no effect with --distances; leave one of the two out")
    return Constants(**values)


def _report(bound: ErrorBound, least: LeastBound, zeta: Floats, xi: Floats) -> dict[str, Any]:
    """Everything that is shown, as plain values."""
    from fgamcd_opt.studies.theory.sample_bound import ASSUMED, SOURCE_XI, SOURCE_ZETA

    specs = [
        spec
        for spec in dataclasses.fields(bound.constants)
        if bound.distances is None or spec.name != "distance_rms"
    ]
    constants = {
        spec.name: {
            "value": float(getattr(bound.constants, spec.name)),
            "origin": spec.metadata["origin"]
            if getattr(bound.constants, spec.name) == spec.default
            else "chosen by you",
        }
        for spec in specs
    }
    sensitivity = [
        {"constant": spec.name, "times": factor, **_place(bound.varied(spec.name, factor).minimum(zeta, xi))}
        for spec in specs
        if spec.metadata["origin"] == ASSUMED and getattr(bound.constants, spec.name) > 0.0
        for factor in _FACTORS
        if spec.metadata["low"] <= factor * getattr(bound.constants, spec.name) <= spec.metadata["high"]
    ]
    return {
        "constants": constants,
        "distances": None if bound.distances is None else int(bound.distances.size),
        "points": {
            "least": _parts(bound, least.zeta, least.xi) | {"on_edge": least.on_edge},
            "source": _parts(bound, SOURCE_ZETA, SOURCE_XI),
            "no_augmentation": _parts(bound, 0.0, 0.0),
        },
        "sensitivity": sensitivity,
    }


def _place(least: LeastBound) -> dict[str, Any]:
    return {"zeta": least.zeta, "xi": least.xi, "on_edge": least.on_edge}


def _parts(bound: ErrorBound, zeta: float, xi: float) -> dict[str, float]:
    """The bound at one point and what it is made of."""
    return {
        "zeta": zeta,
        "xi": xi,
        "bound": float(bound.total(zeta, xi)),
        "algorithmic": bound.algorithmic,
        "amplification": bound.amplification,
        "one_step": float(bound.one_step(zeta, xi)),
        "sample_term": float(bound.sample_term(zeta, xi)),
        "model_term": float(bound.model_term(zeta, xi)),
        "synthetic_samples": float(bound.synthetic(zeta)),
        "kept_share": float(bound.kept_share(xi)),
    }


def _write(bound: ErrorBound, least: LeastBound, zeta: Floats, xi: Floats, folder: Path) -> list[Path]:
    """The surface as CSV and as a figure."""
    from fgamcd_opt.io.files import write_bytes_atomically
    from fgamcd_opt.studies.figure_files import save_figure
    from fgamcd_opt.studies.theory.theory_figure import surface_figure

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("zeta", "xi", "bound"))
    surface = bound.total(zeta[:, None], xi[None, :]).tolist()
    for share, row in zip(zeta.tolist(), surface, strict=True):
        writer.writerows((share, limit, value) for limit, value in zip(xi.tolist(), row, strict=True))
    table = folder / "theory.csv"
    write_bytes_atomically(table, text.getvalue().encode())
    return [table, *save_figure(surface_figure(bound, zeta, xi, least), folder / "theory")]


def _print(report: dict[str, Any]) -> None:
    """For people."""
    say("bound = algorithmic + amplification x one-step error\n")
    rows = {name: f"{entry['value']:<12g} {entry['origin']}" for name, entry in report["constants"].items()}
    if report["distances"] is not None:
        rows["distances"] = f"{report['distances']:<12d} measured"
    print_rows(rows)
    least = report["points"]["least"]
    say()
    names = {
        "least": "least on the grid",
        "source": "reported by Fu et al.",
        "no_augmentation": "no augmentation",
    }
    print_table(
        ["point", "zeta", "xi", "bound", "algorithmic", "amplification", "one-step error", "sample term", "model term"],
        [
            [
                label,
                *(f"{report['points'][key][n]:.3f}" for n in ("zeta", "xi")),
                f"{report['points'][key]['bound']:.3f}",
                f"{report['points'][key]['algorithmic']:.2e}",
                f"{report['points'][key]['amplification']:.1f}",
                *(f"{report['points'][key][n]:.4f}" for n in ("one_step", "sample_term", "model_term")),
            ]
            for key, label in names.items()
        ],
    )  # fmt: skip
    if least["on_edge"]:
        say()
        say_text(
            "The least bound lies on an edge of the grid: with these constants there is no minimiser within."
        )
    say("\nMinimiser if one assumed constant were another:")
    print_table(
        ["constant", "times", "zeta", "xi", "where"],
        [
            [row["constant"], f"{row['times']:.1f}", f"{row['zeta']:.3f}", f"{row['xi']:.3f}", _where(row)]
            for row in report["sensitivity"]
        ],
    )
    say()
    say_text("The form of the one-step error and the constants marked as assumptions are not the paper's.")
    for path in report.get("files", ()):
        say(f"written {path}")


def _where(row: dict[str, Any]) -> str:
    return "on an edge" if row["on_edge"] else "within"


def _points(text: str) -> int:
    """Points of an axis, as an argparse type."""
    if not text.isdecimal() or not 2 <= int(text) <= _MOST_POINTS:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from 2 to {_MOST_POINTS}")
    return int(text)
