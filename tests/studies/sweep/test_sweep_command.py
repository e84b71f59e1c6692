"""``fgamcd sweep``: every figure in its quick form, continuing, the bytes of its files, wrong words."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from fgamcd_opt.cli.main import main
from fgamcd_opt.io.errors import ExitCode
from fgamcd_opt.studies.sweep.sweep_settings import RIVALS, SWEEPS

SOME = ("trimcaching", "coarse-exact")
"""Rivals of the quick forms here; ``storage`` runs with all of them."""


def sweep(*words):
    return main(["sweep", *map(str, words), "--log-level", "error", "--jobs", "1"])


@pytest.mark.parametrize("name", SWEEPS)
def test_quick_form_of_every_figure(name, tmp_path, capsys, in_this_process):
    entry = SWEEPS[name]
    rivals = SOME if entry.rivals == RIVALS and name != "storage" else entry.rivals
    fewer = ("--solver", ",".join(rivals)) if rivals != entry.rivals else ()
    assert sweep(name, "--quick", "-o", tmp_path, "--json", *fewer) == ExitCode.DONE
    told = json.loads(capsys.readouterr().out)
    series = entry.series_values("tiny")
    methods = ("exact", *rivals)
    assert len(told["points"]) == len(series) * len(entry.axis.values_for("tiny")) * len(methods)
    table = pd.read_csv(tmp_path / f"{name}.csv")
    assert list(dict.fromkeys(table["method"])) == list(methods)
    exact = table[table["method"] == "exact"]
    assert (exact["solved"] == exact["cells"]).all()
    assert (exact["gap_max"] <= 1e-3).all()
    assert (table["gap"].dropna() >= -1e-9).all() or name == "threshold"
    for path in told["files"]:
        assert Path(path).stat().st_size > 0
    assert {Path(path).suffix for path in told["files"]} == {".md", ".csv", ".png", ".svg"}
    for path in ("", "-rates") if name == "csi" else ("",):
        assert b"<svg" in (tmp_path / f"{name}{path}.svg").read_bytes()


def test_a_second_run_solves_nothing_and_gives_the_same_bytes(tmp_path, capsys, in_this_process):
    words = ("backhaul", "--quick", "--solver", "greedy", "-o", tmp_path)
    assert sweep(*words) == ExitCode.DONE
    first = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    printed, solved = capsys.readouterr().out, list(in_this_process)
    assert len(solved) == len(set(solved)) == 2 * 2 * 2 * 2
    assert sweep(*words) == ExitCode.DONE
    assert in_this_process == solved
    assert capsys.readouterr().out == printed
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == first


def test_cells_in_processes_of_their_own(tmp_path, capsys):
    words = (
        "storage",
        "--values",
        "0.08",
        "--seeds",
        "0",
        "--solver",
        "greedy",
        "--preset",
        "tiny",
        "-o",
        tmp_path,
    )
    assert sweep(*words) == ExitCode.DONE
    assert len(list((tmp_path / "cells").iterdir())) == 2
    assert "exact: P1 itself, to a proved gap of 0.1 %" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("storge",), "did you mean 'storage'?"),
        (("storage", "--preset", "papr"), "--preset papr: is unknown"),
        (("storage", "--quick", "--preset", "paper"), "--quick: takes preset tiny"),
        (("storage", "--solver", "gredy"), "did you mean 'greedy'?"),
        (("storage", "--set", "storage_gb=1"), "--set storage_gb: the sweep varies it"),
        (("storage", "--set", "seed=1"), "--set seed: the sweep varies it"),
        (("nodes", "--values", "2.5"), "nodes"),
        (("nodes", "--values", "2,2.0"), "--values: names a number twice"),
        (("nodes", "--seeds", "0-2,1"), "--seeds: names a number twice"),
        (("reuse", "--values", "1.5"), "share of each family's blocks"),
        (("threshold", "--values", "-2"), "threshold"),
    ],
)
def test_wrong_words(words, told, tmp_path, capsys):
    words = (*words, "--preset", "tiny") if "--quick" not in words and "--preset" not in words else words
    assert sweep(*words, "-o", tmp_path / "new") in (ExitCode.USAGE, ExitCode.INPUT_REJECTED)
    assert told in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("words", [("--seeds", "3-1"), ("--values", "a"), ("--jobs", "0")])
def test_wrong_lists(words, capsys):
    with pytest.raises(SystemExit, match="2"):
        sweep("storage", "-o", "x", *words)
    assert words[0] in capsys.readouterr().err
