"""One sound file of every kind, how it is read, and what was read, as plain values that can be compared."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import io
import json
import struct
import tomllib
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fgamcd_opt.certificates.certificate import Certificate
from fgamcd_opt.instances.format import load_instance, save_instance
from fgamcd_opt.instances.generation.from_recipe import generate
from fgamcd_opt.instances.instance import ARRAY_FIELDS
from fgamcd_opt.instances.recipes.presets import PRESETS
from fgamcd_opt.instances.recipes.recipe import Recipe
from fgamcd_opt.instances.repositories.repository_file import load_repository, save_repository
from fgamcd_opt.instances.resolve import load_recipe
from fgamcd_opt.learning.config import METHODS, TrainConfig, method_config, read_settings
from fgamcd_opt.learning.policies.policy_file import load_policy
from fgamcd_opt.problem.decision import Decision
from fgamcd_opt.problem.solution_file import Solution
from fgamcd_opt.problem.variants import Variant

SEAL_BYTES = 64


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Parameters
    ----------
    file
        Name of the sound file.
    read
        The reader of the package; what it returns, as plain values.
    told
        What a file says, parsed without the package; compared with what its reader returned.
    """

    file: str
    read: Callable[[Path], Any]
    told: Callable[[bytes], Any]


def members(data: bytes) -> dict[str, bytes]:
    """Members of an archive."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {info.filename: archive.read(info) for info in archive.infolist()}


def archive_bytes(content: dict[str, bytes]) -> bytes:
    """An archive of these members, sealed as those of the package are."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
        archive.comment = b"0" * SEAL_BYTES
    body = buffer.getvalue()[:-SEAL_BYTES]
    return body + hashlib.sha256(body).hexdigest().encode()


def array_of(data: bytes) -> np.ndarray:
    return np.load(io.BytesIO(data), allow_pickle=False)


def npy_bytes(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=False)
    return stream.getvalue()


def split_tensors(data: bytes) -> tuple[dict[str, Any], bytes]:
    """Header and tensors of a safetensors file."""
    (length,) = struct.unpack("<Q", data[:8])
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def joined_tensors(header: bytes, tensors: bytes) -> bytes:
    return struct.pack("<Q", len(header)) + header + tensors


def plain(value: Any) -> Any:
    """Values that compare by content."""
    if isinstance(value, bool):
        return str(value)  # else true would equal 1
    if isinstance(value, np.ndarray):
        return [str(value.dtype), list(value.shape), value.tobytes().hex()]
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value


def _archive_told(data: bytes) -> Any:
    content = members(data)
    header = json.loads(content.pop("header.json"))["content"]
    return plain({**header, **{name.removesuffix(".npy"): array_of(a) for name, a in content.items()}})


def _read_instance(path: Path) -> Any:
    instance = load_instance(path)
    fields = {field.name: getattr(instance, field.name) for field in dataclasses.fields(instance)}
    from fgamcd_opt.instances.instance import UNITS

    return plain(fields | {"units": UNITS, "digest": instance.digest})


def _read_solution(path: Path) -> Any:
    solution = Solution.load(path)
    fields = {f.name: getattr(solution, f.name) for f in dataclasses.fields(solution) if f.name != "decision"}
    decision = {name: getattr(solution.decision, name) for name in ("caching", "migration", "beams")}
    more = {"variant": solution.variant.to_dict(), "times": dataclasses.asdict(solution.times)}
    return plain({**fields, **decision, **more})


def _solution_told(data: bytes) -> Any:
    """Fields that the variant lacks have their defaults; the digest is over what the file holds, and is no content."""
    content = _archive_told(data)
    del content["digest"]
    return content | {"variant": Variant().to_dict() | content["variant"]}


def _read_certificate(path: Path) -> Any:
    certificate = Certificate.load(path)
    fields = {f.name: getattr(certificate, f.name) for f in dataclasses.fields(certificate)}
    return plain(fields | {"digest": certificate.digest})


def _read_policy(path: Path) -> Any:
    tensors, meta = load_policy(path)
    return plain({"tensors": {name: t.numpy() for name, t in tensors.items()}, "meta": meta})


_NUMPY = {"F32": "<f4", "F64": "<f8", "I64": "<i8", "I32": "<i4", "U8": "u1", "BOOL": "?"}


def _policy_told(data: bytes) -> Any:
    header, body = split_tensors(data)
    meta = json.loads(header.pop("__metadata__")["fgamcd_opt"])
    meta.pop("sha256")
    meta["config"] = {**TrainConfig().to_json(), **meta["config"]}
    tensors = {
        name: np.frombuffer(body[slice(*entry["data_offsets"])], _NUMPY[entry["dtype"]]).reshape(
            entry["shape"]
        )
        for name, entry in header.items()
    }
    return plain({"tensors": tensors, "meta": meta})


def _recipe_told(data: bytes) -> Any:
    return plain({**Recipe().to_json(), **json.loads(data)})


def _read_repository(path: Path) -> Any:
    repository = load_repository(str(path))
    return {
        "blocks": [
            list(pair) for pair in zip(repository.block_names, repository.block_bytes.tolist(), strict=True)
        ],
        "models": [
            [name, np.flatnonzero(row).tolist()]
            for name, row in zip(repository.model_names, repository.model_blocks, strict=True)
        ],
    }


def _repository_told(data: bytes) -> Any:
    content = json.loads(data)
    return plain(
        {
            "blocks": [[block["name"], block["bytes"]] for block in content["blocks"]],
            "models": [[model["name"], sorted(set(model["blocks"]))] for model in content["models"]],
        }
    )


def _settings_told(data: bytes) -> Any:
    return plain({**TrainConfig().to_json(), **METHODS["maasn-da"], **tomllib.loads(data.decode())})


KINDS = {
    "instance": Kind("instance.npz", _read_instance, _archive_told),
    "solution": Kind("solution.npz", _read_solution, _solution_told),
    "certificate": Kind("certificate.npz", _read_certificate, _archive_told),
    "policy": Kind("policy.safetensors", _read_policy, _policy_told),
    "recipe": Kind("recipe.json", lambda path: plain(load_recipe(path).to_json()), _recipe_told),
    "repository": Kind("repository.json", _read_repository, _repository_told),
    "settings": Kind(
        "settings.toml",
        lambda path: plain(method_config("maasn-da", read_settings(path)).to_json()),
        _settings_told,
    ),
}

ARCHIVES = ("instance", "solution", "certificate")
TEXTS = ("recipe", "repository", "settings")


def write_specimens(folder: Path) -> None:
    """A sound file of every kind; small, so that damage hits what matters."""
    instance = generate(dataclasses.replace(PRESETS["tiny"], users=2, blocks_per_model=3))
    save_instance(folder / "instance.npz", instance)
    rng = np.random.default_rng(7)
    n, k = instance.n_nodes, instance.n_blocks
    beams = rng.normal(size=(instance.requested_blocks.size, n, instance.channel.shape[2])).astype(complex)
    Solution(
        decision=Decision(rng.random((n, k)) < 0.5, rng.random((n, n, k)) < 0.2, beams),
        instance_digest=instance.digest,
        instance_name=instance.name,
        solver="test",
        solver_version="1.0",
        delay_s=1.5,
        lower_bound_s=1.25,
        bound_kind="test",
        seed=3,
        variant=Variant.parse({"delivery": "hybrid(4)", "unserved": "cloud(1e9)"}),
        options={"rounds": 3, "share": 0.5, "names": ["a", "b"]},
    ).save(folder / "solution.npz")
    Certificate(
        instance_digest=instance.digest,
        instance_name=instance.name,
        made_by="test 1.0",
        bound_s=0.5,
        multipliers=np.array([0.25, 0.5]),
        block_bound_s=np.array([0.5, 1.0, 2.0]),
        evidence_block=np.array([0, 1], np.int32),
        evidence_mask=np.array([1, 3], np.int32),
        evidence_mu=np.ones((2, 2), np.float32),
        evidence_y=np.ones(3, np.float32),
        evidence_scale=np.ones(3, np.float32),
        evidence_mix=np.ones((9, 2), np.int16),
    ).save(folder / "certificate.npz")
    _write_policy(folder / "policy.safetensors")
    recipe = PRESETS["tiny"].with_overrides({"storage_gb": "0.1,0.2", "seed": "5"})
    (folder / "recipe.json").write_text(json.dumps(recipe.to_json()))
    from fgamcd_opt.instances.generation.from_recipe import build_repository

    save_repository(folder / "repository.json", build_repository(PRESETS["tiny"]))
    lines = [f"{name} = {json.dumps(value)}" for name, value in TrainConfig().to_json().items()]
    (folder / "settings.toml").write_text("# settings\n" + "\n".join(lines) + "\n")


def _write_policy(path: Path) -> None:
    import torch

    from fgamcd_opt.learning.policies.policy import Policy, make_network

    config = method_config("maasn-da", {"hidden": 2, "plain_hidden": 2})
    network = make_network(config, config.layout(2, 1), torch.Generator().manual_seed(0))
    Policy("maasn-da", config, config.layout(2, 1), network, {"note": "not trained", "steps": 5}).save(path)


def header_of(kind: str, data: bytes) -> Any:
    """The values of a file that are JSON, or TOML."""
    if kind in ARCHIVES:
        return json.loads(members(data)["header.json"])
    if kind == "policy":
        header, _ = split_tensors(data)
        header["__metadata__"]["fgamcd_opt"] = json.loads(header["__metadata__"]["fgamcd_opt"])
        return header
    return tomllib.loads(data.decode()) if kind == "settings" else json.loads(data)


def with_header(kind: str, data: bytes, text: Callable[[Any], str], header: Any) -> bytes:
    """The file with another header, everything else as it was; seal and digests are made for what it says now.

    Parameters
    ----------
    kind, data
        The sound file.
    text
        From values to JSON.
    header
        Values.
    """
    if kind in ARCHIVES:
        content = members(data)
        content["header.json"] = text(_redigested(kind, header, content)).encode()
        return archive_bytes(content)
    if kind == "policy":
        _, tensors = split_tensors(data)
        header = copy.deepcopy(header)
        meta = header.get("__metadata__")
        if isinstance(meta, dict) and "fgamcd_opt" in meta:
            inner = meta["fgamcd_opt"]
            if isinstance(inner, dict) and "sha256" in inner:
                inner = {**inner, "sha256": _policy_digest(header, tensors, inner)}
            meta["fgamcd_opt"] = text(inner)
        return joined_tensors(text(header).encode(), tensors)
    if kind == "settings":
        return "".join(f"{name} = {text(value)}\n" for name, value in header.items()).encode()
    return text(header).encode()


def _redigested(kind: str, header: Any, content: dict[str, bytes]) -> Any:
    """The header with the digest of what it says, where there is one to be had."""
    inner = header.get("content") if isinstance(header, dict) else None
    if not isinstance(inner, dict) or "digest" not in inner:
        return header
    arrays = {name.removesuffix(".npy"): a for name, a in content.items() if name.endswith(".npy")}
    try:
        digest = _DIGESTS[kind](inner, arrays)
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError):
        return header
    return {**header, "content": {**inner, "digest": digest}}


def _instance_digest(inner: dict[str, Any], arrays: dict[str, bytes]) -> str:
    found = {name: array_of(arrays[name]) for name in ARRAY_FIELDS}
    labelled = {
        "bandwidth_hz": float(inner["bandwidth_hz"]).hex(),
        "noise_w": float(inner["noise_w"]).hex(),
        "csi_set": inner["csi_set"],
        "block_names": inner["block_names"],
        "model_names": inner["model_names"],
        "shapes": {name: array.shape for name, array in found.items()},
    }
    state = hashlib.sha256(json.dumps(labelled, sort_keys=True).encode())
    for name, array in found.items():
        state.update(name.encode() + b"\0")
        state.update(array.tobytes())
    return state.hexdigest()


def _content_digest(names: tuple[str, ...]) -> Callable[[dict[str, Any], dict[str, bytes]], str]:
    def digest(inner: dict[str, Any], arrays: dict[str, bytes]) -> str:
        fields = {name: value for name, value in inner.items() if name != "digest"}
        state = hashlib.sha256(json.dumps(fields, sort_keys=True).encode())
        for name in names:
            array = array_of(arrays[name])
            state.update(f"{name} {array.shape} ".encode())
            state.update(array.tobytes())
        return state.hexdigest()

    return digest


_EVIDENCE = ("block", "mask", "mu", "y", "scale", "mix")
_DIGESTS = {
    "instance": _instance_digest,
    "solution": _content_digest(("caching", "migration", "beams")),
    "certificate": _content_digest(
        ("multipliers", "block_bound_s", *(f"evidence_{name}" for name in _EVIDENCE))
    ),
}


def _policy_digest(header: dict[str, Any], tensors: bytes, inner: dict[str, Any]) -> Any:
    try:
        meta = {name: value for name, value in inner.items() if name != "sha256"}
        state = hashlib.sha256(json.dumps(meta, sort_keys=True, default=str).encode())
        for name, entry in sorted(header.items()):
            if name != "__metadata__":
                dtype = {"F32": "torch.float32", "I64": "torch.int64"}[entry["dtype"]]
                state.update(f"{name} {dtype} {entry['shape']}".encode())
                state.update(tensors[slice(*entry["data_offsets"])])
        return state.hexdigest()
    except (TypeError, ValueError, KeyError, AttributeError):
        return inner["sha256"]
