"""The repository of real checkpoints: blocks by layer prefix, the same block where the content is the same."""

from __future__ import annotations

import hashlib
import json
import logging
import mmap
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fgamcd_opt.instances.repositories.checkpoint_files import Checkpoint, survey
from fgamcd_opt.instances.repositories.model_repository import MAX_MODEL_BLOCKS, Repository
from fgamcd_opt.instances.repositories.safetensors_header import TensorEntry, read_header
from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.files import reason_of
from fgamcd_opt.io.safe_text import quote

logger = logging.getLogger(__name__)

_LAYER = re.compile(r"(?:[^.]+\.)*?\d+(?=\.)")

Blocks = dict[str, tuple[str, int]]
"""Key (SHA-256 of content) and size in bytes of every block of one checkpoint, by its name."""


def scan_folder(folder: Path, group_by: str | None = None) -> Repository:
    """Build the repository of a folder of safetensors checkpoints (module `checkpoint_files`).

    What is not counted but may hold weights is logged as a warning.

    Raises
    ------
    InputError
        If the folder or a file in it is not acceptable, or the expression is not valid.
    """
    found = survey(folder)
    for item in found.left_out:
        if item.may_hold_weights:
            logger.warning("%s: not counted: %s: %s", folder, item.path, item.reason)
    return build_repository(folder, found.checkpoints, group_by)


def build_repository(
    folder: Path, checkpoints: Sequence[Checkpoint], group_by: str | None = None
) -> Repository:
    """Build the repository of checkpoints.

    A block is what shares a prefix (`block_name`). Its key is made of the name after the prefix, the dtype, the shape
    and the SHA-256 of the bytes of each of its tensors; blocks of the same key are one PB, named after the first model
    that has it.
    Files are mapped into memory and hashed tensor by tensor, never loaded. Blocks without bytes are left out.

    Parameters
    ----------
    folder
        That holds the checkpoints, for messages.
    checkpoints
        Of `survey`.
    group_by
        Regular expression for `block_name`.

    Raises
    ------
    InputError
        If the folder or a file in it is not acceptable, or the expression is not valid.
    """
    pattern = _compiled(group_by)
    own = {checkpoint.name: _blocks(checkpoint, pattern) for checkpoint in checkpoints}
    names: dict[str, tuple[str, int]] = {}
    models: dict[str, list[str]] = {}
    for checkpoint in sorted(checkpoints, key=lambda c: c.base is not None):  # a base names its blocks itself
        parts = [(checkpoint.name, own[checkpoint.name])]
        if checkpoint.base is not None:
            parts.insert(0, (checkpoint.base, own[checkpoint.base]))
        for owner, blocks in parts:
            for block, (key, size) in blocks.items():
                names.setdefault(key, (f"{owner}/{block}", size))
        models[checkpoint.name] = [key for _, blocks in parts for key, _ in blocks.values()]
    if len(models) * len(names) > MAX_MODEL_BLOCKS:
        raise InputError(
            f"{folder}: {len(models)} models x {len(names)} blocks exceed {MAX_MODEL_BLOCKS} entries"
        )
    index = {key: k for k, key in enumerate(names)}
    model_blocks = np.zeros((len(models), len(names)), dtype=np.bool_)
    for row, name in zip(model_blocks, sorted(models), strict=True):
        row[[index[key] for key in models[name]]] = True
    sizes = np.array([size for _, size in names.values()], dtype=np.int64)
    return Repository(tuple(name for name, _ in names.values()), sizes, tuple(sorted(models)), model_blocks)


def block_name(tensor: str, pattern: re.Pattern[str] | None = None) -> str:
    """Name of the block of a tensor.

    What ``pattern`` matches at the start of the name (its first group, if it has one); without a pattern or a match the
    name up to its first number, such as ``encoder.layer.3`` or ``layer1.0``; without a number the name without its last
    part, such as ``pooler.dense``.
    """
    match = pattern.match(tensor) if pattern else None
    if match is not None:
        chosen: str = match[1 if match.re.groups else 0] or ""
        if chosen:
            return chosen
    layer = _LAYER.match(tensor)
    return layer[0] if layer else tensor.rpartition(".")[0] or tensor


def _compiled(group_by: str | None) -> re.Pattern[str] | None:
    try:
        return None if group_by is None else re.compile(group_by)
    except re.error as error:
        raise InputError(f"group-by: {group_by!r} is not a regular expression ({error})") from error


def _blocks(checkpoint: Checkpoint, pattern: re.Pattern[str] | None) -> Blocks:
    """Blocks of the files of one checkpoint, without those of its base."""
    tensors: dict[str, list[list[object]]] = {}
    sizes: dict[str, int] = {}
    seen: dict[str, Path] = {}
    for path in checkpoint.files:
        for entry, digest in _hashed(path):
            if entry.name in seen:
                raise InputError(f"{path}: tensor {quote(entry.name)} is in {seen[entry.name].name}, too")
            seen[entry.name] = path
            block = block_name(entry.name, pattern)
            rest = entry.name.removeprefix(block)
            tensors.setdefault(block, []).append([rest, entry.dtype, entry.shape, digest])
            sizes[block] = sizes.get(block, 0) + entry.end - entry.begin
    _compare_index(checkpoint, seen)
    keys = {
        block: hashlib.sha256(json.dumps(sorted(parts)).encode()).hexdigest()
        for block, parts in tensors.items()
    }
    blocks = {block: (keys[block], size) for block, size in sizes.items() if size}
    if not blocks:
        raise InputError(f"{checkpoint.files[0]}: holds no tensor with any bytes")
    return blocks


def _compare_index(checkpoint: Checkpoint, seen: dict[str, Path]) -> None:
    """The index must promise exactly what the shards hold."""
    if checkpoint.tensors is None:
        return
    held = {name: path.name for name, path in seen.items()}
    for name in sorted(held.keys() | checkpoint.tensors.keys()):
        if held.get(name) != checkpoint.tensors.get(name):
            raise InputError(
                f"{checkpoint.files[0].parent}: tensor {quote(name)} is in {held.get(name, 'no file')}, but the index "
                f"says {checkpoint.tensors.get(name, 'nothing of it')}"
            )


def _hashed(path: Path) -> list[tuple[TensorEntry, str]]:
    """Tensors of a file with the SHA-256 of their bytes."""
    entries = read_header(path)
    try:
        with (
            path.open("rb") as stream,
            mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content,
            memoryview(content) as view,
        ):
            return [(entry, _sha256(view, entry)) for entry in entries]
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({reason_of(error)})") from error


def _sha256(view: memoryview, entry: TensorEntry) -> str:
    with view[entry.begin : entry.end] as tensor:
        return hashlib.sha256(tensor).hexdigest()
