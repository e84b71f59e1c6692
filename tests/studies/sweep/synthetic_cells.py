"""Cells of an imaginary sweep, whose means can be computed by hand."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import pandas as pd

from fgamcd_opt.studies.sweep.sweep_table import averaged


def synthetic_cells(
    delay_s: Callable[[str, float, int], float | None],
    *,
    methods: Sequence[str] = ("exact", "coarse"),
    values: Sequence[float] = (1.0, 2.0, 3.0),
    seeds: Sequence[int] = (0, 1, 2),
    series: Sequence[float] = (math.nan,),
    gap: float = 0.01,
) -> pd.DataFrame:
    """One cell per series, value, seed and method; no delay means that the method found none."""
    rows = []
    for second in series:
        for value in values:
            for seed in seeds:
                for method in methods:
                    delay = delay_s(method, value, seed)
                    rows.append(
                        {
                            "series": second,
                            "value": value,
                            "x": value,
                            "seed": seed,
                            "method": method,
                            "class": "infeasible" if delay is None else "feasible",
                            "delay_s": math.nan if delay is None else delay,
                            "lower_bound_s": (1.0 - gap) * delay if method == "exact" and delay else math.nan,
                            "cloud_blocks": 0 if method == "exact" else seed,
                            "mean_user_rate_bps": 5e9,
                            "solve_s": 1.0,
                            "storage_bytes": 2e9,
                            "requested_bytes": 1e9,
                        }
                    )
    return pd.DataFrame(rows).reindex(columns=list(dict.fromkeys([*rows[0], *averaged()])))
