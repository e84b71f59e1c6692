"""Which models a folder of safetensors checkpoints holds, and which files each of them consists of.

Directly in the folder: every ``*.safetensors`` file is a model, except that the files named in a
``*.safetensors.index.json`` are the shards of one. Every sub-folder with such files is one model; with an
``adapter_config.json`` it is an adapter, and its model is that of its base with the adapter added.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fgamcd_opt.errors import InputError
from fgamcd_opt.files import read_json, reason_of

_SUFFIX = ".safetensors"
_INDEX = ".safetensors.index.json"
_ADAPTER = "adapter_config.json"
_MAX_JSON_BYTES = 1 << 26


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


def find_checkpoints(folder: Path) -> list[Checkpoint]:
    """Return the models of a folder, sorted by name.

    Raises
    ------
    InputError
        If there is none, a sub-folder holds several, a file lies outside of ``folder`` (a link), an index or an
        adapter's configuration is damaged, or an adapter's base is not in the folder or an adapter itself.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: there is no such folder")
    found = [*_direct(folder, folder)]
    for entry in sorted(folder.iterdir()):
        if entry.is_dir() and not entry.name.startswith("."):
            found += _of_subfolder(folder, entry)
    if not found:
        raise InputError(f"{folder}: holds no *{_SUFFIX} file, neither directly nor in a sub-folder")
    names = [checkpoint.name for checkpoint in found]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"{folder}: two models are called {name!r}; rename a file or a folder")
    return sorted(_with_bases(folder, found), key=lambda checkpoint: checkpoint.name)


def _direct(root: Path, folder: Path) -> list[Checkpoint]:
    """Models whose files lie directly in ``folder``, named after these."""
    paths = [_inside(root, path) for path in sorted(folder.glob(f"*{_SUFFIX}"))]
    found, sharded = [], set[Path]()
    for index in sorted(folder.glob(f"*{_INDEX}")):
        tensors = _read_index(_inside(root, index))
        shards = [folder / name for name in dict.fromkeys(tensors.values())]
        if absent := [path for path in shards if path not in paths]:
            raise InputError(
                f"{index}: names {absent[0].name!r}, which is not a *{_SUFFIX} file of its folder"
            )
        found.append(Checkpoint(index.name.removesuffix(_INDEX), tuple(shards), tensors))
        sharded |= set(shards)
    alone = [Checkpoint(path.name.removesuffix(_SUFFIX), (path,)) for path in paths if path not in sharded]
    return found + alone


def _of_subfolder(root: Path, folder: Path) -> list[Checkpoint]:
    """The one model of a sub-folder, named after it, or none."""
    found = _direct(root, folder)
    if len(found) > 1:
        raise InputError(
            f"{folder}: holds {len(found)} models ({', '.join(c.name for c in found)}) and no index that makes them "
            "one; scan this folder itself, or keep one of them in it"
        )
    adapted = bool(found) and (folder / _ADAPTER).exists()
    base = _read_base(_inside(root, folder / _ADAPTER)) if adapted else None
    return [Checkpoint(folder.name, c.files, c.tensors, base) for c in found]


def _with_bases(folder: Path, found: list[Checkpoint]) -> list[Checkpoint]:
    """The checkpoints with every base as the name of another one: its last part, as in ``organisation/name``."""
    by_name = {checkpoint.name: checkpoint for checkpoint in found}
    resolved = []
    for checkpoint in found:
        base = checkpoint.base
        if base is not None:
            base = base.rstrip("/").rpartition("/")[2]
            if base not in by_name:
                raise InputError(
                    f"{folder}: the base {checkpoint.base!r} of adapter {checkpoint.name} is not there; put its "
                    f"checkpoint into a sub-folder {base!r}"
                )
            if by_name[base].base is not None:
                raise InputError(
                    f"{folder}: the base {base!r} of adapter {checkpoint.name} is an adapter itself"
                )
        resolved.append(Checkpoint(checkpoint.name, checkpoint.files, checkpoint.tensors, base))
    return resolved


def _inside(root: Path, path: Path) -> Path:
    """The path, if it leads to a file below ``root``."""
    target = path.resolve()
    if not target.is_relative_to(root.resolve()):
        raise InputError(
            f"{path}: is a link to {target}, outside of {root}; copy the file into the folder (cp -L)"
        )
    if not target.is_file():
        raise InputError(f"{path}: is not a file")
    return path


def _read_small(path: Path) -> dict[str, object]:
    try:
        if path.stat().st_size > _MAX_JSON_BYTES:
            raise InputError(f"{path}: has more than {_MAX_JSON_BYTES} bytes")
        return read_json(path, path.read_bytes())
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({reason_of(error)})") from error


def _read_base(config: Path) -> str:
    base = _read_small(config).get("base_model_name_or_path")
    if not isinstance(base, str) or not base:
        raise InputError(
            f"{config}: base_model_name_or_path is {base!r}; expected the name of the base model"
        )
    return base


def _read_index(path: Path) -> dict[str, str]:
    tensors = _read_small(path).get("weight_map")
    if not isinstance(tensors, dict) or not tensors or not all(isinstance(v, str) for v in tensors.values()):
        raise InputError(f"{path}: weight_map is not an object from tensors to file names")
    return tensors
