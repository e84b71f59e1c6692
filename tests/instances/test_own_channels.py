"""Own channels: every format gives the array that was saved, recipes stay reproducible, bad files are refused."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.io import savemat

from fgamcd_opt.instances.format import load_instance, save_instance
from fgamcd_opt.instances.generation.from_recipe import generate
from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.instances.recipes.presets import PRESETS
from fgamcd_opt.instances.recipes.recipe import Recipe
from fgamcd_opt.instances.resolve import load
from fgamcd_opt.io.errors import InputError

SMALL = PRESETS["small"]
SHAPE = (4, 8, 4)
"""Nodes, users and antennas of ``small``."""
BLOCKS = 74

Array = NDArray[np.complex128]


def draw(*shape: int) -> Array:
    """Amplitude ratios of about -100 dB."""
    rng = np.random.default_rng(5)
    return 1e-5 * (rng.normal(size=shape) + 1j * rng.normal(size=shape))


def to_npy(path: Path, array: Array) -> None:
    np.save(path, array)


def to_npy_in_fortran_order(path: Path, array: Array) -> None:
    np.save(path, np.asfortranarray(array))


def to_npz(path: Path, array: Array) -> None:
    np.savez_compressed(path, channel=array, notes=np.arange(3))


def to_npz_of_one(path: Path, array: Array) -> None:
    np.savez(path, anything=array)


def to_mat(path: Path, array: Array) -> None:
    savemat(path, {"channel": array, "other": np.eye(2)}, do_compression=True)


FORMATS: list[tuple[str, Callable[[Path, Array], None]]] = [
    ("h.npy", to_npy),
    ("h.npy", to_npy_in_fortran_order),
    ("h.npz", to_npz),
    ("h.npz", to_npz_of_one),
    ("h.mat", to_mat),
]


def with_channels(path: Path, **more: str) -> Instance:
    return generate(SMALL.with_overrides({"channels": str(path), **more}))


@pytest.mark.parametrize(("name", "write"), FORMATS)
@pytest.mark.parametrize("shape", [SHAPE, (4, 8, BLOCKS, 4)])
def test_every_pair_gets_its_channel(
    tmp_path: Path, name: str, write: Callable[[Path, Array], None], shape: tuple[int, ...]
) -> None:
    array = draw(*shape)
    write(tmp_path / name, array)
    instance = with_channels(tmp_path / name)
    assert instance.n_blocks == BLOCKS
    for pair, (block, user) in enumerate(zip(instance.pair_block, instance.pair_user, strict=True)):
        found = instance.channel[instance.pair_channel[pair]]
        expected = array[:, user] if array.ndim == 3 else array[:, user, block]
        np.testing.assert_array_equal(found, expected)
        radius = instance.csi_radius[instance.pair_channel[pair]]
        np.testing.assert_allclose(radius, 0.05 * np.linalg.norm(expected, axis=1), rtol=1e-6)


def test_everything_else_stays_as_drawn(tmp_path: Path) -> None:
    np.save(tmp_path / "h.npy", draw(*SHAPE))
    own, drawn = with_channels(tmp_path / "h.npy"), generate(SMALL)
    for field in ("requests", "block_bytes", "node_xy_m", "user_xy_m", "backhaul_bps", "storage_bytes"):
        np.testing.assert_array_equal(getattr(own, field), getattr(drawn, field))
    assert own.channel.shape == (8, 4, 4)
    assert (own.qos_bps > 0).all()


def test_matlab_drops_trailing_axes_of_one(tmp_path: Path) -> None:
    array = draw(4, 8)
    savemat(tmp_path / "h.mat", {"h": array})
    instance = with_channels(tmp_path / "h.mat", antennas="1")
    np.testing.assert_array_equal(instance.channel[:, :, 0], array.T)


def test_recipe_finds_the_file_again_and_notices_a_change(tmp_path: Path) -> None:
    path, file = tmp_path / "h.npy", tmp_path / "mine.npz"
    np.save(path, draw(*SHAPE))
    instance = with_channels(path)
    save_instance(file, instance)
    assert instance.recipe is not None
    assert generate(Recipe.from_json(instance.recipe)).digest == instance.digest
    changed = load(file, {"storage_gb": "0.05"})
    np.testing.assert_array_equal(changed.channel, instance.channel)
    np.save(path, 2 * draw(*SHAPE))
    assert load_instance(file).digest == instance.digest
    with pytest.raises(InputError, match=r"h\.npy: has SHA-256 [0-9a-f]{64}, but the recipe was made with"):
        load(file, {"storage_gb": "0.05"})
    path.unlink()
    with pytest.raises(InputError, match=r"h\.npy: there is no such file"):
        generate(Recipe.from_json(instance.recipe))


def test_a_new_file_needs_no_old_digest(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", draw(*SHAPE))
    np.save(tmp_path / "b.npy", 2 * draw(*SHAPE))
    first = with_channels(tmp_path / "a.npy")
    assert first.recipe is not None
    second = generate(Recipe.from_json(first.recipe).with_overrides({"channels": str(tmp_path / "b.npy")}))
    np.testing.assert_array_equal(second.channel, 2 * first.channel)
    drawn = generate(Recipe.from_json(first.recipe).with_overrides({"channels": ""}))
    assert drawn.digest == generate(SMALL).digest


def test_name_shows_the_file_without_its_folder(tmp_path: Path) -> None:
    np.save(tmp_path / "h.npy", draw(*SHAPE))
    assert with_channels(tmp_path / "h.npy").name == "small[channels=h.npy]"


def spoilt(index: tuple[int, ...], value: complex) -> Array:
    array = draw(*SHAPE)
    array[index] = value
    return array


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (draw(4, 8, 5), r"shape is \(4, 8, 5\); expected .*add --set antennas=5"),
        (draw(2, 3, 4), r"add --set nodes=2 --set users=3"),
        (draw(4, 8, 7, 4), r"expected \(nodes, users, antennas\) = \(4, 8, 4\), or .* = \(4, 8, 74, 4\)$"),
        (draw(4, 8), r"shape is \(4, 8\)"),
        (spoilt((1, 2, 3), np.nan), r"entry \(1, 2, 3\) is .*nan.*, which is not finite"),
        (spoilt((1, 2, 3), np.inf), r"entry \(1, 2, 3\)"),
        (spoilt((1, 2, 3), 3.0), r"\(1, 2\) \(node, user, ...\) receives 9 times the power"),
        (spoilt((1, 2, 3), 1e300), r"\(1, 2\) \(node, user, ...\) receives inf times the power"),
        (spoilt((slice(None), 5), 0.0), r"user 5 has channels of zero from every node for block \d+"),
        (draw(*SHAPE).real, "dtype is float64; expected complex amplitude ratios"),
    ],
)
def test_bad_arrays(tmp_path: Path, array: Array, words: str) -> None:
    np.save(tmp_path / "h.npy", array)
    with pytest.raises(InputError, match=words) as caught:
        with_channels(tmp_path / "h.npy")
    assert "channels: " in str(caught.value)


def test_one_silent_node_is_allowed(tmp_path: Path) -> None:
    np.save(tmp_path / "h.npy", spoilt((2,), 0.0))
    assert not with_channels(tmp_path / "h.npy").csi_radius[:, 2].any()


def npy_that_only_declares(shape: tuple[int, ...]) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "<c16", "fortran_order": False, "shape": shape})
    return stream.getvalue()


def npz_of(*names: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in names:
            archive.writestr(f"{name}.npy", b"")
    return stream.getvalue()


def mat_bytes(**arrays: object) -> bytes:
    stream = io.BytesIO()
    savemat(stream, arrays)
    return stream.getvalue()


def pickled() -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("h.npy", b"", "damaged or not a .npy file"),
        ("h.npy", b"\x93NUMPY\x01\x00", "damaged or not a .npy file"),
        ("h.npy", b"\x93NUMPY\x01\x00\x05\x00{'a'\n", "cannot read its header"),
        ("h.npy", pickled(), "pickled and non-numeric arrays are refused"),
        ("h.npy", npy_that_only_declares((10**6, 10**6)), "holds 0 bytes"),
        ("h.npz", b"PK no zip", "damaged or not a .npz file"),
        ("h.npz", npz_of("a", "b"), "holds the arrays a, b; name the one to take 'channel'"),
        ("h.npz", npz_of("channel"), "'channel.npy' is damaged or not a .npy file"),
        ("h.mat", b"no mat at all", "is neither of MATLAB's format 5 nor of 7.3"),
        ("h.mat", mat_bytes(a=np.eye(2), b=np.eye(2)), "holds the arrays a, b"),
        ("h.mat", mat_bytes(channel=draw(*SHAPE))[:300], "damaged or not a .mat file"),
        (
            "h.mat",
            mat_bytes(channel={"a": draw(*SHAPE)}),
            "'channel' is of class struct; expected an array of numbers",
        ),
        ("h.mat", b"MATLAB 7.3 MAT-file".ljust(512) + b"\x89HDF\r\n\x1a\n", "damaged or not a .mat file"),
        ("h.txt", b"1", "the name must end in .npy, .npz, .mat"),
    ],
)
def test_bad_files(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=words) as caught:
        with_channels(tmp_path / name)
    assert name in str(caught.value)


@pytest.mark.parametrize("field", ["rician_k", "fading", "g0_db", "path_loss_exponent"])
def test_parameters_of_drawn_channels_have_no_effect(tmp_path: Path, field: str) -> None:
    np.save(tmp_path / "h.npy", draw(*SHAPE))
    value = "once" if field == "fading" else "2"
    with pytest.raises(InputError, match=f"{field}: has no effect with channels = "):
        with_channels(tmp_path / "h.npy", **{field: value})
    before = SMALL.with_overrides({field: value})
    assert generate(before.with_overrides({"channels": str(tmp_path / "h.npy")})).channel.shape == (8, 4, 4)


def test_digest_without_file_is_refused() -> None:
    with pytest.raises(InputError, match="channels_sha256: has no effect with no file"):
        SMALL.with_overrides({"channels_sha256": "0" * 64})
    with pytest.raises(InputError, match="'xyz' is not 64 hexadecimal digits"):
        SMALL.with_overrides({"channels_sha256": "xyz"})
