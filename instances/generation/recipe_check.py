"""Whether the recipe that an instance carries is the one that makes it.

The full answer is to generate the instance again (`verified_recipe`), which takes most of a second at the paper's size;
it is given wherever the recipe is used. `recipe_fault` compares what follows from a recipe at once, which is everything
but the channels, the rates that depend on them, and what comes from files that the recipe names; every instance file
that is read is held to it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fgamcd_opt.instances.generation.from_recipe import (
    backhaul_rates,
    build_repository,
    generate,
    node_fields,
    node_positions,
    qos_rates,
)
from fgamcd_opt.instances.generation.requests import requests_of
from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.instances.network import geometry
from fgamcd_opt.instances.recipes.recipe import REPOSITORIES, Recipe
from fgamcd_opt.io.errors import InputError


def verified_recipe(instance: Instance, where: str) -> Recipe:
    """The recipe that an instance carries, after it has made the same instance again.

    Parameters
    ----------
    instance
        The instance.
    where
        Its name or file, for messages.

    Raises
    ------
    InputError
        There is none, it is not acceptable, a file that it names is missing or another one, or it makes another
        instance.
    """
    if instance.recipe is None:
        raise InputError(f"{where}: carries no recipe")
    try:
        recipe = Recipe.from_json(instance.recipe)
        same = generate(recipe).digest == instance.digest
    except InputError as error:
        raise InputError(f"{where}: recipe: {error}") from error
    if not same:
        raise InputError(
            f"{where}: its recipe does not regenerate it, so that it cannot be changed by fields, written as a recipe "
            "or drawn again"
        )
    return recipe


def recipe_fault(instance: Instance) -> str | None:
    """What an instance and its recipe do not share, as far as that is known without generating it; None if nothing."""
    if instance.recipe is None:
        return None
    try:
        differing = next(_differences(Recipe.from_json(instance.recipe), instance), None)
    except InputError as error:
        return str(error)
    return (
        None
        if differing is None
        else f"it makes another instance than this one, which differs in {differing}"
    )


def _differences(recipe: Recipe, instance: Instance) -> Iterator[str]:
    """Fields that differ, the sizes first: the work after them is bounded by the size of the instance."""
    shape = (recipe.nodes, recipe.users, recipe.antennas)
    if shape != (instance.n_nodes, instance.n_users, instance.channel.shape[2]):
        yield "nodes, users or antennas"
    for name, value in node_fields(recipe).items():
        if not np.array_equal(getattr(instance, name), value):
            yield name
    if recipe.repository in REPOSITORIES:
        yield from _of_the_models(recipe, instance)
    if not np.array_equal(instance.requests, requests_of(recipe, instance.model_names)):
        yield "requests"
    node_xy_m = node_positions(recipe)
    if not np.array_equal(instance.node_xy_m, node_xy_m):
        yield "node_xy_m"
    if recipe.user_xy_m and not np.array_equal(instance.user_xy_m, np.array(recipe.user_xy_m)):
        yield "user_xy_m"
    drawn_users = () if recipe.user_xy_m else instance.user_xy_m
    for user, position in enumerate(drawn_users):  # one by one: the first one that differs ends it
        drawn = geometry.user_position(user, node_xy_m, recipe.area_m, recipe.min_distance_m, recipe.seed)
        if not np.array_equal(position, drawn):
            yield "user_xy_m"
    if not np.array_equal(instance.backhaul_bps, backhaul_rates(recipe, instance.n_blocks, node_xy_m)):
        yield "backhaul_bps"
    if not np.array_equal(instance.csi_radius, geometry.csi_radii(instance.channel, recipe.csi_delta)):
        yield "csi_radius"
    if recipe.qos_gbps != () and not np.array_equal(instance.qos_bps, qos_rates(recipe, instance)):
        yield "qos_bps"


def _of_the_models(recipe: Recipe, instance: Instance) -> Iterator[str]:
    """Models and blocks of a built-in repository."""
    synthetic = recipe.repository == "synthetic"
    if recipe.models_per_family > instance.n_models or (
        synthetic and recipe.blocks_per_model > instance.n_blocks
    ):
        yield "model_blocks"
    made = build_repository(recipe)
    for name in ("block_names", "model_names", "block_bytes", "model_blocks"):
        if not np.array_equal(getattr(instance, name), getattr(made, name)):
            yield name
