"""All files of an evaluation: rows, tables, figures, and one JSON object."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.files import write_bytes_atomically
from fgamcd_opt.io.html import html_card, svg_bars
from fgamcd_opt.io.short_repr import short_repr
from fgamcd_opt.learning.training.curve import CurveRow
from fgamcd_opt.studies.comparison.classes import contradictions, derive
from fgamcd_opt.studies.comparison.comparison_figures import gap_distribution_figure
from fgamcd_opt.studies.comparison.comparison_settings import settings
from fgamcd_opt.studies.comparison.instance_tables import gap_table
from fgamcd_opt.studies.figure_files import save_figure
from fgamcd_opt.studies.grid.row import Row
from fgamcd_opt.studies.grid.row_files import write_row_files
from fgamcd_opt.studies.policies.contender import Contender
from fgamcd_opt.studies.policies.gap_profile import gap_profile_figure
from fgamcd_opt.studies.policies.gap_summary import MethodGaps, gaps_by_method, method_table, policy_table
from fgamcd_opt.studies.policies.policy_figures import AXES, learning_curves_figure
from fgamcd_opt.studies.scores import Scores, scores_of
from fgamcd_opt.studies.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame


@dataclass(frozen=True, eq=False)
class EvaluatedPolicies:
    """Everything that follows from the rows of an evaluation.

    Attributes
    ----------
    contenders
        The policies.
    rows, frame, scores
        Labelled rows, what follows from them together, and their scores by method and instance.
    methods
        Gaps of all methods.
    wrong
        Contradictions between a delay and a bound, in words.
    """

    contenders: Sequence[Contender]
    rows: Sequence[Row]
    frame: DataFrame
    scores: Scores
    methods: Sequence[MethodGaps]
    wrong: Sequence[str]

    __repr__ = short_repr

    @classmethod
    def of(cls, contenders: Sequence[Contender], rows: Sequence[Row]) -> EvaluatedPolicies:
        """Score the rows.

        Raises
        ------
        InputError
            No instance has a certified bound.
        """
        frame = derive(rows)
        scores = scores_of(frame)
        if len(unbounded(scores)) == len(scores.instances):
            raise InputError("no instance has a certified bound within the limits; allow more time")
        wrong = [str(pair) for pair in contradictions(rows)]
        return cls(contenders, rows, frame, scores, gaps_by_method(scores), wrong)

    def _repr_html_(self) -> str:
        gaps = [(method.method, (float(method.gaps.mean()),)) for method in self.methods]
        picture = svg_bars("Mean gap to the certified bound, over all runs and instances", gaps)
        return html_card(*(table._repr_html_() for table in self.tables()), picture)

    def tables(self) -> list[Table]:
        """By method, by policy, by instance."""
        return [
            method_table(self.methods, self.contenders[0].label, self._notes()),
            policy_table(self.methods, self.contenders),
            gap_table(self.scores),
        ]

    def _notes(self) -> list[str]:
        """What was left out, and what the times do not hold."""
        without, read = unbounded(self.scores), sum(bool(row.rates_read) for row in self.rows)
        said = (
            [f"Left out, without a certified bound or infeasible: {', '.join(without)}."] if without else []
        )
        if read:
            said.append(
                f"{read} of {len(self.rows)} solves read rates of earlier ones; their times hold no beamforming."
            )
        return said

    def figures(self) -> dict[str, Figure]:
        """By file name without suffix; curves only if the policies came with them."""
        curves: dict[str, list[Sequence[CurveRow]]] = {}
        for contender in self.contenders:
            if contender.curve:
                curves.setdefault(contender.label, []).append(contender.curve)
        found = {f"learning_curves_gap_{x}": learning_curves_figure(curves, x) for x in AXES}
        found["learning_curves_return_steps"] = learning_curves_figure(curves, "steps", "return_")
        found["gap_distribution"] = gap_distribution_figure(self.scores)
        found["gap_profile"] = gap_profile_figure({method.method: method.gaps for method in self.methods})
        return {name: figure for name, figure in found.items() if figure is not None}

    def to_json(self) -> dict[str, Any]:
        """Tables as records of unrounded values, rows, contradictions."""
        tables = {table.name: _records(table) for table in self.tables()}
        classes = self.frame["class"].tolist()
        rows = [row.to_json() | {"class": name} for row, name in zip(self.rows, classes, strict=True)]
        return {**tables, "contradictions": list(self.wrong), "rows": rows}

    FILES = ("rows.parquet", "rows.csv", "tables.md", "evaluation.json")
    """What :meth:`write` writes besides the figures."""

    def write(self, folder: Path, command: str) -> list[Path]:
        """Write ``rows.csv``, ``rows.parquet``, ``evaluation.json``, ``tables.md`` and the figures.

        Raises
        ------
        InputError
            If a file cannot be written.
        """
        said = "\n".join(f"* {name}: {'; '.join(values)}" for name, values in settings(self.scores).items())
        parts = ["# EvaluatedPolicies of trained policies", f"    {command}"]
        parts += [f"## {table.title}\n\n{table.markdown()}" for table in self.tables()]
        texts = {
            "tables.md": "\n\n".join([*parts, "## Settings and provenance", said]) + "\n",
            "evaluation.json": json.dumps(self.to_json(), indent=1, allow_nan=False) + "\n",
        }
        written = write_row_files(self.frame, folder)
        for name, text in texts.items():
            write_bytes_atomically(folder / name, text.encode())
            written.append(folder / name)
        for name, figure in self.figures().items():
            written += save_figure(figure, folder / name)
        return written


def unbounded(scores: Scores) -> list[str]:
    """Instances without a certified bound: unfinished, or infeasible."""
    return [instance for instance in scores.instances if scores.reference_lower_bound_s(instance) is None]


def _records(table: Table) -> list[dict[str, Any]]:
    """Rows of a table by heading; of equal headings the second one names the column before it, too."""
    names: list[str] = []
    for heading in table.headings:
        names.append(f"{names[-1]}: {heading}" if heading in names else heading)
    return [dict(zip(names, row, strict=True)) for row in table.rows]
