"""What commands write: no file vanishes unasked, which is told before any work, and with ``--force`` it is replaced."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_runner import Run

from fgamcd_opt.io.errors import ExitCode

KEPT = b"measured for a week"

WRITERS = {
    "generate": (("generate", "tiny"), ("-o", "a.npz"), "a.npz"),
    "solve": (("solve", "tiny"), ("-o", "a.npz"), "a.npz"),
    "solve certificate": (("solve", "tiny"), ("--certificate", "a.npz"), "a.npz"),
    "bound": (("bound", "tiny"), ("--certificate", "a.npz"), "a.npz"),
    "export": (("export", "tiny"), ("-o", "a.mps"), "a.mps"),
    "beamform": (("beamform", "tiny", "--block", "0", "--pattern"), ("-o", "."), "pattern.csv"),
    "theory": (("theory", "--zeta-points", "3", "--xi-points", "3"), ("-o", "a"), "a/theory.csv"),
    "show": (("show", "tiny", "--what", "map"), ("-o", "a"), "a-map.png"),
}
"""Command, its output, and a file that it writes."""


@pytest.fixture
def old(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that stands where the command writes, which runs in the same folder."""
    monkeypatch.chdir(tmp_path)
    path = Path(WRITERS[request.node.callspec.params["writer"]][2])
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(KEPT)
    return path


@pytest.mark.parametrize("writer", WRITERS)
def test_a_file_is_replaced_only_with_force(fgamcd: Run, writer: str, old: Path) -> None:
    words, output, _ = WRITERS[writer]
    ran = fgamcd(*words, *output)
    assert (ran.code, ran.out) == (ExitCode.USAGE, "")
    assert ran.err == f"fgamcd: error: {old}: exists; add --force to replace it\n"
    assert old.read_bytes() == KEPT
    assert fgamcd(*words, *output, "--force").code == ExitCode.DONE
    assert old.read_bytes() != KEPT


@pytest.mark.parametrize("writer", [name for name in WRITERS if "tiny" in WRITERS[name][0]])
def test_it_is_told_before_the_instance_is_made(fgamcd: Run, writer: str, old: Path) -> None:
    words, output, _ = WRITERS[writer]
    absent = ["no-such-instance" if word == "tiny" else word for word in words]
    ran = fgamcd(*absent, *output)
    assert (ran.code, ran.out) == (ExitCode.USAGE, "")
    assert "exists; add --force" in ran.err


def test_a_link_to_a_file_is_one(fgamcd: Run, tmp_path: Path) -> None:
    path, link = tmp_path / "a.npz", tmp_path / "link.npz"
    path.write_bytes(KEPT)
    link.symlink_to(path)
    ran = fgamcd("solve", "tiny", "-o", link)
    assert (ran.code, path.read_bytes()) == (ExitCode.USAGE, KEPT)
    assert f"{link}: exists" in ran.err


def test_devices_are_written_through_without_force(fgamcd: Run) -> None:
    assert fgamcd("solve", "tiny", "-o", "/dev/null").code == ExitCode.DONE
