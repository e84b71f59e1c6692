"""One name per quantity: what commands print as JSON and write as CSV, against the one table of names."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_runner import Run

from fgamcd_opt.io.errors import ExitCode
from fgamcd_opt.problem.metrics import METRICS, QUANTITIES, markdown

LIKE_A_QUANTITY = re.compile(r"delay|bound|gap|objective|cost|time|_s$|^to_best")
"""Names that look as if they were figures of the table."""

NO_QUANTITIES = {
    *("bound_kind", "claimed_bound_kind", "bound_solver", "delay_solver"),
    *("best_delay_by", "reference_bound_by"),
    "upper_bound_bps",  # of a rate
}
"""Names of texts, and of what is said about a single broadcast."""

RULES = {**METRICS, **QUANTITIES}


def names(value: Any) -> Iterator[str]:
    """All keys of a JSON value; counts and options of solvers have names of their own."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            if key not in ("counts", "options", "recipe", "packages"):
                yield from names(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from names(inner)


def require_known(found: set[str], where: str) -> None:
    strange = {name for name in found if LIKE_A_QUANTITY.search(name)} - set(RULES) - NO_QUANTITIES
    assert not strange, f"{where}: {sorted(strange)}"


def csv_rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


COMMANDS = {
    "solve": ("solve", "tiny", "--json"),
    "a heuristic": ("solve", "tiny-s6-0050MB", "--solver", "greedy", "--json"),
    "bound": ("bound", "tiny-s6-0050MB", "--json"),
    "beamform": ("beamform", "tiny", "--block", "0", "--json"),
    "instances": ("instances", "--json"),
    "info": ("info", "tiny", "--json"),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_json(fgamcd: Run, command: str) -> None:
    ran = fgamcd(*COMMANDS[command])
    assert ran.code == ExitCode.DONE
    require_known(set(names(ran.json)), command)


def test_verify(fgamcd: Run, tmp_path: Path) -> None:
    solution, certificate = tmp_path / "s.npz", tmp_path / "c.npz"
    assert fgamcd("solve", "tiny", "-o", solution, "--certificate", certificate).code == ExitCode.DONE
    report = fgamcd("verify", "tiny", solution, "--certificate", certificate, "--json").json
    require_known(set(names(report)), "verify")
    assert {"delay_s", "lower_bound_s", "gap"} <= set(report)


def test_comparison_and_its_files(fgamcd: Run, tmp_path: Path) -> None:
    ran = fgamcd("compare", "tiny", "--solver", "greedy,lp", "-o", tmp_path / "c", "--json")
    assert ran.code == ExitCode.DONE
    require_known(set(names(ran.json)), "compare")
    rows = csv_rows(tmp_path / "c" / "rows.csv")
    require_known(set(rows[0]), "rows.csv")
    greedy = next(row for row in rows if row["solver"] == "greedy")
    delay, bound, best = (float(greedy[n]) for n in ("delay_s", "reference_lower_bound_s", "best_delay_s"))
    assert float(greedy["reference_gap"]) == pytest.approx((delay - bound) / delay)
    assert float(greedy["to_best"]) == pytest.approx((delay - best) / best)
    assert greedy["reference_bound_by"].startswith("the library (")
    parts = [float(greedy[name]) for name in ("load_s", "build_s", "solve_s")]
    assert float(greedy["total_s"]) == pytest.approx(sum(parts))
    assert float(greedy["rates_s"]) + float(greedy["search_s"]) <= float(greedy["solve_s"])


def test_sweep_and_its_files(fgamcd: Run, tmp_path: Path) -> None:
    words = ("sweep", "storage", "tiny", "--values", "1", "--seeds", "0", "--solver", "greedy")
    ran = fgamcd(*words, "-o", tmp_path / "s", "--json")
    assert ran.code == ExitCode.DONE
    require_known(set(names(ran.json["points"])), "sweep")
    for path in (tmp_path / "s").glob("*.csv"):
        require_known(set(csv_rows(path)[0]), path.name)


def test_a_heuristic_shows_its_gap_and_whose_bound_it_is(fgamcd: Run) -> None:
    words = ("solve", "tiny-s6-0050MB", "--solver", "greedy")
    report = fgamcd(*words, "--json").json
    delay, bound = report["delay_s"], report["reference_lower_bound_s"]
    assert report["lower_bound_s"] is None
    assert report["reference_gap"] == pytest.approx((delay - bound) / delay)
    text = fgamcd(*words).out
    assert f"to {bound:.6f} s, the lower bound of {report['reference_bound_by']}" in text
    other = fgamcd("solve", "tiny", "--set", "seed=77", "--solver", "greedy", "--json").json
    assert other["reference_gap"] is other["reference_bound_by"] is None


def test_the_documentation_has_every_name() -> None:
    assert all(f"| `{name}` |" in markdown() for name in RULES)
