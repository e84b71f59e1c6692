"""From whatever a command is given (preset, library name, recipe file, instance file) to an instance."""

from __future__ import annotations

import json
from collections.abc import Mapping
from numbers import Integral, Real
from pathlib import Path

import numpy as np

from fgamcd_opt.instances.format import load_instance
from fgamcd_opt.instances.generation.from_recipe import generate, node_fields
from fgamcd_opt.instances.generation.recipe_check import verified_recipe
from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.instances.library.catalog import library
from fgamcd_opt.instances.recipes.presets import PRESETS
from fgamcd_opt.instances.recipes.recipe import Recipe
from fgamcd_opt.instances.recipes.recipe_fields import nearest
from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.files import MAX_TEXT_BYTES, MAX_TOML_BYTES, read_json, read_text_file, read_toml
from fgamcd_opt.io.safe_text import quote

RECIPE_ENDINGS = (".json", ".toml")
"""Of the names of recipes."""


def load(source: str | Path, overrides: Mapping[str, object] | None = None) -> Instance:
    """Return the instance that ``source`` names.

    Parameters
    ----------
    source
        Name of a preset or of a library instance (these come first), or path of a recipe (``.json``, ``.toml``) or of
        an instance file (``.npz``).
    overrides
        Recipe fields with their new values: numbers, texts, or lists of them; texts are read as ``--set`` reads them.
        Those of an instance file are applied to the recipe that
        it carries, and only if that recipe still regenerates the file's content.

    Raises
    ------
    InputError
        If ``source`` is no name or path, nothing has this name or path (naming the nearest one), the file or an
        override is not acceptable, or a library instance comes out with another digest than the released one.
    """
    if not isinstance(source, str | Path):
        raise InputError(
            f"{quote(source)} of type {type(source).__name__}: expected the name of a preset or library instance, "
            "or the path of a recipe or an instance file"
        )
    overrides = _as_texts({} if overrides is None else overrides)
    path = Path(source)
    if str(source) in PRESETS:
        return generate(PRESETS[str(source)].with_overrides(overrides))
    if str(source) in library():
        return _from_library(str(source), overrides)
    if path.suffix in RECIPE_ENDINGS and path.is_file():
        recipe = load_recipe(path).with_overrides(overrides)
        try:
            return generate(recipe)
        except InputError as error:
            raise InputError(f"{path}: {error}") from error
    if path.suffix == ".npz" and path.is_file():
        return _from_file(path, overrides)
    known = [*PRESETS, *library()]
    raise InputError(
        f"{source}: is neither a preset ({', '.join(PRESETS)}), nor one of {len(library())} library "
        f"instances, nor an existing .json or .toml recipe or .npz instance{nearest(str(source), known)}"
    )


def _as_texts(overrides: Mapping[str, object]) -> dict[str, str]:
    """The values as ``--set`` would be given them."""
    if not isinstance(overrides, Mapping):
        raise InputError(
            f"{quote(overrides)} of type {type(overrides).__name__}: expected a mapping of recipe fields to values, "
            "such as {'storage_gb': 0.25}"
        )
    return {str(name): _as_text(str(name), value) for name, value in overrides.items()}


def _as_text(name: str, value: object) -> str:
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if (name == "requests" and isinstance(value, dict)) or (
        isinstance(value, list | tuple) and any(isinstance(item, list | tuple | np.ndarray) for item in value)
    ):
        return _as_json(name, value)
    if isinstance(value, list | tuple):
        return ",".join(_as_text(name, item) for item in value)
    if isinstance(value, bool) or not isinstance(value, str | Path | Integral | Real):
        raise InputError(
            f"{name}: {quote(value)} of type {type(value).__name__}; expected a number, a text or a list of them"
        )
    return repr(float(value)) if isinstance(value, Real) and not isinstance(value, Integral) else str(value)


def _as_json(name: str, value: object) -> str:
    """An object, or rows of numbers, as JSON."""
    try:
        return json.dumps(value, default=lambda item: item.tolist())
    except (TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{name}: {quote(value)} holds something that is no number or text") from error


def load_recipe(path: Path | str) -> Recipe:
    """Read a recipe file.

    Raises
    ------
    InputError
        Naming the file, the field and the value.
    """
    path = Path(path)
    toml = path.suffix == ".toml"
    text = read_text_file(path, MAX_TOML_BYTES if toml else MAX_TEXT_BYTES)
    try:
        content = read_toml(path, text) if toml else read_json(path, text)
        return Recipe.from_json(content, path.parent)
    except InputError as error:
        raise error if str(error).startswith(f"{path}:") else InputError(f"{path}: {error}") from error


def optional_recipe(source: str | Path) -> Recipe | None:
    """The recipe of what :func:`load` would read; None for an instance file that carries none.

    Raises
    ------
    InputError
        As in :func:`load`, or if the recipe of an instance file does not regenerate it.
    """
    if str(source) in PRESETS:
        return PRESETS[str(source)]
    if str(source) in library():
        return library()[str(source)].recipe
    path = Path(source)
    if path.suffix in RECIPE_ENDINGS and path.is_file():
        return load_recipe(path)
    instance = load(source)
    return None if instance.recipe is None else verified_recipe(instance, str(source))


def _from_library(name: str, overrides: Mapping[str, str]) -> Instance:
    entry = library()[name]
    instance = generate(entry.recipe.with_overrides(overrides))
    if not overrides and instance.digest != entry.digest:
        raise InputError(
            f"{name}: this installation generates digest {instance.digest}, the library has {entry.digest}; "
            "results would not be comparable. Use the released versions of NumPy and of this package"
        )
    return instance


def _from_file(path: Path, overrides: Mapping[str, str]) -> Instance:
    instance = load_instance(path)
    if not overrides:
        return instance
    if instance.recipe is None:
        return _without_recipe(path, instance, overrides)
    return generate(verified_recipe(instance, str(path)).with_overrides(overrides))


def _without_recipe(path: Path, instance: Instance, overrides: Mapping[str, str]) -> Instance:
    """An instance that no recipe makes, with other fields that nothing else in it depends on."""
    if refused := sorted(set(overrides) - set(_ALONE)):
        raise InputError(
            f"{path}: carries no recipe, so that {refused[0]} cannot be changed; what can be are {', '.join(_ALONE)}"
        )
    stand_in = Recipe(name=instance.name, nodes=instance.n_nodes, users=instance.n_users)
    recipe = stand_in.with_overrides(overrides)
    fields = node_fields(recipe)
    changed = {_ALONE[name]: fields[_ALONE[name]] for name in overrides if name != "name"}
    return instance.replace(name=recipe.name, **changed)


_ALONE = {
    "name": "name",
    "storage_gb": "storage_bytes",
    "storage": "storage_bytes",
    "power_dbm": "power_w",
    "bandwidth_hz": "bandwidth_hz",
    "noise_dbm": "noise_w",
}
"""Recipe fields that change an instance without a recipe, and the field of the instance that each one sets."""
