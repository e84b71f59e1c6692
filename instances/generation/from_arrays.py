"""Instances from arrays: what is given is taken, the rest is generated; and changes with what depends on them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.instances.generation.from_recipe import assemble, build_repository, generate
from fgamcd_opt.instances.generation.requests import model_indices
from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.instances.recipes.presets import PRESETS
from fgamcd_opt.instances.recipes.recipe import Recipe
from fgamcd_opt.instances.recipes.recipe_fields import nearest
from fgamcd_opt.instances.repositories.model_repository import Repository
from fgamcd_opt.instances.repositories.repository_file import load_repository
from fgamcd_opt.instances.validation import convert, require, require_shape
from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.safe_text import quote

_PER_NODE = ("storage_bytes", "power_w", "node_xy_m")
_PER_USER = ("qos_bps", "user_xy_m")
_DTYPES: Mapping[str, tuple[type, int]] = {
    "storage_bytes": (np.int64, 1),
    "power_w": (np.float64, 1),
    "node_xy_m": (np.float64, 2),
    "qos_bps": (np.float64, 1),
    "user_xy_m": (np.float64, 2),
}


def build_instance(arguments: Mapping[str, Any]) -> Instance:
    """What `Instance.build` does, with its arguments by name; those that are None are left out.

    Raises
    ------
    InputError
        As `Instance.build`.
    """
    given = {name: value for name, value in arguments.items() if value is not None}
    recipe = _recipe(given.pop("defaults", Recipe()))
    repository = _repository(given, recipe)
    if "requests" in given:
        known = repository if repository is not None else build_repository(recipe)
        given["requests"] = _requests(given["requests"], known.model_names)
    if "channel" in given:
        given["channel"] = _channel(
            given["channel"], None if repository is None else len(repository.block_names)
        )
    nodes, users, antennas = _sizes(given, recipe)
    recipe = dataclasses.replace(
        recipe,
        name=given.pop("name", "own"),
        nodes=nodes,
        users=users,
        antennas=antennas,
        seed=given.pop("seed", recipe.seed),
        csi_delta=given.pop("csi_delta", recipe.csi_delta),
        csi_set=given.pop("csi_set", recipe.csi_set),
    )
    fields = _expanded(given, nodes, users)
    if repository is not None:
        fields["repository"] = repository
    recipe = _with_positions(recipe, fields)
    return assemble(recipe, fields)


def replaced(instance: Instance, changes: Mapping[str, Any]) -> Instance:
    """What `Instance.replace` does where the requested pairs change: their channels are found again.

    Raises
    ------
    InputError
        If a pair has no channel, naming it, or the changes contradict each other.
    """
    fields = dict(changes)
    names = fields.get("model_names", instance.model_names)
    fields["requests"] = requests = _requests(fields.get("requests", instance.requests), names)
    if len(requests) != instance.n_users:
        missing = sorted({"qos_bps", "user_xy_m", "channel", "csi_radius", "pair_channel"} - set(fields))
        if missing:
            raise InputError(
                f"requests: has {len(requests)} users instead of {instance.n_users}; give {', '.join(missing)} of "
                "the users, too, or use Instance.build"
            )
    if "pair_channel" in fields:
        return dataclasses.replace(instance, **{"recipe": None, **fields})
    models = np.asarray(fields.get("model_blocks", instance.model_blocks))
    if requests.max() >= len(models):
        raise InputError(
            f"requests: model {int(requests.max())} does not exist; there are 0 to {len(models) - 1}"
        )
    block, user = np.nonzero(models[requests].T)
    rows = _rows_of_pairs(instance, block, user)
    if (rows < 0).any() and instance.recipe is not None and not set(fields) - {"requests", "name"}:
        return _from_its_recipe(instance, fields)
    if (rows < 0).any():
        first = int(np.argmax(rows < 0))
        raise InputError(
            f"requests: user {int(user[first])} now needs block {int(block[first])}, for which there is no channel; "
            "give channel, csi_radius and pair_channel, too, or make it with these requests by Instance.build"
        )
    return dataclasses.replace(instance, **{"recipe": None, **fields, "pair_channel": rows})


def _from_its_recipe(instance: Instance, fields: Mapping[str, Any]) -> Instance:
    """The instance with channels of new pairs as its recipe draws them; QoS rates stay as they are."""
    recipe = Recipe.from_json(instance.recipe or {})
    models = tuple(int(model) for model in fields["requests"])
    same = generate(recipe)
    if same.digest != instance.digest:
        raise InputError(
            "requests: the recipe of the instance does not regenerate it; give the channels, too"
        )
    drawn = generate(dataclasses.replace(recipe, requests=models, zipf=Recipe().zipf))
    kept = {name: getattr(drawn, name) for name in ("channel", "csi_radius", "pair_channel")}
    return dataclasses.replace(instance, **{"recipe": None, **kept, **fields})


def _rows_of_pairs(
    instance: Instance, block: NDArray[np.int64], user: NDArray[np.int64]
) -> NDArray[np.int64]:
    """(P,) channel row of every new pair: that of the same pair, or the one row that its user has; -1 if neither."""
    index = np.full((instance.n_users, max(instance.n_blocks, int(block.max()) + 1)), -1)
    if not (block.size and user.max() < instance.n_users):
        return np.full(block.shape, -1)
    index[instance.pair_user, instance.pair_block] = instance.pair_channel
    rows = index[user, block]
    for lacking in np.unique(user[rows < 0]).tolist():
        own = np.unique(instance.pair_channel[instance.pair_user == lacking])
        if own.size == 1 and (instance.pair_user == lacking).sum() > 1:
            rows[(user == lacking) & (rows < 0)] = own[0]
    return rows


def _recipe(defaults: str | Recipe) -> Recipe:
    if isinstance(defaults, Recipe):
        return defaults
    if not isinstance(defaults, str) or defaults not in PRESETS:
        raise InputError(
            f"defaults: {quote(defaults)} is no preset{nearest(str(defaults), PRESETS)}; known are {', '.join(PRESETS)}"
        )
    return PRESETS[defaults]


def _repository(given: dict[str, Any], recipe: Recipe) -> Repository | None:
    """The models that are given; None for those of the recipe."""
    models, sizes = given.pop("models", None), given.pop("block_bytes", None)
    if models is None and sizes is None:
        return None
    if isinstance(models, str) and sizes is None:
        return load_repository(models)
    if isinstance(models, np.ndarray) and sizes is not None and not isinstance(sizes, Mapping):
        return Repository(
            block_bytes=sizes,
            block_names=tuple(f"block-{k}" for k in range(models.shape[-1])),
            model_names=tuple(f"model-{i}" for i in range(models.shape[0])),
            model_blocks=models,
        )
    if not isinstance(models, Mapping) or not isinstance(sizes, Mapping):
        raise InputError(
            "models: expected names with lists of blocks, beside block_bytes: names with sizes in byte; or an array "
            "of bool beside an array of sizes; or the path of a repository file alone"
        )
    blocks = tuple(sizes)
    position = {name: i for i, name in enumerate(blocks)}
    has = np.zeros((len(models), len(blocks)), dtype=np.bool_)
    for i, (model, parts) in enumerate(models.items()):
        if isinstance(parts, str) or not isinstance(parts, Sequence | set | frozenset):
            raise InputError(f"models: {quote(model)} has {quote(parts)}; expected a list of blocks")
        for part in parts:
            if part not in position:
                raise InputError(
                    f"models: {quote(model)} has the block {quote(part)}, which block_bytes does not have"
                )
            has[i, position[part]] = True
    return Repository(
        block_bytes=convert("block_bytes", list(sizes.values()), np.int64, 1),
        block_names=blocks,
        model_names=tuple(models),
        model_blocks=has,
    )


def _requests(value: Any, models: Sequence[str]) -> NDArray[np.int64]:
    """(U,) indices from indices, names, or users per model."""
    if isinstance(value, Mapping):
        value = [model for model, count in value.items() for _ in range(_count(model, count))]
    items = value.tolist() if isinstance(value, np.ndarray) else value
    if not isinstance(items, list | tuple):
        raise InputError(f"requests: {quote(value)} is no list; expected one model per user")
    if not items:
        raise InputError("requests: is empty; at least one user is needed")
    for user, item in enumerate(items):
        if isinstance(item, bool) or not isinstance(item, int | str | np.integer):
            raise InputError(f"requests[{user}]: {quote(item)} is neither the name nor the number of a model")
    return model_indices("requests", [item if isinstance(item, str) else int(item) for item in items], models)


def _count(model: object, count: object) -> int:
    if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < 0:
        raise InputError(
            f"requests: {quote(model)} has the count {quote(count)}; expected a whole number from 0 on"
        )
    return int(count)


def _channel(value: Any, n_blocks: int | None) -> NDArray[np.complex128]:
    """(N, U, N_t) or (N, U, K, N_t) channels."""
    array = _array("channel", value)
    if array.ndim not in (3, 4):
        raise InputError(
            f"channel: shape is {array.shape}; expected (nodes, users, antennas), or (nodes, users, blocks, antennas)"
        )
    array = convert("channel", array, np.complex128, array.ndim)
    if array.ndim == 4 and n_blocks is not None and array.shape[2] != n_blocks:
        raise InputError(f"channel: its third axis has {array.shape[2]} entries; there are {n_blocks} blocks")
    if 0 in array.shape:
        raise InputError(f"channel: shape is {array.shape}; no axis may be empty")
    return array


def _sizes(given: Mapping[str, Any], recipe: Recipe) -> tuple[int, int, int]:
    """Numbers of nodes, users and antennas: of the first array that has them, checked against all others."""
    nodes: dict[str, int] = {}
    users: dict[str, int] = {}
    antennas: dict[str, int] = {}
    for counts, name in ((nodes, "nodes"), (users, "users"), (antennas, "antennas")):
        if name in given:
            counts[name] = given[name]
    if "channel" in given:
        shape = given["channel"].shape
        nodes["channel"], users["channel"], antennas["channel"] = shape[0], shape[1], shape[-1]
    if "requests" in given:
        users["requests"] = len(given["requests"])
    for counts, names in ((nodes, (*_PER_NODE, "backhaul_bps")), (users, _PER_USER)):
        for name in names:
            shape = _array(name, given[name]).shape if name in given else ()
            if shape:
                counts[name] = shape[-1 if name == "backhaul_bps" else 0]
    found = []
    for what, counts in (("nodes", nodes), ("users", users), ("antennas", antennas)):
        first = next(iter(counts), None)
        for name, count in counts.items():
            if first is not None and count != counts[first]:
                raise InputError(f"{name}: is of {count} {what}, but {first} of {counts[first]}")
        found.append(getattr(recipe, what) if first is None else counts[first])
    return found[0], found[1], found[2]


def _expanded(given: dict[str, Any], nodes: int, users: int) -> dict[str, Any]:
    """Fields of the instance, with one number spread over all nodes, users or links."""
    fields = {name: value for name, value in given.items() if name not in ("nodes", "users", "antennas")}
    for name, count in (*((name, nodes) for name in _PER_NODE), *((name, users) for name in _PER_USER)):
        if name not in fields:
            continue
        dtype, axes = _DTYPES[name]
        value = _array(name, fields[name])
        value = np.full(count, value) if axes == 1 and value.ndim == 0 else value
        array = convert(name, value, dtype, axes)
        require_shape(name, array, (count, 2) if axes == 2 else (count,))
        fields[name] = array
    if "backhaul_bps" in fields:
        rates = _array("backhaul_bps", fields["backhaul_bps"])
        if rates.ndim == 0:
            rates = np.full((nodes, nodes), rates)
        rates = rates[np.newaxis] if rates.ndim == 2 else rates
        fields["backhaul_bps"] = convert("backhaul_bps", rates, np.float64, 3)
    return fields


def _array(field: str, value: Any) -> NDArray[Any]:
    """A rectangular array, of whatever type.

    Raises
    ------
    InputError
        If rows differ in length.
    """
    try:
        return np.asarray(value)
    except ValueError as error:
        raise InputError(f"{field}: not a rectangular array ({error})") from error


def _with_positions(recipe: Recipe, fields: Mapping[str, Any]) -> Recipe:
    """The recipe with the positions that are given, from which users, channels and links are generated."""
    changes: dict[str, Any] = {}
    for name in ("node_xy_m", "user_xy_m"):
        if name in fields:
            changes[name] = tuple((float(x), float(y)) for x, y in fields[name].tolist())
    if "node_xy_m" in changes:
        changes["placement"] = "grid"
        if "user_xy_m" in changes:
            changes["area_m"] = Recipe().area_m
    if "storage_bytes" in fields:
        changes["storage_gb"] = Recipe().storage_gb
    if "power_w" in fields:
        require("power_w", fields["power_w"], fields["power_w"] > 0, "must be positive")
        changes["power_dbm"] = Recipe().power_dbm
    return dataclasses.replace(recipe, **changes)
