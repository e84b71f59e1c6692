"""``fgamcd sweep``: every figure in its quick form, continuing, the bytes of its files, wrong words."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pandas as pd
import pytest

from fgamcd_opt.cli.main import main
from fgamcd_opt.instances.format import save_instance
from fgamcd_opt.instances.resolve import load
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
        "tiny",
        "--values",
        "0.08",
        "--seeds",
        "0",
        "--solver",
        "greedy",
        "-o",
        tmp_path,
    )
    assert sweep(*words) == ExitCode.DONE
    assert len(list((tmp_path / "cells").iterdir())) == 2
    assert "exact: P1 itself, to a proved gap of 0.1 %" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("storge",), "did you mean 'storage'?"),
        (("storage", "papr"), "papr: is neither a preset"),
        (("storage", "paper", "--quick"), "--quick: takes preset tiny"),
        (("storage", "--solver", "gredy"), "did you mean 'greedy'?"),
        (("storage", "--set", "storage_gb=1"), "--set storage_gb: the sweep varies it"),
        (("storage", "--set", "storage=1GB"), "--set storage_gb: the sweep varies it"),
        (("users", "--values", "5MB"), "--values '5MB': has a unit of size; only the sweep storage"),
        (("storage", "--set", "seed=1"), "--set seed: the sweep varies it"),
        (("nodes", "--values", "2.5"), "nodes"),
        (("nodes", "--values", "2,2.0"), "--values: names a number twice"),
        (("nodes", "--seeds", "0-2,1"), "--seeds: names a number twice"),
        (("reuse", "--values", "1.5"), "share of each family's blocks"),
        (("threshold", "--values", "-2"), "threshold"),
    ],
)
def test_wrong_words(words, told, tmp_path, capsys):
    words = (words[0], "tiny", *words[1:]) if "--quick" not in words and "papr" not in words else words
    assert sweep(*words, "-o", tmp_path / "new") in (ExitCode.USAGE, ExitCode.INPUT_REJECTED)
    assert told in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("words", [("--seeds", "3-1"), ("--values", "a"), ("--jobs", "0")])
def test_wrong_lists(words, capsys):
    with pytest.raises(SystemExit, match="2"):
        sweep("storage", "-o", "x", *words)
    assert words[0] in capsys.readouterr().err


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A network of one's own: three users, positions and requests fixed."""
    monkeypatch.chdir(tmp_path)
    recipe = {
        "schema_version": 1,
        "name": "mine",
        "antennas": 2,
        "repository": "synthetic",
        "models_per_family": 2,
        "roots_per_family": 1,
        "blocks_per_model": 2,
        "requests": [0, 1, 0],
        "node_xy_m": [[200, 500], [800, 500]],
        "storage_gb": [0.02, 0.03],
    }
    Path("mine.json").write_text(json.dumps(recipe))
    return recipe


def test_how_much_storage_a_network_of_ones_own_needs(own, tmp_path, capsys, in_this_process):
    assert sweep("storage", "mine.json", "-o", "out", "--json") == ExitCode.DONE
    told = json.loads(capsys.readouterr().out)
    points = told["points"]
    assert {point["method"] for point in points} == {"exact"}
    infeasible = [point for point in points if point["infeasible"]]
    solved = [point for point in points if point["solved"]]
    assert len(infeasible) + len(solved) == len(points)
    assert max(point["value"] for point in infeasible) < min(point["value"] for point in solved)
    delays = [point["delay_s"] for point in solved]
    assert all(later <= before * 1.001 for before, later in itertools.pairwise(delays))
    least = min(point["value"] for point in solved)
    assert f"Least storage tried with a solution: {1e3 * least:.4g} MB per node" in told["notes"][0]
    assert "so that more cannot help" in told["notes"][0]
    assert "those of the recipe have 20 MB, 30 MB" in told["notes"][1]


def test_sizes_are_values_and_files_are_instances(own, tmp_path, capsys, in_this_process):
    assert main(["generate", "mine.json", "-o", "mine.npz"]) == ExitCode.DONE
    capsys.readouterr()
    for name in ("mine.json", "mine.npz"):
        words = ("storage", name, "--values", "20MB,30MiB", "-o", f"out-{name}", "--json")
        assert sweep(*words) == ExitCode.DONE
        points = json.loads(capsys.readouterr().out)["points"]
        assert [point["value"] for point in points] == [0.02, 0.03145728]
        assert [point["x"] for point in points] == pytest.approx([20.0, 31.45728])


def test_a_file_without_a_recipe_has_its_storage_varied(own, tmp_path, capsys, in_this_process):
    save_instance("mine.npz", load("mine.json").replace(name="measured"))
    words = ("mine.npz", "--values", "20MB,30MB", "-o", "out", "--json")
    assert sweep("storage", *words) == ExitCode.DONE
    assert len(json.loads(capsys.readouterr().out)["points"]) == 2
    assert sweep("users", "mine.npz", "-o", "out2") == ExitCode.USAGE
    assert "mine.npz carries no recipe, so that users cannot be varied" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("users", "mine.json fixes users by requests, which has a value for each of them"),
        ("nodes", "mine.json fixes nodes by node_xy_m, which has a value for each of them"),
        ("zipf", "mine.json fixes zipf by requests of your own"),
    ],
)
def test_what_a_recipe_fixes_is_not_varied(name, told, own, tmp_path, capsys):
    assert sweep(name, "mine.json", "-o", "out") == ExitCode.USAGE
    assert told in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
