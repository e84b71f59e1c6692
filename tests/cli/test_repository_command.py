"""``fgamcd repository scan`` from checkpoints to a solved instance, with own channels on the command line."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from cli_runner import Run
from safetensors.numpy import save_file

from fgamcd_opt.io.errors import ExitCode


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two models that share two of three blocks."""
    place = tmp_path / "models"
    place.mkdir()
    shared = {"layers.0.w": np.zeros(1_000_000, np.float32), "layers.1.w": np.ones(500_000, np.float32)}
    for i, name in enumerate(("a", "b")):
        save_file({**shared, "head.w": np.full(250_000, 2.0 + i, np.float32)}, place / f"{name}.safetensors")
    return place


def test_scan_to_solution(fgamcd: Run, folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "own.json"
    ran = fgamcd("repository", "scan", folder, "-o", file, "--json")
    assert ran.code == ExitCode.DONE
    report = ran.json
    assert report["shared_bytes"] == [[7_000_000, 6_000_000], [6_000_000, 7_000_000]]
    assert report["models"][1] == {"name": "b", "bytes": 7_000_000, "blocks": 3, "own_blocks": 1}
    assert (report["block_bytes_total"], report["bytes_saved"]) == (8_000_000, 6_000_000)
    assert report["reuse_ratio"] == pytest.approx(12 / 14)
    assert {block["name"]: block["models"] for block in report["blocks"]}["a/layers.0"] == 2
    np.save(tmp_path / "h.npy", np.full((2, 3, 2), 1e-4 + 1e-4j))
    words = ["--set", f"repository={file}", "--set", f"channels={tmp_path / 'h.npy'}", "--set", "users=3"]
    solved = fgamcd("solve", "tiny", *words, "--json", "--log-level", "error")
    assert solved.code == ExitCode.DONE
    instance = tmp_path / "mine.npz"
    assert fgamcd("generate", "tiny", *words, "-o", instance).code == ExitCode.DONE
    info = fgamcd("info", instance, "--json").json
    assert info["digest"] == solved.json["digest"]
    assert (info["shared_blocks"], info["reuse_ratio"]) == (2, report["reuse_ratio"])
    text = " ".join(fgamcd("info", instance).out.split())
    for path in (file, tmp_path / "h.npy"):
        assert f"{path}, SHA-256 {hashlib.sha256(path.read_bytes()).hexdigest()}" in text


def test_text_for_people(fgamcd: Run, folder: Path) -> None:
    ran = fgamcd("repository", "scan", folder)
    assert (ran.code, ran.err) == (ExitCode.DONE, "")
    for part in ("7.000", "6.000", "4 of 8.000 MB", "6.000 MB (42.86 %)", "85.71 %"):
        assert part in ran.out


def test_what_is_not_counted_is_listed(fgamcd: Run, folder: Path) -> None:
    (folder / "old").mkdir()
    (folder / "old" / "pytorch_model.bin").write_bytes(b"x")
    for i in range(30):
        (folder / f"{i:02d}.txt").touch()
    listed = fgamcd("repository", "scan", folder, "--json").json["not_counted"]
    assert [item["path"] for item in listed] == [
        "old/pytorch_model.bin",
        *(f"{i:02d}.txt" for i in range(30)),
    ]
    assert listed[0]["reason"].startswith("is a pickle by its name, and pickles are never read")
    ran = fgamcd("repository", "scan", folder)
    assert (ran.code, ran.err) == (ExitCode.DONE, "")
    assert "old/pytorch_model.bin  is a pickle" in ran.out
    assert "18.txt" in ran.out
    assert "19.txt" not in ran.out
    assert ran.out.endswith("and 11 more, which --json lists\n")


def test_many_models_have_no_matrix_on_the_screen(fgamcd: Run, tmp_path: Path) -> None:
    for i in range(13):
        save_file({"w": np.full(3, i, np.float32)}, tmp_path / f"m{i:02d}.safetensors")
    ran = fgamcd("repository", "scan", tmp_path)
    assert "two models share" not in ran.out
    assert "reuse ratio  0.00 %" in ran.out


def test_existing_file_is_kept(fgamcd: Run, folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "own.json"
    file.write_text("precious")
    ran = fgamcd("repository", "scan", folder, "-o", file)
    assert (ran.code, ran.out) == (ExitCode.USAGE, "")
    assert "add --force" in ran.err
    assert file.read_text() == "precious"
    assert fgamcd("repository", "scan", folder, "-o", file, "--force").code == ExitCode.DONE
    assert file.read_text() != "precious"


@pytest.mark.parametrize(
    ("words", "code", "part"),
    [
        (["absent"], ExitCode.INPUT_REJECTED, "absent: there is no such folder"),
        (["models", "--group-by", "("], ExitCode.INPUT_REJECTED, "is not a regular expression"),
        (["models", "-o", "own.npz"], ExitCode.USAGE, "the name must end in .json"),
        (["models", "-o", "nowhere/own.json"], ExitCode.INPUT_REJECTED, "there is no folder"),
    ],
)
def test_refusals(
    fgamcd: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], code: ExitCode, part: str
) -> None:
    monkeypatch.chdir(folder.parent)
    ran = fgamcd("repository", "scan", *words)
    assert (ran.code, ran.out) == (code, "")
    assert part in ran.err
    assert sorted(path.name for path in folder.parent.iterdir()) == ["models"]


def test_damaged_checkpoint_leaves_no_file(fgamcd: Run, folder: Path, tmp_path: Path) -> None:
    bad = folder / "b.safetensors"
    bad.write_bytes(bad.read_bytes()[:-1])
    ran = fgamcd("repository", "scan", folder, "-o", tmp_path / "own.json")
    assert ran.code == ExitCode.INPUT_REJECTED
    assert str(bad) in ran.err
    assert not (tmp_path / "own.json").exists()


def test_nothing_else_is_loaded_for_the_help(fgamcd: Run) -> None:
    ran = fgamcd("repository", "scan", "--help")
    assert ran.code == ExitCode.DONE
    assert "--group-by" in ran.out
