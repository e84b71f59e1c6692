"""From a recipe to an instance."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.instances.generation.requests import requests_of
from fgamcd_opt.instances.input_file import read_input
from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.instances.network import geometry
from fgamcd_opt.instances.network.own_channels import load_own_channels, pair_channels
from fgamcd_opt.instances.network.qos import Ascent, capped_qos
from fgamcd_opt.instances.network.random_streams import Purpose, from_decibel, stream
from fgamcd_opt.instances.recipes.recipe import REPOSITORIES, Recipe
from fgamcd_opt.instances.repositories import repository_cnn, repository_llm
from fgamcd_opt.instances.repositories.model_repository import Family, Repository, choose_families, combine
from fgamcd_opt.instances.repositories.repository_file import load_repository
from fgamcd_opt.io.errors import InputError

_MAX_ENTRIES = 2**24


def generate(recipe: Recipe, ascent: Ascent | None = None) -> Instance:
    """Generate the instance of a recipe; the same recipe gives the same digest everywhere.

    Parameters
    ----------
    recipe
        All parameters.
    ascent
        A faster way to the same QoS rates (`fgamcd_opt.instances.network.qos_compiled`).

    Raises
    ------
    InputError
        If the recipe's repository does not exist as asked for, the channels or the backhaul rates would exceed 2^24
        numbers, or a file that the recipe names is missing, not acceptable, or not the one that it was made with.
    """
    recipe = _with_digests(recipe)
    return assemble(recipe, {}, ascent).replace(recipe=recipe.to_json())


def assemble(recipe: Recipe, given: Mapping[str, Any], ascent: Ascent | None = None) -> Instance:
    """An instance of some fields that are given and of a recipe for the others, which depend on the given ones.

    Parameters
    ----------
    recipe
        Numbers of nodes, users and antennas, and everything that is not given.
    given
        Fields of the instance by name; the models as ``repository``, and ``channel`` per node, user (and block), as
        in `fgamcd_opt.instances.network.own_channels.pair_channels`.
    ascent
        As in :func:`generate`.

    Raises
    ------
    InputError
        As :func:`generate` and `Instance` do.
    """
    repository = given.get("repository") or build_repository(recipe)
    requests = given.get("requests", requests_of(recipe, repository.model_names))
    pair_block, pair_user = np.nonzero(repository.model_blocks[requests].T)
    node_xy_m, user_xy_m = positions(recipe, drawn_channels="channel" not in given and not recipe.channels)
    if "channel" in given:
        channel, pair_channel = pair_channels(given["channel"], pair_block, pair_user)
    elif recipe.channels:
        own = load_own_channels(recipe, len(repository.block_names))
        channel, pair_channel = pair_channels(own, pair_block, pair_user)
    else:
        channel, pair_channel = _drawn_channels(recipe, node_xy_m, user_xy_m, pair_block, pair_user)
    fields: dict[str, Any] = {
        "name": recipe.name,
        "block_bytes": repository.block_bytes,
        "model_blocks": repository.model_blocks,
        "block_names": repository.block_names,
        "model_names": repository.model_names,
        "requests": requests,
        **node_fields(recipe),
        "csi_radius": geometry.csi_radii(channel, recipe.csi_delta),
        "qos_bps": np.zeros(recipe.users),
        "node_xy_m": node_xy_m,
        "user_xy_m": user_xy_m,
    }
    if "backhaul_bps" not in given:
        fields["backhaul_bps"] = backhaul_rates(recipe, len(repository.block_names), node_xy_m)
    own_fields = {
        name: value for name, value in given.items() if name not in ("repository", "requests", "channel")
    }
    instance = Instance(**{**fields, **own_fields, "channel": channel, "pair_channel": pair_channel})
    if "qos_bps" in given:
        return instance
    return instance.replace(qos_bps=qos_rates(recipe, instance, ascent))


def qos_rates(recipe: Recipe, instance: Instance, ascent: Ascent | None = None) -> NDArray[np.float64]:
    """(U,) QoS rates of a recipe in bit/s: its own as they are, or drawn ones that full cooperation can serve."""
    if recipe.qos_gbps != ():
        return np.array(np.broadcast_to(1e9 * np.asarray(recipe.qos_gbps), (recipe.users,)))
    draw = stream(recipe.seed, Purpose.QOS).random(recipe.users)
    draw_bps = 1e9 * (recipe.qos_gbps_min + (recipe.qos_gbps_max - recipe.qos_gbps_min) * draw)
    return capped_qos(instance, draw_bps, recipe.qos_cap, ascent)


def node_fields(recipe: Recipe) -> dict[str, Any]:
    """Fields of the instance that stand in the recipe itself, in other units: nodes, band, error set."""
    power_dbm = _per_node(recipe.power_dbm, recipe.nodes).tolist()
    return {
        "storage_bytes": np.rint(1e9 * _per_node(recipe.storage_gb, recipe.nodes)).astype(np.int64),
        "power_w": np.array([from_decibel(p - 30.0) for p in power_dbm]),
        "antennas": np.full(recipe.nodes, recipe.antennas),
        "bandwidth_hz": recipe.bandwidth_hz,
        "noise_w": from_decibel(recipe.noise_dbm - 30.0),
        "csi_set": recipe.csi_set,
    }


def _with_digests(recipe: Recipe) -> Recipe:
    """The recipe with the digests of the files that it names, checked against those that it has already."""
    if recipe.repository not in REPOSITORIES:
        digest = read_input("repository", recipe.repository, recipe.repository_sha256)[1]
        recipe = dataclasses.replace(recipe, repository_sha256=digest)
    if recipe.channels:
        digest = read_input("channels", recipe.channels, recipe.channels_sha256)[1]
        recipe = dataclasses.replace(recipe, channels_sha256=digest)
    return recipe


def _refuse_large(field: str, remedy: str, entries: int) -> None:
    if entries > _MAX_ENTRIES:
        raise InputError(
            f"{field}: {remedy} takes {entries} numbers, more than {_MAX_ENTRIES}; reduce {field} or take "
            f"{remedy} = once"
        )


def build_repository(recipe: Recipe) -> Repository:
    """Return the models and PBs of a recipe."""
    if recipe.repository not in REPOSITORIES:
        return load_repository(recipe.repository, recipe.repository_sha256)
    if recipe.repository == "synthetic":
        return combine([_synthetic_family(recipe)])
    if recipe.repository == "cnn":
        layers, freeze = repository_cnn.cnn_layers(), repository_cnn.DEFAULT_FREEZE
    else:
        layers, freeze = repository_llm.llm_layers(), repository_llm.DEFAULT_FREEZE
    families = choose_families(
        layers, freeze, recipe.families, recipe.models_per_family, recipe.roots_per_family, recipe.freeze
    )
    return combine(families)


def _synthetic_family(recipe: Recipe) -> Family:
    """One architecture with drawn PB sizes; a model that is not a root freezes the first half by default."""
    uniform = stream(recipe.seed, Purpose.BLOCK_SIZES).random(recipe.blocks_per_model)
    sizes = np.rint(1e6 * (recipe.block_mb_min + (recipe.block_mb_max - recipe.block_mb_min) * uniform))
    layers = tuple((f"block.{i}", int(size)) for i, size in enumerate(sizes.tolist()))
    if len(recipe.freeze) > 1:
        raise InputError(f"freeze: has {len(recipe.freeze)} depths; repository = synthetic has one family")
    depth = recipe.freeze[0] if recipe.freeze else recipe.blocks_per_model // 2
    return Family("synthetic", layers, recipe.models_per_family, recipe.roots_per_family, depth)


def node_positions(recipe: Recipe) -> NDArray[np.float64]:
    """(N, 2) nodes of a recipe, in m."""
    if recipe.node_xy_m:
        return np.array(recipe.node_xy_m)
    if recipe.placement == "grid":
        return geometry.grid_positions(recipe.nodes, recipe.area_m)
    return geometry.uniform_positions(recipe.nodes, recipe.area_m, recipe.seed)


def positions(
    recipe: Recipe, *, drawn_channels: bool = True
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(N, 2) nodes and (U, 2) users of a recipe, in m; drawn channels need some distance between them."""
    node_xy_m = node_positions(recipe)
    if bool(recipe.node_xy_m) != bool(recipe.user_xy_m):
        _require_inside(recipe)
    if recipe.user_xy_m:
        user_xy_m = np.array(recipe.user_xy_m)
        if drawn_channels:
            _require_distance(recipe, node_xy_m, user_xy_m)
        return node_xy_m, user_xy_m
    user_xy_m = geometry.user_positions(
        recipe.users, node_xy_m, recipe.area_m, recipe.min_distance_m, recipe.seed
    )
    return node_xy_m, user_xy_m


def _require_inside(recipe: Recipe) -> None:
    """Refuse positions of nodes alone, or of users alone, outside the square in which the others are drawn."""
    field, other = ("node_xy_m", "users") if recipe.node_xy_m else ("user_xy_m", "nodes")
    for i, point in enumerate(getattr(recipe, field)):
        if not all(0.0 <= value <= recipe.area_m for value in point):
            rest = "user_xy_m" if field == "node_xy_m" else "node_xy_m"
            raise InputError(
                f"{field}[{i}]: ({point[0]:g}, {point[1]:g}) lies outside the square from 0 to area_m = "
                f"{recipe.area_m:g} in which the {other} are placed; shift the coordinates, change area_m, or give "
                f"{rest}, too"
            )


def _require_distance(recipe: Recipe, node_xy_m: NDArray[np.float64], user_xy_m: NDArray[np.float64]) -> None:
    """Refuse users of the recipe's own that are too near to a node for the channel model."""
    distance = np.sqrt(((user_xy_m[:, None, :] - node_xy_m[None, :, :]) ** 2).sum(axis=2))
    near = np.argwhere(distance < recipe.min_distance_m)
    if near.size:
        user, node = near[0].tolist()
        raise InputError(
            f"user_xy_m[{user}]: lies {distance[user, node]:.4g} m from node {node}, nearer than min_distance_m = "
            f"{recipe.min_distance_m:g}; move the user, lower min_distance_m, or give channels of your own"
        )


def _drawn_channels(
    recipe: Recipe,
    node_xy_m: NDArray[np.float64],
    user_xy_m: NDArray[np.float64],
    pair_block: NDArray[np.int64],
    pair_user: NDArray[np.int64],
) -> tuple[NDArray[np.complex128], NDArray[np.int64]]:
    """(H, N, N_t) channels and (P,) the row of every pair."""
    rows, pair_channel = _fading_rows(recipe, pair_block, pair_user)
    _refuse_large("users", "fading", len(rows) * recipe.nodes * recipe.antennas)
    channel = geometry.rician_channels(
        node_xy_m,
        user_xy_m,
        rows,
        antennas=recipe.antennas,
        gain=from_decibel(recipe.g0_db),
        path_loss_exponent=recipe.path_loss_exponent,
        rician_k=recipe.rician_k,
        seed=recipe.seed,
    )
    return channel, pair_channel


def _fading_rows(
    recipe: Recipe, pair_block: NDArray[np.int64], pair_user: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(H, 2) user and fading index of every channel row, and (P,) the row of every pair."""
    if recipe.fading == "per_block":
        return np.stack([pair_user, pair_block], axis=1), np.arange(len(pair_user))
    users = np.arange(recipe.users)
    return np.stack([users, np.zeros_like(users)], axis=1), pair_user


def backhaul_rates(recipe: Recipe, n_blocks: int, node_xy_m: NDArray[np.float64]) -> NDArray[np.float64]:
    """(K or 1, N, N) link rates of a recipe in bit/s."""
    if recipe.backhaul_gbps != ():
        own = np.asarray(recipe.backhaul_gbps)
        rates = np.array(np.broadcast_to(1e9 * own, (1, recipe.nodes, recipe.nodes)))
        return _near_links(recipe, rates, node_xy_m)
    rows = n_blocks if recipe.backhaul == "per_block" else 1
    _refuse_large("nodes", "backhaul", rows * recipe.nodes**2)
    low, high = 1e9 * recipe.backhaul_gbps_min, 1e9 * recipe.backhaul_gbps_max
    return _near_links(recipe, geometry.backhaul(rows, recipe.nodes, low, high, recipe.seed), node_xy_m)


def _near_links(
    recipe: Recipe, rates: NDArray[np.float64], node_xy_m: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The rates without the links beyond the cooperation radius, and without a node's link to itself."""
    nodes = np.arange(recipe.nodes)
    rates[:, nodes, nodes] = 0.0
    if recipe.cooperation_radius_m > 0.0:
        rates *= geometry.cooperation(node_xy_m, recipe.cooperation_radius_m)
    return rates


def _per_node(value: float | tuple[float, ...], nodes: int) -> NDArray[np.float64]:
    return np.broadcast_to(np.asarray(value, dtype=np.float64), (nodes,))
