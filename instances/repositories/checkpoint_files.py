"""Which models a folder of safetensors checkpoints holds, which files each consists of, and what is not counted.

Directly in the folder every checkpoint is a model: a ``*.safetensors`` file, the files that a
``*.safetensors.index.json`` names, or those numbered ``-k-of-n``. Every sub-folder with such files is one model. Beside
an ``adapter_config.json`` it is an adapter, and its model is that of its base with the adapter added.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from fgamcd_opt.instances.repositories.checkpoint_units import (
    SUFFIX,
    Unit,
    inside,
    read_small_json,
    require_below,
    units_of,
)
from fgamcd_opt.instances.repositories.left_out import LeftOut, LeftOutList
from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.files import reason_of
from fgamcd_opt.io.safe_text import check_name, quote
from fgamcd_opt.io.short_repr import short_repr

ADAPTER = "adapter_config.json"
"""The configuration of an adapter in the layout of PEFT, beside its checkpoint."""

_ADAPTER_STEM, _MODEL_STEM = "adapter_model", "model"
"""Names, in the libraries of Hugging Face, of the checkpoint of an adapter and of the one that loaders take."""

_CACHED = re.compile(r"models--(?:.+?--)?(?P<name>.+)")
"""Name of a model's folder in the cache of Hugging Face's hub: ``models--ORGANISATION--NAME``."""

_SNAPSHOTS = "snapshots"
"""Folder in it with one folder of links per version."""

_NAMED = 3
"""Files that an error names of many."""

_MAX_HASH_BYTES = 100
"""Of a file that names a snapshot by its hash, which has 40 characters."""


@dataclass(frozen=True)
class Checkpoint:
    """Files of one model.

    Attributes
    ----------
    name
        Of the model.
    files
        Its safetensors files.
    tensors
        What an index promises: file name of every tensor; None without an index.
    base
        Name of the checkpoint that this one is an adapter of, or None.
    """

    name: str
    files: tuple[Path, ...]
    tensors: dict[str, str] | None = None
    base: str | None = None

    __repr__ = short_repr


@dataclass(frozen=True)
class Survey:
    """What a folder holds.

    Attributes
    ----------
    checkpoints
        The models, sorted by name.
    left_out
        Every other file and folder with the reason, those that may hold weights first.
    """

    checkpoints: tuple[Checkpoint, ...]
    left_out: tuple[LeftOut, ...]

    __repr__ = short_repr


def survey(folder: Path) -> Survey:
    """Return the models of a folder and what is not counted.

    Raises
    ------
    InputError
        If there is no model, a sub-folder holds several, shards are missing, a link leads nowhere or out of ``folder``,
        an index or an adapter's configuration is damaged, an adapter's base is not in the folder or an adapter itself,
        or a name occurs twice.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: there is no such folder")
    left = LeftOutList(folder)
    if _CACHED.fullmatch(folder.name) and (folder / _SNAPSHOTS).is_dir():
        found = _of_subfolder(left, folder)
    else:
        files, folders = _divided(left, folder, _leads_to_uncounted)
        found = _direct(left, files)
        for entry in folders:
            found += _of_subfolder(left, entry)
    if not found:
        seen = "".join(f"; {item.path}: {item.reason}" for item in left.sorted()[:_NAMED])
        raise InputError(
            f"{folder}: holds no *{SUFFIX} file of a model, neither directly nor in a sub-folder{seen}"
        )
    for name, times in Counter(checkpoint.name for checkpoint in found).items():
        check_name(f"{folder}: name of a model", name)
        if times > 1:
            raise InputError(f"{folder}: two models are called {name!r}; rename a file or a folder")
    checkpoints = sorted(_with_bases(folder, found), key=lambda checkpoint: checkpoint.name)
    return Survey(tuple(checkpoints), left.sorted())


def _divided(
    left: LeftOutList, folder: Path, follow: Callable[[Path, Path], bool] = lambda root, link: False
) -> tuple[list[Path], list[Path]]:
    """Files and sub-folders of a folder, links to folders that ``follow`` accepts among them; the rest is left out."""
    files, folders = [], []
    for path in left.listed(folder):
        checkpoint = path.name.lower().endswith(SUFFIX)
        if path.name.startswith("."):
            left.add_file(path)
        elif path.is_dir() and not checkpoint:
            if not path.is_symlink() or follow(left.root, path):
                folders.append(path)
            else:
                left.add(path, "is a link to a folder; only the folder itself is counted")
        elif path.is_symlink() and not path.exists() and not checkpoint:
            left.add(path, "is a link that leads nowhere")
        else:
            files.append(path)
    return files, folders


def _leads_to_uncounted(root: Path, link: Path) -> bool:
    """Whether a link directly in the folder leads to a folder that would not be counted without it.

    Raises
    ------
    InputError
        If it leads out of the folder.
    """
    require_below(root, link)
    target, top = link.resolve(), root.resolve()
    return target != top and (target.parent != top or target.name.startswith("."))


def _direct(left: LeftOutList, files: list[Path]) -> list[Checkpoint]:
    """Models of the files directly in the folder, named after these."""
    units = units_of(left.root, files)
    indices = {unit.name: unit.index.name for unit in units if unit.index is not None}
    stray = [unit for unit in units if unit.is_numbered and unit.name in indices]
    counted = [unit for unit in units if not (unit.is_numbered and unit.name in indices)]
    adapter, base = _adapter_of(left.root, files, counted)
    reasons = {
        path: f"is a shard that {indices[unit.name]} does not name" for unit in stray for path in unit.files
    }
    _leave_files(left, files, counted, adapter, reasons)
    return [_checkpoint(unit, unit.name, base if unit is adapter else None) for unit in counted]


def _of_subfolder(left: LeftOutList, folder: Path) -> list[Checkpoint]:
    """The one model of a sub-folder, named after it, or none."""
    name = folder.name
    if cached := _CACHED.fullmatch(name):
        folder, name = _snapshot(left, folder), cached["name"]
    files, folders = _divided(left, folder)
    if not files and not folders:
        left.add(folder, "holds nothing that is counted")
    units = units_of(left.root, files)
    adapter, base = _adapter_of(left.root, files, units)
    chosen = adapter or _model_of(folder, units)
    counted = [] if chosen is None else [chosen]
    reasons: dict[Path, str] = {}
    nested = f"lies two folders deep; scan {folder}, or move its folder up"
    if chosen is not None:
        others = [path for unit in units if unit is not chosen for path in unit.files]
        reasons = dict.fromkeys(others, f"lies beside the model that is counted, {chosen.source}")
        nested = f"lies in a sub-folder of the model {name}, of which only files directly in it are counted"
    _leave_files(left, files, counted, adapter, reasons)
    for entry in folders:
        left.add_tree(entry, nested)
    return [_checkpoint(unit, name, base) for unit in counted]


def _adapter_of(root: Path, files: list[Path], units: list[Unit]) -> tuple[Unit | None, str | None]:
    """The adapter among checkpoints that lie beside the configuration of one, and what this calls its base."""
    config = next((path for path in files if path.name == ADAPTER), None)
    named = [unit for unit in units if unit.name == _ADAPTER_STEM] or units
    if config is None or len(named) != 1:
        return None, None
    base = read_small_json(inside(root, config)).get("base_model_name_or_path")
    if not isinstance(base, str) or not base:
        raise InputError(
            f"{config}: base_model_name_or_path is {quote(base)}; expected the name of the base model"
        )
    return named[0], base


def _model_of(folder: Path, units: list[Unit]) -> Unit | None:
    """The checkpoint of a sub-folder: the only one, the only one with an index, or the one that loaders take."""
    for candidates in (
        units,
        [unit for unit in units if unit.index is not None],
        [unit for unit in units if unit.name == _MODEL_STEM],
    ):
        if len(candidates) == 1:
            return candidates[0]
    if not units:
        return None
    names = ", ".join(unit.name for unit in units[:_NAMED]) + ", ..." * (len(units) > _NAMED)
    raise InputError(
        f"{folder}: holds {len(units)} models ({names}), and neither an index nor the name "
        f"{_MODEL_STEM}{SUFFIX} says which one is meant; scan this folder itself, or keep one of them in it"
    )


def _leave_files(
    left: LeftOutList, files: list[Path], counted: list[Unit], adapter: Unit | None, reasons: dict[Path, str]
) -> None:
    """Note the files that belong to no checkpoint that is counted."""
    used = {path for unit in counted for path in unit.paths}
    for path in files:
        if path.name == ADAPTER and adapter is None:
            left.add(path, f"belongs to no {_ADAPTER_STEM}{SUFFIX} that is there")
        elif path not in used and path.name != ADAPTER:
            left.add_file(path, reasons.get(path, "belongs to no model that is counted"))


def _snapshot(left: LeftOutList, folder: Path) -> Path:
    """The folder with the files of a model in the cache of Hugging Face's hub; ``folder`` if it is no such cache."""
    snapshots = folder / _SNAPSHOTS
    if not snapshots.is_dir() or snapshots.is_symlink():
        return folder
    known = [path for path in left.listed(snapshots) if path.is_dir() and not path.is_symlink()]
    if not known:
        return folder
    main = _main_snapshot(left.root, folder / "refs" / "main")
    chosen = [path for path in known if path.name == main] or known
    if len(chosen) != 1:
        raise InputError(f"{snapshots}: holds {len(chosen)} snapshots; keep one of them")
    for path in left.listed(snapshots):
        if path != chosen[0]:
            left.add(path, f"is not the snapshot that is counted, {chosen[0].name}")
    for path in left.listed(folder):
        if path != snapshots:
            left.add(path, "belongs to the hub's cache; the files of its snapshot are counted")
    return chosen[0]


def _main_snapshot(root: Path, head: Path) -> str:
    """Name of the snapshot that a cache calls its main one; empty if it calls none."""
    if not head.is_file():
        return ""
    try:
        with inside(root, head).open("rb") as stream:
            return stream.read(_MAX_HASH_BYTES).decode(errors="replace").strip()
    except OSError as error:
        raise InputError(f"{head}: cannot be read ({reason_of(error)})") from error


def _checkpoint(unit: Unit, name: str, base: str | None) -> Checkpoint:
    if unit.fault:
        raise InputError(
            f"{unit.files[0].parent}: {unit.fault} (model {unit.name!r}, no index); complete the download"
        )
    return Checkpoint(name, unit.files, unit.tensors, base)


def _with_bases(folder: Path, found: list[Checkpoint]) -> list[Checkpoint]:
    """The checkpoints with every base as the name of another one."""
    by_name = {checkpoint.name: checkpoint for checkpoint in found}
    resolved = []
    for checkpoint in found:
        base = checkpoint.base
        if base is not None:
            names = _names_of(base)
            base = next((name for name in names if name in by_name and name != checkpoint.name), None)
            if base is None:
                raise InputError(
                    f"{folder}: the base {quote(checkpoint.base)} of adapter {checkpoint.name} is not there; put its "
                    f"checkpoint into a sub-folder {quote(names[0])} of the folder that is scanned"
                )
            if by_name[base].base is not None:
                raise InputError(
                    f"{folder}: the base {base!r} of adapter {checkpoint.name} is an adapter itself"
                )
        resolved.append(replace(checkpoint, base=base))
    return resolved


def _names_of(base: str) -> list[str]:
    """What the checkpoint of a base may be called: the model of a hub's cache, or the last part of a name or path."""
    parts = [part for part in re.split(r"[/\\]", base) if part not in ("", ".")] or [base]
    cached = [match["name"] for part in parts if (match := _CACHED.fullmatch(part))]
    last = parts[-1]
    return [*cached, last, *([last[: -len(SUFFIX)]] if last.lower().endswith(SUFFIX) else [])]
