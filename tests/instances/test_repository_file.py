"""Repository files: written and read without loss, used by every recipe, refused where damaged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fgamcd_opt.instances.generation.from_recipe import build_repository, generate
from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.instances.recipes.presets import PRESETS
from fgamcd_opt.instances.recipes.recipe import Recipe
from fgamcd_opt.instances.repositories.repository_file import load_repository, save_repository
from fgamcd_opt.io.errors import InputError

CONTENT: dict[str, Any] = {
    "kind": "repository",
    "schema_version": 1,
    "blocks": [{"name": "base", "bytes": 5000000}, {"name": "x", "bytes": 70}, {"name": "y", "bytes": 9}],
    "models": [{"name": "mx", "blocks": [0, 1]}, {"name": "my", "blocks": [0, 2]}],
}


def written(folder: Path, **changes: Any) -> Path:
    path = folder / "own.json"
    path.write_text(json.dumps(CONTENT | changes))
    return path


def with_repository(path: Path, preset: str = "small", **more: str) -> Instance:
    return generate(PRESETS[preset].with_overrides({"repository": str(path), **more}))


@pytest.mark.parametrize("preset", ["tiny", "small", "paper"])
def test_a_built_in_repository_comes_back(tmp_path: Path, preset: str) -> None:
    """Instances with the file are those with the built-in repository that was saved."""
    expected = build_repository(PRESETS[preset])
    save_repository(tmp_path / "own.json", expected)
    found = load_repository(str(tmp_path / "own.json"))
    assert (found.block_names, found.model_names) == (expected.block_names, expected.model_names)
    np.testing.assert_array_equal(found.block_bytes, expected.block_bytes)
    np.testing.assert_array_equal(found.model_blocks, expected.model_blocks)
    assert with_repository(tmp_path / "own.json", preset).digest == generate(PRESETS[preset]).digest


@pytest.mark.parametrize("preset", list(PRESETS))
def test_every_preset_takes_a_file(tmp_path: Path, preset: str) -> None:
    instance = with_repository(written(tmp_path), preset)
    assert instance.model_names == ("mx", "my")
    assert instance.block_bytes.tolist() == [5000000, 70, 9]
    assert instance.recipe is not None
    assert generate(Recipe.from_json(instance.recipe)).digest == instance.digest


def test_recipe_notices_a_changed_file(tmp_path: Path) -> None:
    recipe = with_repository(written(tmp_path)).recipe
    assert recipe is not None
    written(tmp_path, models=[{"name": "mx", "blocks": [0]}])
    with pytest.raises(InputError, match="but the recipe was made with"):
        generate(Recipe.from_json(recipe))
    assert generate(Recipe.from_json(recipe).with_overrides({"repository": "cnn"})).n_blocks == 450


@pytest.mark.parametrize("field", ["families", "models_per_family", "freeze", "block_mb_max"])
def test_fields_of_built_in_repositories_have_no_effect(tmp_path: Path, field: str) -> None:
    value = "resnet18" if field == "families" else "11"
    with pytest.raises(InputError, match=f"{field}: has no effect with repository = .*own.json"):
        with_repository(written(tmp_path), **{field: value})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kind": "instance"}, "kind: 'instance' is not known"),
        ({"schema_version": 2}, "schema_version: 2 is not known"),
        ({"schema_version": True}, "schema_version: True"),
        ({"more": 1}, "field 'more' is unknown"),
        ({"blocks": []}, "blocks: is not a list with an entry"),
        ({"blocks": [{"name": "a"}]}, r"blocks\[0\]: field 'bytes' is missing"),
        (
            {"blocks": [{"name": "a", "bytes": 0}], "models": [{"name": "m", "blocks": [0]}]},
            r"blocks\[0\].bytes: 0",
        ),
        (
            {"blocks": [{"name": "a", "bytes": 1.5}], "models": [{"name": "m", "blocks": [0]}]},
            "1.5 is not a whole",
        ),
        (
            {"blocks": [{"name": "a", "bytes": 10**30}], "models": [{"name": "m", "blocks": [0]}]},
            "is not a whole",
        ),
        ({"blocks": [3]}, r"blocks\[0\]: 3 is not an object"),
        ({"models": [{"name": "m", "blocks": []}]}, r"models\[0\].blocks: \[\] is not a list"),
        (
            {"models": [{"name": "m", "blocks": [3]}]},
            r"models\[0\].blocks: 3 is not an index of blocks \(0 to 2\)",
        ),
        ({"models": [{"name": "m", "blocks": [-1]}]}, "-1 is not an index"),
        ({"models": [{"name": "m", "blocks": [True]}]}, "True is not an index"),
        ({"models": [{"name": "m", "blocks": [0]}, {"name": "m", "blocks": [1]}]}, "'m' occurs twice"),
        ({"models": [{"name": 3, "blocks": [0]}]}, "model_names: expected"),
    ],
)
def test_bad_content(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        with_repository(written(tmp_path, **changes))
    assert "own.json" in str(caught.value)


def test_neither_name_nor_file() -> None:
    with pytest.raises(
        InputError, match=r"repository: 'cnm' is unknown; expected one of cnn, llm, synthetic or a"
    ):
        PRESETS["small"].with_overrides({"repository": "cnm"})
    with pytest.raises(InputError, match=r"absent\.json: there is no such file"):
        with_repository(Path("absent.json"))
