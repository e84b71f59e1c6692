"""Trained policies on instances: every solve is one row as in a comparison, kept as a file, scored against the bound.

Cells run in this process: a policy decides in a fraction of the time that a new process needs to load PyTorch.
"""

from __future__ import annotations

import dataclasses
import logging
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.files import write_bytes_atomically
from fgamcd_opt.io.short_repr import short_repr
from fgamcd_opt.io.targets import make_folder, require_folder
from fgamcd_opt.solving.status import StopReason
from fgamcd_opt.studies.grid.cell import SOLUTION_FILE, answer
from fgamcd_opt.studies.grid.cell_outcome import CellOutcome
from fgamcd_opt.studies.grid.cells import Cell, CellLimits, Source, digest_of
from fgamcd_opt.studies.grid.kept_rows import kept_rows, row_path
from fgamcd_opt.studies.grid.provenance import provenance
from fgamcd_opt.studies.grid.row import Row
from fgamcd_opt.studies.grid.runner import Progress
from fgamcd_opt.studies.policies.contender import Contender, require_apart, require_fit

log = logging.getLogger("fgamcd_opt")

SOLVER = "maasn-da"
"""The solver that lets a policy act."""

REFERENCE = "exact"
"""The solver that proves the bounds."""


_ELSEWHERE = ("instance", "policy")
"""Field and option of a row that say where contents were kept, which decides nothing."""


@dataclass(frozen=True, kw_only=True)
class EvaluationPlan:
    """Who is judged on what.

    Parameters
    ----------
    contenders
        Trained policies.
    sources
        Instances, the same for everyone.
    rivals
        Other solvers to set beside them.
    options
        Of :data:`SOLVER`, such as ``samples``; ``policy`` is set for every contender.
    seed
        Of the solvers.
    limits
        Of every solve; the gap is that of the bound.
    """

    contenders: Sequence[Contender]
    sources: Sequence[Source]
    rivals: Sequence[str] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    limits: CellLimits = field(default_factory=CellLimits)

    __repr__ = short_repr

    def trials(self) -> list[Trial]:
        """All solves, instance by instance, the bound first.

        Raises
        ------
        UsageError
            Two of them could not be told apart, or an instance has more nodes than a policy is made for.
        """
        solvers = [REFERENCE, *(rival for rival in self.rivals if rival != REFERENCE)]
        require_apart(self.contenders, solvers)
        require_fit(self.contenders, self.sources)
        found = []
        for source in self.sources:
            found += [Trial(self._cell(source, solver, {})) for solver in solvers]
            for contender in self.contenders:
                options = {**self.options, "policy": str(contender.path)}
                found.append(Trial(self._cell(source, SOLVER, options), contender))
        return found

    def _cell(self, source: Source, solver: str, options: Mapping[str, Any]) -> Cell:
        return Cell(source=source, solver=solver, seed=self.seed, options=options, limits=self.limits)


@dataclass(frozen=True)
class Trial:
    """One solve, by a contender or by another solver."""

    cell: Cell
    contender: Contender | None = None

    __repr__ = short_repr

    @property
    def id(self) -> str:
        """SHA-256 (hex) of what decides the outcome: contents of instance and policy, not where they are kept."""
        content = self.cell.to_json() | {"source": self.cell.source.digest}
        if self.contender is not None:
            content["options"] = {**content["options"], "policy": self.contender.sha256}
        return digest_of(content)

    def labelled(self, row: Row) -> Row:
        """The row under the names of today's instance and method, with the seed of the training."""
        row = dataclasses.replace(row, instance=self.cell.source.name)
        if self.contender is None:
            return row
        options = {name: value for name, value in row.options.items() if name != "policy"}
        return dataclasses.replace(
            row, solver=self.contender.label, seed=self.contender.seed, options=options
        )


def run_trials(
    trials: Sequence[Trial],
    folder: Path,
    *,
    progress: Progress | None = None,
    share_rates: bool = True,
    retry_failed: bool = False,
    stop: threading.Event | None = None,
) -> list[Row]:
    """Run the trials that have no row in ``folder`` yet, or one that is not accepted; see `kept_rows`.

    Parameters
    ----------
    trials
        From :meth:`EvaluationPlan.trials`; other rows in the folder are left alone.
    folder
        Made if it does not exist: ``cells/ID.json`` one row per trial, ``solutions/ID.npz``, ``rates``.
    progress
        Called after every trial.
    share_rates
        Keep rate tables in the folder, so that trials that need the same rates read them.
    retry_failed
        Run again what was not solved.
    stop
        Set it to end early, as Ctrl-C does without it.

    Returns
    -------
    list[Row]
        One labelled row per trial, in their order.

    Raises
    ------
    InputError
        The folder cannot be written, or a policy cannot act on an instance.
    KeyboardInterrupt
        Ended early; the rows so far are kept.
    """
    rates = folder / "rates"
    for wanted in (folder / "cells", folder / "solutions", *([rates] if share_rates else [])):
        require_folder(wanted)
        make_folder(wanted)
    rows = kept_rows({trial.id: trial.cell for trial in trials}, folder, retry_failed, _ELSEWHERE)
    missing = [trial for trial in trials if trial.id not in rows]
    log.info("%d solves, %d of them are in %s already", len(trials), len(rows), folder)
    try:
        for done, trial in enumerate(missing, 1):
            rows[trial.id] = _run(trial, folder, rates if share_rates else None, stop)
            if progress is not None:
                progress(trial.labelled(rows[trial.id]), done, len(missing))
    except KeyboardInterrupt:
        log.warning(
            "%d of %d solves are kept in %s; the same command runs the others", len(rows), len(trials), folder
        )
        raise
    return [trial.labelled(rows[trial.id]) for trial in trials]


def _run(trial: Trial, folder: Path, rates: Path | None, stop: threading.Event | None) -> Row:
    """Run a trial and keep its row and solution."""
    made_by = provenance(trial.cell.solver)
    with tempfile.TemporaryDirectory(prefix="fgamcd-evaluate-") as name:
        row = answer(trial.cell, Path(name), rates, stop)
        row = dataclasses.replace(
            row, cell=trial.id, peak_memory_bytes=None, **made_by
        )  # memory of all trials
        if row.stop_reason == StopReason.INTERRUPTED or (stop is not None and stop.is_set()):
            raise KeyboardInterrupt
        if trial.contender is not None and row.outcome is CellOutcome.REFUSED:
            raise InputError(f"{trial.contender.path} on {row.instance}: {row.reason}")
        if row.solution_digest is not None:
            solution = (Path(name) / SOLUTION_FILE).read_bytes()
            write_bytes_atomically(folder / "solutions" / f"{trial.id}.npz", solution)
    row.save(row_path(folder, trial.id))
    return row
