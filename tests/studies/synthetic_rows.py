"""Derived tables of comparisons that never ran, with every field that a real one has."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from pandas import DataFrame

from fgamcd_opt.solving.status import above_best, relative_gap

BOUND_S = {"alpha-s2": 0.99, "alpha-s10": 2.0, "beta": 5.0, "gamma": 0.4}
"""Certified bound of P1 of each instance, in s; the best known delay lies 0.1 % above."""

GAPS = {"exact": 1e-4, "greedy": 0.02, "local-search": 0.004, "tdma-unicast": 0.3}
"""Gap of each method to the bound on every instance."""


METRICS = {
    "served": 8,
    "served_share": 1.0,
    "hit_ratio": 0.5,
    "cloud_blocks": 0,
    "storage_saved_bytes": 2.5e6,
    "backhaul_bytes": 40e6,
    "mean_user_rate_bps": 5.5e9,
}
"""Figures of the checker's evaluation."""


def cell(instance: str, solver: str, seed: int = 0, **changed: Any) -> dict[str, Any]:
    """A solved cell whose delay has the gap of its solver; fields can be replaced."""
    bound = BOUND_S[instance]
    delay = bound / (1.0 - GAPS[solver])
    best = 1.001 * bound
    record: dict[str, Any] = {
        "cell": f"{instance}/{solver}/{seed}",
        "instance": instance,
        "instance_digest": f"digest of {instance}",
        "solver": solver,
        "seed": seed,
        "variant": "delivery=unicast_tdma" if solver == "tdma-unicast" else "P1",
        "asked_variant": "P1",
        "options": {},
        "time_limit_s": 60.0,
        "memory_limit_bytes": 4_000_000_000,
        "gap_tolerance": 1e-4,
        "threads": 1,
        "finds_solutions": True,
        "outcome": "solved",
        "reason": "",
        "stop_reason": "completed",
        "point_status": "feasible",
        "delay_s": delay,
        "lower_bound_s": bound if solver == "exact" else None,
        "bound_kind": "certified" if solver == "exact" else None,
        "combinatorial_bound_s": None,
        "infeasibility": None,
        "max_violation": 0.0,
        **METRICS,
        "load_s": 0.2,
        "build_s": 0.1,
        "rates_s": 0.2,
        "search_s": 0.3,
        "solve_s": 0.6,
        "wall_s": 2.0,
        "peak_memory_bytes": 300_000_000,
        "rate_problems": 10,
        "rates_read": False,
        "message": "",
        "trace": [[0.1, 1.5 * delay, 0.5 * bound], [0.6, delay, bound if solver == "exact" else None]],
        "solution_digest": "5" * 64,
        "fgamcd_version": "0.1.0",
        "python": "3.12.0",
        "packages": {"numpy": "2.0.0"},
        "machine": "Linux",
        "processor": "a processor",
        "cores": 2,
        "started": "2026-01-01T00:00:00+00:00",
        "error": None,
        "total_s": 0.9,
        "role": None,
        "best_lower_bound_s": bound,
        "best_delay_s": best,
        "reference_lower_bound_s": bound,
        "reference_bound_by": "exact",
        "gap": None,
        "class": "proved" if solver == "exact" else "feasible",
        **changed,
    }
    measures = (
        ("reference_gap", record["reference_lower_bound_s"], relative_gap),
        ("to_best", best, above_best),
    )
    for name, reference, measure in measures:
        known = record["delay_s"] is not None and reference is not None
        record.setdefault(name, measure(record["delay_s"], reference) if known else None)
    return record


def failed(instance: str, solver: str, seed: int = 0, **changed: Any) -> dict[str, Any]:
    """A cell that was killed and left nothing."""
    nothing = dict.fromkeys(
        (
            "stop_reason",
            "point_status",
            "delay_s",
            "lower_bound_s",
            "solve_s",
            "solution_digest",
            "rates_read",
        )
    )
    why = {"outcome": "killed_memory", "reason": "above 4 GB", "class": "failed"}
    return cell(instance, solver, seed, **{**nothing, "trace": [], **why, **changed})


def frame(cells: Iterable[dict[str, Any]]) -> DataFrame:
    """Derived table of cells."""
    return DataFrame(list(cells))


def varied(seeds: int = 2) -> DataFrame:
    """Every instance and method with noisy delays and times, a failed cell and a bound-free trace among them."""
    rng = np.random.default_rng(3)
    cells = []
    for instance, bound in BOUND_S.items():
        for solver, gap in GAPS.items():
            for seed in range(seeds):
                delay = bound / (1.0 - gap * rng.uniform(0.3, 2.0))
                time_s = float(rng.lognormal(0.0, 2.0))
                steps = np.sort(rng.uniform(0.0, time_s, 4)).tolist()
                trace = [[t, delay * (1 + 0.5 / (i + 1)), None] for i, t in enumerate(steps)]
                if solver == "exact":
                    trace = [[t, d, bound * (1 - 0.3 / (i + 1))] for i, (t, d, _) in enumerate(trace)]
                cells.append(cell(instance, solver, seed, delay_s=delay, solve_s=time_s, trace=trace))
    cells[-1] = failed("gamma", "tdma-unicast", seeds - 1)
    return frame(cells)
