"""From whatever a command is given (preset, library name, recipe file, instance file) to an instance."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from fgamcd_opt.instances.format import load_instance
from fgamcd_opt.instances.generation.from_recipe import generate
from fgamcd_opt.instances.generation.recipe_check import verified_recipe
from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.instances.library.catalog import library
from fgamcd_opt.instances.recipes.presets import PRESETS
from fgamcd_opt.instances.recipes.recipe import Recipe
from fgamcd_opt.instances.recipes.recipe_fields import nearest
from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.files import read_json, read_text_file


def load(source: str | Path, overrides: Mapping[str, str] | None = None) -> Instance:
    """Return the instance that ``source`` names.

    Parameters
    ----------
    source
        Name of a preset or of a library instance (these come first), or path of a recipe (``.json``) or of an
        instance file (``.npz``).
    overrides
        Recipe fields with their new values as text. Those of an instance file are applied to the recipe that
        it carries, and only if that recipe still regenerates the file's content.

    Raises
    ------
    InputError
        If nothing has this name or path (naming the nearest one), the file or an override is not acceptable,
        or a library instance comes out with another digest than the released one.
    """
    overrides = overrides or {}
    path = Path(source)
    if str(source) in PRESETS:
        return generate(PRESETS[str(source)].with_overrides(overrides))
    if str(source) in library():
        return _from_library(str(source), overrides)
    if path.suffix == ".json" and path.is_file():
        return generate(load_recipe(path).with_overrides(overrides))
    if path.suffix == ".npz" and path.is_file():
        return _from_file(path, overrides)
    known = [*PRESETS, *library()]
    raise InputError(
        f"{source}: is neither a preset ({', '.join(PRESETS)}), nor one of {len(library())} library "
        f"instances, nor an existing .json recipe or .npz instance{nearest(str(source), known)}"
    )


def load_recipe(path: Path | str) -> Recipe:
    """Read a recipe file.

    Raises
    ------
    InputError
        Naming the file, the field and the value.
    """
    path = Path(path)
    text = read_text_file(path)
    try:
        return Recipe.from_json(read_json(path, text))
    except InputError as error:
        raise error if str(error).startswith(str(path)) else InputError(f"{path}: {error}") from error


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
        raise InputError(f"{path}: carries no recipe, so that {next(iter(overrides))} cannot be changed")
    return generate(verified_recipe(instance, str(path)).with_overrides(overrides))
