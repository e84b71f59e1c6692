"""Policy files: round trip, reproducible bytes, and crafted files that are refused without executing anything."""

from __future__ import annotations

import contextlib
import json
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from crafted_files import DAMAGED, entry, raw, trap, with_meta
from hypothesis import given, settings
from hypothesis import strategies as st

from fgamcd_opt.io.errors import InputError
from fgamcd_opt.learning.config import method_config
from fgamcd_opt.learning.policies import policy_file
from fgamcd_opt.learning.policies.policy_file import load_policy, save_policy

TENSORS = {
    "actor.weight": torch.arange(60.0).reshape(2, 30),
    "actor.bias": torch.zeros(2, dtype=torch.float64),
}


def meta_of(**more: Any) -> dict[str, Any]:
    config = method_config("plain-actor", {"hidden": 8}).to_json()
    provenance = {"instance": "tiny", "episodes": 4, "seconds": 0.25}
    return {
        "method": "plain-actor",
        "config": config,
        "n_nodes": 2,
        "slots": 1,
        "provenance": provenance,
        **more,
    }


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "policy.safetensors"
    save_policy(path, TENSORS, meta_of())
    tensors, meta = load_policy(path)
    assert tensors.keys() == TENSORS.keys()
    assert all(torch.equal(tensors[name], TENSORS[name]) for name in TENSORS)
    assert meta == {"schema_version": 1, **meta_of()}


def test_same_content_same_bytes(tmp_path: Path) -> None:
    paths = [tmp_path / "a.safetensors", tmp_path / "b.safetensors"]
    save_policy(paths[0], TENSORS, meta_of())
    save_policy(paths[1], dict(reversed(TENSORS.items())), dict(reversed(meta_of().items())))
    assert paths[0].read_bytes() == paths[1].read_bytes()


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_files_are_refused(tmp_path: Path, name: str) -> None:
    content, words = DAMAGED[name]
    path = tmp_path / "bad.safetensors"
    path.write_bytes(content)
    with pytest.raises(InputError, match=words) as caught:
        load_policy(path)
    assert str(path) in str(caught.value)


def test_a_pickle_is_not_executed(tmp_path: Path) -> None:
    path, marker = tmp_path / "policy.safetensors", tmp_path / "executed"
    path.write_bytes(trap(marker))
    with pytest.raises(InputError, match="pickles are never read"):
        load_policy(path)
    assert not marker.exists()


def test_any_changed_bit_of_the_content_is_noticed(tmp_path: Path) -> None:
    """Each byte of the tensors, and figures of the description that would otherwise be believed."""
    path = tmp_path / "policy.safetensors"
    save_policy(path, TENSORS, meta_of())
    kept = path.read_bytes()
    start = 8 + int.from_bytes(kept[:8], "little")
    damaged = [kept[:i] + bytes([kept[i] ^ 1]) + kept[i + 1 :] for i in range(start, len(kept))]
    figure = kept.replace(rb"\"episodes\": 4", rb"\"episodes\": 9")
    assert figure != kept
    for content in (*damaged, figure):
        path.write_bytes(content)
        with pytest.raises(
            InputError, match=r"safetensors: is damaged: its content is not that of its SHA-256"
        ):
            load_policy(path)


Change = Callable[[dict[str, Any]], object]

CHANGES: list[tuple[Change, str]] = [
    (lambda m: m.pop("method"), "describes itself by"),
    (lambda m: m.update(code="import os"), "describes itself by"),
    (lambda m: m.update(schema_version=2), "schema_version is 2; this release reads 1"),
    (lambda m: m.update(schema_version=True), "schema_version is True"),
    (lambda m: m.update(method=["maasn-da"]), "method: .* is not of type str"),
    (lambda m: m.update(method="magic"), "method: 'magic' is unknown; known are maasn-da"),
    (lambda m: m.update(config="hidden"), "config: .* is not of type dict"),
    (lambda m: m["config"].update(hidden="8"), "config: hidden: '8' is not of type int"),
    (lambda m: m["config"].update(hidden=10**9), "config: hidden: 1000000000 is out of range"),
    (lambda m: m["config"].update(hiden=8), "config: hiden: unknown setting .* did you mean 'hidden'"),
    (lambda m: m.update(n_nodes=2.0), "n_nodes: 2.0 is not of type int"),
    (lambda m: m.update(n_nodes=True), "n_nodes: True is not of type int"),
    (lambda m: m.update(n_nodes=0), "n_nodes: 0 is out of range; expected 1 to 64"),
    (lambda m: m.update(n_nodes=10**9), "n_nodes: 1000000000 is out of range"),
    (lambda m: m.update(slots=10**9), "slots: 1000000000 is out of range"),
    (lambda m: m.update(n_nodes=64, slots=10_000), "need more than .* weights; the file holds 62 numbers"),
    (lambda m: m.update(provenance=[]), r"provenance: \[\] is not of type dict"),
]


@pytest.mark.parametrize(("change", "words"), CHANGES)
def test_crafted_descriptions_are_refused(tmp_path: Path, change: Change, words: str) -> None:
    content = {"schema_version": 1, **meta_of(), "sha256": ""}
    change(content)
    path = tmp_path / "policy.safetensors"
    path.write_bytes(with_meta(json.dumps(content), bytes(4 * 62)))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputError, match=words) as caught:
        load_policy(path)
    assert str(path) in str(caught.value)
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown_kib < 1 << 16  # what is declared would take far more
    with pytest.raises(InputError, match=words):
        save_policy(tmp_path / "other.safetensors", {"a": torch.zeros(62)}, content)
    assert not (tmp_path / "other.safetensors").exists()


def test_too_large_files_are_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "policy.safetensors"
    save_policy(path, TENSORS, meta_of())
    monkeypatch.setattr(policy_file, "MAX_POLICY_BYTES", path.stat().st_size - 1)
    with pytest.raises(InputError, match="bytes, more than"):
        load_policy(path)
    with pytest.raises(InputError, match=r"would have .* bytes, more than"):
        save_policy(tmp_path / "other.safetensors", TENSORS, meta_of())
    with path.open("r+b") as stream:
        stream.truncate(1 << 40)  # sparse: takes no room on disk
    with pytest.raises(InputError, match="bytes, more than"):
        load_policy(path)


def test_missing_file_and_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.safetensors", tmp_path):
        with pytest.raises(InputError, match=r"no such file|is a folder"):
            load_policy(path)


def test_other_metadata_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(raw({"__metadata__": {"format": "pt"}, "a": entry(0, 4)}, bytes(4)))
    with pytest.raises(InputError, match="was not written by this package"):
        load_policy(path)


@settings(max_examples=100)
@given(place=st.integers(0, 10**6), byte=st.integers(0, 255))
def test_any_changed_byte_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, place: int, byte: int
) -> None:
    path = tmp_path_factory.mktemp("policy") / "policy.safetensors"
    save_policy(path, TENSORS, meta_of())
    content = bytearray(path.read_bytes())
    content[place % len(content)] = byte
    path.write_bytes(content)
    tensors, meta = {}, meta_of()
    with contextlib.suppress(InputError):
        tensors, meta = load_policy(path)
    assert all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values())
    method_config(meta["method"], meta["config"])
