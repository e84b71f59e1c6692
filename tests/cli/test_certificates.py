"""``fgamcd solve --certificate`` and ``fgamcd verify --certificate``: what they write, say and refuse."""

from __future__ import annotations

import dataclasses
import threading
from pathlib import Path
from typing import Any

import pytest
from cli_runner import Run
from stub_solvers import Stub, register

from fgamcd_opt.certificates.certificate import Certificate
from fgamcd_opt.certificates.certificate_check import check_certificate
from fgamcd_opt.cli.certifying import write_certificate
from fgamcd_opt.instances.resolve import load
from fgamcd_opt.io.errors import ExitCode
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.problem.solution_file import Solution
from fgamcd_opt.solvers.bounds import certify as certify_module
from fgamcd_opt.solving.front_door import solve

SMALL = "small-s4-0040MB"


class Slow(Stub):
    """Proves bounds, but not in time."""

    proves_bounds = True


@pytest.fixture
def solved(fgamcd: Run, tmp_path: Path) -> tuple[Path, Path]:
    """Solution and certificate of a small library instance."""
    solution, certificate = tmp_path / "solution.npz", tmp_path / "certificate.npz"
    ran = fgamcd("solve", SMALL, "--gap", "0.02", "-o", solution, "--certificate", certificate)
    assert ran.code == ExitCode.DONE
    assert f"written to {certificate}" in ran.err
    return solution, certificate


def test_certified_bound_is_proved_anew(fgamcd: Run, solved: tuple[Path, Path]) -> None:
    solution, certificate = solved
    report = fgamcd("verify", SMALL, solution, "--certificate", certificate, "--json").json
    assert report["valid"]
    assert report["faults"] == []
    bound, delay = report["lower_bound_s"], report["delay_s"]
    assert bound == Certificate.load(certificate).bound_s
    assert 0.95 * delay <= bound <= delay
    assert report["gap"] == pytest.approx((delay - bound) / delay)
    text = fgamcd("verify", SMALL, solution, "--certificate", certificate)
    assert text.code == ExitCode.DONE
    assert f"lower bound {bound:.6f} s, proved again" in " ".join(text.out.split())
    without = fgamcd("verify", SMALL, solution)
    assert "proved again (" not in without.out
    assert "not proved again here" in without.out


def test_a_claim_that_the_certificate_covers_is_said_to_be_proved(
    fgamcd: Run, solved: tuple[Path, Path]
) -> None:
    path, certificate = solved
    solution = Solution.load(path)
    for share, words in ((0.9, "proved by the certificate"), (1.0, "not proved again here")):
        claim = share * solution.delay_s
        dataclasses.replace(solution, lower_bound_s=claim).save(path)
        ran = fgamcd("verify", SMALL, path, "--certificate", certificate)
        assert ran.code == ExitCode.DONE
        assert words in next(line for line in ran.out.splitlines() if line.startswith("claimed bound"))


def test_false_certificates_are_rejected(fgamcd: Run, solved: tuple[Path, Path]) -> None:
    solution, path = solved
    certificate = Certificate.load(path)
    dataclasses.replace(certificate, bound_s=certificate.bound_s * 1.1).save(path)
    ran = fgamcd("verify", SMALL, solution, "--certificate", path)
    assert ran.code == ExitCode.VERIFICATION_FAILED
    assert "REJECTED" in ran.out
    assert "certificate: bound_s" in ran.out
    assert "proved again (" not in ran.out
    dataclasses.replace(certificate, instance_digest="0" * 64).save(path)
    report = fgamcd("verify", SMALL, solution, "--certificate", path, "--json").json
    assert not report["valid"]
    assert report["lower_bound_s"] is None
    assert "the certificate is for" in report["faults"][0]


def test_a_solution_is_no_certificate(fgamcd: Run, solved: tuple[Path, Path]) -> None:
    ran = fgamcd("verify", SMALL, solved[0], "--certificate", solved[0])
    assert ran.code == ExitCode.INPUT_REJECTED
    assert "kind is 'solution'; expected 'certificate'" in ran.err


def test_solver_without_bounds_gives_no_certificate(fgamcd: Run, tmp_path: Path) -> None:
    path = tmp_path / "c.npz"
    ran = fgamcd("solve", "tiny", "--solver", "greedy", "--certificate", path)
    assert ran.code == ExitCode.USAGE
    assert "greedy proves no bounds" in ran.err
    assert not path.exists()


def test_solver_that_stops_before_its_bound_writes_no_certificate(
    fgamcd: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(monkeypatch, Slow)
    path = tmp_path / "c.npz"
    ran = fgamcd("solve", "tiny", "--solver", "stub", "--certificate", path)
    assert ran.code == ExitCode.NO_SOLUTION
    assert "not written, since stub found no storage multipliers" in ran.err
    assert not path.exists()


def test_two_files_need_two_names(fgamcd: Run, tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    ran = fgamcd("solve", "tiny", "-o", path, "--certificate", path)
    assert ran.code == ExitCode.USAGE
    assert "give two names" in ran.err


@pytest.mark.parametrize("method", ["lagrangian", "lp"])
def test_bound_writes_a_certificate(
    fgamcd: Run, solved: tuple[Path, Path], tmp_path: Path, method: str
) -> None:
    path = tmp_path / "bound.npz"
    ran = fgamcd("bound", SMALL, "--solver", method, "--certificate", path, "--json")
    assert ran.code == ExitCode.DONE
    report = fgamcd("verify", SMALL, solved[0], "--certificate", path, "--json").json
    assert report["valid"]
    assert report["lower_bound_s"] == pytest.approx(ran.json["lower_bound_s"], rel=1e-4)


def test_stop_while_the_certificate_is_made_writes_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A stop that ended the solve itself does not count: what was found then is certified."""
    problem = P1(load(SMALL))
    result = solve(problem, "lagrangian")
    path, stop, blocks = tmp_path / "c.npz", threading.Event(), []
    original = certify_module._certify_block

    def interrupted(*arguments: Any) -> Any:
        blocks.append(arguments[1])
        stop.set()
        return original(*arguments)

    monkeypatch.setattr(certify_module, "_certify_block", interrupted)
    write_certificate(problem, result, path, 1, stop)
    assert not path.exists()
    assert "not written, since it was stopped" in caplog.text
    assert len(blocks) < problem.instance.requested_blocks.size
    write_certificate(problem, result, path, 1, stop)
    assert check_certificate(problem.instance, Certificate.load(path)).valid
