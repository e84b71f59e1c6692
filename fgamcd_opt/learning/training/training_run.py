"""One training in its folder: the loop of the trainer, and what is written while it runs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.safe_text import quote
from fgamcd_opt.io.short_repr import short_repr
from fgamcd_opt.learning.policies.policy_file import save_policy
from fgamcd_opt.learning.policies.tensor_file import require_like
from fgamcd_opt.learning.training.checkpoint import has_checkpoint, load_checkpoint, save_checkpoint
from fgamcd_opt.learning.training.curve import CurveFile, CurveRow
from fgamcd_opt.learning.training.run_folder import RunFolder
from fgamcd_opt.learning.training.scalars import ScalarLog

if TYPE_CHECKING:
    import torch

_FAULTS = (InputError, ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
"""What a state of another form may make a trainer raise."""


class ResumableTrainer(Protocol):
    """What a run asks of a trainer."""

    episode: int
    """Episodes so far."""

    def load(self, tensors: Mapping[str, torch.Tensor], meta: Mapping[str, Any]) -> None:
        """Take over a state made by :meth:`snapshot`."""
        ...

    def snapshot(self) -> tuple[Mapping[str, torch.Tensor], Mapping[str, Any]]:
        """Everything that decides how the training goes on, as tensors and plain JSON values."""
        ...

    def run(
        self,
        until_episode: int,
        on_row: Callable[[CurveRow], None],
        on_checkpoint: Callable[[], None],
        must_stop: Callable[[], bool],
    ) -> None:
        """Train up to an episode, or until ``must_stop`` says so."""
        ...

    def policy_tensors(self) -> Mapping[str, torch.Tensor]:
        """What acting needs."""
        ...


class TrainingRun:
    """A training that keeps its curve, checkpoints and policies in a folder.

    Parameters
    ----------
    trainer
        At its start; a checkpoint in the folder is loaded into it.
    folder
        Where the training has started.
    description
        Of the policy: ``method``, ``config``, ``n_nodes``, ``slots`` and ``provenance``, to which figures are added.
    tell
        Called with every row.

    Raises
    ------
    InputError
        The checkpoint or the curve in the folder is damaged.
    """

    __repr__ = short_repr

    def __init__(
        self,
        trainer: ResumableTrainer,
        folder: RunFolder,
        description: Mapping[str, Any],
        tell: Callable[[CurveRow], None],
    ) -> None:
        self.trainer, self.folder, self.description, self.tell = trainer, folder, description, tell
        self._kept_episode: int | None = None
        self.resumed = has_checkpoint(folder.checkpoint)
        kept = self._load() if self.resumed else 0
        with ExitStack() as opened:
            self._curve = opened.enter_context(CurveFile(folder.curve, kept))
            last = self.last.episode if self.last else 0
            self._scalars = opened.enter_context(ScalarLog(folder.tensorboard, last))
            self._files = opened.pop_all()

    @property
    def last(self) -> CurveRow | None:
        """The last row of the curve."""
        return self._curve.rows[-1] if self._curve.rows else None

    @property
    def best(self) -> CurveRow | None:
        """The first of the rows with the fewest blocks undelivered and then the least delay."""
        return min((row for row in self._curve.rows if row.delay_s is not None), key=_quality, default=None)

    def go(self, until_episode: int, must_stop: Callable[[], bool]) -> None:
        """Train, and leave checkpoint and policy as they are at the end, be it early or not."""
        with self._files:
            self.trainer.run(until_episode, self._on_row, self._on_checkpoint, must_stop)
            if self._kept_episode != self.trainer.episode:
                self._on_checkpoint()
            else:  # a kill may have come between checkpoint and policy
                self._save_policy(self.folder.policy)

    def _load(self) -> int:
        """Take the trainer to the checkpoint; rows that the curve had then.

        What the trainer holds afterwards is compared with the checkpoint: nothing is missing, left over or reshaped.
        """
        tensors, content = load_checkpoint(self.folder.checkpoint)
        rows, state = content.get("rows"), content.get("trainer")
        if type(rows) is not int or rows < 0 or not isinstance(state, dict):
            raise InputError(f"{self.folder.checkpoint}: was not made by a training: rows {quote(rows)}")
        _, like = self.trainer.snapshot()
        try:
            self.trainer.load(tensors, state)
            taken, meta = self.trainer.snapshot()
        except _FAULTS as error:
            raise InputError(f"{self.folder.checkpoint}: is not of this training ({error})") from error
        require_like(self.folder.checkpoint, tensors, taken)
        if _form(state) != _form(like) or meta != state:
            raise InputError(
                f"{self.folder.checkpoint}: is not of this training: its counters are of another form"
            )
        self._kept_episode = self.trainer.episode
        return rows

    def _on_row(self, row: CurveRow) -> None:
        before = self.best
        self._curve.append(row)
        self._scalars.append(row)
        if row.delay_s is not None and (before is None or _quality(row) < _quality(before)):
            self._save_policy(self.folder.best)
        self.tell(row)

    def _on_checkpoint(self) -> None:
        tensors, meta = self.trainer.snapshot()
        save_checkpoint(self.folder.checkpoint, tensors, {"trainer": meta, "rows": len(self._curve.rows)})
        self._kept_episode = self.trainer.episode
        self._save_policy(self.folder.policy)

    def _save_policy(self, path: Path) -> None:
        provenance = {**self.description["provenance"], **row_figures(self.last)}
        save_policy(path, self.trainer.policy_tensors(), {**self.description, "provenance": provenance})


def row_figures(row: CurveRow | None) -> dict[str, Any]:
    """Figures of a row as plain JSON values; what is not known or infinite is None, no row gives no figures."""
    if row is None:
        return {}
    names = ("episode", "steps", "seconds", "delay_s", "gap", "unserved", "updates", "synthetic")
    values = {name: getattr(row, name) for name in names} | {"return": row.return_}
    return {
        name: None if value is None or not math.isfinite(value) else value for name, value in values.items()
    }


def _form(value: Any) -> Any:
    """Names and types in plain JSON values."""
    return {name: _form(each) for name, each in value.items()} if isinstance(value, dict) else type(value)


def _quality(row: CurveRow) -> tuple[int, float]:
    """Less is better."""
    return row.unserved, math.inf if row.delay_s is None else row.delay_s
