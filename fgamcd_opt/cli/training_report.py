"""What `fgamcd train` says: a line per evaluation on stderr while it trains, and the summary at its end."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from fgamcd_opt.cli.output import print_json, print_rows
from fgamcd_opt.learning.training.training_run import row_figures
from fgamcd_opt.solving.status import StopReason
from fgamcd_opt.studies.grid.progress import clock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fgamcd_opt.learning.training.curve import CurveRow
    from fgamcd_opt.learning.training.proved_bound import ProvedBound
    from fgamcd_opt.learning.training.training_run import TrainingRun
    from fgamcd_opt.learning.training.training_task import Task
    from fgamcd_opt.solving.context import SolveContext


class Progress:
    """Lines of progress, and the question whether to stop.

    Parameters
    ----------
    context
        Clock, limits and stop flag.
    episodes
        Of the whole training.
    """

    def __init__(self, context: SolveContext, episodes: int) -> None:
        self.context, self.episodes = context, episodes
        self.reason = StopReason.COMPLETED
        """Why the training ended."""
        self._first: tuple[float, int] | None = None

    def must_stop(self) -> bool:
        """Whether the time is up or a stop was asked for."""
        if self.context.must_stop:
            self.reason = self.context.stop_reason()
        return self.context.must_stop

    def tell(self, row: CurveRow) -> None:
        """One line, at most one per second besides the last one."""
        now = time.monotonic()
        self._first = self._first or (now, row.episode)
        since, episode = self._first
        text = f"episode {row.episode}/{self.episodes}"
        if row.episode > episode:
            left_s = (now - since) / (row.episode - episode) * (self.episodes - row.episode)
            text += f", {clock(left_s)} left"
        text += f", {outcome(row)}, {row.steps_per_s:.0f} steps/s"
        self.context.progress(text, now=row.episode >= self.episodes)


def outcome(row: CurveRow) -> str:
    """Return, delay and gap of a row in words."""
    parts = [f"return {row.return_:.3f}"]
    if row.unserved:
        parts.append(f"blocks not delivered: {row.unserved}")
    elif row.delay_s is not None and math.isfinite(row.delay_s):
        parts.append(f"delay {row.delay_s:.6f} s")
    if row.gap is not None:
        parts.append(f"gap {100 * row.gap:.3f} %")
    return ", ".join(parts)


def print_summary(
    task: Task, training: TrainingRun, progress: Progress, bounds: Sequence[ProvedBound], *, as_json: bool
) -> None:
    """What came of the training, for people or as one JSON object."""
    folder, last, best = training.folder, training.last, training.best
    files = [folder.config, folder.curve, folder.checkpoint, folder.tensorboard, folder.policy]
    files += [folder.best] if best is not None else []
    if as_json:
        print_json(
            {
                "method": task.method,
                **task.identity["source"],
                "seed": task.config.seed,
                "episodes": task.config.episodes,
                "stop_reason": str(progress.reason),
                "resumed": training.resumed,
                "bounds": [bound.to_json() for bound in bounds],
                "last": row_figures(last) or None,
                "best": row_figures(best) or None,
                "files": [str(path) for path in files],
            }
        )
        return
    rows = {"training": f"{task.method} on {task.instance.name}, {task.mode}, seed {task.config.seed}"}
    rows["stop reason"] = str(progress.reason)
    known = [bound.lower_bound_s for bound in bounds if bound.lower_bound_s is not None]
    if bounds and len(known) == len(bounds):
        of = f"mean of {len(known)} instances" if len(known) > 1 else f"{bounds[0].solver}, {bounds[0].kind}"
        rows["proved bound"] = f"{math.fsum(known) / len(known):.6f} s ({of})"
    if last is not None:
        rows["last"] = f"episode {last.episode}, {outcome(last)}"
        rows["work"] = f"{last.steps} steps, {last.updates} updates, {last.seconds:.1f} s"
    if best is not None:
        rows["best"] = f"episode {best.episode}, {outcome(best)}"
    print_rows(rows | {"written": str(folder.path)})
