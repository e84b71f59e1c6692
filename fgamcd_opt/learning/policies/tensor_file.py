"""Tensors with one JSON object, to and from the bytes of a safetensors file; read with distrust, never by pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import torch
from safetensors.torch import load, save

from fgamcd_opt.instances.repositories.safetensors_header import read_header
from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.files import read_json
from fgamcd_opt.io.safe_text import quote

DTYPES = ("BOOL", "U8", "I32", "I64", "F32", "F64")
"""Types of tensors that are read."""

_META = "fgamcd_opt"
"""The one key of the file's metadata: several would come in their own order in every process."""


def to_bytes(where: Path, tensors: Mapping[str, torch.Tensor], meta: Mapping[str, Any]) -> bytes:
    """The file's bytes; the same content gives the same bytes.

    Parameters
    ----------
    where
        The file that they are for, named in errors.
    tensors
        On any device; finite.
    meta
        Plain JSON values.

    Raises
    ------
    InputError
        A tensor or a number in ``meta`` is not finite, or ``meta`` is no JSON.
    """
    require_finite(where, tensors)
    try:
        text = json.dumps(meta, sort_keys=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InputError(f"{where}: its description cannot be written as JSON ({error})") from error
    return save({name: _own(tensor) for name, tensor in tensors.items()}, {_META: text})


def from_file(path: Path, max_bytes: int) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Tensors and JSON object of a file written from :func:`to_bytes`.

    Parameters
    ----------
    path
        The file.
    max_bytes
        Longer ones are refused before they are read.

    Raises
    ------
    InputError
        The file cannot be read, is too long, is no safetensors file (a pickle, for instance), contradicts itself,
        holds a tensor of an unknown type or one that is not finite, or no JSON object.
    """
    if path.is_dir():
        raise InputError(f"{path}: is a folder; expected a file, such as {path / 'best.safetensors'}")
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    if (size := path.stat().st_size) > max_bytes:
        raise InputError(f"{path}: has {size} bytes, more than {max_bytes}")
    for entry in read_header(path):
        if entry.dtype not in DTYPES:
            raise InputError(
                f"{path}: tensor {quote(entry.name)} is of {entry.dtype}; known are {', '.join(DTYPES)}"
            )
    try:
        with safetensors.safe_open(path, "pt") as file:
            texts = file.metadata() or {}
        tensors = load(path.read_bytes())
    except (OSError, safetensors.SafetensorError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from error
    if set(texts) != {_META}:
        raise InputError(f"{path}: was not written by this package: its metadata lacks {_META!r} or has more")
    require_finite(path, tensors)
    return tensors, read_json(f"{path}: metadata", texts[_META].encode())


def require_finite(where: Path | str, tensors: Mapping[str, torch.Tensor]) -> None:
    """Raise `InputError` naming the first tensor with a number that is not finite."""
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise InputError(f"{where}: tensor {quote(name)} holds numbers that are not finite")


def require_like(
    where: Path | str, tensors: Mapping[str, torch.Tensor], expected: Mapping[str, torch.Tensor]
) -> None:
    """Compare names, shapes and types of tensors with expected ones, which may be on the ``meta`` device.

    Raises
    ------
    InputError
        Naming the first tensor that is missing, unexpected, or of another shape or type.
    """
    if missing := sorted(set(expected) - set(tensors)):
        raise InputError(f"{where}: tensor {quote(missing[0])} is missing")
    if extra := sorted(set(tensors) - set(expected)):
        raise InputError(f"{where}: tensor {quote(extra[0])} is unexpected")
    for name, tensor in tensors.items():
        found, wanted = (
            (tuple(tensor.shape), tensor.dtype),
            (tuple(expected[name].shape), expected[name].dtype),
        )
        if found != wanted:
            raise InputError(
                f"{where}: tensor {quote(name)} has shape {found[0]} of {found[1]}; "
                f"expected {wanted[0]} of {wanted[1]}"
            )


def _own(tensor: torch.Tensor) -> torch.Tensor:
    """The tensor on the CPU in its own memory: the format refuses tensors that share theirs."""
    plain = tensor.detach().cpu().contiguous()
    return plain if plain.untyped_storage().nbytes() == plain.nbytes else plain.clone()
