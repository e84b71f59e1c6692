"""A `Result` as plain JSON values and as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fgamcd_opt.result import Result


def to_json(result: Result) -> dict[str, Any]:
    """Everything but the decision as plain JSON values; what is not known is None."""
    checked = result.verification.to_json() if result.verification else {}
    times = result.times
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
        "delay_s": result.objective_s,
        "lower_bound_s": result.bound_s,
        "bound_kind": result.bound_kind,
        "gap": result.gap,
        "gap_beamforming": result.gap_beamforming,
        "gap_combinatorial": result.gap_combinatorial,
        "gap_tolerance": result.gap_tolerance,
        "time_s": {
            "build": times.build_s,
            "rates": times.rates_s,
            "search": times.search_s,
            "total": times.total_s,
        },
        "served": checked.get("served"),
        "hit_ratio": checked.get("hit_ratio"),
        "max_violation": checked.get("max_violation"),
        "faults": checked.get("faults", []),
        "infeasibility": result.infeasibility,
        "counts": dict(result.counts),
        "message": result.message,
    }


def summary(result: Result) -> str:
    """The figures that matter as text, one per line."""
    times = result.times
    rows = {
        "instance": f"{result.instance_name} ({result.variant})",
        "solver": f"{result.solver} {result.solver_version}",
        "status": f"{result.status} (stopped: {result.stop_reason})",
        "delay": _seconds(result.objective_s),
        "lower bound": _seconds(result.bound_s) + (f" ({result.bound_kind})" if result.bound_kind else ""),
        "gap": f"{_percent(result.gap)} = beamforming {_percent(result.gap_beamforming)} + "
        f"combinatorial {_percent(result.gap_combinatorial)}",
        "time": f"{times.total_s:.2f} s (build {times.build_s:.2f}, rates {times.rates_s:.2f}, "
        f"search {times.search_s:.2f})",
    }
    judged = result.verification.evaluation if result.verification else None
    if judged is not None:
        rows["served"] = f"{judged.served} users, hit ratio {judged.hit_ratio:.3f}"
        rows["violation"] = f"{judged.max_violation:.1e}"
    if result.verification and result.verification.faults:
        rows["rejected"] = "; ".join(result.verification.faults)
    if result.infeasibility:
        rows["reason"] = result.infeasibility
    if result.message:
        rows["message"] = result.message
    return "\n".join(f"{name:<12} {text}" for name, text in rows.items())


def _seconds(value: float | None) -> str:
    return "none" if value is None else f"{value:.6f} s"


def _percent(value: float | None) -> str:
    return "unknown" if value is None else f"{100.0 * value:.4f} %"
