"""Files of the robustness study of one broadcast: all rows as CSV, and the figures."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.io.files import write_bytes_atomically
from fgamcd_opt.studies.figure_files import save_figure
from fgamcd_opt.studies.robustness.channel_errors import DESIGNS, ErrorStudy, beampattern, user_angles_rad
from fgamcd_opt.studies.robustness.robustness_figures import cdf_figure, pattern_figure
from fgamcd_opt.studies.robustness.single_broadcast import BroadcastData, Design

ANGLE_STEP_DEG = 0.25


def write_cdf(studies: Sequence[ErrorStudy], folder: Path, title: str) -> list[Path]:
    """Write ``cdf.csv`` with every rate, and the figure ``cdf``; paths of the files."""
    rows = (
        (study.delta, design, user, number, kind, rate, qos)
        for study in studies
        for design in DESIGNS
        for number, (kind, rates) in enumerate(
            zip(study.kinds, study.rates_bps[design].tolist(), strict=True)
        )
        for user, rate, qos in zip(study.data.users.tolist(), rates, study.data.qos_bps.tolist(), strict=True)
    )
    header = ("delta", "design", "user", "realisation", "kind", "rate_bps", "qos_bps")
    table = _write_csv(folder / "cdf.csv", header, rows)
    return [table, *save_figure(cdf_figure(studies, title), folder / "cdf")]


def write_pattern(
    instance: Instance, data: BroadcastData, design: Design, folder: Path, title: str, *, polar: bool
) -> list[Path]:
    """Write ``pattern.csv``, the users' angles as ``pattern_users.csv``, and the figure ``pattern``; paths."""
    angle_deg = np.linspace(-90.0, 90.0, round(180 / ANGLE_STEP_DEG) + 1)
    nodes, users = data.nodes.tolist(), data.users.tolist()
    amplitude = beampattern(design.beam, np.radians(angle_deg))
    seen = np.degrees(user_angles_rad(instance.node_xy_m[nodes], instance.user_xy_m[users]))
    curves = _write_csv(
        folder / "pattern.csv",
        ("node", "angle_deg", "amplitude_sqrt_w"),
        (
            (node, angle, value)
            for node, curve in zip(nodes, amplitude.tolist(), strict=True)
            for angle, value in zip(angle_deg.tolist(), curve, strict=True)
        ),
    )
    marks = _write_csv(
        folder / "pattern_users.csv",
        ("node", "user", "angle_deg"),
        (
            (node, user, angle)
            for node, angles in zip(nodes, seen.tolist(), strict=True)
            for user, angle in zip(users, angles, strict=True)
        ),
    )
    figure = pattern_figure(angle_deg, amplitude, seen, nodes, users, title, polar=polar)
    return [curves, marks, *save_figure(figure, folder / "pattern")]


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    write_bytes_atomically(path, text.getvalue().encode())
    return path
