"""Repositories of checkpoints against a comparison of the arrays themselves; layouts; hostile folders."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from checkpoints import Tensors, fine_tuned, transformer, write_adapter, write_sharded
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from fgamcd_opt.instances.repositories.checkpoint_scan import block_name, scan_folder
from fgamcd_opt.instances.repositories.model_repository import Repository
from fgamcd_opt.instances.repositories.sharing import bytes_saved, reuse_ratio, shared_bytes
from fgamcd_opt.io.errors import InputError

LAYER_BYTES = 4 * (4 * 4 + 4)


def held(repository: Repository, model: str) -> set[str]:
    """Names of a model's blocks."""
    row = repository.model_blocks[repository.model_names.index(model)]
    return {name for name, has in zip(repository.block_names, row, strict=True) if has}


def common_bytes(first: Tensors, second: Tensors) -> int:
    """Bytes of the blocks in which all tensors of two checkpoints agree, block by block."""
    total = 0
    for block in {block_name(name) for name in first} & {block_name(name) for name in second}:
        parts = [
            {name: value for name, value in model.items() if block_name(name) == block}
            for model in (first, second)
        ]
        if parts[0].keys() == parts[1].keys() and all(
            np.array_equal(value, parts[1][name]) for name, value in parts[0].items()
        ):
            total += sum(value.nbytes for value in parts[0].values())
    return total


@settings(max_examples=15)
@given(changed=st.lists(st.sets(st.integers(0, 4)), min_size=1, max_size=4))
def test_shared_bytes_are_those_of_equal_blocks(
    tmp_path_factory: pytest.TempPathFactory, changed: list[set[int]]
) -> None:
    folder = tmp_path_factory.mktemp("models")
    prefixes = ["model.embed", "model.layers.0.", "model.layers.1.", "model.layers.2.", "head"]
    base = transformer(0)
    models = [fine_tuned(base, 1 + i, *(prefixes[j] for j in chosen)) for i, chosen in enumerate(changed)]
    for i, model in enumerate(models):
        save_file(model, folder / f"m{i}.safetensors")
    repository = scan_folder(folder)
    expected = [[common_bytes(first, second) for second in models] for first in models]
    assert shared_bytes(repository).tolist() == expected
    distinct = int(repository.block_bytes.sum())
    assert bytes_saved(repository) == sum(expected[i][i] for i in range(len(models))) - distinct


def test_reuse_ratio_of_a_known_set(tmp_path: Path) -> None:
    base = transformer(0)
    save_file(base, tmp_path / "a.safetensors")
    save_file(fine_tuned(base, 1, "model.layers.2", "head"), tmp_path / "b.safetensors")
    repository = scan_folder(tmp_path)
    size, head = sum(value.nbytes for value in base.values()), base["head.weight"].nbytes
    assert reuse_ratio(repository) == pytest.approx((size - LAYER_BYTES - head) / size)
    assert bytes_saved(repository) == size - LAYER_BYTES - head
    assert held(repository, "b") - held(repository, "a") == {"b/model.layers.2", "b/head"}


def test_layouts_of_the_same_model_give_the_same_blocks(tmp_path: Path) -> None:
    base = transformer(0)
    save_file(base, tmp_path / "single.safetensors")
    write_sharded(tmp_path / "sharded", base)
    (tmp_path / "folder").mkdir()
    save_file(base, tmp_path / "folder" / "model.safetensors")
    renamed = {f"prefix.{name}": value for name, value in base.items()}
    save_file(renamed, tmp_path / "renamed.safetensors")
    (tmp_path / "empty-folder").mkdir()
    (tmp_path / "README.md").touch()
    repository = scan_folder(tmp_path)
    assert repository.model_names == ("folder", "renamed", "sharded", "single")
    assert repository.model_blocks.all()
    assert len(repository.block_names) == 5
    assert reuse_ratio(repository) == 1.0


def test_shards_directly_in_the_folder_are_one_model(tmp_path: Path) -> None:
    write_sharded(tmp_path / "model-a", transformer(0), shards=3)
    save_file(transformer(1), tmp_path / "model-a" / "other.safetensors")
    assert scan_folder(tmp_path / "model-a").model_names == ("model", "other")


def test_tied_blocks_of_one_model_are_stored_once(tmp_path: Path) -> None:
    same = np.arange(6, dtype=np.float32)
    save_file({"embed.weight": same, "head.weight": same.copy()}, tmp_path / "a.safetensors")
    repository = scan_folder(tmp_path)
    assert (repository.block_names, repository.block_bytes.tolist()) == (("a/embed",), [24])


@pytest.mark.parametrize(
    "other", [np.zeros((2, 3), np.float32), np.zeros(6, np.int32), np.zeros(12, np.float16)]
)
def test_equal_bytes_of_another_shape_or_type_are_another_block(tmp_path: Path, other: np.ndarray) -> None:
    save_file({"x.weight": np.zeros(6, np.float32)}, tmp_path / "a.safetensors")
    save_file({"x.weight": other}, tmp_path / "b.safetensors")
    assert len(scan_folder(tmp_path).block_names) == 2


def test_exchanged_tensors_are_another_block(tmp_path: Path) -> None:
    first, second = np.zeros(6, np.float32), np.ones(6, np.float32)
    save_file({"l.0.q": first, "l.0.k": second}, tmp_path / "a.safetensors")
    save_file({"l.0.q": second, "l.0.k": first}, tmp_path / "b.safetensors")
    assert len(scan_folder(tmp_path).block_names) == 2


@pytest.mark.parametrize("base_name", ["base", "organisation/base", "/home/somebody/base/"])
def test_adapter_is_its_base_and_its_own_blocks(tmp_path: Path, base_name: str) -> None:
    save_file(transformer(0), tmp_path / "base.safetensors")
    tensors = write_adapter(tmp_path / "adapter", base_name, seed=1)
    repository = scan_folder(tmp_path)
    assert repository.model_names == ("adapter", "base")
    own = held(repository, "adapter") - held(repository, "base")
    assert own == {f"adapter/base_model.model.model.layers.{i}" for i in range(3)}
    sizes = dict(zip(repository.block_names, repository.block_bytes.tolist(), strict=True))
    assert sum(sizes[name] for name in own) == sum(value.nbytes for value in tensors.values())
    assert held(repository, "base") < held(repository, "adapter")


@pytest.mark.parametrize(
    ("tensor", "block"),
    [
        ("encoder.layer.3.attention.self.query.weight", "encoder.layer.3"),
        ("layer1.0.conv1.weight", "layer1.0"),
        ("features.17.conv.0.0.weight", "features.17"),
        ("0.weight", "0"),
        ("model.embed_tokens.weight", "model.embed_tokens"),
        ("lm_head.weight", "lm_head"),
        ("bias", "bias"),
        ("blocks.12", "blocks"),
    ],
)
def test_block_names(tensor: str, block: str) -> None:
    assert block_name(tensor) == block


def test_group_by(tmp_path: Path) -> None:
    save_file(transformer(0), tmp_path / "a.safetensors")
    assert set(scan_folder(tmp_path, r"model|head").block_names) == {"a/model", "a/head"}
    assert set(scan_folder(tmp_path, r"(model)\.layers").block_names) == {
        "a/model",
        "a/model.embed",
        "a/head",
    }
    with pytest.raises(InputError, match=r"group-by: '\(' is not a regular expression"):
        scan_folder(tmp_path, "(")


def outside_link(folder: Path) -> None:
    target = folder.parent / "secret.safetensors"
    save_file(transformer(0), target)
    os.symlink(target, folder / "a.safetensors")


def index_to_outside(folder: Path) -> None:
    save_file(transformer(0), folder.parent / "secret.safetensors")
    index = {"weight_map": {"head.weight": "../secret.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def index_of(change: Callable[[dict[str, str]], object]) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        write_sharded(folder / "m", transformer(0))
        path = folder / "m" / "model.safetensors.index.json"
        index = json.loads(path.read_text())
        change(index["weight_map"])
        path.write_text(json.dumps(index))

    return write


def tensor_in_two_shards(folder: Path) -> None:
    index_of(lambda _: None)(folder)
    shards = sorted((folder / "m").glob("*.safetensors"))
    shards[1].write_bytes(shards[0].read_bytes())


def two_in_a_subfolder(folder: Path) -> None:
    (folder / "m").mkdir()
    for name in ("x", "y"):
        save_file(transformer(0), folder / "m" / f"{name}.safetensors")


def adapter_config(text: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        write_adapter(folder / "lora", "base", 0)
        (folder / "lora" / "adapter_config.json").write_text(text)

    return write


def adapter_of_adapter(folder: Path) -> None:
    write_adapter(folder / "one", "two", 0)
    write_adapter(folder / "two", "one", 0)


def same_name_twice(folder: Path) -> None:
    save_file(transformer(0), folder / "m.safetensors")
    (folder / "m").mkdir()
    save_file(transformer(1), folder / "m" / "model.safetensors")


def only_empty_tensors(folder: Path) -> None:
    save_file({"x.weight": np.zeros((0, 3), np.float32)}, folder / "a.safetensors")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda _: None, "holds no .*safetensors file of a model, neither directly nor in a sub-folder"),
        (outside_link, r"is a link to .*secret\.safetensors, outside of"),
        (index_to_outside, r"names '\.\./secret\.safetensors', which is not a .* file of its folder"),
        (index_of(lambda m: m.update(x="absent.safetensors")), r"names 'absent\.safetensors'"),
        (
            index_of(lambda m: m.pop("head.weight")),
            "'head.weight' is in .*, but the index says nothing of it",
        ),
        (index_of(lambda m: m.update(x=m["head.weight"])), "'x' is in no file, but the index says"),
        (tensor_in_two_shards, r"tensor .* is in model-00001-of-00002\.safetensors, too"),
        (index_of(lambda m: m.clear()), "weight_map is not an object"),
        (
            two_in_a_subfolder,
            r"holds 2 models \(x, y\), and neither an index nor the name model\.safetensors says",
        ),
        (adapter_config("{"), "adapter_config.json: not valid JSON"),
        (adapter_config("{}"), "base_model_name_or_path is None"),
        (
            adapter_config('{"base_model_name_or_path": "org/base"}'),
            "put its checkpoint into a sub-folder 'base'",
        ),
        (adapter_of_adapter, "is an adapter itself"),
        (same_name_twice, "two models are called 'm'"),
        (only_empty_tensors, "holds no tensor with any bytes"),
        (lambda folder: (folder / "a.safetensors").mkdir(), "is not a file"),
        (lambda folder: os.mkfifo(folder / "a.safetensors"), "is not a file"),
        (lambda folder: os.symlink("absent", folder / "a.safetensors"), "is a link that leads nowhere"),
        (
            lambda folder: os.symlink("a.safetensors", folder / "a.safetensors"),
            "is a link that leads nowhere .Too many levels of symbolic links",
        ),
    ],
)
def test_bad_folders(tmp_path: Path, make: Callable[[Path], object], words: str) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    make(folder)
    with pytest.raises(InputError, match=words):
        scan_folder(folder)


def test_link_within_the_folder_is_followed(tmp_path: Path) -> None:
    (tmp_path / ".blobs").mkdir()
    save_file(transformer(0), tmp_path / ".blobs" / "a")
    os.symlink(Path(".blobs", "a"), tmp_path / "m.safetensors")
    assert scan_folder(tmp_path).model_names == ("m",)


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such folder"):
        scan_folder(tmp_path / "absent")
