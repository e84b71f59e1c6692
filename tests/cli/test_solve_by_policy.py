"""``fgamcd solve --solver maasn-da --policy FILE``, and what is refused about it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from cli_runner import Run

from fgamcd_opt.io.errors import ExitCode
from fgamcd_opt.learning.config import TrainConfig
from fgamcd_opt.learning.environment.layout import StateLayout
from fgamcd_opt.learning.policies.policy import Policy, make_network
from fgamcd_opt.studies.comparison.classes import derive
from fgamcd_opt.studies.grid.cell import answer
from fgamcd_opt.studies.grid.cell_outcome import CellOutcome
from fgamcd_opt.studies.grid.cells import Source, make_grid


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    """File of an untrained policy for two nodes."""
    config, layout = TrainConfig(hidden=4), StateLayout(2, 2)
    network = make_network(config, layout, torch.Generator().manual_seed(0))
    Policy("maasn-da", config, layout, network).save(tmp_path / "policy.safetensors")
    return tmp_path / "policy.safetensors"


def test_the_short_form_is_the_option(fgamcd: Run, policy: Path, tmp_path: Path) -> None:
    words = ("solve", "tiny", "--solver", "maasn-da", "--json")
    short = fgamcd(*words, "--policy", policy, "-o", tmp_path / "solution.npz")
    long = fgamcd(*words, "--option", f"policy={policy}")
    assert short.code == long.code == ExitCode.DONE
    assert short.json["delay_s"] == long.json["delay_s"]
    assert short.json["message"].startswith(f"policy: {policy}, maasn-da for 2 nodes")
    assert fgamcd("verify", "tiny", tmp_path / "solution.npz").code == ExitCode.DONE


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("--solver", "exact", "--policy", "FILE"), ExitCode.USAGE, "solver exact uses no policy"),
        (
            ("--solver", "maasn-da", "--policy", "FILE", "--option", "policy=x"),
            ExitCode.USAGE,
            "name the file once",
        ),
        (
            ("--solver", "maasn-da", "--policy", "no-such-file"),
            ExitCode.INPUT_REJECTED,
            "no-such-file: no such file",
        ),
        (("--solver", "maasn-da", "--policy", "FILE", "--set", "nodes=3"), ExitCode.USAGE, "at most 2 nodes"),
    ],
)
def test_one_clear_error(
    fgamcd: Run, policy: Path, words: tuple[str, ...], code: ExitCode, told: str
) -> None:
    ran = fgamcd("solve", "tiny", *(str(policy) if word == "FILE" else word for word in words))
    assert (ran.code, ran.out) == (code, "")
    assert told in ran.err


def test_a_comparison_tells_a_policy_that_does_not_fit_as_refused(policy: Path, tmp_path: Path) -> None:
    sources = [Source.of("tiny"), Source.of("tiny", {"nodes": "3"})]
    cells = make_grid(sources, ["maasn-da"], options={"maasn-da": {"policy": str(policy)}})
    rows = [answer(cell, tmp_path, None) for cell in cells]
    assert [row.outcome for row in rows] == [CellOutcome.SOLVED, CellOutcome.REFUSED]
    assert "at most 2 nodes" in rows[1].reason
    assert derive(rows, known={})["class"].tolist() == ["feasible", "failed"]
