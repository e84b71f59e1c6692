"""Random damage to MATLAB files and folders of checkpoints, and what must hold of each damaged input.

``python tests/instances/input_mutations.py COUNT SEED`` judges COUNT mutations of each of the four kinds.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
from checkpoints import fine_tuned, transformer, write_adapter, write_sharded
from matlab_files import CRASHES, Array, hdf5, pick, read_in_fork, saved, write_dataset
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from fgamcd_opt.instances.network.array_file import READ_FAULTS
from fgamcd_opt.instances.network.matlab_file import read_matlab
from fgamcd_opt.instances.repositories.checkpoint_files import survey
from fgamcd_opt.instances.repositories.checkpoint_scan import build_repository
from fgamcd_opt.instances.repositories.safetensors_header import read_header
from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.safe_text import one_line

REFUSED, SAME, OTHER = "refused", "same", "accepted as something else that is valid"
LIMIT_S = 60
"""A reader that takes longer hangs."""

_RNG = np.random.default_rng(5)
CHANNEL: Array = _RNG.normal(size=(2, 3, 4)) + 1j * _RNG.normal(size=(2, 3, 4))


def damaged(rng: np.random.Generator, content: bytes) -> bytes:
    """One to three changes: flipped bits, other bytes, a cut, a repeated or a lost piece, numbers at their ends."""
    data = bytearray(content)
    for _ in range(rng.integers(1, 4)):
        if not data:
            break
        first, length = int(rng.integers(len(data))), int(rng.integers(1, 17))
        kind = rng.integers(7)
        if kind == 0:
            data[first] ^= 1 << int(rng.integers(8))
        elif kind == 1:
            data[first] = int(rng.integers(256))
        elif kind == 2:
            del data[max(0, len(data) - length) if rng.random() < 0.5 else first :]
        elif kind == 3:
            data[first:first] = data[first : first + length]
        elif kind == 4:
            del data[first : first + length]
        elif kind == 5:
            data[first : first + 4] = rng.choice(
                [b"\xff\xff\xff\xff", b"\0\0\0\0", b"\xff\xff\xff\x7f", b"\0\0\0\x80"]
            )
        else:
            data += bytes(rng.integers(0, 256, size=length, dtype=np.uint8))
    return bytes(data)


def matlab_5(rng: np.random.Generator, place: Path) -> str:
    """Compressed variables: what is accepted is the array that was saved."""
    content = damaged(rng, saved(True, channel=CHANNEL, other=np.eye(2)))
    try:
        found = read_matlab("h.mat", content, pick("channel"))
    except (*READ_FAULTS, InputError, StopIteration):
        return REFUSED
    assert found.dtype == CHANNEL.dtype
    np.testing.assert_array_equal(found, CHANNEL)
    return SAME


def matlab_hdf5(rng: np.random.Generator, place: Path) -> str:
    """Compressed chunks, read in a fork: the same array, a refusal, or a crash of the library that this isolates."""
    good = place.with_name("good.mat")
    if not good.exists():
        how = {"chunks": (4, 2, 2), "compression": "gzip", "shuffle": True}
        good.write_bytes(hdf5(place, lambda file: write_dataset(file, "channel", CHANNEL, **how)))
    end = read_in_fork(damaged(rng, good.read_bytes()), CHANNEL)
    assert end in (0, 1, *CRASHES), end
    return {0: SAME, 1: REFUSED}.get(end, "refused after a crash of the HDF5 library")


def safetensors_file(rng: np.random.Generator, path: Path) -> str:
    """Whatever our reader accepts, the safetensors package accepts, and finds the same tensors in the same bytes."""
    save_file(transformer(1, layers=1), path)
    content = path.read_bytes()
    header = 8 + int.from_bytes(content[:8], "little")
    path.write_bytes(
        damaged(rng, content[:header]) + content[header:] if rng.random() < 0.8 else damaged(rng, content)
    )
    try:
        entries = read_header(path)
    except InputError:
        return REFUSED
    now = path.read_bytes()
    with safe_open(path, "np") as package:
        assert {entry.name for entry in entries} == set(package.keys())
        for entry in entries:
            tensor = package.get_slice(entry.name)
            assert (list(entry.shape), entry.dtype) == (tensor.get_shape(), tensor.get_dtype())
            with contextlib.suppress(
                SafetensorError, AttributeError, TypeError
            ):  # types that NumPy does not have
                assert now[entry.begin : entry.end] == package.get_tensor(entry.name).tobytes()
    return SAME if now == content else OTHER


def write_folder(folder: Path) -> None:
    """A folder with a model in a file, one in shards, one in shards without an index, one deep, and an adapter."""
    base = transformer(0, layers=2)
    folder.mkdir()
    save_file(base, folder / "base.safetensors")
    write_sharded(folder / "indexed", fine_tuned(base, 1, "head"))
    write_sharded(folder / "numbered", fine_tuned(base, 2, "model.layers.0"))
    (folder / "numbered" / "model.safetensors.index.json").unlink()
    write_adapter(folder / "lora", "models--org--base/snapshots/0a", seed=3, layers=2)
    (folder / "deep" / "er").mkdir(parents=True)
    save_file(base, folder / "deep" / "er" / "model.safetensors")
    (folder / "old").mkdir()
    (folder / "old" / "pytorch_model.bin").write_bytes(b"\x80\x02x")


def checkpoint_folder(rng: np.random.Generator, folder: Path) -> str:
    """A folder whose files were damaged, renamed, moved, removed, linked: all is accounted for, and bytes add up."""
    write_folder(folder)
    for _ in range(rng.integers(1, 4)):
        _change(rng, folder)
    try:
        found = survey(folder)
        repository = build_repository(folder, found.checkpoints)
    except InputError:
        return REFUSED
    used = {path for checkpoint in found.checkpoints for path in checkpoint.files}
    left = {item.path for item in found.left_out}
    for path in folder.rglob("*"):
        parts = [one_line(part) for part in path.relative_to(folder).parts]
        above = {"/".join(parts[: i + 1]) for i in range(len(parts))}
        known = path.name == "adapter_config.json" or path.name.lower().endswith("index.json")
        assert path in used or left & above or known or (path.is_dir() and not path.is_symlink()), path
    bytes_of = {c.name: sum(map(_tensor_bytes, c.files)) for c in found.checkpoints}
    for checkpoint in found.checkpoints:
        row = repository.model_blocks[repository.model_names.index(checkpoint.name)]
        expected = bytes_of[checkpoint.name] + (bytes_of[checkpoint.base] if checkpoint.base else 0)
        assert repository.block_bytes[row].sum() <= expected  # equal blocks of one model count once
    return OTHER


def _tensor_bytes(path: Path) -> int:
    """Bytes of the tensors of a file, by the safetensors package: it checks that they fill the file."""
    with safe_open(path, "np"):
        content = path.read_bytes()
    return len(content) - 8 - int.from_bytes(content[:8], "little")


_NEW_NAMES = ("x.safetensors", "X.SafeTensors", "._x.safetensors", "x.bin", "x.gguf", "m-1-of-2.safetensors")
_NEW_NAMES += (
    "model.safetensors",
    "adapter_config.json",
    "adapter_model.safetensors",
    "\x1b.safetensors",
    "\udcff",
)
_NEW_NAMES += ("model.safetensors.index.json", "model-00001-of-00002.safetensors", "snapshots", "README.md")
_TEXTS = (
    b"",
    b"{}",
    b"[]",
    b"version https://git-lfs.github.com/spec/v1\n",
    b"<html>",
    b"\x80\x04\x95",
    bytes(99),
)


def _change(rng: np.random.Generator, folder: Path) -> None:
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    path = paths[int(rng.integers(len(paths)))]
    new = path.parent / str(rng.choice(np.array(_NEW_NAMES, dtype=object)))
    kind = rng.integers(8)
    if kind <= 1:
        path.write_bytes(damaged(rng, path.read_bytes()))
    elif kind == 2 and len(paths) > 1:
        path.unlink()
    elif kind == 3 and not new.is_dir():
        path.rename(new)
    elif kind == 4 and not new.exists():
        shutil.copyfile(path, new)
    elif kind == 5:
        path.write_bytes(_TEXTS[int(rng.integers(len(_TEXTS)))])
    elif kind == 6 and not new.is_symlink() and not new.exists():
        new.symlink_to(str(rng.choice([".", "..", new.name, path.name, "../base.safetensors", "../..", "/"])))
    elif path.suffix == ".json":
        _change_json(rng, path)


def _change_json(rng: np.random.Generator, path: Path) -> None:
    with contextlib.suppress(ValueError):
        content = json.loads(path.read_bytes())
        if isinstance(content, dict) and content:
            key = list(content)[int(rng.integers(len(content)))]
            content[key] = [None, {}, [], "", "..", "../base.safetensors", "base", 1, {"a": 1}, "x" * 9999][
                int(rng.integers(10))
            ]
            path.write_text(json.dumps(content))


KINDS = {
    function.__name__: function for function in (matlab_5, matlab_hdf5, safetensors_file, checkpoint_folder)
}


def judge(kind: str, count: int, seed: int, folder: Path) -> Counter[str]:
    """Outcomes of ``count`` mutations of a kind; an assertion or any other error names the number of the mutation."""
    outcomes = Counter[str]()
    for i in range(count):
        place = folder / f"{kind}-{i}"
        signal.alarm(LIMIT_S)  # ends this process: a hang is never taken for an outcome
        try:
            outcomes[KINDS[kind](np.random.default_rng([seed, i]), place)] += 1
        except Exception as error:
            error.add_note(f"mutation {i} of {kind}, seed {seed}")
            raise
        finally:
            signal.alarm(0)
        if place.is_dir():
            shutil.rmtree(place)
        place.unlink(missing_ok=True)
    return outcomes


def main() -> None:
    """Judge as many mutations as the command line says and print the outcomes."""
    count, seed = int(sys.argv[1]), int(sys.argv[2])
    for kind in KINDS:
        with tempfile.TemporaryDirectory() as folder:
            print(kind, dict(judge(kind, count, seed, Path(folder))), flush=True)


if __name__ == "__main__":
    main()
