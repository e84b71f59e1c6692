"""`Instance`: derived sets against plain loops, rules, immutability, digest, and the file format."""

from __future__ import annotations

import itertools
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fgamcd_opt.instances.format import load_instance, save_instance
from fgamcd_opt.instances.instance import ARRAY_FIELDS, Instance
from fgamcd_opt.io.archive import read_archive, write_archive
from fgamcd_opt.io.errors import InputError

quick = settings(max_examples=40, deadline=None)


def fields(seed: int = 0, nodes: int = 2, users: int = 3, models: int = 2, blocks: int = 4) -> dict[str, Any]:
    """Valid fields with random content; node 0 has one antenna less than the others."""
    rng = np.random.default_rng(seed)
    model_blocks = rng.random((models, blocks)) < 0.5
    model_blocks[np.arange(models), rng.integers(blocks, size=models)] = True
    requests = rng.integers(models, size=users)
    pairs = int(model_blocks[requests].sum())
    channel = rng.normal(size=(pairs, nodes, 3)) + 1j * rng.normal(size=(pairs, nodes, 3))
    channel[:, 0, 2] = 0
    return {
        "name": "example",
        "block_bytes": rng.integers(1, 100, size=blocks),
        "model_blocks": model_blocks,
        "requests": requests,
        "storage_bytes": rng.integers(0, 100, size=nodes),
        "power_w": rng.random(nodes) + 0.1,
        "antennas": np.array([2] + [3] * (nodes - 1)),
        "bandwidth_hz": 1e6,
        "noise_w": 1e-12,
        "backhaul_bps": rng.random((blocks, nodes, nodes)),
        "channel": channel,
        "csi_radius": rng.random((pairs, nodes)),
        "pair_channel": rng.permutation(pairs),
        "csi_set": "ellipsoid",
        "qos_bps": rng.random(users),
        "node_xy_m": rng.random((nodes, 2)),
        "user_xy_m": rng.random((users, 2)),
        "block_names": tuple(f"b{k}" for k in range(blocks)),
        "model_names": tuple(f"m{i}" for i in range(models)),
        "recipe": None,
    }


sizes = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 10_000),
        "nodes": st.integers(1, 4),
        "users": st.integers(1, 6),
        "models": st.integers(1, 4),
        "blocks": st.integers(1, 6),
    }
)


@quick
@given(sizes)
def test_pairs_and_requested_blocks_as_in_plain_loops(size: dict[str, int]) -> None:
    data = fields(**size)
    instance = Instance(**data)
    wanted = [
        (k, u)
        for k in range(size["blocks"])
        for u in range(size["users"])
        if data["model_blocks"][data["requests"][u], k]
    ]
    assert list(zip(instance.pair_block.tolist(), instance.pair_user.tolist(), strict=True)) == wanted
    assert instance.requested_blocks.tolist() == sorted({k for k, _ in wanted})
    for block in range(size["blocks"]):
        positions = [p for p, (k, _) in enumerate(wanted) if k == block]
        assert list(range(len(wanted)))[instance.block_pairs(block)] == positions
        rows = data["pair_channel"][positions]
        np.testing.assert_array_equal(instance.block_channels(block), data["channel"][rows])
        np.testing.assert_array_equal(instance.block_radii(block), data["csi_radius"][rows])


@quick
@given(sizes)
def test_every_user_is_associated_with_a_nearest_node(size: dict[str, int]) -> None:
    data = fields(**size)
    instance = Instance(**data)
    for user, node in enumerate(instance.association.tolist()):
        distances = [np.hypot(*(data["user_xy_m"][user] - xy)) for xy in data["node_xy_m"]]
        assert distances[node] == pytest.approx(min(distances))


def test_first_node_wins_a_tie() -> None:
    data = fields() | {"node_xy_m": np.array([[0.0, 1.0], [0.0, -1.0]]), "user_xy_m": np.zeros((3, 2))}
    assert Instance(**data).association.tolist() == [0, 0, 0]


def test_block_out_of_range() -> None:
    with pytest.raises(IndexError, match="block 4"):
        Instance(**fields()).block_pairs(4)


def test_immutable_and_independent_of_the_callers_arrays() -> None:
    data = fields()
    instance = Instance(**data)
    digest = instance.digest
    for field in ARRAY_FIELDS:
        assert not getattr(instance, field).flags.writeable
        data[field][...] = 0
    assert Instance(**fields()).digest == digest
    with pytest.raises(AttributeError):
        instance.qos_bps = data["qos_bps"]  # type: ignore[misc]


def test_diagonal_of_backhaul_is_ignored() -> None:
    data = fields()
    changed = data["backhaul_bps"].copy()
    changed[:, [0, 1], [0, 1]] = -7.0
    assert Instance(**(data | {"backhaul_bps": changed})).digest == Instance(**data).digest


def test_digest_ignores_name_and_recipe_and_sees_everything_else() -> None:
    data = fields()
    digest = Instance(**data).digest
    assert Instance(**(data | {"name": "other", "recipe": {"anything": [1, 2.5, None]}})).digest == digest
    changes: dict[str, Any] = {
        "bandwidth_hz": np.nextafter(1e6, 2e6),
        "noise_w": np.nextafter(1e-12, 1.0),
        "csi_set": "balls",
        "block_names": ("x", "b1", "b2", "b3"),
        "model_names": ("m0", "x"),
        "pair_channel": np.roll(data["pair_channel"], 1),
        "antennas": np.array([3, 3]),
        "requests": data["requests"][::-1],
        "model_blocks": data["model_blocks"][:, ::-1],
    }
    for field in ("block_bytes", "storage_bytes"):
        changes[field] = data[field] + np.eye(len(data[field]), dtype=np.int64)[-1]
    for field in ("power_w", "csi_radius", "qos_bps", "node_xy_m", "user_xy_m"):
        changes[field] = data[field].copy()
        changes[field].flat[-1] = np.nextafter(changes[field].flat[-1], 9.0)
    changes["backhaul_bps"] = data["backhaul_bps"].copy()
    changes["backhaul_bps"][-1, 0, 1] += 1e-9
    changes["channel"] = data["channel"].copy()
    changes["channel"][-1, -1, -1] *= 1j
    assert set(changes) == set(data) - {"name", "recipe"}
    found = {field: Instance(**(data | {field: value})).digest for field, value in changes.items()}
    assert len({digest, *found.values()}) == len(changes) + 1


def test_replace_drops_the_recipe_that_no_longer_fits() -> None:
    instance = Instance(**fields())
    assert instance.replace(csi_set="balls").recipe is None
    assert instance.replace(csi_set="balls").csi_set == "balls"
    assert instance.replace(name="x", recipe={"seed": 1}).recipe == {"seed": 1}


def changed(field: str, index: tuple[int, ...], value: float) -> dict[str, Any]:
    array = fields()[field].copy()
    array[index] = value
    return {field: array}


BAD: list[tuple[dict[str, Any], str]] = [
    (changed("block_bytes", (2,), 0), r"block_bytes\[2\] = 0 must be positive"),
    (changed("block_bytes", (2,), -5), r"block_bytes\[2\] = -5"),
    (changed("block_bytes", (2,), 2**53), "sum exceeds"),
    ({"block_bytes": np.ones(4)}, "block_bytes: dtype is float64; expected int64"),
    ({"block_bytes": np.ones((4, 1), dtype=int)}, r"shape is \(4, 1\)"),
    ({"block_bytes": [[1], [1, 2]]}, "block_bytes: not a rectangular array"),
    ({"block_bytes": np.array([None] * 4)}, "block_bytes: dtype is object"),
    ({"model_blocks": np.ones((2, 5), dtype=bool)}, r"shape is \(2, 5\); expected \(2, 4\)"),
    ({"model_blocks": np.array([[1, 0, 0, 0], [0, 0, 0, 0]], dtype=bool)}, r"model_blocks\[1\] = 0"),
    ({"model_blocks": np.ones((2, 4), dtype=int)}, "model_blocks: dtype is int64; expected bool"),
    (changed("requests", (1,), 2), r"requests\[1\] = 2 is not a model index \(0 to 1\)"),
    (changed("requests", (1,), -1), r"requests\[1\] = -1"),
    ({"requests": np.zeros(0, dtype=int)}, "at least one user"),
    (changed("storage_bytes", (1,), -1), r"storage_bytes\[1\] = -1"),
    ({"storage_bytes": np.zeros(0, dtype=int)}, "at least one node"),
    (changed("power_w", (0,), 0.0), r"power_w\[0\] = 0\.0"),
    (changed("power_w", (1,), np.nan), r"power_w\[1\] = nan is not finite"),
    ({"power_w": np.ones(3)}, r"power_w: shape is \(3,\); expected \(2,\)"),
    (changed("antennas", (0,), 0), r"antennas\[0\] = 0"),
    (changed("antennas", (0,), 4), r"antennas\[0\] = 4 must lie between 1 and 3"),
    ({"bandwidth_hz": 0.0}, "bandwidth_hz: 0.0"),
    ({"bandwidth_hz": "fast"}, "bandwidth_hz: 'fast' is not a number"),
    ({"noise_w": float("nan")}, "noise_w: nan"),
    ({"noise_w": -1e-9}, "noise_w: -1e-09"),
    (changed("backhaul_bps", (3, 0, 1), -1.0), r"backhaul_bps\[3, 0, 1\] = -1\.0"),
    (changed("backhaul_bps", (3, 0, 1), np.inf), r"backhaul_bps\[3, 0, 1\] = inf is not finite"),
    ({"backhaul_bps": np.ones((2, 2, 2))}, "first axis has 2 entries; expected 1 or 4"),
    ({"backhaul_bps": np.ones((1, 2, 3))}, r"shape is \(1, 2, 3\)"),
    (changed("channel", (0, 1, 1), np.nan), r"channel\[0, 1, 1\] = \(nan"),
    (changed("channel", (0, 0, 2), 1.0), r"channel\[0, 0, 2\] = \(1\+0j\) lies beyond the node's antennas"),
    (changed("csi_radius", (1, 1), -0.1), r"csi_radius\[1, 1\] = -0\.1"),
    ({"csi_radius": np.ones((1, 2))}, r"csi_radius: shape is \(1, 2\)"),
    (changed("pair_channel", (0,), 99), r"pair_channel\[0\] = 99 is not a row of channel"),
    (changed("pair_channel", (0,), -1), r"pair_channel\[0\] = -1"),
    ({"pair_channel": np.zeros(1, dtype=int)}, r"pair_channel: shape is \(1,\)"),
    ({"csi_set": "cube"}, "csi_set: 'cube' is unknown; expected one of ellipsoid, balls"),
    (changed("qos_bps", (2,), -1.0), r"qos_bps\[2\] = -1\.0"),
    (changed("qos_bps", (2,), 1.1e9), r"qos_bps\[2\] = 1100000000\.0 must lie between"),
    ({"qos_bps": np.ones(2)}, r"qos_bps: shape is \(2,\); expected \(3,\)"),
    ({"node_xy_m": np.zeros((2, 3))}, r"node_xy_m: shape is \(2, 3\)"),
    ({"user_xy_m": np.zeros((2, 2))}, r"user_xy_m: shape is \(2, 2\)"),
    ({"block_names": ("a", "b", "a", "c")}, r"block_names\[0\] = 'a' occurs twice"),
    ({"block_names": ("a",)}, "block_names: has 1 names; expected 4"),
    ({"block_names": "abcd"}, "block_names: expected a list"),
    ({"block_names": 5}, "block_names: expected a list"),
    ({"model_names": ("a", "")}, "model_names: expected a list or tuple of non-empty strings"),
    ({"name": ""}, "name: ''"),
    ({"recipe": {"x": float("inf")}}, "recipe: not plain JSON"),
    ({"recipe": 5}, "recipe: not plain JSON"),
]


@pytest.mark.parametrize(("change", "words"), BAD, ids=lambda value: str(value)[:40])
def test_first_broken_rule_is_named_with_index_and_value(change: dict[str, Any], words: str) -> None:
    data = fields()
    Instance(**data)
    with pytest.raises(InputError, match=words):
        Instance(**(data | change))


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "example.npz"
    save_instance(path, Instance(**fields()))
    return path


def test_round_trip_is_lossless_and_bytes_are_stable(saved: Path, tmp_path: Path) -> None:
    original, loaded = Instance(**fields()), load_instance(saved)
    for field in ARRAY_FIELDS:
        np.testing.assert_array_equal(getattr(loaded, field), getattr(original, field), strict=True)
    for field in set(original.__dataclass_fields__) - set(ARRAY_FIELDS):
        assert getattr(loaded, field) == getattr(original, field)
    again = tmp_path / "again.npz"
    save_instance(again, loaded)
    assert again.read_bytes() == saved.read_bytes()


def test_digest_is_independent_of_how_the_zip_was_written(saved: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.npz"
    with zipfile.ZipFile(saved) as source, zipfile.ZipFile(other, "w", zipfile.ZIP_STORED) as target:
        for name in reversed(source.namelist()):
            target.writestr(name, source.read(name))
    assert other.read_bytes() != saved.read_bytes()
    assert load_instance(other).digest == load_instance(saved).digest


@pytest.mark.parametrize("field", list(ARRAY_FIELDS))
def test_tampered_array_does_not_match_the_digest(saved: Path, field: str) -> None:
    header, arrays = read_archive(saved, "instance")
    array = arrays[field].copy()
    swaps = {"requests": 1 - array, "model_blocks": array[::-1], "pair_channel": array[::-1]}
    arrays[field] = swaps.get(field, array + (1 if field != "antennas" else np.array([1, 0])))
    if field == "channel":
        arrays[field][:, 0, 2] = 0
    write_archive(saved, "instance", header, arrays)
    with pytest.raises(InputError, match=r"example\.npz: (the content has digest|pair_channel: shape)"):
        load_instance(saved)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"digest": "0" * 64}, "the content has digest"),
        ({"noise_w": 2e-12}, "the content has digest"),
        ({"csi_set": "balls"}, "the content has digest"),
        ({"noise_w": "2e-12"}, "noise_w: '2e-12' is not a number"),
        ({"noise_w": None}, "noise_w: None is not a number"),
        ({"surprise": 1}, "unknown header field 'surprise'"),
        ({"units": {"noise_w": "mW"}}, "units are"),
        ({"block_names": "abcd"}, "block_names: 'abcd' is not a list"),
        ({"name": 3}, "name: 3"),
        ({"recipe": [1]}, r"recipe: \[1\] is neither an object nor null"),
    ],
)
def test_tampered_header(saved: Path, change: dict[str, Any], words: str) -> None:
    header, arrays = read_archive(saved, "instance")
    write_archive(saved, "instance", header | change, arrays)
    with pytest.raises(InputError, match=rf"example\.npz: {words}"):
        load_instance(saved)


def test_missing_and_unknown_fields(saved: Path) -> None:
    header, arrays = read_archive(saved, "instance")
    write_archive(saved, "instance", header, {k: v for k, v in arrays.items() if k != "qos_bps"})
    with pytest.raises(InputError, match="array 'qos_bps' is missing"):
        load_instance(saved)
    write_archive(saved, "instance", header, arrays | {"extra": np.zeros(1)})
    with pytest.raises(InputError, match="unknown array 'extra'"):
        load_instance(saved)
    write_archive(saved, "instance", {k: v for k, v in header.items() if k != "noise_w"}, arrays)
    with pytest.raises(InputError, match="header field 'noise_w' is missing"):
        load_instance(saved)
    write_archive(saved, "instance", header, arrays | {"requests": arrays["requests"].astype(np.int32)})
    with pytest.raises(InputError, match="requests: dtype is int32; expected int64"):
        load_instance(saved)


def test_nan_in_a_file_is_named(saved: Path) -> None:
    header, arrays = read_archive(saved, "instance")
    qos = arrays["qos_bps"].copy()
    qos[1] = np.nan
    write_archive(saved, "instance", header, arrays | {"qos_bps": qos})
    with pytest.raises(InputError, match=r"example\.npz: qos_bps\[1\] = nan is not finite"):
        load_instance(saved)


def test_header_states_schema_units_recipe_and_digest(saved: Path) -> None:
    with zipfile.ZipFile(saved) as archive:
        header = json.loads(archive.read("header.json"))
    assert (header["kind"], header["schema_version"]) == ("instance", 1)
    content = header["content"]
    assert content["digest"] == Instance(**fields()).digest
    assert content["units"]["backhaul_bps"] == "bit/s"
    assert content["recipe"] is None


def test_wrong_lengths_are_refused_for_every_array() -> None:
    data = fields()
    for field, axis in itertools.product(ARRAY_FIELDS, range(3)):
        if axis < data[field].ndim:
            longer = np.concatenate([data[field], data[field].take([0], axis=axis)], axis=axis)
            if (field, axis) in (("channel", 2), ("model_blocks", 0)):
                continue  # more antennas than any node has are allowed; more models only need more names
            with pytest.raises(InputError):
                Instance(**(data | {field: longer}))
