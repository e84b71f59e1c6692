"""The figure of a sweep, read back from its axes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fgamcd_opt.studies.sweep.sweep_figure import sweep_figure
from fgamcd_opt.studies.sweep.sweep_settings import SWEEPS


def points(seeds: int, half_width: float) -> pd.DataFrame:
    """Two methods at two places, with intervals of the mean of ``seeds`` seeds."""
    rows = [
        {
            "series": np.nan,
            "value": x,
            "x": x,
            "method": method,
            "seeds": seeds,
            "cells": seeds,
            "infeasible": 0,
            "delay_s": delay,
            "delay_low_s": delay - half_width,
            "delay_high_s": delay + half_width,
            "lower_bound_s": 1.0,
            "gap": 1 - 1 / delay,
            "cloud_blocks": 0.0,
        }
        for x in (0.2, 0.4)
        for method, delay in (("exact", 1.001), ("greedy", 1.2))
    ]
    return pd.DataFrame(rows)


@pytest.mark.parametrize(("seeds", "intervals"), [(1, 0), (2, 0), (3, 2), (5, 2)])
def test_intervals_of_three_seeds_or_more(seeds: int, intervals: int) -> None:
    axes = sweep_figure(points(seeds, 0.1), SWEEPS["storage"], "title", "caption").axes[0]
    drawn = [bar for collection in axes.collections[:2] for bar in collection.get_segments()]
    assert len([bar for bar in drawn if np.ptp(bar[:, 1]) > 0]) == 2 * intervals


def test_wide_intervals_do_not_crush_the_curves() -> None:
    limits = [
        sweep_figure(points(3, width), SWEEPS["storage"], "title", "caption").axes[0].get_ylim()
        for width in (0.01, 50.0)
    ]
    assert limits[0] == limits[1]


def test_every_panel_names_its_axes() -> None:
    table = points(3, 0.1).assign(mean_user_rate_bps=1e9)
    for name in ("storage", "users"):
        figure = sweep_figure(table, SWEEPS[name], "title", "caption")
        assert len(figure.axes) >= 2
        assert all(axes.get_xlabel() and axes.get_ylabel() for axes in figure.axes)
        assert figure.get_size_inches()[0] < 6.0  # readable on a phone
