"""What stands under the tables of a comparison: whose bound it is, what the words mean, why a method has no delay."""

from __future__ import annotations

from collections.abc import Iterable

from fgamcd_opt.io.errors import FgamcdError
from fgamcd_opt.solving.front_door import supports
from fgamcd_opt.solving.registry import get_solver
from fgamcd_opt.solving.solver import Role
from fgamcd_opt.studies.comparison.classes import CLASSES
from fgamcd_opt.studies.scores import Record, Score, Scores, variants_of
from fgamcd_opt.studies.table import DELAY

CLOUD = "unserved=cloud(1e9)"
"""The variant under which a method may leave blocks out that no node can deliver."""


def instance_notes(scores: Scores, instance: str) -> tuple[str, ...]:
    """What the figures of one instance are measured against, what was changed, why a delay is missing, the words."""
    found = scores.of_instance(instance)
    bound, bound_by = scores.reference_lower_bound_s(instance), scores.reference_bound_by(instance)
    best = scores.best_delay_s(instance)
    said = [
        "No bound on P1 is proved, so no gap."
        if bound is None
        else f"gap: (T - L) / T, with L = {bound:{DELAY}} s, the best certified bound of P1, proved by {bound_by}.",
    ]
    if best is not None:
        said.append(f"to best: (T - best) / best, with {best:{DELAY}} s, the best delay known.")
    said += [*imposed(found), *without_delay(found)]
    return (*said, legend(record["class"] for score in found for record in score.records))


def imposed(found: Iterable[Score]) -> list[str]:
    """One sentence per variant that methods solve in place of the problem asked for."""
    methods: dict[str, list[str]] = {}
    for score in found:
        changed = variants_of([score])
        if changed is not None and score.method not in methods.setdefault(changed, []):
            methods[changed].append(score.method)
    return [f"{', '.join(names)}: solves the variant {changed}." for changed, names in methods.items()]


def without_delay(found: Iterable[Score]) -> list[str]:
    """Why methods that look for solutions have none, and which options would let them compete."""
    said: list[str] = []
    remedies: dict[str, list[str]] = {}
    for score in found:
        lacking = [record for record in score.records if _lacks(record)]
        said += dict.fromkeys(f"{score.method}: {_why(record)}." for record in lacking)
        for remedy in dict.fromkeys(filter(None, map(_remedy, lacking))):
            remedies.setdefault(remedy, []).append(score.method)
    return [*said, *(remedy.format(", ".join(methods)) for remedy, methods in remedies.items())]


def _lacks(record: Record) -> bool:
    """Whether it looked for a solution and has none."""
    sought = record["finds_solutions"] and record["class"] in ("infeasible", "limit", "failed")
    return bool(sought and record["delay_s"] is None)


def _why(record: Record) -> str:
    return f"{word(record['class'])}: {record['reason']}".rstrip(".")


def _remedy(record: Record) -> str | None:
    """The option that would let the method, ``{}``, compete; None if none is known to."""
    ended = (record["outcome"], record["stop_reason"])
    if "killed_memory" in ended:
        return "A larger --memory-limit may let these end: {}."
    if record["class"] == "limit" and ("killed_time" in ended or "time_limit" in ended):
        return "A longer --time-limit may let these end: {}."
    if record["outcome"] != "solved" or "unserved=" in record["asked_variant"]:
        return None
    try:
        able = supports(get_solver(record["solver"]), *CLOUD.split("=", 1))
    except FgamcdError:  # a plug-in that is no longer installed
        return None
    how = "what no node can deliver comes from the cloud then, outside P1"
    return f"With --variant '{CLOUD}' these can compete, for {how}: {{}}." if able else None


def legend(classes: Iterable[str]) -> str:
    """What the classes that occur mean."""
    shown = set(classes)
    return (
        "Class: " + "; ".join(f"{word(c)}, {meaning}" for c, meaning in CLASSES.items() if c in shown) + "."
    )


def roles(scores: Scores) -> str:
    """What the roles that occur mean."""
    shown = {score.role for score in scores.by_cell.values()}
    known = [role for role in Role if role in shown]
    return "; ".join(f"{role}: {role.meaning}" for role in known) + "." if known else ""


def word(name: str) -> str:
    """A class as it is shown."""
    return name.replace("_", " ")
