"""Channel errors of whole solutions: against the checker's rates, and judged in words."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fgamcd_opt.instances.resolve import load
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.solving.front_door import solve
from fgamcd_opt.studies.sweep.csi import (
    BeamStudy,
    nominal_judgement,
    robust_judgement,
    study_solution,
    study_table,
)
from fgamcd_opt.studies.sweep.csi_figure import rate_figure
from fgamcd_opt.studies.sweep.judges import NOTHING


def studied(delta: float) -> tuple[P1, object, dict[str, BeamStudy]]:
    data = load("small", {"csi_delta": str(delta), "qos_cap": "0.98"})
    found = solve(P1(data), "greedy").solution
    return P1(data), found.decision, study_solution(data, found, 40, delta=delta, seed=1)


def test_worst_case_rates_are_those_of_the_checker():
    problem, decision, studies = studied(0.1)
    rates = problem.evaluate(decision).pair_rate_bps
    qos = problem.instance.qos_bps[problem.instance.pair_user]
    assert studies["robust"].worst == pytest.approx(rates / qos, rel=1e-9)
    for study in studies.values():
        assert (study.sampled >= study.worst * (1 - 1e-9)).all()
        assert study.lowest().shape == (40, problem.instance.n_users)
        assert study.lowest().min(axis=0) == pytest.approx(
            [study.sampled[:, study.pair_user == user].min() for user in range(problem.instance.n_users)]
        )
    assert (studies["nominal"].lowest_worst() < studies["robust"].lowest_worst() * (1 + 1e-6)).any()


def test_without_errors_the_designs_are_the_same():
    _, _, studies = studied(0.0)
    assert studies["nominal"].worst == pytest.approx(studies["robust"].worst, rel=1e-2)
    assert studies["nominal"].sampled == pytest.approx(np.tile(studies["nominal"].worst, (40, 1)))


def made(design: str, lowest: float, worst: float) -> BeamStudy:
    """Two users, of whom the first has the given rates in one of two draws and at its worst error."""
    sampled = np.array([[lowest, 1.2], [1.1, 1.2]])
    return BeamStudy(0.1, 0, design, sampled, np.array([worst, 1.1]), np.array([0, 1]))


def test_summary_by_hand():
    (row,) = study_table([made("nominal", 0.9, 0.8)]).to_dict("records")
    assert (row["users_held"], row["users_held_worst_case"], row["user_draws_held"]) == (0.5, 0.5, 0.75)
    assert (row["lowest_rate_of_qos"], row["worst_case_rate_of_qos"]) == (0.9, 0.8)


def test_judgements():
    held, missed = (study_table([made("robust", 1.0, worst)]) for worst in (1.0, 0.99))
    assert robust_judgement(held).agrees
    assert robust_judgement(missed).agrees is False
    assert nominal_judgement(held) == NOTHING
    assert nominal_judgement(study_table([made("nominal", 0.9, 0.8)])).agrees
    only_worst = nominal_judgement(study_table([made("nominal", 1.0, 0.8)]))
    assert only_worst.agrees is False
    assert (
        "the lowest drawn rate is 100.00 % of its QoS rate, in the worst case it is 80.00 %"
        in only_worst.reason
    )
    assert robust_judgement(pd.DataFrame({"design": []})) == NOTHING


def test_figure_shows_both_designs_and_the_qos_rate():
    (axes,) = rate_figure([made("robust", 1.0, 1.0), made("nominal", 0.9, 0.5)], "title", "caption").axes
    labels = axes.get_legend_handles_labels()[1]
    assert len(labels) == 5
    assert "QoS rate" in labels
    assert axes.get_xlim()[0] == pytest.approx(0.85)
