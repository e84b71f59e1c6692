"""`Instance.build` against recipes with the same values, `Instance.replace` of requests, and what both refuse."""

from __future__ import annotations

from pathlib import Path
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
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.solving.front_door import solve

TINY = PRESETS["tiny"]
MODELS = {"faces": ["base", "f"], "ocr": ["base", "o"], "all": ["base", "f", "o"]}
SIZES = {"base": 9_000_000, "f": 500_000, "o": 700_000}


def own(**more: Any) -> Instance:
    return Instance.build(**{"models": MODELS, "block_bytes": SIZES, "nodes": 2, "antennas": 2, **more})


def channels(nodes: int, users: int, antennas: int, seed: int = 0) -> Any:
    g = np.random.default_rng(seed)
    shape = (nodes, users, antennas)
    return 1e-5 * (g.normal(size=shape) + 1j * g.normal(size=shape))


def test_without_arguments_it_is_the_recipe_without_fields() -> None:
    assert Instance.build().digest == generate(Recipe()).digest


@pytest.mark.parametrize("preset", ["tiny", "small"])
def test_defaults_are_the_preset(preset: str) -> None:
    assert Instance.build(defaults=preset).digest == generate(PRESETS[preset]).digest


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.integers(0, 1), min_size=1, max_size=4),
    st.floats(0.1, 2.0),
    st.integers(0, 10**9),
    st.integers(1, 2**31),
)
def test_arrays_and_recipes_with_the_same_values_are_equal(
    requests: list[int], qos_gbps: float, storage: int, seed: int
) -> None:
    recipe = {"requests": tuple(requests), "users": len(requests), "qos_gbps": qos_gbps, "seed": seed}
    fields = {spec: getattr(TINY, spec) for spec in ("nodes", "antennas", "repository", "models_per_family")}
    fields |= {spec: getattr(TINY, spec) for spec in ("roots_per_family", "blocks_per_model")}
    by_recipe = generate(Recipe(**fields, **recipe, storage_gb=storage / 1e9))
    by_array = Instance.build(
        requests=np.array(requests),
        qos_bps=1e9 * qos_gbps,
        storage_bytes=storage,
        seed=seed,
        defaults=Recipe(**fields),
    )
    assert by_array.digest == by_recipe.digest


def test_positions_decide_what_is_drawn() -> None:
    recipe = Recipe(
        nodes=2,
        users=2,
        antennas=2,
        node_xy_m=((100.0, 100.0), (900.0, 900.0)),
        user_xy_m=((50.0, 70.0), (500.0, 600.0)),
    )
    built = Instance.build(
        antennas=2, node_xy_m=[[100, 100], [900, 900]], user_xy_m=np.array([[50, 70], [500, 600]])
    )
    assert built.digest == generate(recipe).digest


def test_own_models_and_channels_are_solved() -> None:
    channel = channels(2, 3, 4)
    instance = Instance.build(
        models=MODELS,
        block_bytes=SIZES,
        requests=["ocr", "faces", "ocr"],
        channel=channel,
        storage_bytes=[10_000_000, 12_000_000],
        power_w=20.0,
        backhaul_bps=[[0, 1e9], [2e9, 0]],
        qos_bps=1e6,
    )
    assert instance.model_names == tuple(MODELS)
    assert instance.antennas.tolist() == [4, 4]
    for pair, (block, user) in enumerate(zip(instance.pair_block, instance.pair_user, strict=True)):
        assert instance.model_blocks[instance.requests[user], block]
        np.testing.assert_array_equal(instance.channel[instance.pair_channel[pair]], channel[:, user])
    result = solve(P1(instance))
    assert result.verification is not None
    assert result.verification.valid


def test_per_block_channels() -> None:
    channel = np.stack([channels(2, 3, 2, seed) for seed in range(3)], axis=2)
    instance = own(requests=["all", "ocr", "faces"], channel=channel)
    for pair, (block, user) in enumerate(zip(instance.pair_block, instance.pair_user, strict=True)):
        np.testing.assert_array_equal(instance.channel[instance.pair_channel[pair]], channel[:, user, block])


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            {"requests": ["faces", "facs"]},
            "requests[1]: 'facs' is no model of the repository; did you mean 'faces'",
        ),
        ({"requests": [0, 3]}, "requests[1]: 3 is no model"),
        ({"requests": [0, -1]}, "requests[1]: -1 is no model"),
        ({"requests": [0, 1.0]}, "requests[1]: 1.0 is neither"),
        ({"requests": [0, True]}, "requests[1]: True is neither"),
        ({"requests": []}, "requests: is empty"),
        ({"requests": "faces"}, "requests: 'faces' is no list"),
        ({"requests": 3}, "requests: 3 is no list"),
        ({"models": {"x": 3}}, "models: 'x' has 3; expected a list of blocks"),
        ({"backhaul_bps": [[1, 2], [3]]}, "backhaul_bps: not a rectangular array"),
        ({"qos_bps": [[1], [2, 3]]}, "qos_bps: not a rectangular array"),
        ({"requests": {"faces": -1}}, "requests: 'faces' has the count -1"),
        ({"requests": [0, 1], "users": 3}, "requests: is of 2 users, but users of 3"),
        ({"requests": [0, 1], "qos_bps": [1e6]}, "qos_bps: is of 1 users, but requests of 2"),
        ({"requests": [0, 1], "qos_bps": [1e6, np.nan]}, "qos_bps[1] = nan is not finite"),
        ({"requests": [0, 1], "qos_bps": -1.0}, "qos_bps[0] = -1.0 must lie"),
        ({"storage_bytes": [1, 2, 3]}, "storage_bytes: is of 3 nodes, but nodes of 2"),
        ({"storage_bytes": [1.5, 2]}, "storage_bytes: dtype is float64; expected int64"),
        ({"storage_bytes": [1, -2]}, "storage_bytes[1] = -2 must not be negative"),
        ({"power_w": [1, 0]}, "power_w[1] = 0.0 must be positive"),
        ({"node_xy_m": [[1, 2, 3], [4, 5, 6]]}, "node_xy_m: shape is (2, 3); expected (2, 2)"),
        ({"backhaul_bps": np.ones((3, 3))}, "backhaul_bps: is of 3 nodes, but nodes of 2"),
        ({"backhaul_bps": np.ones((2, 2)) * -1}, "must not be negative"),
        ({"channel": np.ones((2, 3))}, "channel: shape is (2, 3); expected (nodes, users, antennas)"),
        ({"channel": channels(2, 3, 3)}, "channel: is of 3 antennas, but antennas of 2"),
        (
            {"channel": np.stack([channels(2, 3, 2)] * 2, 2)},
            "channel: its third axis has 2 entries; there are 3",
        ),
        (
            {"models": {"x": ["nothing"]}},
            "models: 'x' has the block 'nothing', which block_bytes does not have",
        ),
        ({"models": None}, "models: expected names with lists of blocks"),
        ({"defaults": "smal"}, "defaults: 'smal' is no preset; did you mean 'small'"),
        ({"csi_set": "cube"}, "csi_set: 'cube' is unknown"),
    ],
)
def test_what_is_wrong_is_named(arguments: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError) as caught:
        own(**arguments)
    assert told in str(caught.value)


def test_an_array_of_models(tmp_path: Path) -> None:
    has = np.array([[True, True, False], [True, False, True], [True, True, True]])
    instance = Instance.build(
        models=has, block_bytes=np.array(list(SIZES.values())), nodes=2, antennas=2, users=3
    )
    named = own(users=3)
    np.testing.assert_array_equal(instance.model_blocks, named.model_blocks)
    np.testing.assert_array_equal(instance.requests, named.requests)
    np.testing.assert_array_equal(instance.qos_bps, named.qos_bps)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 7), min_size=8, max_size=8))
def test_other_requests_have_the_channels_that_the_recipe_draws(requests: list[int]) -> None:
    small = generate(PRESETS["small"])
    changed = small.replace(requests=requests)
    by_recipe = generate(PRESETS["small"].with_overrides({"requests": ",".join(map(str, requests))}))
    assert changed.requests.tolist() == requests
    for pair, (block, user) in enumerate(zip(changed.pair_block, changed.pair_user, strict=True)):
        place = by_recipe.block_pairs(int(block))
        row = by_recipe.pair_channel[place][by_recipe.pair_user[place].tolist().index(int(user))]
        np.testing.assert_array_equal(changed.channel[changed.pair_channel[pair]], by_recipe.channel[row])
    np.testing.assert_array_equal(changed.qos_bps, small.qos_bps)


def test_other_requests_with_one_channel_per_user() -> None:
    channel = channels(2, 3, 2)
    before = own(requests=["ocr", "faces", "ocr"], channel=channel, qos_bps=1e6)
    for requests in (["all", "faces", "faces"], {"all": 1, "faces": 2}, [2, 0, 0]):
        after = before.replace(requests=requests)
        assert after.digest == own(requests=requests, channel=channel, qos_bps=1e6).digest


def test_a_pair_without_a_channel_is_named() -> None:
    channel = np.stack([channels(2, 3, 2, seed) for seed in range(3)], axis=2)
    before = own(requests=["ocr", "faces", "ocr"], channel=channel)
    with pytest.raises(InputError, match="user 0 now needs block 1, for which there is no channel"):
        before.replace(requests=["faces", "faces", "ocr"])
    assert before.replace(requests=before.requests).digest == before.digest


def test_more_users_need_more_than_requests() -> None:
    with pytest.raises(InputError, match=r"has 3 users instead of 2; give channel, .*or use Instance.build"):
        generate(TINY).replace(requests=[0, 1, 0])
    with pytest.raises(InputError, match=r"requests\[1\]: 9 is no model"):
        generate(TINY).replace(requests=[0, 9])
