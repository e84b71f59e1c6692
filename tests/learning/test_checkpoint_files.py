"""Checkpoints: what was saved comes back, a kill while writing harms nothing, and damaged ones are refused."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from crafted_files import DAMAGED, trap
from hypothesis import given, settings
from hypothesis import strategies as st

from fgamcd_opt.io.errors import InputError
from fgamcd_opt.learning.policies.tensor_file import require_like
from fgamcd_opt.learning.training import checkpoint
from fgamcd_opt.learning.training.checkpoint import has_checkpoint, load_checkpoint, save_checkpoint

DTYPES = [torch.float32, torch.float64, torch.int64, torch.int32, torch.uint8, torch.bool]


def tensors_of(seed: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    numbers = torch.randn(7, 3, generator=generator)
    return {
        "net.weight": numbers,
        "part": numbers[2:4],
        "turned": numbers.T,
        "generator": generator.get_state(),
    }


def same(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> bool:
    return found.keys() == expected.keys() and all(
        found[name].dtype == tensor.dtype and torch.equal(found[name], tensor)
        for name, tensor in expected.items()
    )


@settings(max_examples=20)
@given(
    shapes=st.lists(st.tuples(st.sampled_from(DTYPES), st.lists(st.integers(0, 3), max_size=3)), max_size=5),
    meta=st.dictionaries(
        st.text(max_size=5),
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    ),
)
def test_round_trip(
    tmp_path_factory: pytest.TempPathFactory,
    shapes: list[tuple[torch.dtype, list[int]]],
    meta: dict[str, Any],
) -> None:
    folder = tmp_path_factory.mktemp("run") / "checkpoint"
    tensors = {f"t{i}": torch.ones(shape).to(kind) * (i % 2) for i, (kind, shape) in enumerate(shapes)}
    assert not has_checkpoint(folder)
    save_checkpoint(folder, tensors, meta)
    assert has_checkpoint(folder)
    found, found_meta = load_checkpoint(folder)
    assert same(found, tensors)
    assert found_meta == meta
    require_like(folder, found, tensors)


def test_views_generators_and_parameters_come_back(tmp_path: Path) -> None:
    tensors = tensors_of(1) | {"parameter": torch.nn.Parameter(torch.ones(2))}
    save_checkpoint(tmp_path, tensors, {})
    found, _ = load_checkpoint(tmp_path)
    assert same(found, {name: tensor.detach() for name, tensor in tensors.items()})
    drawn = []
    for state in (found["generator"], tensors["generator"]):
        generator = torch.Generator()
        generator.set_state(state)
        drawn.append(torch.rand(5, generator=generator))
    assert torch.equal(*drawn)


def test_a_newer_state_replaces_the_older(tmp_path: Path) -> None:
    for number in range(3):
        save_checkpoint(tmp_path, tensors_of(number), {"number": number})
        found, meta = load_checkpoint(tmp_path)
        assert meta == {"number": number}
        assert same(found, tensors_of(number))
        assert len(list(tmp_path.iterdir())) == 2


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize("writes", [0, 1])
@pytest.mark.parametrize("written", [0.0, 0.5, 1.0])
def test_a_kill_while_writing_leaves_the_older_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writes: int, written: float
) -> None:
    """The process ends in the ``writes``-th file, after a share of its bytes is under a temporary name."""
    save_checkpoint(tmp_path, tensors_of(1), {"number": 1})
    whole = checkpoint.write_bytes_atomically
    calls = []

    def killed(path: Path, data: bytes) -> None:
        calls.append(path)
        if len(calls) > writes:
            (path.parent / ".0123.tmp").write_bytes(data[: int(written * len(data))])
            raise Killed
        whole(path, data)

    monkeypatch.setattr(checkpoint, "write_bytes_atomically", killed)
    with pytest.raises(Killed):
        save_checkpoint(tmp_path, tensors_of(2), {"number": 2})
    found, meta = load_checkpoint(tmp_path)
    assert meta == {"number": 1}
    assert same(found, tensors_of(1))
    monkeypatch.undo()
    save_checkpoint(tmp_path, tensors_of(3), {"number": 3})
    found, meta = load_checkpoint(tmp_path)
    assert meta == {"number": 3}
    assert same(found, tensors_of(3))
    assert len(list(tmp_path.iterdir())) == 2


def test_a_truncated_newer_tensor_file_is_not_looked_at(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, tensors_of(1), {"number": 1})
    (tmp_path / "tensors-2.safetensors").write_bytes((tmp_path / "tensors-1.safetensors").read_bytes()[:100])
    found, meta = load_checkpoint(tmp_path)
    assert meta == {"number": 1}
    assert same(found, tensors_of(1))


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_what_cannot_be_kept_leaves_the_older_state(tmp_path: Path, bad: float) -> None:
    save_checkpoint(tmp_path, tensors_of(1), {"number": 1})
    with pytest.raises(InputError, match="tensor 'a' holds numbers that are not finite"):
        save_checkpoint(tmp_path, {"a": torch.tensor([1.0, bad])}, {})
    for meta in ({"x": bad}, {"x": object()}):
        with pytest.raises(InputError, match=r"checkpoint\.json: the state cannot be written as JSON"):
            save_checkpoint(tmp_path, {}, meta)
    assert load_checkpoint(tmp_path)[1] == {"number": 1}


def test_missing_checkpoint_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"checkpoint\.json: no such file; the folder holds no checkpoint"):
        load_checkpoint(tmp_path)


Change = Callable[[dict[str, Any]], object]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: s.update(tensors="../../secret.safetensors"), "is no tensor file of a checkpoint"),
        (lambda s: s.update(tensors="/etc/passwd"), "is no tensor file of a checkpoint"),
        (lambda s: s.update(tensors=["a"]), "is not of type str"),
        (lambda s: s.update(tensors="tensors-7.safetensors"), "no such file, but"),
        (lambda s: s.update(meta=[1]), "meta: .* is not of type dict"),
        (lambda s: s.update(bytes="9"), "bytes: '9' is not of type int"),
        (lambda s: s.update(bytes=10**15), "damaged"),
        (lambda s: s.update(sha256="0" * 64), "damaged: .* SHA-256 is not the one"),
        (lambda s: s.update(schema_version=2), "schema_version is 2; this release reads 1"),
        (lambda s: s.update(schema_version=True), "is not of type int"),
        (lambda s: s.pop("sha256"), "has fields"),
        (lambda s: s.update(more=1), "has fields"),
    ],
)
def test_changed_json_is_refused(tmp_path: Path, change: Change, words: str) -> None:
    save_checkpoint(tmp_path, tensors_of(1), {})
    path = tmp_path / "checkpoint.json"
    state = json.loads(path.read_text())
    change(state)
    path.write_text(json.dumps(state))
    with pytest.raises(InputError, match=words):
        load_checkpoint(tmp_path)


@pytest.mark.parametrize("keep", [0, 10, 200, -1])
def test_truncated_files_are_refused(tmp_path: Path, keep: int) -> None:
    save_checkpoint(tmp_path / "whole", tensors_of(1), {})
    for name in ("checkpoint.json", "tensors-1.safetensors"):
        folder = tmp_path / name
        shutil.copytree(tmp_path / "whole", folder)
        data = (folder / name).read_bytes()
        cut = data[:keep] if keep >= 0 else data[: len(data) + keep]
        (folder / name).write_bytes(cut.rstrip(b"\n}"))
        with pytest.raises(InputError, match=name):
            load_checkpoint(folder)


def forge(folder: Path, content: bytes) -> None:
    """A checkpoint whose JSON file vouches for this content."""
    save_checkpoint(folder, {}, {})
    (folder / "tensors-1.safetensors").write_bytes(content)
    path = folder / "checkpoint.json"
    state = json.loads(path.read_text())
    path.write_text(
        json.dumps(state | {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()})
    )


@pytest.mark.parametrize("name", DAMAGED)
def test_forged_tensor_files_are_refused(tmp_path: Path, name: str) -> None:
    content, words = DAMAGED[name]
    forge(tmp_path, content)
    with pytest.raises(InputError, match=words) as caught:
        load_checkpoint(tmp_path)
    assert "tensors-1.safetensors" in str(caught.value)


def test_a_pickle_is_not_executed(tmp_path: Path) -> None:
    marker = tmp_path / "executed"
    forge(tmp_path / "checkpoint", trap(marker))
    with pytest.raises(InputError, match="pickles are never read"):
        load_checkpoint(tmp_path / "checkpoint")
    assert not marker.exists()


def test_a_pipe_in_place_of_the_tensors_is_refused(tmp_path: Path) -> None:
    """Reading it would wait for ever."""
    save_checkpoint(tmp_path, {}, {})
    (tmp_path / "tensors-1.safetensors").unlink()
    os.mkfifo(tmp_path / "tensors-1.safetensors")
    with pytest.raises(InputError, match="no such file"):
        load_checkpoint(tmp_path)


@pytest.mark.parametrize(
    ("expected", "words"),
    [
        ({"a": torch.zeros(2, 3), "b": torch.zeros(1)}, "'b' is missing"),
        ({}, "'a' is unexpected"),
        ({"a": torch.zeros(3, 2)}, r"'a' has shape \(2, 3\) of torch.float32; expected \(3, 2\)"),
        ({"a": torch.zeros(2, 3, dtype=torch.float64)}, "expected .* of torch.float64"),
        ({"a": torch.empty(10**9, 10**6, device="meta")}, "expected"),
    ],
)
def test_other_tensors_than_expected_are_named(expected: dict[str, torch.Tensor], words: str) -> None:
    with pytest.raises(InputError, match=f"^file: tensor .*{words}"):
        require_like("file", {"a": torch.zeros(2, 3)}, expected)
