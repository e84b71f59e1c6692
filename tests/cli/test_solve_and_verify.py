"""``fgamcd solve`` and ``fgamcd verify``: what they print and save, and every exit code that they can end with."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_runner import Run
from stub_solvers import Interrupted, Overfull, Stub, Talkative, Unlicensed, register

from fgamcd_opt.cli.main import main
from fgamcd_opt.instances.library.best_known import read_best_known
from fgamcd_opt.instances.library.catalog import library
from fgamcd_opt.instances.resolve import load
from fgamcd_opt.io.errors import ExitCode
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.problem.solution_file import Solution

SOLVE_KEYS = {
    "instance",
    "digest",
    "solver",
    "status",
    "stop_reason",
    "delay_s",
    "lower_bound_s",
    "bound_kind",
    "gap",
    "gap_beamforming",
    "gap_combinatorial",
    "load_s",
    "build_s",
    "solve_s",
    "rates_s",
    "search_s",
    "total_s",
    "served",
    "hit_ratio",
}
TIMES = ("load_s", "build_s", "solve_s", "rates_s", "search_s", "total_s")
VERIFY_KEYS = {"valid", "delay_s", "max_violation", "tolerance", "violations"}


@pytest.fixture
def solved(fgamcd: Run, tmp_path: Path) -> Path:
    """Solution file of the preset tiny."""
    path = tmp_path / "tiny-solution.npz"
    assert fgamcd("solve", "tiny", "-o", path).code == ExitCode.DONE
    return path


@pytest.mark.parametrize("name", ["tiny", "small"])
def test_solve_and_verify_agree_with_the_file(fgamcd: Run, tmp_path: Path, name: str) -> None:
    path = tmp_path / "solution.npz"
    ran = fgamcd("solve", name, "--set", "seed=7", "--solver", "exact", "--seed", "0", "-o", path, "--json")
    report = ran.json
    assert ran.code == ExitCode.DONE
    assert set(report) >= SOLVE_KEYS
    assert report["total_s"] == sum(report[name] for name in ("load_s", "build_s", "solve_s"))
    assert 0 < report["rates_s"] + report["search_s"] <= report["solve_s"]
    instance = load(name, {"seed": "7"})
    assert report["digest"] == instance.digest
    delay, bound = report["delay_s"], report["lower_bound_s"]
    assert report["gap"] == pytest.approx((delay - bound) / delay, abs=1e-15)
    assert report["gap"] == pytest.approx(report["gap_beamforming"] + report["gap_combinatorial"], abs=1e-15)
    assert 0 <= report["gap"] <= 1e-3
    solution = Solution.load(path)
    assert delay == pytest.approx(P1(instance).evaluate(solution.decision).delay_s, rel=1e-12)
    assert (solution.delay_s, solution.lower_bound_s) == (delay, bound)

    checked = fgamcd("verify", name, path, "--set", "seed=7", "--json")
    assert checked.code == ExitCode.DONE
    assert set(checked.json) >= VERIFY_KEYS
    assert checked.json["valid"] is True
    assert checked.json["delay_s"] == delay
    assert checked.json["max_violation"] <= checked.json["tolerance"]
    assert set(checked.json["violations"]) == {rule.name for rule in P1(instance).constraints}


def test_text_holds_the_figures_of_the_json(fgamcd: Run, solved: Path) -> None:
    report = fgamcd("solve", "tiny", "--json").json
    text = fgamcd("solve", "tiny").out
    for part in (
        f"{report['delay_s']:.6f} s",
        report["bound_kind"],
        "beamforming",
        "combinatorial",
        "accepted",
    ):
        assert part in text
    checked = fgamcd("verify", "tiny", solved)
    assert checked.code == ExitCode.DONE
    assert f"{report['delay_s']:.6f} s" in checked.out
    assert "valid" in checked.out


def test_log_goes_to_stderr_as_far_as_asked_for(fgamcd: Run) -> None:
    loud, quiet = fgamcd("solve", "tiny"), fgamcd("solve", "tiny", "--log-level", "error")
    assert "blocks requested" in loud.err
    assert "delay 0.215163 s  lower bound 0.2" in loud.err
    assert quiet.err == ""
    assert "blocks requested" not in loud.out


def test_options_limits_and_seed_reach_the_solver(fgamcd: Run) -> None:
    words = ["--option", "passes=3", "--gap", "0.02", "--seed", "5", "--threads", "1"]
    report = fgamcd("solve", "tiny", *words, "--json").json
    assert report["options"]["passes"] == 3
    assert report["gap_tolerance"] == 0.02
    assert report["seed"] == 5


def test_result_does_not_depend_on_threads(fgamcd: Run) -> None:
    one, two = (fgamcd("solve", "small", "--threads", count, "--json").json for count in (1, 2))
    for report in (one, two):
        report |= dict.fromkeys(TIMES, 0.0)
        report["trace"] = [values for _, *values in report["trace"]]
    assert one == two


def test_greedy_claims_no_bound(fgamcd: Run, tmp_path: Path) -> None:
    path = tmp_path / "greedy.npz"
    ran = fgamcd("solve", "small", "--solver", "greedy", "-o", path, "--json")
    assert ran.code == ExitCode.DONE
    assert [ran.json[key] for key in ("lower_bound_s", "bound_kind", "gap")] == [None, None, None]
    assert ran.json["delay_s"] >= fgamcd("solve", "small", "--json").json["lower_bound_s"]
    checked = fgamcd("verify", "small", path, "--json")
    assert (checked.code, checked.json["claimed_lower_bound_s"]) == (ExitCode.DONE, None)


def test_infeasible_storage_is_proved_with_its_reason(fgamcd: Run, tmp_path: Path) -> None:
    path = tmp_path / "none.npz"
    words = ["solve", "small", "--set", "storage_gb=0.01", "-o", path]
    ran = fgamcd(*words, "--json")
    assert ran.code == ExitCode.INFEASIBLE
    assert ran.json["status"] == ran.json["stop_reason"] == "infeasible"
    assert "all caches together hold 40000000 bytes" in ran.json["infeasibility"]
    assert ran.json["delay_s"] is None
    text = fgamcd(*words)
    assert "all caches together hold 40000000 bytes" in text.out
    assert "not written, since there is no feasible solution" in text.err
    assert not path.exists()


@pytest.mark.parametrize("limit", [1e-6, 0.05, 0.6])
@pytest.mark.parametrize("solver", ["exact", "greedy"])
def test_time_limit_still_prints_and_saves(fgamcd: Run, tmp_path: Path, solver: str, limit: float) -> None:
    path = tmp_path / "limited.npz"
    ran = fgamcd(
        "solve", "small", "--time-limit", limit, "--solver", solver, "--gap", "0", "-o", path, "--json"
    )
    report = ran.json
    found = report["delay_s"] is not None
    assert ran.code == (ExitCode.DONE if found else ExitCode.NO_SOLUTION)
    assert path.exists() == found
    assert (report["status"] == "unknown") == (not found)
    if report["lower_bound_s"] is not None and found:
        assert report["lower_bound_s"] <= report["delay_s"] * (1 + 1e-9)


def test_solver_that_gives_up(fgamcd: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch, Stub)
    ran = fgamcd("solve", "tiny", "--solver", "stub", "-o", tmp_path / "a.npz", "--json")
    assert ran.code == ExitCode.NO_SOLUTION
    assert (ran.json["status"], ran.json["message"]) == ("unknown", "gave up")
    assert list(tmp_path.iterdir()) == []


def test_decision_that_the_checker_rejects(
    fgamcd: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(monkeypatch, Overfull)
    ran = fgamcd("solve", "tiny", "--solver", "stub", "-o", tmp_path / "a.npz", "--json")
    assert ran.code == ExitCode.VERIFICATION_FAILED
    assert (ran.json["status"], ran.json["delay_s"]) == ("rejected", None)
    assert [fault.split()[0] for fault in ran.json["faults"]] == ["power", "storage"]
    assert "REJECTED: power violated" in fgamcd("solve", "tiny", "--solver", "stub").out
    assert list(tmp_path.iterdir()) == []


def test_missing_backend(fgamcd: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch, Unlicensed)
    ran = fgamcd("solve", "tiny", "--solver", "stub", "--json")
    assert (ran.code, ran.out) == (ExitCode.BACKEND_MISSING, "")
    assert "needs fgamcd-opt-test-no-such-backend: pip install" in ran.err


def test_interrupt_that_leaves_nothing(fgamcd: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch, Interrupted)
    ran = fgamcd("solve", "tiny", "--solver", "stub", "--log-level", "error")
    assert ran == (130, "", "fgamcd: error: interrupted\n")


def test_record_keeps_what_improves(fgamcd: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, name = tmp_path / "best.json", next(iter(library()))
    monkeypatch.setattr("fgamcd_opt.instances.library.best_known.BEST_KNOWN_PATH", path)
    first = fgamcd("solve", name, "--record", "--json")
    assert first.code == ExitCode.DONE
    assert f"improved in {path}" in first.err
    kept = read_best_known(path)[name]
    assert (kept.delay_s, kept.lower_bound_s) == (first.json["delay_s"], first.json["lower_bound_s"])
    assert kept.delay_solver == f"exact {first.json['solver_version']}"
    assert "not improved" in fgamcd("solve", name, "--record", "--solver", "greedy").err
    assert read_best_known(path)[name] == kept
    for words in (["--set", "seed=9"], ["--variant", "csi=robust"]):
        assert fgamcd("solve", name, "--record", *words).code == ExitCode.USAGE


def test_solution_of_another_instance_is_rejected(fgamcd: Run, solved: Path) -> None:
    ran = fgamcd("verify", "tiny", solved, "--set", "seed=7", "--json")
    assert ran.code == ExitCode.VERIFICATION_FAILED
    assert ran.json["valid"] is False
    assert "the solution is for tiny with digest" in ran.json["faults"][0]
    assert "REJECTED" in fgamcd("verify", "small", solved).out


@pytest.mark.parametrize(
    ("name", "tamper", "word"),
    [
        ("beams", lambda beams: beams * 1.01, "power"),
        ("beams", lambda beams: beams * 0.0, "delay"),
        ("caching", lambda caching: caching | True, "storage"),
        ("caching", lambda caching: caching & False, "coverage"),
        ("migration", lambda migration: migration | True, "link"),
    ],
)
def test_tampered_decision_is_rejected(fgamcd: Run, solved: Path, name: str, tamper, word: str) -> None:  # type: ignore[no-untyped-def]
    """The file is consistent in itself (its own digest is made anew), its content is not feasible any more."""
    solution = Solution.load(solved)
    decision = dataclasses.replace(solution.decision, **{name: tamper(getattr(solution.decision, name))})
    dataclasses.replace(solution, decision=decision).save(solved)
    ran = fgamcd("verify", "tiny", solved, "--json")
    assert ran.code == ExitCode.VERIFICATION_FAILED
    assert any(word in fault for fault in ran.json["faults"])


@pytest.mark.parametrize("change", [{"delay_s": 0.1}, {"lower_bound_s": 10.0}])
def test_false_claims_are_rejected(fgamcd: Run, solved: Path, change: dict[str, Any]) -> None:
    dataclasses.replace(Solution.load(solved), **change).save(solved)
    ran = fgamcd("verify", "tiny", solved, "--json")
    assert ran.code == ExitCode.VERIFICATION_FAILED
    assert ran.json["faults"][0].startswith("claimed")
    assert ran.json["max_violation"] <= ran.json["tolerance"]


def test_broken_solution_file_is_input_rejected(fgamcd: Run, solved: Path, tmp_path: Path) -> None:
    whole = solved.read_bytes()
    broken = tmp_path / "broken.npz"
    for content in (b"", whole[: len(whole) // 2], np.random.default_rng(0).bytes(999)):
        broken.write_bytes(content)
        ran = fgamcd("verify", "tiny", broken, "--json")
        assert (ran.code, ran.out) == (ExitCode.INPUT_REJECTED, "")
        assert str(broken) in ran.err
    missing = fgamcd("verify", "tiny", tmp_path / "absent.npz")
    assert missing.code == ExitCode.INPUT_REJECTED
    assert "absent.npz: no such file" in missing.err


def test_what_a_backend_writes_to_standard_output_goes_to_the_log(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    register(monkeypatch, Talkative)
    words = ["solve", "tiny", "--solver", "stub", "--json", "--log-level", "debug"]
    assert main(words) == ExitCode.NO_SOLUTION
    out, err = capfd.readouterr()
    assert json.loads(out)["solver"] == "stub"
    assert out.count("a line of") == 0
    assert err.count("a line of") == 3


@pytest.mark.parametrize(
    ("made", "judged", "part"),
    [
        (
            ("tiny", "--set", "storage_gb=0.1"),
            ("tiny",),
            "belongs to tiny with storage_gb=0.1; add --set storage_gb=0.1",
        ),
        (
            ("tiny", "--set", "storage_gb=0.08,0.1", "--set", "seed=2"),
            ("tiny", "--set", "seed=3"),
            "with storage_gb=0.08,0.1, seed=2; add --set storage_gb=0.08,0.1 --set seed=2 in place of the --set",
        ),
        (("tiny",), ("tiny", "--set", "seed=3"), "belongs to tiny; leave --set out"),
        (("tiny", "--set", "seed=3"), ("small",), "belongs to tiny with seed=3; name it: tiny --set seed=3"),
    ],
)
def test_a_forgotten_set_is_named(
    fgamcd: Run, tmp_path: Path, made: tuple[str, ...], judged: tuple[str, ...], part: str
) -> None:
    path = tmp_path / "s.npz"
    assert fgamcd("solve", *made, "--solver", "greedy", "-o", path).code == ExitCode.DONE
    ran = fgamcd("verify", *judged, path)
    assert ran.code == ExitCode.VERIFICATION_FAILED
    assert part in ran.out
    assert part in fgamcd("verify", *judged, path, "--json").json["remedy"]
    shown = fgamcd("show", *judged, path, "-o", tmp_path / "p")
    assert (shown.code, shown.out) == (ExitCode.INPUT_REJECTED, "")
    assert part in shown.err


def test_what_no_set_explains_has_no_remedy(fgamcd: Run, tmp_path: Path) -> None:
    path = tmp_path / "s.npz"
    assert fgamcd("solve", "tiny", "--solver", "greedy", "-o", path).code == ExitCode.DONE
    solution = dataclasses.replace(Solution.load(path), instance_digest="0" * 64)
    solution.save(path)
    ran = fgamcd("verify", "tiny", path, "--json")
    assert (ran.code, ran.json["remedy"]) == (ExitCode.VERIFICATION_FAILED, None)
