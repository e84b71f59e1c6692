"""What a scan does not count, with the reason: no file of a folder of checkpoints is dropped without a word."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.files import reason_of
from fgamcd_opt.io.safe_text import one_line
from fgamcd_opt.io.short_repr import short_repr

MAX_ENTRIES = 100_000
"""Files and folders that are looked at; more are a sign of a folder that holds no checkpoints, such as ``/``."""

NO_WEIGHTS = "holds no weights, by its name"

_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib", ".mar")
_LLAMA = (".gguf", ".ggml", ".llamafile")
_OTHER_WEIGHTS = (
    *(".onnx", ".onnx_data", ".pb", ".tflite", ".h5", ".hdf5", ".keras", ".msgpack", ".npz", ".npy", ".mat"),
    *(".mlmodel", ".mlpackage", ".engine", ".plan", ".ot", ".pdparams", ".caffemodel", ".params", ".pte"),
    *(".zip", ".tar", ".gz", ".tgz", ".xz", ".zst", ".7z", ".data", ".index"),
)
_BY_SUFFIX = {
    **dict.fromkeys(
        _PICKLES, "is a pickle by its name, and pickles are never read; convert it to safetensors"
    ),
    **dict.fromkeys(_LLAMA, "is of llama.cpp's format; only safetensors is read"),
    **dict.fromkeys(_OTHER_WEIGHTS, "is of another format; only safetensors is read"),
}
_DOT = "its name begins with a dot"


@dataclass(frozen=True)
class LeftOut:
    """A file or folder that is not counted.

    Attributes
    ----------
    path
        From the folder that is scanned, with ``/``; what no terminal can print is escaped.
    reason
        Why.
    """

    path: str
    reason: str

    __repr__ = short_repr

    @property
    def may_hold_weights(self) -> bool:
        """Whether anything but the name speaks against weights in it."""
        return self.reason != NO_WEIGHTS


class LeftOutList:
    """Collects what is left out below a folder, and watches over how much is looked at."""

    __repr__ = short_repr

    def __init__(self, root: Path) -> None:
        self.root = root
        self.items: list[LeftOut] = []
        self._seen = 0

    def add(self, path: Path, reason: str) -> None:
        """Note one file or folder."""
        self.items.append(LeftOut(one_line(path.relative_to(self.root).as_posix()), reason))

    def add_file(self, path: Path, of_safetensors: str = "") -> None:
        """Note a file with the reason that its name gives, or ``of_safetensors`` if it is named like a checkpoint."""
        self.add(path, _reason_by_name(path.name, of_safetensors))

    def add_tree(self, folder: Path, of_safetensors: str) -> None:
        """Note everything below a folder."""
        waiting = [folder]
        while waiting:
            place = waiting.pop()
            entries = self.listed(place)
            if not entries:
                self.add(place, "is empty")
            for path in entries:
                if path.is_symlink() and not path.is_file():
                    self.add(path, "is a link, but not to a file")
                elif path.name.startswith("."):
                    self.add(path, _DOT)
                elif path.is_dir():
                    waiting.append(path)
                else:
                    self.add_file(path, of_safetensors)

    def listed(self, folder: Path) -> list[Path]:
        """The entries of a folder, sorted by name.

        Raises
        ------
        InputError
            If it cannot be read, or more than `MAX_ENTRIES` were looked at.
        """
        try:
            paths = sorted(self._counted(folder))
        except OSError as error:
            raise InputError(f"{folder}: cannot be read ({reason_of(error)})") from error
        return paths

    def _counted(self, folder: Path) -> Iterator[Path]:
        with os.scandir(folder) as entries:
            for entry in entries:
                self._seen += 1
                if self._seen > MAX_ENTRIES:
                    raise InputError(
                        f"{self.root}: holds more than {MAX_ENTRIES} files; scan a folder of checkpoints alone"
                    )
                yield folder / entry.name

    def sorted(self) -> tuple[LeftOut, ...]:
        """By path, those that may hold weights first."""
        return tuple(sorted(self.items, key=lambda item: (not item.may_hold_weights, item.path)))


def _reason_by_name(name: str, of_safetensors: str) -> str:
    lower = name.lower()
    if name.startswith("."):
        return _DOT
    if lower.endswith((".safetensors", ".safetensors.index.json")):
        return of_safetensors
    if ".safetensors." in lower and not lower.endswith((".json", ".md", ".txt")):
        return "its name does not end in .safetensors; downloads that were broken off are named so"
    return _BY_SUFFIX.get(Path(lower).suffix, NO_WEIGHTS)
