"""The instance file: one archive (see `fgamcd_opt.archive`) of kind ``instance``."""

from __future__ import annotations

from pathlib import Path

from fgamcd_opt.archive import read_archive, write_archive
from fgamcd_opt.errors import InputError
from fgamcd_opt.instances.instance import ARRAY_FIELDS, UNITS, Instance
from fgamcd_opt.instances.recipe_check import recipe_fault

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
    header |= {"units": UNITS, "digest": instance.digest}
    write_archive(path, KIND, header, {field: getattr(instance, field) for field in ARRAY_FIELDS})


def load_instance(path: Path | str) -> Instance:
    """Read and validate an instance file and check its digest.

    Raises
    ------
    InputError
        Naming the file and the fault: see `fgamcd_opt.archive.read_archive` and `Instance`; also unknown or
        missing fields, other units, a digest that does not match the content, and a recipe that makes another
        instance (`fgamcd_opt.instances.recipe_check`).
    """
    header, arrays = read_archive(path, KIND)
    _same_names(path, "header field", set(header), {*_HEADER_FIELDS, "units", "digest"})
    _same_names(path, "array", set(arrays), set(ARRAY_FIELDS))
    if header["units"] != UNITS:
        raise InputError(f"{path}: units are {header['units']!r}; expected {UNITS!r}")
    _check_types(path, header)
    for field, (dtype, _) in ARRAY_FIELDS.items():
        if arrays[field].dtype != dtype:
            raise InputError(f"{path}: {field}: dtype is {arrays[field].dtype}; expected {dtype.__name__}")
    try:
        instance = Instance(**{field: header[field] for field in _HEADER_FIELDS}, **arrays)  # type: ignore[arg-type]
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    if instance.digest != header["digest"]:
        raise InputError(
            f"{path}: the content has digest {instance.digest}, but the file says {header['digest']!r}; "
            "it was changed after it was written"
        )
    if fault := recipe_fault(instance):
        raise InputError(
            f"{path}: recipe: {fault}; generate the file anew, or set its recipe to null to use it without"
        )
    return instance


def _same_names(path: Path | str, what: str, found: set[str], expected: set[str]) -> None:
    if extra := sorted(found - expected):
        raise InputError(f"{path}: unknown {what} {extra[0]!r}")
    if missing := sorted(expected - found):
        raise InputError(f"{path}: {what} {missing[0]!r} is missing")


def _check_types(path: Path | str, header: dict[str, object]) -> None:
    for field in ("block_names", "model_names"):
        if not isinstance(header[field], list):
            raise InputError(f"{path}: {field}: {header[field]!r} is not a list of names")
    if not isinstance(header["recipe"], dict | None):
        raise InputError(f"{path}: recipe: {header['recipe']!r} is neither an object nor null")
