"""A `Result` as plain JSON values and as text."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from fgamcd_opt.io.html import html_card, html_facts
from fgamcd_opt.problem.metrics import METRICS, text_rows

if TYPE_CHECKING:
    from fgamcd_opt.problem.checker import Verification
    from fgamcd_opt.solving.result import Result

_NAME_WIDTH = 17

_MISSING = {"bound_kind": "", "infeasibility": ""}
"""What stands for an unknown text in a row of a table; unknown numbers are NaN, so that columns stay numbers."""


def to_json(result: Result) -> dict[str, Any]:
    """Everything but the decision as plain JSON values; what is not known is None."""
    checked = result.verification.to_json() if result.verification else {}
    return {
        "instance": result.instance_name,
        "digest": result.instance_digest,
        "variant": result.variant.to_dict(),
        "solver": result.solver,
        "solver_version": result.solver_version,
        "options": dict(result.options),
        "seed": result.seed,
        "status": str(result.status),
        "stop_reason": str(result.stop_reason),
        "point_status": str(result.point_status),
        "delay_s": result.delay_s,
        "lower_bound_s": result.lower_bound_s,
        "bound_kind": result.bound_kind,
        "gap": result.gap,
        "gap_beamforming": result.gap_beamforming,
        "gap_combinatorial": result.gap_combinatorial,
        "gap_tolerance": result.gap_tolerance,
        **result.times.to_json(),
        **{name: checked.get(name) for name in METRICS},
        "max_violation": checked.get("max_violation"),
        "faults": checked.get("faults", []),
        "infeasibility": result.infeasibility,
        "counts": dict(result.counts),
        "message": result.message,
        "rates_read": result.rates_read,
        "trace": [list(entry) for entry in result.trace],
    }


def flat(result: Result) -> dict[str, Any]:
    """:func:`to_json` with one name per figure: counts and options by their own names."""
    told = to_json(result)
    nested = {name: told.pop(name) for name in ("counts", "options")}
    own = {f"{name[:-1]}_{key}": value for name, values in nested.items() for key, value in values.items()}
    faults, _ = told.pop("faults"), told.pop("trace")
    row = {**told, "variant": str(result.variant), "faults": "; ".join(faults), **own}
    return {name: _MISSING.get(name, math.nan) if value is None else value for name, value in row.items()}


def html(result: Result) -> str:
    """A table of the figures that matter, and a picture of the delay of each block."""
    judged = result.verification.evaluation if result.verification else None
    return html_card(html_facts("Result", dict(_rows(result))), judged.delays_html() if judged else "")


def summary(result: Result) -> str:
    """The figures that matter as text, one per line."""
    rows = _rows(result)
    width = max(_NAME_WIDTH, 1 + max(map(len, rows)))
    return "\n".join(f"{name:<{width}}{text}" for name, text in rows.items() if text)


def _rows(result: Result) -> dict[str, str]:
    """The figures that matter, in words."""
    return {
        "instance": f"{result.instance_name} ({result.variant}), digest {result.instance_digest[:12]}",
        "solver": f"{result.solver} {result.solver_version}, seed {result.seed}",
        "status": f"{result.status}, stopped: {result.stop_reason}",
        "reason": result.infeasibility or "",
        "delay": _seconds(result.delay_s),
        "lower bound": _seconds(result.lower_bound_s)
        + (f" ({result.bound_kind})" if result.bound_kind else ""),
        "gap": _percent(result.gap),
        "  beamforming": _percent(result.gap_beamforming),
        "  combinatorial": _percent(result.gap_combinatorial),
        "time": str(result.times),
        **_judged(result.verification),
        "message": result.message,
    }


def _judged(verdict: Verification | None) -> dict[str, str]:
    """What the checker says."""
    if verdict is None:
        return {}
    rows: dict[str, str] = {}
    if verdict.evaluation is not None:
        rows |= text_rows(verdict.evaluation.metrics())
        rows["max violation"] = f"{verdict.evaluation.max_violation:.1e}"
    rows["checker"] = "accepted" if verdict.valid else f"REJECTED: {'; '.join(verdict.faults)}"
    return rows


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.6f} s"


def _percent(value: float | None) -> str:
    return "" if value is None else f"{100.0 * value:.4f} %"
