"""``fgamcd generate``: recipe and instance files that give the same instance, and no file replaced unasked."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from cli_runner import Run

from fgamcd_opt.instances.format import load_instance, save_instance
from fgamcd_opt.instances.generation.from_recipe import generate
from fgamcd_opt.instances.library.catalog import library
from fgamcd_opt.instances.recipes.presets import PRESETS
from fgamcd_opt.io.errors import ExitCode


def test_recipe_and_instance_files_hold_the_same_instance(fgamcd: Run, tmp_path: Path) -> None:
    recipe, instance = tmp_path / "mine.json", tmp_path / "mine.npz"
    first = fgamcd(
        "generate", "tiny", "--set", "seed=3", "--set", "storage_gb=0.04,0.06", "-o", recipe, "--json"
    )
    second = fgamcd("generate", recipe, "-o", instance, "--json")
    assert (first.code, second.code) == (ExitCode.DONE, ExitCode.DONE)
    expected = generate(PRESETS["tiny"].with_overrides({"seed": "3", "storage_gb": "0.04,0.06"}))
    assert first.json["digest"] == second.json["digest"] == expected.digest
    assert load_instance(instance).digest == expected.digest
    assert json.loads(recipe.read_bytes()) == expected.recipe
    assert second.json["bytes"] == instance.stat().st_size


def test_library_name_generates_its_released_digest(fgamcd: Run, tmp_path: Path) -> None:
    name = next(iter(library()))
    ran = fgamcd("generate", name, "-o", tmp_path / "a.npz")
    assert ran.code == ExitCode.DONE
    assert library()[name].digest in ran.out


def test_existing_file_is_replaced_only_with_force(fgamcd: Run, tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    path.write_text("precious")
    ran = fgamcd("generate", "tiny", "-o", path)
    assert (ran.code, ran.out) == (ExitCode.USAGE, "")
    assert f"{path}: exists; add --force" in ran.err
    assert path.read_text() == "precious"
    assert fgamcd("generate", "tiny", "-o", path, "--force").code == ExitCode.DONE
    assert load_instance(path).digest == generate(PRESETS["tiny"]).digest


@pytest.mark.parametrize("name", ["a", "a.txt", "a.npz.gz"])
def test_other_suffixes_are_refused(fgamcd: Run, tmp_path: Path, name: str) -> None:
    ran = fgamcd("generate", "tiny", "-o", tmp_path / name)
    assert ran.code == ExitCode.USAGE
    assert ".npz (instance) or .json (recipe)" in ran.err
    assert list(tmp_path.iterdir()) == []


def test_instance_without_recipe_has_no_recipe_file(fgamcd: Run, tmp_path: Path) -> None:
    path = tmp_path / "own.npz"
    save_instance(path, generate(PRESETS["tiny"]).replace(qos_bps=np.zeros(2)))
    ran = fgamcd("generate", path, "-o", tmp_path / "own.json")
    assert ran.code == ExitCode.INPUT_REJECTED
    assert "carries no recipe" in ran.err
    assert list(tmp_path.iterdir()) == [path]
