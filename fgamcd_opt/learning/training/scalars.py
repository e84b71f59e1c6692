"""The learning curve for TensorBoard."""

from __future__ import annotations

import math
from pathlib import Path
from types import TracebackType
from typing import Self

from torch.utils.tensorboard import SummaryWriter

from fgamcd_opt.learning.training.curve import CurveRow

TAGS = {
    "evaluation/delay_s": "delay_s",
    "evaluation/gap": "gap",
    "evaluation/unserved": "unserved",
    "training/return": "return_",
    "training/steps": "steps",
    "training/updates": "updates",
    "training/synthetic": "synthetic",
    "training/steps_per_s": "steps_per_s",
}
"""Name of a scalar, and the field of the row that it shows; diagnostics follow as ``diagnostics/NAME``."""


class ScalarLog:
    """Scalars over episodes, as event files in a folder.

    Parameters
    ----------
    folder
        Made if missing; several event files in it are one log.
    last_episode
        Of the last row that is still valid there. Scalars of later episodes, written before the training was resumed,
        no longer count.
    """

    def __init__(self, folder: Path, last_episode: int = 0) -> None:
        resumed = folder.is_dir()
        self._writer = SummaryWriter(str(folder), purge_step=last_episode + 1 if resumed else None)

    def append(self, row: CurveRow) -> None:
        """Write what is finite in a row."""
        values = {tag: getattr(row, name) for tag, name in TAGS.items()}
        values |= {f"diagnostics/{name}": value for name, value in row.diagnostics.items()}
        for tag, value in values.items():
            if value is not None and math.isfinite(value):
                self._writer.add_scalar(tag, value, row.episode)
        self._writer.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()
