"""``fgamcd export``: files that foreign solvers read, with the values of the package's own solves; refusals."""

from __future__ import annotations

from pathlib import Path

import highspy
import numpy as np
import pyscipopt
import pytest
from cli_runner import Run
from scipy.optimize import Bounds, LinearConstraint, milp

from fgamcd_opt.beamforming.rate_oracle import RateOracle
from fgamcd_opt.instances.resolve import load
from fgamcd_opt.io.errors import ExitCode
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.problem.variants import Variant
from fgamcd_opt.solving.front_door import solve

NAME = "tiny-s2-0055MB"
GAP = 1e-6
"""Of the package's own solve; beams of both sides leave less than the difference that is allowed."""

CLOSE = 1e-5


def by_highs(path: Path) -> float:
    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)
    solver.setOptionValue("mip_rel_gap", 0.0)
    assert solver.readModel(str(path)).name == "kOk"
    solver.run()
    assert solver.getModelStatus().name == "kOptimal"
    return float(solver.getInfo().objective_function_value)


def by_scip(path: Path) -> float:
    solver = pyscipopt.Model()
    solver.hideOutput()
    solver.readProblem(str(path))
    solver.optimize()
    assert solver.getStatus() == "optimal"
    return float(solver.getObjVal())


def by_scipy(path: Path) -> float:
    """The knapsack built anew from its arrays, in MB."""
    with np.load(path, allow_pickle=False) as file:
        block, mask, delay, size, storage = (
            file[name] for name in ("block", "mask", "delay_s", "size_bytes", "storage_bytes")
        )
    held = (mask[None] >> np.arange(storage.size)[:, None]) & 1
    result = milp(
        delay,
        constraints=[
            LinearConstraint((block[None] == np.arange(size.size)[:, None]).astype(float), 1, 1),
            LinearConstraint(held * size[block] / 1e6, ub=storage / 1e6),
        ],
        integrality=np.ones(block.size),
        bounds=Bounds(0, 1),
        options={"mip_rel_gap": 0.0},
    )
    assert result.status == 0
    return float(result.fun)


@pytest.mark.parametrize(
    ("suffix", "read"),
    [(".mps", by_highs), (".mps", by_scip), (".lp", by_highs), (".lp", by_scip), (".npz", by_scipy)],
)
@pytest.mark.parametrize(
    ("variant", "storage_gb"),
    [({}, "0.055"), ({"granularity": "model"}, "0.08"), ({"unserved": "cloud(1e9)"}, "0.02")],
    ids=str,
)
def test_knapsack_files_have_delay_and_bound_of_the_exact_solver(
    fgamcd: Run, tmp_path: Path, suffix: str, read, variant: dict[str, str], storage_gb: str
) -> None:
    words = [word for field, text in variant.items() for word in ("--variant", f"{field}={text}")]
    words += ["--set", f"storage_gb={storage_gb}"]
    result = solve(P1(load(NAME, {"storage_gb": storage_gb}), Variant.parse(variant)), gap=GAP)
    value = {}
    for rates in ("placement", "bound"):
        path = tmp_path / f"{rates}{suffix}"
        ran = fgamcd("export", NAME, *words, "-o", path, "--rates", rates, "--json")
        assert ran.code == ExitCode.DONE
        assert (ran.json["rates"], ran.json["objective"]) == (rates, "delay_s")
        value[rates] = read(path) * ran.json["objective_unit"]
    assert value["placement"] == pytest.approx(result.delay_s, rel=CLOSE)
    assert value["bound"] == pytest.approx(result.lower_bound_s, rel=CLOSE)
    assert value["bound"] <= result.delay_s * (1.0 + 1e-9)
    assert value["placement"] >= result.lower_bound_s * (1.0 - 1e-9)


def test_the_monolithic_file_has_the_delay_of_the_exact_solver(fgamcd: Run, tmp_path: Path) -> None:
    """Nothing in the file rests on the knapsack or on the rate bounds."""
    path = tmp_path / "model.nl"
    ran = fgamcd("export", NAME, "-o", path, "--json")
    assert ran.code == ExitCode.DONE
    result = solve(P1(load(NAME, {})), gap=GAP)
    assert by_scip(path) * ran.json["objective_unit"] == pytest.approx(result.delay_s, rel=CLOSE)


def test_the_file_of_a_broadcast_is_that_of_the_block_and_the_nodes(fgamcd: Run, tmp_path: Path) -> None:
    from fgamcd_opt.formulations.semidefinite.broadcast_cvxpy import to_cvxpy
    from fgamcd_opt.formulations.semidefinite.cbf_file import cbf_text

    path = tmp_path / "broadcast.cbf"
    instance = load("tiny", {})
    for nodes in ([0, 1], [1]):
        ran = fgamcd(
            *("export", "tiny", "-o", path, "--force"),
            *("--block", "1", "--nodes", ",".join(map(str, nodes)), "--json"),
        )
        assert (ran.code, ran.json["objective"]) == (ExitCode.DONE, "snr")
        broadcast = RateOracle(P1(instance)).tables[1].broadcast
        assert path.read_text() == cbf_text(to_cvxpy(broadcast, nodes))[0]


def test_the_same_file_comes_out_again_and_replaces_the_old_one(fgamcd: Run, tmp_path: Path) -> None:
    path = tmp_path / "model.mps"
    path.write_text("old")
    ran = fgamcd("export", "tiny", "-o", path, "--force")
    first = path.read_bytes()
    assert ran.code == ExitCode.DONE
    assert {line.split("  ")[0] for line in ran.out.splitlines()} == {
        "file",
        "instance",
        "variant",
        "formulation",
        "objective",
        "size",
    }
    assert first.startswith(b"NAME")
    assert fgamcd("export", "tiny", "-o", path, "--force", "--threads", "1").code == ExitCode.DONE
    assert path.read_bytes() == first


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["-o", "model.txt"], ExitCode.USAGE, "must end in one of .mps, .lp, .npz, .nl, .cbf"),
        (["-o", "model.nl", "--rates", "bound"], ExitCode.USAGE, "--rates: only for .mps, .lp, .npz"),
        (["-o", "model.mps", "--block", "0"], ExitCode.USAGE, "--block: only for .cbf"),
        (["-o", "model.cbf"], ExitCode.USAGE, "name its block by --block"),
        (["-o", "model.cbf", "--block", "99"], ExitCode.USAGE, "--block 99: tiny has blocks 0 to 2"),
        (["-o", "model.cbf", "--block", "0", "--nodes", "2"], ExitCode.USAGE, "tiny has nodes 0 to 1"),
        (["-o", "model.nl", "--variant", "csi=nominal"], ExitCode.USAGE, "csi=nominal: the model is written"),
        (["-o", "model.cbf", "--block", "0", "--variant", "csi=nominal"], ExitCode.USAGE, "csi=nominal"),
        (["-o", "model.nl", "--variant", "granularity=model"], ExitCode.USAGE, "one joint beam per block"),
        (["-o", "model.mps", "--threads", "0"], ExitCode.USAGE, "threads 0"),
        (["-o", "missing/model.mps"], ExitCode.INPUT_REJECTED, "there is no folder"),
        (
            ["-o", "model.nl", "--set", "storage_gb=0"],
            ExitCode.INFEASIBLE,
            "all caches together hold 0 bytes",
        ),
        (
            ["-o", "model.lp", "--set", "storage_gb=0"],
            ExitCode.INFEASIBLE,
            "all caches together hold 0 bytes",
        ),
    ],
)
def test_what_cannot_be_written_is_one_error_and_leaves_nothing(
    fgamcd: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], code: int, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = fgamcd("export", "tiny", *words, "--log-level", "error")
    assert (ran.code, ran.out) == (code, "")
    assert ran.err.count("\n") == 1
    assert message in ran.err
    assert list(tmp_path.iterdir()) == []


def test_an_instance_is_not_overwritten_by_its_own_model(fgamcd: Run, tmp_path: Path) -> None:
    path = tmp_path / "mine.npz"
    assert fgamcd("generate", "tiny", "-o", path).code == ExitCode.DONE
    before = path.read_bytes()
    ran = fgamcd("export", path, "-o", path)
    assert (ran.code, path.read_bytes()) == (ExitCode.USAGE, before)
    assert "is the instance itself" in ran.err


def test_no_beam_in_hand_is_no_proof(fgamcd: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rates of zero from below: no placement can be written, and nothing says that there is none."""
    lower = RateOracle.lower_bps
    monkeypatch.setattr(RateOracle, "lower_bps", lambda oracle: 0.0 * lower(oracle))
    ran = fgamcd("export", "tiny", "-o", tmp_path / "model.mps", "--log-level", "error")
    assert ran.code == ExitCode.NO_SOLUTION
    assert "take more --rounds, or --rates bound" in ran.err
    assert list(tmp_path.iterdir()) == []
    assert fgamcd("export", "tiny", "-o", tmp_path / "model.mps", "--rates", "bound").code == ExitCode.DONE
