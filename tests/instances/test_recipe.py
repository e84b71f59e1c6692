"""Recipes: JSON round trip, overrides, every bad value, and what a changed field may change."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fgamcd_opt.instances.generation.from_recipe import generate
from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.instances.recipes.presets import PRESETS
from fgamcd_opt.instances.recipes.recipe import Recipe
from fgamcd_opt.io.errors import InputError

SMALL = PRESETS["small"]


@pytest.mark.parametrize("name", list(PRESETS))
def test_json_round_trip(name: str) -> None:
    text = json.dumps(PRESETS[name].to_json(), allow_nan=False)
    assert Recipe.from_json(json.loads(text)) == PRESETS[name]


def test_defaults_are_the_source_parameters() -> None:
    recipe = Recipe.from_json({"schema_version": 1})
    assert recipe == Recipe()
    assert dataclasses.replace(PRESETS["paper"], seed=1) == recipe
    assert (recipe.nodes, recipe.users, recipe.antennas, recipe.bandwidth_hz) == (6, 30, 20, 400e6)
    assert (recipe.g0_db, recipe.path_loss_exponent, recipe.rician_k) == (-30.0, 3.0, 3.0)
    assert (recipe.noise_dbm, recipe.power_dbm, recipe.storage_gb) == (-80.0, 43.0, 1.25)
    assert (recipe.backhaul_gbps_min, recipe.backhaul_gbps_max) == (8.0, 12.0)
    assert (recipe.qos_gbps_min, recipe.qos_gbps_max, recipe.qos_cap, recipe.zipf) == (5.0, 7.0, 0.8, 0.8)
    assert (recipe.csi_delta, recipe.csi_set, recipe.area_m, recipe.min_distance_m) == (
        0.05,
        "ellipsoid",
        1e3,
        10.0,
    )


@pytest.mark.parametrize(
    ("overrides", "field", "value"),
    [
        ({"users": "48"}, "users", 48),
        ({"storage_gb": "0.25"}, "storage_gb", 0.25),
        ({"storage_gb": "1, 2,3,4"}, "storage_gb", (1.0, 2.0, 3.0, 4.0)),
        ({"freeze": "3,4"}, "freeze", (3, 4)),
        ({"freeze": ""}, "freeze", ()),
        ({"families": "resnet18,inception_v3"}, "families", ("resnet18", "inception_v3")),
        ({"bandwidth_hz": "2e8"}, "bandwidth_hz", 2e8),
        ({"csi_set": "balls"}, "csi_set", "balls"),
        ({"name": "mine"}, "name", "mine"),
    ],
)
def test_overrides_are_parsed_by_type(overrides: dict[str, str], field: str, value: object) -> None:
    found = getattr(SMALL.with_overrides(overrides), field)
    assert found == value
    assert type(found) is type(value)


def test_overrides_are_visible_in_the_name() -> None:
    assert SMALL.with_overrides({"seed": "7", "users": "9"}).name == "small[seed=7,users=9]"
    assert SMALL.with_overrides({"seed": "7", "name": "x"}).name == "x"
    assert SMALL.with_overrides({}) == SMALL


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"usres": "3"}, "usres: unknown field of a recipe; did you mean 'users'"),
        ({"storge_gb": "3"}, "did you mean 'storage_gb'"),
        ({"storage": "3"}, "storage: '3' has no unit; write 3MB or 3GB"),
        ({"storage": "5mb"}, "unknown unit 'mb'; did you mean MB"),
        ({"qqqq": "3"}, "known are name, seed"),
        ({"schema_version": "1"}, "schema_version: unknown field"),
        ({"users": "3.5"}, "users: '3.5' is not valid; expected integer"),
        ({"users": ""}, "users: '' is not valid"),
        ({"users": "0"}, "users: 0 must lie between 1 and 10000"),
        ({"users": "-1"}, "users: -1"),
        ({"seed": "-1"}, "seed: -1"),
        ({"storage_gb": "lots"}, "storage_gb: 'lots' is not valid; expected number or list"),
        ({"storage_gb": "nan"}, "storage_gb: nan must lie"),
        ({"storage_gb": "-0.1"}, "storage_gb: -0.1"),
        ({"storage_gb": "1,2"}, "storage_gb: has 2 values; expected one, or one for each of 4 nodes"),
        ({"storage_gb": "1,2,inf,4"}, "storage_gb: inf"),
        ({"bandwidth_hz": "inf"}, "bandwidth_hz: inf"),
        ({"zipf": "1,2"}, "zipf: '1,2' is not valid; expected number"),
        ({"csi_set": "cube"}, "csi_set: 'cube' is unknown; expected one of ellipsoid, balls"),
        ({"backhaul_gbps_min": "13"}, "backhaul_gbps_min: 13 is above backhaul_gbps_max = 12"),
        ({"roots_per_family": "5"}, "roots_per_family: 5 is above models_per_family = 4"),
        ({"block_mb_max": "20"}, "block_mb_max: has no effect with repository = cnn"),
        (
            {"repository": "synthetic", "families": "resnet18"},
            "families: has no effect with repository = syn",
        ),
        ({"name": ""}, "name: '' is not a non-empty text"),
    ],
)
def test_bad_override_names_field_and_value(overrides: dict[str, str], words: str) -> None:
    with pytest.raises(InputError, match=words):
        SMALL.with_overrides(overrides)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"schema_version": 2}, "schema_version: 2 is not known; this release reads 1"),
        ({"schema_version": True}, "schema_version: True"),
        ({"antenas": 3}, "antenas: unknown field of a recipe; did you mean 'antennas'"),
        ({"users": "30"}, "users: '30' is not valid; expected integer"),
        ({"users": 30.0}, "users: 30.0 is not valid"),
        ({"users": True}, "users: True is not valid"),
        ({"users": [30]}, r"users: \(30,\) is not valid"),
        ({"users": None}, "users: None"),
        ({"zipf": False}, "zipf: False is not valid; expected number"),
        ({"zipf": {"a": 1}}, "zipf: {'a': 1} is not valid"),
        ({"freeze": 3}, "freeze: 3 is not valid; expected list of integers"),
        ({"freeze": [3.5]}, "freeze: 3.5 is not valid; expected integer"),
        ({"freeze": [[3]]}, r"freeze: \[3\] is not valid"),
        ({"families": "resnet18"}, "families: 'resnet18' is not valid; expected list of texts"),
        ({"name": 3}, "name: 3 is not valid; expected text"),
        ({"storage_gb": [1, 2, 3, "4", 5, 6]}, "storage_gb: '4' is not valid"),
    ],
)
def test_bad_json_value_names_field_and_value(change: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Recipe.from_json({"schema_version": 1, **change})


def test_missing_schema_version() -> None:
    with pytest.raises(InputError, match="schema_version: None"):
        Recipe.from_json({"users": 3})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"families": "vgg"}, "families: 'vgg'"),
        ({"freeze": "1"}, "freeze: has 1 depths for 2 families"),
        ({"freeze": "11,1"}, "freeze: 11 must lie between 0 and the 10 PBs of resnet18"),
        ({"users": "9999", "antennas": "1000"}, r"users: fading takes \d+ numbers, more than 16777216"),
        ({"nodes": "64", "antennas": "1", "models_per_family": "999"}, "nodes: backhaul takes"),
        ({"min_distance_m": "900"}, "min_distance_m: 900 leaves no room"),
    ],
)
def test_what_only_generation_can_see(change: dict[str, str], words: str) -> None:
    with pytest.raises(InputError, match=words):
        generate(SMALL.with_overrides(change))


def same(first: Instance, second: Instance, *fields: str) -> bool:
    return all(np.array_equal(getattr(first, field), getattr(second, field)) for field in fields)


def test_storage_changes_nothing_else() -> None:
    first, second = generate(SMALL), generate(SMALL.with_overrides({"storage_gb": "0.02"}))
    assert second.storage_bytes.tolist() == [20_000_000] * 4
    assert first.replace(storage_bytes=second.storage_bytes).digest == second.digest != first.digest


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**9), more=st.integers(1, 4))
def test_more_users_keep_the_first_ones(seed: int, more: int) -> None:
    recipe = dataclasses.replace(SMALL, seed=seed, users=4, antennas=2)
    first, second = generate(recipe), generate(dataclasses.replace(recipe, users=4 + more))
    assert same(first, second, "block_bytes", "backhaul_bps", "node_xy_m")
    assert second.requests[:4].tolist() == first.requests.tolist()
    np.testing.assert_array_equal(second.user_xy_m[:4], first.user_xy_m)
    kept = second.pair_user < 4
    np.testing.assert_array_equal(second.pair_block[kept], first.pair_block)
    np.testing.assert_array_equal(
        second.channel[second.pair_channel[kept]], first.channel[first.pair_channel]
    )
    assert (second.qos_bps[:4] <= first.qos_bps * 1.02).all()  # more users per PB can only cost rate


def test_channel_parameters_leave_requests_and_positions() -> None:
    first = generate(SMALL)
    second = generate(
        SMALL.with_overrides({"rician_k": "10", "path_loss_exponent": "2.5", "csi_delta": "0.1"})
    )
    assert same(first, second, "requests", "user_xy_m", "backhaul_bps", "storage_bytes")
    assert not same(first, second, "channel")


def test_zipf_exponent_leaves_positions_and_common_fading() -> None:
    first, second = generate(SMALL), generate(SMALL.with_overrides({"zipf": "3"}))
    assert same(first, second, "user_xy_m", "backhaul_bps")
    pairs = [set(zip(i.pair_block.tolist(), i.pair_user.tolist(), strict=True)) for i in (first, second)]
    for block, user in pairs[0] & pairs[1]:
        rows = [
            instance.block_channels(block)[
                instance.pair_user[instance.block_pairs(block)].tolist().index(user)
            ]
            for instance in (first, second)
        ]
        np.testing.assert_array_equal(rows[0], rows[1])
    assert pairs[0] & pairs[1]
    assert pairs[0] != pairs[1]


def test_fading_and_backhaul_once() -> None:
    instance = generate(SMALL.with_overrides({"fading": "once", "backhaul": "once"}))
    assert instance.channel.shape[0] == instance.n_users
    assert instance.backhaul_bps.shape == (1, 4, 4)
    assert instance.pair_channel.tolist() == instance.pair_user.tolist()


def test_seeds_give_different_instances_and_the_same_seed_the_same() -> None:
    digests = [generate(dataclasses.replace(SMALL, seed=seed)).digest for seed in (1, 2, 1)]
    assert digests[0] == digests[2] != digests[1]


def test_generated_units() -> None:
    instance = generate(PRESETS["paper"])
    assert instance.noise_w == 1e-11
    np.testing.assert_allclose(instance.power_w, 19.9526231, rtol=1e-8)
    assert instance.storage_bytes.tolist() == [1_250_000_000] * 6
    assert instance.channel.shape == (len(instance.pair_user), 6, 20)
    assert (instance.n_models, instance.n_blocks, instance.n_users) == (60, 450, 30)
    distance = np.linalg.norm(instance.user_xy_m[:, None] - instance.node_xy_m[None], axis=2)
    ratio = (abs(instance.channel) ** 2).mean(axis=2) / (1e-3 * distance[instance.pair_user] ** -3)
    assert ratio.mean() == pytest.approx(1.0, abs=0.03)


def test_per_node_power_and_storage() -> None:
    overrides = {"power_dbm": "30,40,30,40", "storage_gb": "0.1,0.2,0.3,0.4"}
    instance = generate(SMALL.with_overrides(overrides))
    np.testing.assert_allclose(instance.power_w, [1.0, 10.0, 1.0, 10.0])
    assert instance.storage_bytes.tolist() == [100_000_000, 200_000_000, 300_000_000, 400_000_000]


def test_synthetic_sizes_are_in_the_interval_and_half_is_shared() -> None:
    recipe = dataclasses.replace(PRESETS["tiny"], blocks_per_model=6, models_per_family=3, users=20)
    instance = generate(recipe)
    assert instance.n_blocks == 6 + 2 * 3
    assert ((instance.block_bytes >= 10e6) & (instance.block_bytes <= 40e6)).all()
    assert int(instance.model_blocks.all(axis=0).sum()) == 3


def test_too_many_models_are_refused_before_the_table_is_made() -> None:
    recipe = PRESETS["tiny"].with_overrides({"models_per_family": "1000", "blocks_per_model": "1000"})
    with pytest.raises(InputError, match=r"models_per_family: 1000 models x 500500 PBs exceed"):
        generate(recipe)


def test_smallest_instance() -> None:
    overrides = {
        "nodes": "1",
        "users": "1",
        "antennas": "1",
        "models_per_family": "1",
        "blocks_per_model": "1",
    }
    instance = generate(PRESETS["tiny"].with_overrides(overrides))
    assert instance.channel.shape == (1, 1, 1)
    assert instance.qos_bps[0] > 0


def test_synthetic_takes_one_freeze_depth() -> None:
    with pytest.raises(InputError, match="freeze: has 2 depths"):
        generate(PRESETS["tiny"].with_overrides({"freeze": "1,1"}))
    assert generate(PRESETS["tiny"].with_overrides({"freeze": "0"})).n_blocks == 4
