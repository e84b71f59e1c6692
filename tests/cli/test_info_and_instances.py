"""``fgamcd info`` and ``fgamcd instances``: figures counted again in another way, tables that agree."""

from __future__ import annotations

import dataclasses
from collections import Counter
from importlib import import_module
from pathlib import Path

import pytest
from cli_runner import Run

from fgamcd_opt.instances.format import save_instance
from fgamcd_opt.instances.library.catalog import library
from fgamcd_opt.instances.resolve import load
from fgamcd_opt.io.errors import ExitCode
from fgamcd_opt.studies.library.library_table import library_rows, markdown_table


@pytest.mark.parametrize("name", ["tiny", "small", "small-once-s9-0050MB"])
def test_figures_are_those_of_the_arrays(fgamcd: Run, name: str) -> None:
    report = fgamcd("info", name, "--json").json
    data = load(name)
    models = [set(map(int, row.nonzero()[0])) for row in data.model_blocks]
    wanted = Counter(block for model in data.requests.tolist() for block in models[model])
    sizes = data.block_bytes.tolist()
    assert report["digest"] == data.digest
    assert report["requested_blocks"] == len(wanted)
    assert report["requested_pairs"] == sum(wanted.values())
    assert report["requested_bytes"] == sum(sizes[block] for block in wanted)
    assert report["largest_requested_bytes"] == max(sizes[block] for block in wanted)
    histogram = {int(users): count for users, count in report["users_per_requested_block"].items()}
    assert histogram == Counter(wanted.values())
    assert report["requested_models"] == len(set(data.requests.tolist()))
    assert report["qos_bps"] == [min(data.qos_bps), max(data.qos_bps)]
    assert report["infeasibility"] is None


def test_text_shows_sizes_with_units_and_quick_proofs(fgamcd: Run) -> None:
    text = fgamcd("info", "small").out
    assert load("small").digest in text
    assert "80 MB per node, 320.0 MB in all" in text
    assert "not excluded by the quick tests" in text
    tight = fgamcd("info", "small", "--set", "storage_gb=0.01")
    assert tight.code == ExitCode.DONE
    assert "NO: the requested blocks take" in tight.out


def test_problem_is_printed_with_equation_numbers(fgamcd: Run) -> None:
    text = fgamcd("info", "tiny", "--problem").out
    for part in ("minimise", "subject to", "(9b)", "sum_k D_k a_{n,k} <= Q_n", "[bit/s]"):
        assert part in text


def test_listing_holds_the_whole_library(fgamcd: Run) -> None:
    rows = fgamcd("instances", "--json").json["instances"]
    assert [row["instance"] for row in rows] == list(library())
    assert [row["digest"] for row in rows] == [entry.digest for entry in library().values()]
    assert fgamcd("instances", "--markdown").out == markdown_table(library_rows()) + "\n"
    text = fgamcd("instances").out.splitlines()
    assert len(text) == 3 + len(library())
    for line, row in zip(text[3:], library_rows(), strict=True):
        assert line.split() == list(row.cells())
    assert len({len(line) for line in text[2:]}) == 1


def test_check_regenerates_and_compares(fgamcd: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    names = list(library())[:2]
    good = {name: library()[name] for name in names}
    monkeypatch.setattr(import_module("fgamcd_opt.instances.library.catalog"), "library", lambda: good)
    ran = fgamcd("instances", "--check")
    assert (ran.code, ran.out) == (ExitCode.DONE, "2 of 2 instances have their released digest\n")
    bad = {**good, names[1]: dataclasses.replace(good[names[1]], digest="0" * 64)}
    monkeypatch.setattr(import_module("fgamcd_opt.instances.library.catalog"), "library", lambda: bad)
    ran = fgamcd("instances", "--check")
    assert ran.code == ExitCode.VERIFICATION_FAILED
    assert ran.out.startswith(f"1 of 2 instances have their released digest\n{names[1]}: released 000000")
    report = fgamcd("instances", "--check", "--json").json
    assert report["checked"] == 2
    assert [fault["instance"] for fault in report["mismatches"]] == [names[1]]
    assert report["mismatches"][0]["generated"] == good[names[1]].digest


def test_recipe_of_a_file_is_confirmed_or_not(fgamcd: Run, tmp_path: Path) -> None:
    path = tmp_path / "mine.npz"
    instance = load("tiny")
    save_instance(path, instance)
    assert "recipe       regenerates the instance" in fgamcd("info", path).out
    save_instance(path, instance.replace(recipe=None))
    assert "recipe       none" in fgamcd("info", path).out
    save_instance(path, instance.replace(recipe={**(instance.recipe or {}), "qos_cap": 0.7}))
    assert "recipe       NOT CONFIRMED" in fgamcd("info", path).out
    refused = fgamcd("generate", path, "-o", tmp_path / "mine.json")
    assert refused.code == ExitCode.INPUT_REJECTED
    assert "does not regenerate it" in refused.err
    assert list(tmp_path.iterdir()) == [path]
