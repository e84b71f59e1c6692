"""The repository file: models and their blocks as a small JSON object, for ``--set repository=FILE.json``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from fgamcd_opt.instances.input_file import read_input
from fgamcd_opt.instances.repositories.model_repository import MAX_MODEL_BLOCKS, Repository
from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.files import read_json, write_bytes_atomically
from fgamcd_opt.io.safe_text import quote

KIND = "repository"
SCHEMA_VERSION = 1
"""Version of the file's fields; a reader accepts exactly this one."""


def save_repository(path: Path, repository: Repository) -> None:
    """Write a repository file; the same repository gives the same bytes.

    Raises
    ------
    InputError
        If the file cannot be written, or would be larger than `load_repository` reads; nothing is left behind then.
    """
    sizes = repository.block_bytes.tolist()
    content = {
        "kind": KIND,
        "schema_version": SCHEMA_VERSION,
        "blocks": [{"name": n, "bytes": b} for n, b in zip(repository.block_names, sizes, strict=True)],
        "models": [
            {"name": name, "blocks": np.flatnonzero(row).tolist()}
            for name, row in zip(repository.model_names, repository.model_blocks, strict=True)
        ],
    }
    text = f"{json.dumps(content, indent=1)}\n".encode()
    read_json(f"{path}: the repository", text)
    write_bytes_atomically(path, text)


def load_repository(path: str, sha256: str = "") -> Repository:
    """Read a repository file.

    Parameters
    ----------
    path
        Of the file.
    sha256
        Digest that the file must have; empty means any.

    Raises
    ------
    InputError
        Naming the file and the fault: unknown or missing fields, values of the wrong type, a block that is not there, a
        model without blocks, a name given twice, or another digest.
    """
    text, _ = read_input("repository", path, sha256)
    try:
        return _parsed(read_json("the file", text))
    except InputError as error:
        raise InputError(f"repository: {path}: {error}") from error


def _parsed(content: dict[str, Any]) -> Repository:
    _require_fields("the file", content, {"kind", "schema_version", "blocks", "models"})
    for field, expected in (("kind", KIND), ("schema_version", SCHEMA_VERSION)):
        if content[field] != expected or isinstance(content[field], bool):
            raise InputError(f"{field}: {quote(content[field])} is not known; expected {expected!r}")
    blocks = _objects("blocks", content["blocks"], "bytes")
    models = _objects("models", content["models"], "blocks")
    if len(blocks) * len(models) > MAX_MODEL_BLOCKS:
        raise InputError(f"models: {len(models)} x {len(blocks)} blocks exceed {MAX_MODEL_BLOCKS} entries")
    for i, model in enumerate(models):
        chosen = model["blocks"]
        if not isinstance(chosen, list) or not chosen:
            raise InputError(f"models[{i}].blocks: {quote(chosen)} is not a list with an entry at least")
        for k in chosen:
            if type(k) is not int or not 0 <= k < len(blocks):
                raise InputError(
                    f"models[{i}].blocks: {quote(k)} is not an index of blocks (0 to {len(blocks) - 1})"
                )
    for k, block in enumerate(blocks):
        if type(block["bytes"]) is not int or not 0 < block["bytes"] < 2**53:
            raise InputError(
                f"blocks[{k}].bytes: {quote(block['bytes'])} is not a whole number from 1 to 2^53"
            )
    model_blocks = np.zeros((len(models), len(blocks)), dtype=np.bool_)
    rows = np.repeat(np.arange(len(models)), [len(model["blocks"]) for model in models])
    model_blocks[rows, [k for model in models for k in model["blocks"]]] = True
    return Repository(
        tuple(block["name"] for block in blocks),
        np.array([block["bytes"] for block in blocks], dtype=np.int64),
        tuple(model["name"] for model in models),
        model_blocks,
    )


def _objects(field: str, value: object, other: str) -> list[dict[str, Any]]:
    """A list, not empty, of objects with the fields ``name`` and ``other``."""
    if not isinstance(value, list) or not value:
        raise InputError(f"{field}: is not a list with an entry at least")
    expected = {"name", other}
    for i, item in enumerate(value):
        if not isinstance(item, dict):
            raise InputError(f"{field}[{i}]: {quote(item)} is not an object")
        if item.keys() != expected:
            _require_fields(f"{field}[{i}]", item, expected)
    return value


def _require_fields(what: str, found: dict[str, Any], expected: set[str]) -> None:
    if odd := sorted(set(found) ^ expected):
        raise InputError(f"{what}: field {quote(odd[0])} is {'unknown' if odd[0] in found else 'missing'}")
