"""Wrong command lines and bad input: the exit code, one line on stderr, nothing on stdout, nothing written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from cli_runner import Ran, Run
from stub_solvers import Stub, register

from fgamcd_opt.instances.format import save_instance
from fgamcd_opt.instances.generation.from_recipe import generate
from fgamcd_opt.instances.recipes.presets import PRESETS
from fgamcd_opt.io.errors import ExitCode


def one_line(ran: Ran, code: ExitCode) -> str:
    """The single line of a deliberate error."""
    assert (ran.code, ran.out) == (code, "")
    lines = ran.err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("fgamcd: error: ")
    return lines[0]


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["sovle"], "invalid choice: 'sovle'"),
        (["solve"], "INSTANCE"),
        (["solve", "tiny", "--set", "seed"], "'seed' does not read FIELD=VALUE"),
        (["solve", "tiny", "--set", "=7"], "'=7' does not read FIELD=VALUE"),
        (["solve", "tiny", "--set", "seed=1", "--set", "seed=2"], "seed is given twice"),
        (["solve", "tiny", "--seed", "-1"], "-1 is negative"),
        (["solve", "tiny", "--gap", "small"], "invalid float value: 'small'"),
        (["solve", "tiny", "--tim", "3"], "unrecognized arguments: --tim"),
        (["solve", "tiny", "--log-level", "loud"], "invalid choice: 'loud'"),
        (["generate", "tiny"], "-o/--output"),
        (["info", "tiny", "--json", "--problem"], "not allowed with"),
        (["instances", "--check", "--markdown"], "not allowed with"),
    ],
)
def test_wrong_words(fgamcd: Run, words: list[str], part: str) -> None:
    ran = fgamcd(*words)
    assert (ran.code, ran.out) == (ExitCode.USAGE, "")
    assert ran.err.startswith("usage: fgamcd")
    assert part in ran.err.splitlines()[-1]


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["--time-limit", "0"], "time limit 0.0 s"),
        (["--time-limit", "nan"], "time limit nan: expected seconds > 0"),
        (["--gap", "1"], "gap 1.0"),
        (["--threads", "0"], "threads 0"),
        (["--solver", "exakt"], "did you mean 'exact'?"),
        (["--option", "effort=3"], "has no option 'effort'"),
        (["--option", "passes=many"], "option passes: 'many' is not of type int"),
        (
            ["--solver", "minlp", "--variant", "delivery=unicast_tdma"],
            "does not support delivery=unicast_tdma",
        ),
        (["--solver", "coarse", "--variant", "granularity=model"], "does not support granularity=model"),
        (["--record"], "--record: only for a library instance"),
    ],
)
def test_usage_errors_of_solve(fgamcd: Run, words: list[str], part: str) -> None:
    assert part in one_line(fgamcd("solve", "tiny", "--log-level", "error", "--json", *words), ExitCode.USAGE)


def test_unsupported_variant_names_the_solvers_that_support_it(
    fgamcd: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(monkeypatch, Stub)
    ran = fgamcd("solve", "tiny", "--variant", "csi=nominal", "--solver", "minlp", "--log-level", "error")
    told = one_line(ran, ExitCode.USAGE)
    assert (
        "solver minlp does not support csi=nominal (its method was not checked with it); these do: exact, greedy"
        in told
    )
    assert "stub" in told


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["papre"], "did you mean 'paper'"),
        (["absent.npz"], "absent.npz: is neither"),
        (["x" * 5000 + ".npz"], "File name too long"),
        (["tiny", "--set", "user=3"], "did you mean 'users'"),
        (["tiny", "--set", "users=many"], "users: 'many' is not valid"),
        (["tiny", "--set", "storage_gb=nan"], "storage_gb: nan must lie between"),
        (["tiny", "--set", "storage_gb=-1"], "storage_gb: -1.0 must lie between"),
    ],
)
@pytest.mark.parametrize("command", ["info", "solve"])
def test_bad_instances_and_fields(fgamcd: Run, command: str, words: list[str], part: str) -> None:
    assert part in one_line(fgamcd(command, *words, "--json"), ExitCode.INPUT_REJECTED)


@pytest.mark.parametrize("variant", ["colour=red", "csi=perfect", "delivery=hybrid", "unserved=cloud(-1)"])
def test_bad_variants(fgamcd: Run, variant: str) -> None:
    field = variant.partition("=")[0]
    assert field in one_line(fgamcd("solve", "tiny", "--variant", variant), ExitCode.INPUT_REJECTED)


def truncated(path: Path) -> None:
    save_instance(path, generate(PRESETS["tiny"]))
    path.write_bytes(path.read_bytes()[:-200])


def pickled(path: Path) -> None:
    np.savez(path, channel=np.array([{"a": 1}], dtype=object))


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"PK\x03\x04 but not really"),
        lambda path: path.write_bytes(np.random.default_rng(1).bytes(5000)),
        truncated,
        pickled,
    ],
)
def test_damaged_instance_file_is_named_and_nothing_is_written(fgamcd: Run, tmp_path: Path, damage) -> None:  # type: ignore[no-untyped-def]
    bad, output = tmp_path / "bad.npz", tmp_path / "out.npz"
    damage(bad)
    for words in (["solve", bad, "-o", output, "--json"], ["generate", bad, "-o", output], ["info", bad]):
        assert str(bad) in one_line(fgamcd(*words), ExitCode.INPUT_REJECTED)
    assert list(tmp_path.iterdir()) == [bad]


@pytest.mark.parametrize("command", ["solve", "generate"])
def test_output_path_is_checked_before_anything_else(fgamcd: Run, tmp_path: Path, command: str) -> None:
    """The instance does not exist either, yet it is the output path that is complained about."""
    file = tmp_path / "file"
    file.touch()
    (tmp_path / "folder.npz").mkdir()
    for path, part in [
        (tmp_path / "missing" / "a.npz", f"there is no folder {tmp_path / 'missing'}"),
        (file / "a.npz", "there is no folder"),
        (tmp_path / "folder.npz", "it is a folder"),
    ]:
        message = one_line(fgamcd(command, "no-such-instance", "-o", path), ExitCode.INPUT_REJECTED)
        assert str(path) in message
        assert part in message
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["file", "folder.npz"]


def test_solution_must_not_replace_its_instance(fgamcd: Run, tmp_path: Path) -> None:
    path = tmp_path / "tiny.npz"
    save_instance(path, generate(PRESETS["tiny"]))
    before = path.read_bytes()
    link = tmp_path / "link.npz"
    link.symlink_to(path)
    for words in (
        ("solve", path, "-o", path),
        ("solve", path, "-o", link),
        ("solve", link, "-o", path),
        ("solve", path, "--certificate", link),
        ("bound", path, "--certificate", link),
    ):
        assert "is the instance itself" in one_line(fgamcd(*words), ExitCode.USAGE)
    assert "is named for the solution and for the certificate" in one_line(
        fgamcd("solve", "tiny", "-o", tmp_path / "new.npz", "--certificate", tmp_path / "." / "new.npz"),
        ExitCode.USAGE,
    )
    assert path.read_bytes() == before
