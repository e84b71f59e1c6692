"""One self-contained HTML page of a comparison: tables, figures, meanings, settings and provenance."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fgamcd_opt.studies.comparison.classes import CLASSES
from fgamcd_opt.studies.comparison.comparison_figures import TARGET_GAP
from fgamcd_opt.studies.comparison.comparison_settings import distinct, extent, settings
from fgamcd_opt.studies.comparison.instance_tables import cell_table, gap_table, instance_table
from fgamcd_opt.studies.comparison.summary_tables import overview
from fgamcd_opt.studies.comparison.trace_figure import trace_name
from fgamcd_opt.studies.figure_style import GAP_FLOOR_PERCENT
from fgamcd_opt.studies.scores import Record, Score, Scores
from fgamcd_opt.studies.table import Column, Table

if TYPE_CHECKING:
    pass

OPEN_INSTANCES = 3
"""Number of instances up to which the page shows their tables unfolded."""

_FLOOR = (
    f"Gaps of {GAP_FLOOR_PERCENT:g} % or less, negative ones included, are drawn at {GAP_FLOOR_PERCENT:g} %."
)
CAPTIONS = {
    "gap_distribution": (
        "Gap to the best certified bound",
        "A point per cell; the box covers the middle half, the thick line is the median, the whiskers reach to the "
        f"extremes. {_FLOOR}",
    ),
    "time_against_gap": ("Time against gap", f"A point per cell with an accepted delay. {_FLOOR}"),
    "performance_profile": (
        "Performance profiles",
        "Share of the instances that a method solves within a factor of the best of this comparison. Above: delay. "
        f"Below: time, where only instances count on which it comes within {TARGET_GAP:.0%} of the best delay known.",
    ),
}
"""Title and explanation of each figure but the traces."""
TRACE_CAPTION = (
    "Full lines: best delay so far, dashed lines: best proved bound so far, each for the variant that the method "
    "solves; first seed. Linear between -0.01 % and 0.01 %, logarithmic beyond."
)


@dataclass(frozen=True)
class Picture:
    """A figure inside the page: name, title, caption, and its SVG as a data URI."""

    name: str
    title: str
    caption: str
    source: str


def html_page(scores: Scores, drawn: Mapping[str, Path], title: str, command: str) -> str:
    """The page.

    Parameters
    ----------
    scores
        What is shown.
    drawn
        SVG files of the figures by name.
    title, command
        As for :func:`fgamcd_opt.studies.comparison.report.write_report`.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    pages = Environment(
        loader=PackageLoader("fgamcd_opt.studies.comparison"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    pages.globals["zip"] = zip
    summary, *others = overview(scores)
    cells = cell_table(scores)
    one_each = [instance_table(scores, instance) for instance in scores.instances]
    traces = [_trace(drawn, instance) for instance in scores.instances]
    return pages.get_template("report.html").render(
        title=title,
        command=command,
        lead=extent(scores),
        contents=_CONTENTS,
        wrong=[_named(record) for record in scores.records if record["class"] == "wrong"],
        summary=summary,
        others=others,
        gaps=gap_table(scores),
        pictures=[Picture(n, *CAPTIONS[n], _data_uri(drawn[n])) for n in CAPTIONS if n in drawn],
        instances=list(zip(one_each, traces, strict=True)),
        open_at_most=OPEN_INSTANCES,
        cells=cells,
        classes=CLASSES,
        explained=_explained(
            {t.title: t for t in (summary, *others, cells)} | {_CONTENTS["by-instance"]: one_each[0]}
        ),
        settings=settings(scores),
        options={m: distinct(_rows(scores.of_method(m)), "options") for m in scores.methods},
        digests={i: distinct(_rows(scores.of_instance(i)), "instance_digest") for i in scores.instances},
    )


_CONTENTS = {
    "averages": "Summary",
    "figures": "Figures",
    "by-instance": "Every instance",
    "every-cell": "Every cell",
    "classes": "What the words mean",
    "settings": "Settings and provenance",
}
"""Identifier and heading of the parts of the page."""


def _rows(found: Sequence[Score]) -> Iterator[Record]:
    return (record for score in found for record in score.records)


def _named(record: Record) -> str:
    return (
        f"{record['instance']}, {record['solver']}, seed {record['seed']}: T = {record['delay_s']} s, "
        f"own bound {record['lower_bound_s']} s, best bound {record['best_lower_bound_s']} s"
    )


def _explained(shown: Mapping[str, Table]) -> dict[str, list[Column]]:
    """By table, its columns that have a meaning; classes are explained elsewhere."""
    return {
        title: [column for column in table.columns if column.meaning and column.heading not in CLASSES]
        for title, table in shown.items()
    }


def _trace(drawn: Mapping[str, Path], instance: str) -> Picture | None:
    name = trace_name(instance)
    if name not in drawn:
        return None
    return Picture(name, f"{instance}: delay and bound over time", TRACE_CAPTION, _data_uri(drawn[name]))


def _data_uri(path: Path) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(path.read_bytes()).decode()
