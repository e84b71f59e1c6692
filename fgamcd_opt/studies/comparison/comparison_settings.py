"""Size, settings and provenance of a comparison, in words."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import version

from fgamcd_opt.studies.scores import Record, Scores

_SETTINGS = {
    "asked_variant": "problem asked for",
    "seed": "seeds",
    "time_limit_s": "time limit (s)",
    "memory_limit_bytes": "memory limit (bytes)",
    "gap_tolerance": "gap at which a solver may stop",
    "threads": "threads of a solver",
    "fgamcd_version": "fgamcd-opt",
    "python": "Python",
    "packages": "packages",
    "machine": "machine",
    "processor": "processor",
    "cores": "cores",
}
"""Fields of a row that are the same in most rows, and what the page calls them."""


def extent(scores: Scores) -> str:
    """Size of the comparison and what its numbers are."""
    wall = sum(record["wall_s"] or 0.0 for record in scores.records)
    return (
        f"{len(scores.instances)} instances, {len(scores.methods)} methods, {len(scores.records)} cells, each in a "
        f"separate process; {wall:.0f} s of processes in all. T is the delay (eq. 7) of the saved solution, by the "
        "independent checker. A gap is (T - bound) / T."
    )


def settings(scores: Scores) -> dict[str, list[str]]:
    """Distinct values of each setting, and the span of time in which the cells started."""
    found = {name: distinct(scores.records, field) for field, name in _SETTINGS.items()}
    started = sorted(str(record["started"]) for record in scores.records if record["started"])
    found["cells started"] = [f"{started[0]} to {started[-1]}"] if started else []
    found["report by"] = [f"fgamcd-opt {version('fgamcd-opt')}"]
    return {name: values for name, values in found.items() if values}


def distinct(records: Iterable[Record], field: str) -> list[str]:
    """Known values of a field as text, each once."""
    texts = (_text(record[field]) for record in records)
    return [text for text in dict.fromkeys(texts) if text]


def _text(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_text(part)}" for name, part in value.items())
    if isinstance(value, float):
        return f"{value:g}"
    return "" if value is None else str(value)
