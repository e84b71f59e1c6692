"""``fgamcd beamform``: figures recomputed, files read back, exit codes, wrong words."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import pytest
from cli_runner import Run

from fgamcd_opt.beamforming.broadcast import BeamformingSettings
from fgamcd_opt.beamforming.rate_oracle import RateOracle
from fgamcd_opt.instances.resolve import load
from fgamcd_opt.io.errors import ExitCode
from fgamcd_opt.problem.p1 import P1


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_report_agrees_with_the_oracle(fgamcd: Run) -> None:
    data = load("small")
    block = int(data.requested_blocks[np.argmax(np.bincount(data.pair_block)[data.requested_blocks])])
    report = fgamcd("beamform", "small", "--block", block, "--nodes", "3,0,1", "--rounds", "2", "--json").json
    assert (report["instance"], report["digest"]) == (data.name, data.digest)
    assert (report["block"], report["block_name"]) == (block, data.block_names[block])
    assert report["nodes"] == [0, 1, 3]
    users = data.pair_user[data.block_pairs(block)].tolist()
    assert [user["user"] for user in report["users"]] == users
    assert [user["qos_bps"] for user in report["users"]] == data.qos_bps[users].tolist()
    assert report["worst_rate_bps"] == min(user["worst_rate_bps"] for user in report["users"])
    assert all(user["worst_rate_bps"] <= user["estimated_rate_bps"] for user in report["users"])
    assert all(row["power_w"] <= row["budget_w"] for row in report["node_power"])
    assert 0.0 <= report["gap"] == pytest.approx(1 - report["worst_rate_bps"] / report["upper_bound_bps"])
    bounds = RateOracle(P1(data), BeamformingSettings(rounds=2)).rate(block, [0, 1, 3])
    if bounds.qos == 1:
        assert report["worst_rate_bps"] == pytest.approx(bounds.lower_bps, rel=1e-9)
        assert report["upper_bound_bps"] == pytest.approx(bounds.upper_bps, rel=1e-9)
    assert report["qos"] == {1: "met", 0: "open", -1: "proved impossible"}[bounds.qos]
    assert (report["cdf"], report["files"]) == ([], [])


def test_block_by_name_is_the_block_by_index(fgamcd: Run) -> None:
    data = load("small")
    block = int(data.requested_blocks[3])
    by_name = fgamcd("beamform", "small", "--block", data.block_names[block], "--json").json
    by_index = fgamcd("beamform", "small", "--block", block, "--json").json
    assert {**by_name, "solve_s": 0} == {**by_index, "solve_s": 0}
    assert by_index["nodes"] == list(range(data.n_nodes))


def test_exit_code_tells_whether_the_qos_is_met(fgamcd: Run) -> None:
    """With every node the QoS can be met by construction of the instance; one user needs more than one node."""
    data = load("small")
    statuses = set()
    for nodes in ("0,1,2,3", "0"):
        for block in data.requested_blocks[:12].tolist():
            ran = fgamcd("beamform", "small", "--block", block, "--nodes", nodes, "--json")
            status = ran.json["qos"]
            assert ran.code == {"met": 0, "open": 5, "proved impossible": 4}[status]
            late = [user for user in ran.json["users"] if not user["meets_qos"]]
            assert bool(late) != (status == "met")
            assert ran.json["designed_with_qos"] == (status == "met")
            statuses.add(status)
    assert {"met", "proved impossible"} <= statuses


def test_branch_and_bound_narrows_the_gap(fgamcd: Run) -> None:
    words = ("beamform", "small", "--set", "antennas=2", "--block", _wanted_by(3), "--rounds", "0", "--json")
    plain, searched = fgamcd(*words).json, fgamcd(*words, "--max-nodes", 2000).json
    assert searched["worst_rate_bps"] >= plain["worst_rate_bps"] * (1 - 1e-12)
    assert searched["upper_bound_bps"] <= plain["upper_bound_bps"] * (1 + 1e-12)
    assert searched["gap"] <= max(plain["gap"], 1e-4)


def _wanted_by(users: int) -> int:
    data = load("small")
    return int(np.flatnonzero(np.bincount(data.pair_block, minlength=data.n_blocks) == users)[0])


@pytest.mark.parametrize("csi_set", ["ellipsoid", "balls"])
def test_error_study_writes_every_rate(fgamcd: Run, tmp_path: Path, csi_set: str) -> None:
    words = ("--delta", "0,0.1", "--realisations", 20, "--set", f"csi_set={csi_set}")
    block = _wanted_by(3)
    ran = fgamcd("beamform", "small", "--block", block, "--cdf", *words, "-o", tmp_path / "new", "--json")
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["cdf.csv", "cdf.png", "cdf.svg"]
    assert [Path(path).name for path in ran.json["files"]] == ["cdf.csv", "cdf.png", "cdf.svg"]
    rows = rows_of(tmp_path / "new" / "cdf.csv")
    assert len(rows) == 2 * 2 * 3 * 22
    assert set(rows[0]) == {"delta", "design", "user", "realisation", "kind", "rate_bps", "qos_bps"}
    assert len(ran.json["cdf"]) == 4
    for summary in ran.json["cdf"]:
        chosen = [
            r for r in rows if float(r["delta"]) == summary["delta"] and r["design"] == summary["design"]
        ]
        uniform = [r for r in chosen if r["kind"] == "uniform"]
        table: dict[str, list[dict[str, str]]] = {}
        for row in uniform:
            table.setdefault(row["realisation"], []).append(row)
        assert summary["realisations"] == len(table) == 20
        late = [any(float(r["rate_bps"]) < 0.999999 * float(r["qos_bps"]) for r in e) for e in table.values()]
        assert summary["share_below_qos"] == pytest.approx(np.mean(late))
        least = [min(float(r["rate_bps"]) for r in e) for e in table.values()]
        assert summary["least_rate_bps"] == min(least)
        assert summary["median_least_rate_bps"] == pytest.approx(np.median(least))
        own = [float(r["rate_bps"]) for r in chosen if r["kind"] == f"worst_for_{summary['design']}"]
        assert summary["worst_rate_bps"] == pytest.approx(min(own), rel=1e-6)
        assert min(float(r["rate_bps"]) for r in chosen) >= summary["worst_rate_bps"] * (1 - 1e-9)
    robust, nominal = ran.json["cdf"][:2]
    assert {**robust, "design": ""} == {**nominal, "design": ""}


def test_beampattern_files(fgamcd: Run, tmp_path: Path) -> None:
    data = load("small")
    block = _wanted_by(3)
    assert fgamcd("beamform", "small", "--block", block, "--nodes", "1,2", "--pattern", "-o", tmp_path).out
    names = ["pattern.csv", "pattern.png", "pattern.svg", "pattern_users.csv"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    rows = rows_of(tmp_path / "pattern.csv")
    amplitude = np.array([float(row["amplitude_sqrt_w"]) for row in rows]).reshape(2, -1)
    angle = np.radians([float(row["angle_deg"]) for row in rows]).reshape(2, -1)[0]
    assert (np.degrees(angle[0]), np.degrees(angle[-1])) == (-90.0, 90.0)
    # Parseval: over sin(theta) from -1 to 1 the mean of |w^H a|^2 is ||w||^2, which is the full power here
    power = np.trapezoid(amplitude**2, np.sin(angle), axis=1) / 2
    assert power == pytest.approx(data.power_w[[1, 2]], rel=1e-3)
    for row in rows_of(tmp_path / "pattern_users.csv"):
        offset = data.user_xy_m[int(row["user"])] - data.node_xy_m[int(row["node"])]
        sine = np.sin(np.radians(float(row["angle_deg"])))
        assert sine == pytest.approx(offset[0] / np.hypot(*offset), abs=1e-9)


@pytest.mark.parametrize("polar", [(), ("--polar",)])
def test_every_panel_of_a_beampattern_has_its_axes_named(
    fgamcd: Run, tmp_path: Path, polar: tuple[str, ...]
) -> None:
    words = ("--block", _wanted_by(2), "--pattern", *polar)
    ran = fgamcd("beamform", "small", *words, "-o", tmp_path)
    assert (ran.code, "warn" in ran.err) == (ExitCode.DONE, False)
    texts = (tmp_path / "pattern.svg").read_text()
    assert len(re.findall("<!-- .*dBW.*-->", texts)) == len(re.findall("<!-- .*degrees.*-->", texts)) == 4


def test_polar_alone_is_refused(fgamcd: Run, tmp_path: Path) -> None:
    ran = fgamcd("beamform", "small", "--block", _wanted_by(1), "--polar")
    assert ran.code == ExitCode.USAGE
    assert "--polar: only with --pattern" in ran.err


def test_same_seed_same_bytes(fgamcd: Run, tmp_path: Path) -> None:
    words = ("--block", _wanted_by(1), "--cdf", "--pattern", "--realisations", 5)
    for folder in ("one", "two"):
        assert fgamcd("beamform", "small", *words, "-o", tmp_path / folder).code == ExitCode.DONE
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name


def test_table_shows_users_nodes_and_study(fgamcd: Run, tmp_path: Path) -> None:
    block = _wanted_by(2)
    ran = fgamcd("beamform", "small", "--block", block, "--cdf", "--realisations", 9, "-o", tmp_path)
    report = fgamcd("beamform", "small", "--block", block, "--json").json
    assert f"{report['worst_rate_bps'] / 1e9:.4f} Gbit/s" in ran.out
    assert f"{report['upper_bound_bps'] / 1e9:.4f} Gbit/s, proved" in ran.out
    assert len(re.findall(r"^(?:0|0\.05|0\.1|0\.2) +(?:robust|nominal) ", ran.out, re.MULTILINE)) == 8
    assert str(tmp_path / "cdf.svg") in ran.out


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ([], "--block"),
        (["--block", "REQUESTED", "--nodes", "0,x"], "'0,x' is no list of node indices"),
        (["--block", "REQUESTED", "--nodes", "1,1"], "names a node twice"),
        (["--block", "REQUESTED", "--nodes", "9"], "has nodes 0 to 3"),
        (["--block", "REQUESTED", "--cdf", "--delta", "1.5"], "between 0 and 1"),
        (["--block", "REQUESTED", "--cdf", "--delta", "0.1;2"], "'0.1;2' is no list of numbers"),
        (["--block", "REQUESTED", "--cdf", "--delta", "nan"], "between 0 and 1"),
        (["--block", "REQUESTED", "--cdf", "--delta", "0.1,0.1"], "names a delta twice"),
        (["--block", "REQUESTED", "--cdf", "--realisations", "0"], "not a whole number of at least 1"),
        (["--block", "REQUESTED", "--delta", "0.1"], "--delta: only with --cdf"),
        (["--block", "REQUESTED", "--realisations", "3"], "--realisations: only with --cdf"),
        (["--block", "REQUESTED", "-o", "somewhere"], "nothing to write"),
        (["--block", "74"], "blocks 0 to 73"),
        (["--block", "resnet18-00/conv"], "did you mean 'resnet18-"),
    ],
)
def test_wrong_words(fgamcd: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words, part) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.chdir(tmp_path)
    requested = str(load("small").requested_blocks[0])
    ran = fgamcd("beamform", "small", *(requested if word == "REQUESTED" else word for word in words))
    assert (ran.code, ran.out) == (ExitCode.USAGE, "")
    assert part in ran.err.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []


def test_block_that_nobody_requests_names_one_that_is(fgamcd: Run) -> None:
    data = load("small")
    idle = next(k for k in range(data.n_blocks) if k not in data.requested_blocks)
    ran = fgamcd("beamform", "small", "--block", idle)
    assert ran.code == ExitCode.USAGE
    named = re.search(r"the nearest requested one is (\d+) ", ran.err)
    assert named is not None
    assert int(named[1]) in data.requested_blocks


def test_branch_and_bound_on_too_many_users_is_refused(fgamcd: Run) -> None:
    data = load("paper")
    block = int(np.bincount(data.pair_block).argmax())
    ran = fgamcd("beamform", "paper", "--block", block, "--max-nodes", 10)
    assert ran.code == ExitCode.USAGE
    assert "at most 6 users" in ran.err


def test_folder_that_cannot_be_made_is_refused_before_any_work(fgamcd: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ran = fgamcd("beamform", "no-such-instance", "--block", 0, "--pattern", "-o", tmp_path / "file" / "b")
    assert ran.code == ExitCode.INPUT_REJECTED
    assert "file is no folder" in ran.err


def test_missing_matplotlib_names_the_extra(fgamcd: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fgamcd_opt.io.optional.find_spec", lambda name: None)
    ran = fgamcd("beamform", "small", "--block", 0, "--cdf")
    assert ran.code == ExitCode.BACKEND_MISSING
    assert ".[plots]" in ran.err
