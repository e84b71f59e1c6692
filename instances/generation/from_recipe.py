"""From a recipe to an instance."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.instances.generation.requests import zipf_requests
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
    repository = build_repository(recipe)
    requests = zipf_requests(recipe.users, len(repository.model_names), recipe.zipf, recipe.seed)
    pair_block, pair_user = np.nonzero(repository.model_blocks[requests].T)
    node_xy_m, user_xy_m = positions(recipe)
    if recipe.channels:
        own = load_own_channels(recipe, len(repository.block_names))
        channel, pair_channel = pair_channels(own, pair_block, pair_user)
    else:
        channel, pair_channel = _drawn_channels(recipe, node_xy_m, user_xy_m, pair_block, pair_user)
    instance = Instance(
        name=recipe.name,
        block_bytes=repository.block_bytes,
        model_blocks=repository.model_blocks,
        requests=requests,
        **node_fields(recipe),
        backhaul_bps=backhaul_rates(recipe, len(repository.block_names), node_xy_m),
        channel=channel,
        csi_radius=geometry.csi_radii(channel, recipe.csi_delta),
        pair_channel=pair_channel,
        qos_bps=np.zeros(recipe.users),
        node_xy_m=node_xy_m,
        user_xy_m=user_xy_m,
        block_names=repository.block_names,
        model_names=repository.model_names,
    )
    draw = stream(recipe.seed, Purpose.QOS).random(recipe.users)
    draw_bps = 1e9 * (recipe.qos_gbps_min + (recipe.qos_gbps_max - recipe.qos_gbps_min) * draw)
    qos_bps = capped_qos(instance, draw_bps, recipe.qos_cap, ascent)
    return instance.replace(qos_bps=qos_bps, recipe=recipe.to_json())


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
    if recipe.placement == "grid":
        return geometry.grid_positions(recipe.nodes, recipe.area_m)
    return geometry.uniform_positions(recipe.nodes, recipe.area_m, recipe.seed)


def positions(recipe: Recipe) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(N, 2) nodes and (U, 2) users of a recipe, in m."""
    node_xy_m = node_positions(recipe)
    user_xy_m = geometry.user_positions(
        recipe.users, node_xy_m, recipe.area_m, recipe.min_distance_m, recipe.seed
    )
    return node_xy_m, user_xy_m


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
    rows = n_blocks if recipe.backhaul == "per_block" else 1
    _refuse_large("nodes", "backhaul", rows * recipe.nodes**2)
    low, high = 1e9 * recipe.backhaul_gbps_min, 1e9 * recipe.backhaul_gbps_max
    rates = geometry.backhaul(rows, recipe.nodes, low, high, recipe.seed)
    if recipe.cooperation_radius_m > 0.0:
        rates *= geometry.cooperation(node_xy_m, recipe.cooperation_radius_m)
    return rates


def _per_node(value: float | tuple[float, ...], nodes: int) -> NDArray[np.float64]:
    return np.broadcast_to(np.asarray(value, dtype=np.float64), (nodes,))
