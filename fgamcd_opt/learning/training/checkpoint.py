"""The state of a training on disk: tensors as safetensors, the rest as JSON, replaced as one.

The JSON file names the tensor file that belongs to it, with its length and SHA-256. A new state is written as a new
tensor file first and becomes valid when the JSON file is renamed into place, so that a kill at any moment leaves the
old state or the new one whole.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.files import read_json, read_text_file, reason_of, require_version, write_bytes_atomically
from fgamcd_opt.io.safe_text import quote
from fgamcd_opt.io.targets import make_folder

if TYPE_CHECKING:
    import torch

SCHEMA_VERSION = 1
STATE = "checkpoint.json"

_TENSORS = re.compile(r"tensors-(\d{1,9})\.safetensors")
_FIELDS = {"schema_version": int, "tensors": str, "bytes": int, "sha256": str, "meta": dict}


def has_checkpoint(folder: Path) -> bool:
    """Whether a state was ever completed in the folder."""
    return (folder / STATE).exists()


def save_checkpoint(folder: Path, tensors: Mapping[str, torch.Tensor], meta: Mapping[str, Any]) -> None:
    """Replace the state in a folder, which is made if missing.

    Parameters
    ----------
    folder
        It belongs to the checkpoint: what older states left there is removed.
    tensors
        Finite, on any device.
    meta
        Plain JSON values with finite numbers.

    Raises
    ------
    InputError
        Something is not finite or no JSON, or cannot be written. The old state is still valid then.
    """
    from fgamcd_opt.learning.policies.tensor_file import to_bytes

    make_folder(folder)
    name = f"tensors-{1 + max(_generations(folder), default=0)}.safetensors"
    data = to_bytes(folder / name, tensors, {})
    try:
        state = {
            "schema_version": SCHEMA_VERSION,
            "tensors": name,
            "bytes": len(data),
            "sha256": hashlib.sha256(data).hexdigest(),
            "meta": dict(meta),
        }
        text = json.dumps(state, indent=1, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InputError(f"{folder / STATE}: the state cannot be written as JSON ({error})") from error
    write_bytes_atomically(folder / name, data)
    write_bytes_atomically(folder / STATE, f"{text}\n".encode())
    _remove_others(folder, name)


def load_checkpoint(folder: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Tensors and JSON values of the last completed state.

    Raises
    ------
    InputError
        There is none, or it was damaged or changed since: not what its JSON file describes, no strict JSON, no
        safetensors file, or numbers that are not finite.
    """
    from fgamcd_opt.learning.policies.tensor_file import from_file

    state = _read_state(folder / STATE)
    path = folder / state["tensors"]
    if not path.is_file():
        raise InputError(f"{path}: no such file, but {STATE} names it")
    try:
        with path.open("rb") as stream:
            size = path.stat().st_size
            digest = hashlib.file_digest(stream, "sha256").hexdigest() if size == state["bytes"] else ""
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({reason_of(error)})") from error
    if digest != state["sha256"]:
        raise InputError(
            f"{path}: damaged: {size} bytes whose SHA-256 is not the one in {STATE}, which has "
            f"{state['bytes']} bytes; start the training again in another folder"
        )
    tensors, _ = from_file(path, size)
    meta: dict[str, Any] = state["meta"]
    return tensors, meta


def _read_state(path: Path) -> dict[str, Any]:
    """The JSON file, with every field of its type."""
    if not path.is_file():
        raise InputError(f"{path}: no such file; the folder holds no checkpoint")
    state = read_json(path, read_text_file(path))
    if set(state) != set(_FIELDS):
        raise InputError(f"{path}: has fields {quote(sorted(state))}; expected {', '.join(_FIELDS)}")
    for name, kind in _FIELDS.items():
        if type(state[name]) is not kind:
            raise InputError(f"{path}: {name}: {quote(state[name])} is not of type {kind.__name__}")
    require_version(state, SCHEMA_VERSION, path)
    if not _TENSORS.fullmatch(state["tensors"]):
        raise InputError(f"{path}: tensors: {quote(state['tensors'])} is no tensor file of a checkpoint")
    return state


def _generations(folder: Path) -> list[int]:
    """Numbers of the tensor files in the folder."""
    return [int(match[1]) for path in folder.iterdir() if (match := _TENSORS.fullmatch(path.name))]


def _remove_others(folder: Path, name: str) -> None:
    """Remove older states, and what a kill while writing left."""
    for path in [*folder.glob("tensors-*.safetensors"), *folder.glob(".*.tmp")]:
        if path.name != name:
            with contextlib.suppress(OSError):
                path.unlink()
