"""``fgamcd show``: files, labels with units, errors that say what to do."""

from __future__ import annotations

import importlib.util
import itertools
import re
from pathlib import Path

import numpy as np
import pytest
from cli_runner import Run

from fgamcd_opt.instances.resolve import load
from fgamcd_opt.io.errors import ExitCode
from fgamcd_opt.problem.decision import Decision
from fgamcd_opt.problem.solution_file import Solution

PICTURES = ("map", "sharing", "caches", "delivery", "delays")


@pytest.fixture(scope="module")
def solution(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A solution of ``tiny``."""
    from cli_runner import exit_code

    path = tmp_path_factory.mktemp("solved") / "tiny.npz"
    assert exit_code("solve", "tiny", "-o", path, "--json", "--log-level", "error") == ExitCode.DONE
    return path


def labels(path: Path) -> str:
    """All texts of an SVG file that Matplotlib wrote: it keeps them as comments."""
    return "\n".join(re.findall(r"<!-- (.*?) -->", path.read_text(), re.DOTALL))


def test_all_pictures_of_a_solution(fgamcd: Run, solution: Path, tmp_path: Path) -> None:
    ran = fgamcd("show", "tiny", solution, "-o", tmp_path / "t", "--json")
    assert (ran.code, ran.err) == (ExitCode.DONE, "")
    expected = {name: [str(tmp_path / f"t-{name}.{kind}") for kind in ("png", "svg")] for name in PICTURES}
    assert ran.json["files"] == expected
    assert {str(path) for path in tmp_path.iterdir()} == {path for pair in expected.values() for path in pair}
    for name in PICTURES:
        assert (tmp_path / f"t-{name}.png").read_bytes().startswith(b"\x89PNG")
    assert {"x (m)", "y (m)"} <= set(labels(tmp_path / "t-map.svg").splitlines())
    assert {"delay (ms)", "share of T (%)"} <= set(labels(tmp_path / "t-delays.svg").splitlines())
    assert "Gbit/s" in labels(tmp_path / "t-delays.svg")
    assert "requested model, by family; shares of its bytes" in labels(tmp_path / "t-caches.svg")
    assert {"x (m)", "y (m)", "sends, stores the block"} <= set(
        labels(tmp_path / "t-delivery.svg").splitlines()
    )
    assert "MB shared" in labels(tmp_path / "t-sharing.svg")


def test_a_chosen_block_is_delivered(fgamcd: Run, solution: Path, tmp_path: Path) -> None:
    data = load("tiny")
    block = int(data.requested_blocks[-1])
    for word in (block, data.block_names[block]):
        ran = fgamcd(
            "show", "tiny", solution, "--what", "delivery", "--block", word, "-o", tmp_path / "t", "--force"
        )
        assert (ran.code, ran.err) == (ExitCode.DONE, "")
        assert f"block {block} ({data.block_names[block]}, " in labels(tmp_path / "t-delivery.svg")


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("--block", "no/such"), "--block no/such: tiny has blocks 0 to"),
        (("--block", 0, "--what", "caches"), "--block: only the delivery has a block, not --what caches"),
    ],
)
def test_a_wrong_block(
    fgamcd: Run, solution: Path, tmp_path: Path, words: tuple[object, ...], text: str
) -> None:
    ran = fgamcd("show", "tiny", solution, *words, "-o", tmp_path / "t")
    assert (ran.code, list(tmp_path.iterdir())) == (ExitCode.USAGE, [])
    assert text in ran.err


def test_a_block_without_a_solution(fgamcd: Run, tmp_path: Path) -> None:
    ran = fgamcd("show", "tiny", "--block", 0, "-o", tmp_path / "t")
    assert ran.code == ExitCode.USAGE
    assert "--block: needs a SOLUTION; `fgamcd solve tiny -o solution.npz` makes one" in ran.err


def test_same_picture_same_bytes(fgamcd: Run, solution: Path, tmp_path: Path) -> None:
    for name, what in itertools.product("ab", ("map", "delays")):
        assert fgamcd("show", "tiny", solution, "--what", what, "-o", tmp_path / name).code == ExitCode.DONE
    for path in tmp_path.glob("a-*"):
        assert path.read_bytes() == (tmp_path / path.name.replace("a-", "b-")).read_bytes()
    assert len(list(tmp_path.iterdir())) == 8


def test_without_a_solution(fgamcd: Run, tmp_path: Path) -> None:
    ran = fgamcd("show", "tiny", "-o", tmp_path / "t", "--json")
    assert list(ran.json["files"]) == ["map", "sharing"]
    one = fgamcd("show", "tiny", "--what", "map", "-o", tmp_path / "m")
    assert one.code == ExitCode.DONE
    assert sorted(path.name for path in tmp_path.glob("m-*")) == ["m-map.png", "m-map.svg"]


@pytest.mark.parametrize("what", ["caches", "delivery", "delays", "all"])
def test_a_missing_solution_comes_with_the_command_that_makes_one(
    fgamcd: Run, tmp_path: Path, what: str
) -> None:
    ran = fgamcd("show", "tiny", "--set", "seed=3", "--what", what, "-o", tmp_path / "t")
    assert ran.code == ExitCode.USAGE
    assert (
        f"--what {what}: needs a SOLUTION; `fgamcd solve tiny --set seed=3 -o solution.npz` makes one"
        in ran.err
    )
    assert list(tmp_path.iterdir()) == []


def test_solution_of_another_instance(fgamcd: Run, solution: Path, tmp_path: Path) -> None:
    ran = fgamcd("show", "small", solution, "-o", tmp_path / "t")
    assert ran.code == ExitCode.INPUT_REJECTED
    assert "the solution is for tiny" in ran.err
    assert list(tmp_path.iterdir()) == []


def test_rejected_solution_says_so_in_its_pictures(fgamcd: Run, solution: Path, tmp_path: Path) -> None:
    good = Solution.load(solution)
    decision = Decision(np.zeros_like(good.decision.caching), good.decision.migration, good.decision.beams)
    Solution(
        decision=decision,
        instance_digest=good.instance_digest,
        instance_name="tiny",
        solver="none",
        solver_version="0",
        delay_s=good.delay_s,
    ).save(tmp_path / "bad.npz")
    ran = fgamcd("show", "tiny", tmp_path / "bad.npz", "--what", "caches", "-o", tmp_path / "t")
    assert ran.code == ExitCode.DONE
    assert "REJECTED by the checker" in labels(tmp_path / "t-caches.svg")


def test_missing_package_names_the_extra(
    fgamcd: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        "fgamcd_opt.io.optional.find_spec", lambda name: None if name == "networkx" else found(name)
    )
    ran = fgamcd("show", "tiny", "-o", tmp_path / "t")
    assert ran.code == ExitCode.BACKEND_MISSING
    assert 'a picture needs networkx: pip install -c constraints.txt -e ".[show]"' in ran.err
    assert list(tmp_path.iterdir()) == []


def test_missing_folder(fgamcd: Run, tmp_path: Path) -> None:
    ran = fgamcd("show", "tiny", "-o", tmp_path / "nowhere" / "t")
    assert ran.code == ExitCode.INPUT_REJECTED
    assert "there is no folder" in ran.err


@pytest.mark.parametrize(
    "words",
    [
        ["small", "--set", "nodes=1"],
        ["large", "--set", "nodes=16", "--set", "users=80"],
        ["tiny", "--set", "models_per_family=1"],
        ["small", "--set", "freeze=0,0", "--set", "cooperation_radius_m=1"],
    ],
)
def test_odd_sizes_are_drawn_without_a_warning(fgamcd: Run, tmp_path: Path, words: list[str]) -> None:
    """Warnings of Matplotlib (a layout that does not fit) are errors here."""
    ran = fgamcd("show", *words, "-o", tmp_path / "t")
    assert (ran.code, ran.err) == (ExitCode.DONE, "")


@pytest.mark.parametrize("solver", ["coarse", "no-cooperation", "tdma-unicast"])
def test_solutions_of_variants_are_drawn(fgamcd: Run, tmp_path: Path, solver: str) -> None:
    path = tmp_path / "solution.npz"
    solve = ["--solver", solver, "--variant", "unserved=cloud(1e9)", "--log-level", "error", "--json"]
    assert fgamcd("solve", "tiny", "--set", "storage_gb=0.04", *solve, "-o", path).code == ExitCode.DONE
    for what in ("caches", "delivery", "delays"):
        ran = fgamcd("show", "tiny", path, "--set", "storage_gb=0.04", "--what", what, "-o", tmp_path / "t")
        assert (ran.code, ran.err) == (ExitCode.DONE, "")
        assert f"tiny[storage_gb=0.04] by {solver}" in labels(tmp_path / f"t-{what}.svg")
