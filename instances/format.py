"""The instance file: one archive (see `fgamcd_opt.io.archive`) of kind ``instance``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fgamcd_opt.instances.generation.recipe_check import recipe_fault
from fgamcd_opt.instances.instance import ARRAY_FIELDS, UNITS, Instance
from fgamcd_opt.instances.recipes.own_values import paths_for, paths_from
from fgamcd_opt.instances.validation import require_shape
from fgamcd_opt.io.archive import read_archive, write_archive
from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.safe_text import quote

KIND = "instance"
_HEADER_FIELDS = ("name", "bandwidth_hz", "noise_w", "csi_set", "block_names", "model_names", "recipe")


def save_instance(path: Path | str, instance: Instance) -> None:
    """Write ``instance`` without loss; the bytes depend on its content alone.

    Raises
    ------
    InputError
        If the file cannot be written; nothing is left behind then.
    """
    header = {field: getattr(instance, field) for field in _HEADER_FIELDS}
    if instance.recipe is not None:
        header["recipe"] = paths_for(instance.recipe, Path(path).parent)
    header |= {"units": UNITS, "digest": instance.digest}
    write_archive(path, KIND, header, {field: getattr(instance, field) for field in ARRAY_FIELDS})


def load_instance(path: Path | str) -> Instance:
    """Read and validate an instance file and check its digest.

    Raises
    ------
    InputError
        Naming the file and the fault: see `fgamcd_opt.io.archive.read_archive` and `Instance`; also unknown or
        missing fields, other units, a digest that does not match the content, and a recipe that makes another
        instance (`fgamcd_opt.instances.generation.recipe_check`).
    """
    header, arrays = read_archive(path, KIND, check=_check_header)
    for field, (dtype, _) in ARRAY_FIELDS.items():
        if arrays[field].dtype != dtype:
            raise InputError(f"{path}: {field}: dtype is {arrays[field].dtype}; expected {dtype.__name__}")
    if header["recipe"] is not None:
        header["recipe"] = paths_from(header["recipe"], Path(path).parent)
    try:
        instance = Instance(**{field: header[field] for field in _HEADER_FIELDS}, **arrays)  # type: ignore[arg-type]
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    if instance.digest != header["digest"]:
        raise InputError(
            f"{path}: the content has digest {instance.digest}, but the file says {quote(header['digest'])}; "
            "it was changed after it was written"
        )
    if fault := recipe_fault(instance):
        raise InputError(
            f"{path}: recipe: {fault}; generate the file again, or set its recipe to null to use it without"
        )
    return instance


def _check_header(header: dict[str, Any], shapes: dict[str, tuple[int, ...]]) -> None:
    """Raise `InputError` unless fields, types and shapes are those of an instance, before any array is read."""
    _same_names("header field", set(header), {*_HEADER_FIELDS, "units", "digest"})
    _same_names("array", set(shapes), set(ARRAY_FIELDS))
    if header["units"] != UNITS:
        raise InputError(f"units are {quote(header['units'])}; expected {UNITS!r}")
    for field in ("block_names", "model_names"):
        if not isinstance(header[field], list):
            raise InputError(f"{field}: {quote(header[field])} is not a list of names")
    if not isinstance(header["recipe"], dict | None):
        raise InputError(f"recipe: {quote(header['recipe'])} is neither an object nor null")
    for field, (_, axes) in ARRAY_FIELDS.items():
        if len(shapes[field]) != axes:
            raise InputError(f"{field}: shape is {shapes[field]}; expected {axes} axes")
    _check_shapes(shapes, len(header["block_names"]), len(header["model_names"]))


def _check_shapes(shapes: dict[str, tuple[int, ...]], n_blocks: int, n_models: int) -> None:
    """Raise `InputError` if shapes contradict each other: what needs no value to be known is known here."""
    (n_nodes,), (n_users,) = shapes["storage_bytes"], shapes["requests"]
    rows, _, antennas = shapes["channel"]
    links = shapes["backhaul_bps"][0]
    expected: dict[str, tuple[int, ...]] = {
        "block_bytes": (n_blocks,),
        "model_blocks": (n_models, n_blocks),
        "power_w": (n_nodes,),
        "antennas": (n_nodes,),
        "backhaul_bps": (links if links in (1, n_blocks) else n_blocks, n_nodes, n_nodes),
        "channel": (rows, n_nodes, antennas),
        "csi_radius": (rows, n_nodes),
        "qos_bps": (n_users,),
        "node_xy_m": (n_nodes, 2),
        "user_xy_m": (n_users, 2),
    }
    for field, shape in expected.items():
        require_shape(field, shapes[field], shape)
    if shapes["pair_channel"][0] > n_users * n_blocks:
        raise InputError(
            f"pair_channel: has {shapes['pair_channel'][0]} pairs; at most every user wants every PB"
        )


def _same_names(what: str, found: set[str], expected: set[str]) -> None:
    if extra := sorted(found - expected):
        raise InputError(f"unknown {what} {quote(extra[0])}")
    if missing := sorted(expected - found):
        raise InputError(f"{what} {quote(missing[0])} is missing")
