"""The folder of one training: what lies where, and whether a training may start or go on in it."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fgamcd_opt.io.errors import InputError, UsageError
from fgamcd_opt.io.files import read_json, read_text_file, reason_of, require_version, write_bytes_atomically
from fgamcd_opt.io.safe_text import quote
from fgamcd_opt.io.targets import make_folder, require_folder

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class RunFolder:
    """Files of one training.

    Parameters
    ----------
    path
        The folder; made when the training begins.
    """

    path: Path

    @property
    def config(self) -> Path:
        """What the training is: method, configuration, instance, bound, versions."""
        return self.path / "config.json"

    @property
    def curve(self) -> Path:
        """The learning curve."""
        return self.path / "curve.csv"

    @property
    def checkpoint(self) -> Path:
        """Folder from which the training goes on."""
        return self.path / "checkpoint"

    @property
    def tensorboard(self) -> Path:
        """Folder of TensorBoard's event files."""
        return self.path / "tensorboard"

    @property
    def policy(self) -> Path:
        """The policy as it was last."""
        return self.path / "policy.safetensors"

    @property
    def best(self) -> Path:
        """The policy that was evaluated best."""
        return self.path / "best.safetensors"

    def require_new(self) -> None:
        """Refuse to start where nothing can be written, before long work, or where a training would be overwritten.

        Raises
        ------
        UsageError
            Another training, or a part of one, is there; names it.
        InputError
            The folder cannot be made or written into.
        """
        require_folder(self.path)
        for path in (self.config, self.curve, self.checkpoint, self.tensorboard, self.policy, self.best):
            if path.exists():
                raise UsageError(
                    f"{path}: exists; add --resume to go on with this training, or name another folder"
                )

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Within: no other process trains in the folder, which is made if it does not exist.

        Raises
        ------
        UsageError
            Another one does.
        InputError
            The folder cannot be made or written into.
        """
        make_folder(self.path)
        require_folder(self.path)
        try:
            stream = (self.path / "lock").open("a")
        except OSError as error:
            raise InputError(f"{self.path}: cannot be written ({reason_of(error)})") from error
        with stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise UsageError(
                    f"{self.path}: another process trains there; wait for its end, or name another folder"
                ) from error
            yield

    def begin(self, content: Mapping[str, Any]) -> None:
        """Write what the training is, if nothing has been trained here.

        Raises
        ------
        UsageError
            As for :meth:`require_new`.
        InputError
            If that cannot be written.
        """
        self.require_new()
        text = json.dumps({"schema_version": SCHEMA_VERSION, **content}, indent=1, allow_nan=False)
        write_bytes_atomically(self.config, f"{text}\n".encode())

    def reopen(self, identity: Mapping[str, Any]) -> dict[str, Any]:
        """What the training in the folder is, after it was found to be the one that is asked for.

        Parameters
        ----------
        identity
            Fields that must be the same, such as method, configuration and instance.

        Raises
        ------
        InputError
            There is no training, or it is another one; names the first difference.
        """
        if not self.config.is_file():
            raise InputError(
                f"{self.config}: no such file; there is no training to resume, leave --resume out"
            )
        content = read_json(self.config, read_text_file(self.config))
        require_version(content, SCHEMA_VERSION, self.config)
        for name, held, asked in _differences(content, identity):
            raise InputError(
                f"{self.config}: this training has {name} = {quote(held)}, asked for is {quote(asked)}; "
                "ask for the same, or train in another folder"
            )
        return content


def _differences(
    held: Mapping[str, Any], asked: Mapping[str, Any], prefix: str = ""
) -> Iterator[tuple[str, Any, Any]]:
    """Dotted name, value held and value asked for, of every field that differs; ``held`` may have further fields."""
    for name, value in asked.items():
        found = held.get(name)
        if isinstance(found, Mapping) and isinstance(value, Mapping):
            yield from _differences(found, value, f"{prefix}{name}.")
        elif found != value:
            yield f"{prefix}{name}", found, value
