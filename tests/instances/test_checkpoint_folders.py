"""Folders as they are found: what is a model, and that every other file is listed with a true reason."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from checkpoints import transformer, write_adapter, write_sharded
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save, save_file

from fgamcd_opt.instances.repositories import left_out
from fgamcd_opt.instances.repositories.checkpoint_files import survey
from fgamcd_opt.instances.repositories.checkpoint_scan import scan_folder
from fgamcd_opt.io.errors import InputError

SAVED = save(transformer(0, layers=1))


def put(folder: Path, *names: str, content: bytes = SAVED) -> None:
    """Write the same content under several names, sub-folders included."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def models(folder: Path) -> dict[str, list[str]]:
    """Files of every model, from the folder."""
    return {c.name: [p.relative_to(folder).as_posix() for p in c.files] for c in survey(folder).checkpoints}


def reasons(folder: Path) -> dict[str, str]:
    """What is left out, and why."""
    found = survey(folder).left_out
    assert len({item.path for item in found}) == len(found)
    return {item.path: item.reason for item in found}


def everything_is_accounted_for(folder: Path) -> None:
    """Each file is a model's, an index or a configuration that was used, or is left out, itself or with its folder."""
    found = survey(folder)
    used = {path for c in found.checkpoints for path in c.files}
    left = {item.path for item in found.left_out}
    for path in folder.rglob("*"):
        parts = path.relative_to(folder).parts
        above = {"/".join(parts[: i + 1]) for i in range(len(parts))}
        accounted = path in used or bool(left & above) or path.name.lower().endswith("index.json")
        assert path.is_dir() or accounted or path.name == "adapter_config.json", path


SHARDS = [f"big-{k:05d}-of-00003.safetensors" for k in (1, 2, 3)]


def write_shards(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for i, name in enumerate(names):
        save_file({f"layers.{i}.w": np.full(4, i, np.float32)}, folder / name)


@pytest.mark.parametrize(
    "names",
    [
        SHARDS,
        ["m-1-of-2.safetensors", "m-2-of-2.safetensors"],
        ["m-00000-of-00002.safetensors", "m-00001-of-00002.safetensors"],
        ["m-00001-of-00001.safetensors"],
        ["consolidated.00-of-02.safetensors", "consolidated.01-of-02.safetensors"],
        ["M-1-OF-2.SafeTensors", "M-2-OF-2.SafeTensors"],
    ],
)
def test_numbered_shards_are_one_model(tmp_path: Path, names: list[str]) -> None:
    write_shards(tmp_path / "in", *names)
    write_shards(tmp_path / "in" / "sub", *names)
    stem = names[0].split("-")[0].split(".0")[0]
    repository = scan_folder(tmp_path / "in")
    assert repository.model_names == tuple(sorted([stem, "sub"]))
    assert repository.model_blocks.all()
    assert repository.model_blocks.shape == (2, len(names))
    assert not reasons(tmp_path / "in")


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (SHARDS[:2], "shard 3 of 3 is missing .model 'big', no index.; complete the download"),
        (SHARDS[1:], "shard 1 of 3 is missing"),
        ([SHARDS[0], SHARDS[2]], "shard 2 of 3 is missing"),
        (["m-1-of-999999999999999999999.safetensors"], "shard 2 of 999999999999999999999 is missing"),
        (["m-1-of-1.safetensors", "m-2-of-1.safetensors"], "2 files are numbered as shards of 1"),
        (["m-1-of-1.safetensors", "m-01-of-1.safetensors"], "2 files are numbered as shards of 1"),
        (["m-1-of-0.safetensors"], "1 files are numbered as shards of 0"),
    ],
)
def test_missing_shards_are_an_error(tmp_path: Path, names: list[str], words: str) -> None:
    for place in (tmp_path / "a", tmp_path / "b" / "sub"):
        write_shards(place, *names)
    for folder in (tmp_path / "a", tmp_path / "b"):
        with pytest.raises(InputError, match=words):
            survey(folder)


def test_a_tensor_in_two_numbered_shards_is_an_error(tmp_path: Path) -> None:
    put(tmp_path, "m-1-of-2.safetensors", "m-2-of-2.safetensors")
    with pytest.raises(InputError, match=r"tensor .* is in m-1-of-2\.safetensors, too"):
        scan_folder(tmp_path)


def test_the_case_of_an_end_does_not_matter(tmp_path: Path) -> None:
    put(tmp_path, "a.safetensors", "B.Safetensors", "c/MODEL.SAFETENSORS")
    assert models(tmp_path) == {
        "a": ["a.safetensors"],
        "B": ["B.Safetensors"],
        "c": ["c/MODEL.SAFETENSORS"],
    }


def test_a_sentence_transformer_with_what_the_hub_adds(tmp_path: Path) -> None:
    """The repositories of sentence-transformers: a head in a sub-folder, the same weights in five formats, texts."""
    texts = [
        "README.md",
        "config.json",
        "tokenizer.json",
        "vocab.txt",
        "1_Pooling/config.json",
        "modules.json",
    ]
    weights = ["2_Dense/model.safetensors", "2_Dense/pytorch_model.bin", "onnx/model.onnx", "tf_model.h5"]
    weights += ["pytorch_model.bin", "flax_model.msgpack", "openvino/openvino_model.bin", "rust_model.ot"]
    put(tmp_path, *(f"st/{name}" for name in ["model.safetensors", ".gitattributes", *texts, *weights]))
    assert models(tmp_path) == {"st": ["st/model.safetensors"]}
    found = reasons(tmp_path)
    assert set(found) == {f"st/{name}" for name in [".gitattributes", *texts, *weights]}
    assert all(found[f"st/{name}"] == "holds no weights, by its name" for name in texts)
    assert all(found[f"st/{name}"] != "holds no weights, by its name" for name in weights)
    assert found["st/2_Dense/model.safetensors"].startswith(
        "lies in a sub-folder of the model st, of which only"
    )
    assert "pickle" in found["st/pytorch_model.bin"]
    assert found["st/.gitattributes"] == "its name begins with a dot"
    everything_is_accounted_for(tmp_path)


def test_what_lies_deeper_or_is_of_another_format_is_listed(tmp_path: Path) -> None:
    put(
        tmp_path,
        "counted.safetensors",
        "run/checkpoint-500/model.safetensors",
        "run/checkpoint-500/optimizer.pt",
    )
    put(tmp_path, "old/pytorch_model.bin", "old/pytorch_model.bin.index.json", "llama/model-Q4_K_M.gguf")
    put(
        tmp_path,
        "llama/model-00001-of-00002.gguf",
        "sd/unet/diffusion_pytorch_model.safetensors",
        "sd/model_index.json",
    )
    put(tmp_path, "meta/original/consolidated.00.pth", "broken.safetensors.incomplete", "b.safetensors.part")
    (tmp_path / "nothing").mkdir()
    assert models(tmp_path) == {"counted": ["counted.safetensors"]}
    found = reasons(tmp_path)
    deep = ["run/checkpoint-500/model.safetensors", "sd/unet/diffusion_pytorch_model.safetensors"]
    assert all("two folders deep; scan " in found[name] for name in deep)
    assert all(
        "pickle" in found[f"{name}"]
        for name in ("old/pytorch_model.bin", "meta/original/consolidated.00.pth")
    )
    assert "llama.cpp" in found["llama/model-Q4_K_M.gguf"]
    assert found["nothing"] == "holds nothing that is counted"
    assert "does not end in .safetensors" in found["broken.safetensors.incomplete"]
    everything_is_accounted_for(tmp_path)


def test_a_checkpoint_of_a_training_is_a_model_where_it_lies_directly(tmp_path: Path) -> None:
    put(
        tmp_path,
        "checkpoint-500/model.safetensors",
        "checkpoint-500/optimizer.pt",
        "checkpoint-500/rng_state.pth",
    )
    assert list(models(tmp_path)) == ["checkpoint-500"]
    assert set(reasons(tmp_path)) == {"checkpoint-500/optimizer.pt", "checkpoint-500/rng_state.pth"}


def test_a_folder_without_models_says_what_is_there(tmp_path: Path) -> None:
    put(tmp_path, "README.md", "old/pytorch_model.bin")
    with pytest.raises(
        InputError, match=r"holds no .*; old/pytorch_model\.bin: is a pickle by its name.*README\.md"
    ):
        survey(tmp_path)


def test_names_that_begin_with_a_dot_are_not_read(tmp_path: Path) -> None:
    put(tmp_path, "a.safetensors", "m/model.safetensors")
    hidden = ["._a.safetensors", ".hidden.safetensors", "m/._model.safetensors", "m/.x/model.safetensors"]
    hidden += [".cache/huggingface/x.safetensors", "._model-00001-of-00002.safetensors"]
    put(tmp_path, *hidden, content=b"\0\5\x16\7Mac OS X")
    assert set(models(tmp_path)) == {"a", "m"}
    found = reasons(tmp_path)
    assert set(found) == {*hidden[:3], "m/.x", ".cache", hidden[5]}
    assert set(found.values()) == {"its name begins with a dot"}


def test_an_index_says_which_checkpoint_of_a_folder_is_meant(tmp_path: Path) -> None:
    write_sharded(tmp_path / "mistral", transformer(0))
    put(tmp_path, "mistral/consolidated.safetensors", "mistral/model-00001-of-00009.safetensors")
    assert len(models(tmp_path)["mistral"]) == 2
    found = reasons(tmp_path)
    assert set(found) == {"mistral/consolidated.safetensors", "mistral/model-00001-of-00009.safetensors"}
    assert all(
        "beside the model that is counted, model.safetensors.index.json" in why for why in found.values()
    )


def test_a_multitude_of_stray_shards_is_seen_at_once(tmp_path: Path) -> None:
    """Every file is a set of shards of its own that lacks the others."""
    write_sharded(tmp_path / "m", transformer(0))
    stray = [f"model-00001-of-{n:05d}.safetensors" for n in range(10, 3000)]
    for name in stray:
        os.link(tmp_path / "m" / "model-00001-of-00002.safetensors", tmp_path / "m" / name)
    assert set(models(tmp_path / "m")) == {"model"}
    assert set(reasons(tmp_path / "m")) == set(stray)
    (tmp_path / "m" / "model.safetensors.index.json").unlink()
    with pytest.raises(
        InputError, match=r"holds 2991 models \(model, model, model, \.\.\.\), and neither"
    ) as caught:
        survey(tmp_path)
    assert len(str(caught.value)) < 500


def test_the_file_that_loaders_take_is_meant(tmp_path: Path) -> None:
    put(tmp_path, "m/model.safetensors", "m/consolidated.safetensors", "m/model.fp16.safetensors")
    assert models(tmp_path) == {"m": ["m/model.safetensors"]}
    assert set(reasons(tmp_path)) == {"m/consolidated.safetensors", "m/model.fp16.safetensors"}


def test_old_shards_beside_an_index_are_listed(tmp_path: Path) -> None:
    write_sharded(tmp_path / "m", transformer(0))
    put(tmp_path, "m/model-00003-of-00004.safetensors", "m/other.safetensors")
    assert set(models(tmp_path / "m")) == {"model", "other"}
    assert reasons(tmp_path / "m") == {
        "model-00003-of-00004.safetensors": "is a shard that model.safetensors.index.json does not name"
    }


BASES = [
    "base",
    "org/base",
    "/home/me/base/",
    "./base",
    "../base",
    "C:\\Users\\me\\models\\base",
    "C:\\Users\\me\\models\\base\\",
    "\\\\server\\share\\base",
    "/root/.cache/huggingface/hub/models--org--base/snapshots/0a1b2c",
    "/root/.cache/huggingface/hub/models--org--base/snapshots/0a1b2c/",
    "C:\\Users\\me\\.cache\\huggingface\\hub\\models--org--base\\snapshots\\0a1b2c",
    "models--base/snapshots/0a1b2c",
    "/data/base.safetensors",
]


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize(
    "place", ["base.safetensors", "base/model.safetensors", "models--org--base/model.safetensors"]
)
def test_the_base_of_an_adapter_is_found(tmp_path: Path, base: str, place: str) -> None:
    put(tmp_path, place)
    write_adapter(tmp_path / "lora", base, seed=1)
    assert [(c.name, c.base) for c in survey(tmp_path).checkpoints] == [("base", None), ("lora", "base")]


def test_a_snapshot_that_was_copied_under_its_hash_is_a_base(tmp_path: Path) -> None:
    put(tmp_path, "0a1b2c/model.safetensors")
    write_adapter(tmp_path / "lora", BASES[8], seed=1)
    assert [(c.name, c.base) for c in survey(tmp_path).checkpoints] == [("0a1b2c", None), ("lora", "0a1b2c")]


def test_an_adapter_directly_in_the_folder_is_no_model_of_its_own(tmp_path: Path) -> None:
    write_adapter(tmp_path / "lora", "org/base", seed=1)
    with pytest.raises(
        InputError, match="the base 'org/base' of adapter adapter_model is not there; put its checkp"
    ):
        survey(tmp_path / "lora")
    put(tmp_path / "lora", "base/model.safetensors")
    repository = scan_folder(tmp_path / "lora")
    assert repository.model_names == ("adapter_model", "base")
    assert (repository.model_blocks[0] & repository.model_blocks[1]).sum() == repository.model_blocks[1].sum()


def test_a_sharded_adapter_and_an_adapter_beside_its_base(tmp_path: Path) -> None:
    put(tmp_path, "base/model.safetensors")
    (tmp_path / "lora").mkdir()
    (tmp_path / "lora" / "adapter_config.json").write_text('{"base_model_name_or_path": "base"}')
    write_shards(tmp_path / "lora", *(f"adapter_model-0000{k}-of-00002.safetensors" for k in (1, 2)))
    write_adapter(tmp_path / "both", "base", seed=2)
    put(tmp_path, "both/model.safetensors")
    found = survey(tmp_path).checkpoints
    assert [(c.name, c.base, len(c.files)) for c in found] == [
        ("base", None, 1),
        ("both", "base", 1),
        ("lora", "base", 2),
    ]
    assert reasons(tmp_path) == {
        "both/model.safetensors": "lies beside the model that is counted, adapter_model.safetensors"
    }


def test_adapters_in_sub_folders_and_without_weights_are_listed(tmp_path: Path) -> None:
    put(tmp_path, "base/model.safetensors")
    write_adapter(tmp_path / "base" / "lora", "base", seed=1)
    put(tmp_path, "pickled/adapter_config.json", content=b'{"base_model_name_or_path": "base"}')
    put(tmp_path, "pickled/adapter_model.bin")
    assert list(models(tmp_path)) == ["base"]
    found = reasons(tmp_path)
    assert "sub-folder of the model base" in found["base/lora/adapter_model.safetensors"]
    assert found["pickled/adapter_config.json"] == "belongs to no adapter_model.safetensors that is there"
    assert "pickle" in found["pickled/adapter_model.bin"]


def cached(hub: Path, name: str, *hashes: str, main: str | None = None) -> None:
    """A model in the layout of the hub's cache: snapshots of links into a folder of contents."""
    put(hub, f"models--org--{name}/blobs/abc")
    for commit in hashes:
        folder = hub / f"models--org--{name}" / "snapshots" / commit
        folder.mkdir(parents=True)
        os.symlink("../../blobs/abc", folder / "model.safetensors")
        os.symlink("../../blobs/abc", folder / "config.json")
    if main is not None:
        put(hub, f"models--org--{name}/refs/main", content=main.encode())


def test_the_cache_of_the_hub(tmp_path: Path) -> None:
    cached(tmp_path, "one", "aaa")
    cached(tmp_path, "two", "aaa", "bbb", main="bbb")
    put(tmp_path, "version.txt", ".locks/x")
    write_adapter(tmp_path / "lora", "/home/me/hub/models--org--two/snapshots/aaa", seed=1)
    assert models(tmp_path) == {
        "one": ["models--org--one/snapshots/aaa/model.safetensors"],
        "two": ["models--org--two/snapshots/bbb/model.safetensors"],
        "lora": ["lora/adapter_model.safetensors"],
    }
    found = reasons(tmp_path)
    assert found["models--org--two/snapshots/aaa"] == "is not the snapshot that is counted, bbb"
    assert "belongs to the hub's cache" in found["models--org--one/blobs"]
    assert set(scan_folder(tmp_path).model_names) == {"one", "two", "lora"}
    with pytest.raises(
        InputError, match=r"is a link to .*blobs/abc, outside of .*; copy what it leads to .*cp -rL"
    ):
        survey(tmp_path / "models--org--one" / "snapshots")
    assert models(tmp_path / "models--org--one") == {"one": ["snapshots/aaa/model.safetensors"]}
    (tmp_path / "models--org--none" / "snapshots").mkdir(parents=True)
    assert reasons(tmp_path)["models--org--none/snapshots"] == "is empty"
    cached(tmp_path, "three", "aaa", "bbb")
    with pytest.raises(InputError, match="holds 2 snapshots; keep one of them"):
        survey(tmp_path)


def test_links_to_folders(tmp_path: Path) -> None:
    put(tmp_path, "in/a/model.safetensors", "in/.store/b/model.safetensors", "out/model.safetensors")
    folder = tmp_path / "in"
    for link, target in {"loop": "loop", "here": ".", "again": "a", "b": ".store/b", "a/up": ".."}.items():
        os.symlink(target, folder / link)
    assert models(folder) == {"a": ["a/model.safetensors"], "b": ["b/model.safetensors"]}
    found = reasons(folder)
    assert set(found) == {".store", "loop", "here", "again", "a/up"}
    assert found["loop"] == "is a link that leads nowhere"
    assert found["here"] == found["again"] == "is a link to a folder; only the folder itself is counted"
    os.symlink("../out", folder / "out")
    with pytest.raises(InputError, match=r"out: is a link to .*, outside of .*; copy what it leads to"):
        survey(folder)


def test_links_in_circles_deep_inside_end(tmp_path: Path) -> None:
    put(tmp_path, "a.safetensors", "x/y/z/w.safetensors")
    os.symlink("../..", tmp_path / "x" / "y" / "up")
    os.symlink("self", tmp_path / "x" / "y" / "self")
    found = reasons(tmp_path)
    assert set(found) == {"x/y/up", "x/y/self", "x/y/z/w.safetensors"}
    assert found["x/y/up"] == "is a link, but not to a file"


def test_too_many_files_are_not_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "a.safetensors", *(f"deep/er/{i}.txt" for i in range(20)))
    monkeypatch.setattr(left_out, "MAX_ENTRIES", 22)
    with pytest.raises(InputError, match="holds more than 22 files; scan a folder of checkpoints alone"):
        survey(tmp_path)


def test_names_that_no_terminal_shows(tmp_path: Path) -> None:
    put(tmp_path, "a.safetensors", "\x1b[31mred.bin", "\udcff.txt")
    assert set(reasons(tmp_path)) == {"\\x1b[31mred.bin", "\\udcff.txt"}
    put(tmp_path, "\x1b[31m.safetensors")
    with pytest.raises(InputError, match="name of a model"):
        survey(tmp_path)


def test_the_library_warns_of_what_may_hold_weights(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    put(tmp_path, "a.safetensors", "b.bin", "README.md")
    with caplog.at_level(logging.WARNING):
        scan_folder(tmp_path)
    (line,) = caplog.messages
    assert "not counted: b.bin: is a pickle by its name" in line


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 134217728\n"


def zipped() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("archive/data.pkl", b"x")
    return stream.getvalue()


FOREIGN = [
    (POINTER, "is not a safetensors file but a pointer of Git LFS .*; run git lfs pull"),
    *[
        (
            pickle.dumps({"w": list(range(99))}, protocol=p),
            "but a pickle, and pickles are never read; convert",
        )
        for p in (2, 3, 4, 5)
    ],
    (zipped(), "but a zip archive, such as PyTorch's save writes; convert"),
    (b"<!DOCTYPE html>\n<html><body>Not Found</body></html>", "but an HTML page; download the file itself"),
    (b"\n  <HTML lang=en>" + b" " * 2000, "but an HTML page"),
    (b"\xef\xbb\xbf<!doctype html>", "but an HTML page"),
    ("<!doctype html><p>".encode("utf-16"), "but an HTML page"),
    (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "but an XML text"),
    (b'{"error":"Invalid username or password."}', "but a text that begins with"),
    (b"Entry not found", "but a text that begins with 'Entry not found'"),
    (b"404", "but a text that begins with '404'"),
    ("Ungültig: ".encode() * 200, "but a text that begins with 'Ungültig"),
    (b"GGUF\3\0\0\0" + bytes(40), "but a GGUF file"),
    (b"\x89HDF\r\n\x1a\n" + bytes(40), "but an HDF5 file"),
    (b"\x93NUMPY\1\0v\0{'descr'" + bytes(40), "but a NumPy array"),
    (b"\x1f\x8b\x08\0" + bytes(40), "but a gzip archive"),
    (b"model\0".ljust(257, b"\0") + b"ustar\0" + bytes(250), "but a tar archive"),
    (bytes(4096), "but a file that begins with zeros"),
    (b"", "has 0 bytes; not a safetensors file"),
    (b"\x0b\xad\xc0\xde" * 9, "declares a header of .* bytes, more than"),
]


@pytest.mark.parametrize(("content", "words"), FOREIGN)
@pytest.mark.parametrize("place", ["a.safetensors", "m/model.safetensors"])
def test_what_else_a_file_is(tmp_path: Path, content: bytes, words: str, place: str) -> None:
    put(tmp_path, place, content=content)
    with pytest.raises(InputError, match=words) as caught:
        scan_folder(tmp_path)
    assert place.rpartition("/")[2] in str(caught.value)
    assert len(str(caught.value)) < len(str(tmp_path)) + 300


def test_a_header_that_looks_like_a_pickle_is_read(tmp_path: Path) -> None:
    """640 bytes of header: the file begins with 0x80 0x02, as pickles do."""
    header = json.dumps({"w": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}}).ljust(640)
    put(tmp_path, "a.safetensors", content=b"\x80\x02" + bytes(6) + header.encode() + b"\1")
    assert scan_folder(tmp_path).block_bytes.tolist() == [1]


@pytest.mark.parametrize("name", ["model.safetensors.index.json", "adapter_config.json"])
def test_pointers_in_place_of_json(tmp_path: Path, name: str) -> None:
    put(tmp_path, "m/adapter_model.safetensors")
    put(tmp_path, f"m/{name}", content=POINTER)
    with pytest.raises(InputError, match=f"{name}: not valid JSON but a pointer of Git LFS"):
        survey(tmp_path)


NAMES = [
    "model.safetensors",
    "x.safetensors",
    "m-1-of-2.safetensors",
    "m-2-of-2.safetensors",
    "a.bin",
    "README.md",
]
NAMES += [
    "adapter_config.json",
    "adapter_model.safetensors",
    "model.safetensors.index.json",
    "._x.safetensors",
]
NAMES += ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "q.gguf", "X.SAFETENSORS"]
CONTENTS: dict[str, Callable[[], bytes]] = {
    "adapter_config.json": lambda: b'{"base_model_name_or_path": "org/x"}',
    "model.safetensors.index.json": lambda: json.dumps(
        {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
    ).encode(),
}


@settings(max_examples=150)
@given(
    entries=st.sets(
        st.tuples(
            st.sampled_from(["", "", "p/", "p/q/", "x/", ".h/", "models--o--p/snapshots/h/"]),
            st.sampled_from(NAMES),
        ),
        max_size=12,
    ),
    links=st.sets(
        st.tuples(
            st.sampled_from(["l", "p/l", "x/y.safetensors"]), st.sampled_from([".", "..", "l", "p", "x/q"])
        ),
        max_size=2,
    ),
)
def test_any_folder_is_accounted_for_or_refused(
    tmp_path_factory: pytest.TempPathFactory, entries: set[tuple[str, str]], links: set[tuple[str, str]]
) -> None:
    folder = tmp_path_factory.mktemp("any") / "models"
    folder.mkdir()
    for place, name in entries:
        put(folder, f"{place}{name}", content=CONTENTS.get(name, lambda: SAVED)())
    for link, target in links:
        if (folder / link).parent.is_dir() and not (folder / link).is_symlink():
            os.symlink(target, folder / link)
    with contextlib.suppress(InputError):
        everything_is_accounted_for(folder)
        reasons(folder)
