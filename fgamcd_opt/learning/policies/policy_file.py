"""One trained policy in one safetensors file: its tensors, how it is built, and where it comes from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.files import require_version, write_bytes_atomically
from fgamcd_opt.io.safe_text import quote
from fgamcd_opt.learning.config import METHODS, TrainConfig
from fgamcd_opt.learning.environment.layout import StateLayout

if TYPE_CHECKING:
    import torch

SCHEMA_VERSION = 1
MAX_POLICY_BYTES = 1 << 26

_MAX_NODES = 64
_MAX_SLOTS = 10_000
_FIELDS = {"method": str, "config": dict, "n_nodes": int, "slots": int, "provenance": dict, "sha256": str}


def save_policy(path: Path | str, tensors: Mapping[str, torch.Tensor], meta: Mapping[str, Any]) -> None:
    """Write a policy; replaces the file as a whole.

    Parameters
    ----------
    path
        The file.
    tensors
        What acting needs.
    meta
        ``method``, ``config`` (of the training, as JSON), ``n_nodes``, ``slots``, and ``provenance``: a JSON object
        that says what it was trained on, by which command, for how long, and how it scored.

    Raises
    ------
    InputError
        ``meta`` is not as above, a number is not finite, the file would be too long or cannot be written.
    """
    from fgamcd_opt.learning.policies.tensor_file import to_bytes

    path = Path(path)
    content = {"schema_version": SCHEMA_VERSION, **meta}
    content["sha256"] = _digest(tensors, content)
    layout = _check_meta(path, content).layout(content["n_nodes"], content["slots"])
    _check_size(path, layout, sum(tensor.numel() for tensor in tensors.values()))
    data = to_bytes(path, tensors, content)
    if len(data) > MAX_POLICY_BYTES:
        raise InputError(f"{path}: would have {len(data)} bytes, more than {MAX_POLICY_BYTES}")
    write_bytes_atomically(path, data)


def load_policy(path: Path | str) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Read a policy; nothing in the file is executed, and nothing is allocated because a number in it is large.

    Whether the tensors are those of the networks that ``config`` describes is for the caller to check, by
    :func:`fgamcd_opt.learning.policies.tensor_file.require_like`.

    Returns
    -------
    tensors
        By name.
    meta
        As for :func:`save_policy`; ``config`` holds every field of a `TrainConfig`, checked.

    Raises
    ------
    InputError
        The file is missing, damaged, too long or no policy; says what is wrong with which part of it.
    """
    from fgamcd_opt.learning.policies.tensor_file import from_file

    path = Path(path)
    tensors, meta = from_file(path, MAX_POLICY_BYTES)
    config = _check_meta(path, meta)
    _check_size(
        path,
        config.layout(meta["n_nodes"], meta["slots"]),
        sum(tensor.numel() for tensor in tensors.values()),
    )
    if meta.pop("sha256") != _digest(tensors, meta):
        raise InputError(f"{path}: is damaged: its content is not that of its SHA-256")
    return tensors, {**meta, "config": config.to_json()}


def _digest(tensors: Mapping[str, torch.Tensor], meta: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of everything in a policy."""
    state = hashlib.sha256(json.dumps(meta, sort_keys=True, default=str).encode())
    for name, tensor in sorted(tensors.items()):
        state.update(f"{name} {tensor.dtype} {list(tensor.shape)}".encode())
        state.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return state.hexdigest()


def _check_meta(path: Path, meta: Mapping[str, Any]) -> TrainConfig:
    """The configuration, after every field was found to be of its type and range."""
    require_version(meta, SCHEMA_VERSION, path)
    if set(meta) != {"schema_version", *_FIELDS}:
        raise InputError(f"{path}: describes itself by {quote(sorted(meta))}; expected {', '.join(_FIELDS)}")
    for name, kind in _FIELDS.items():
        if type(meta[name]) is not kind:
            raise InputError(f"{path}: {name}: {quote(meta[name])} is not of type {kind.__name__}")
    if meta["method"] not in METHODS:
        raise InputError(
            f"{path}: method: {quote(meta['method'])} is unknown; known are {', '.join(METHODS)}"
        )
    for name, most in (("n_nodes", _MAX_NODES), ("slots", _MAX_SLOTS)):
        if not 1 <= meta[name] <= most:
            raise InputError(f"{path}: {name}: {quote(meta[name])} is out of range; expected 1 to {most}")
    try:
        return TrainConfig().replaced(meta["config"])
    except InputError as error:
        raise InputError(f"{path}: config: {error}") from error


def _check_size(path: Path, layout: StateLayout, numbers: int) -> None:
    """Refuse a description of networks that are larger than the file: each agent reads its whole observation."""
    least = layout.n_nodes * layout.observation_size
    if numbers < least:
        raise InputError(
            f"{path}: {layout.n_nodes} nodes with {layout.slots} users each need more than {least} weights; "
            f"the file holds {numbers} numbers"
        )
