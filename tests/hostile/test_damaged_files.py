"""Damaged and crafted files of every kind: one clear error, soon and in little memory, or read as what they say."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
from crafted import CRAFTED
from mutations import RAW, WRONG, campaign, marked, places, raw_text, replaced, verdict
from specimens import KINDS, header_of, with_header, write_specimens

MUTATIONS = 60
"""Per kind; `python tests/hostile/mutations.py 2000 SEED` tries many more."""

MAX_BYTES = 200e6
MAX_SECONDS = 5.0
"""Processor time: all take about a second at most; what grows with the square of the size takes minutes."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("specimens")
    write_specimens(made)
    return made


@pytest.mark.parametrize("kind", KINDS)
def test_sound_files_are_read_as_what_they_say(folder: Path, kind: str) -> None:
    path = folder / KINDS[kind].file
    assert KINDS[kind].read(path) == KINDS[kind].told(path.read_bytes())
    sound = path.read_bytes()
    again = with_header(kind, sound, json.dumps, header_of(kind, sound))
    assert verdict(kind, sound, again, folder, sealed=False)[0] in ("unchanged", "same content")


@pytest.mark.parametrize("kind", KINDS)
def test_random_damage(folder: Path, kind: str) -> None:
    counts, details = campaign(kind, MUTATIONS, 0, folder)
    assert not details
    assert counts["refused"] > MUTATIONS / 2


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_with_every_odd_value(folder: Path, kind: str) -> None:
    sound = (folder / KINDS[kind].file).read_bytes()
    header = header_of(kind, sound)
    random, wrong, refused = Random(kind), [], 0
    for place in places(header):
        for name in random.sample(sorted(RAW), 6 if len(place) > 2 else len(RAW)):
            data = with_header(kind, sound, raw_text, replaced(header, place, marked(name)))
            result, detail = verdict(kind, sound, data, folder, sealed=True)
            refused += result == "refused"
            if result in WRONG:
                wrong.append(f"{'.'.join(map(str, place))} = {name}: {result}: {detail}")
    assert not wrong
    assert refused > 50


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["huge", "large", "too many digits", "surrogate", "NaN", "deep", "1e400"])
def test_values_that_no_field_can_have(folder: Path, kind: str, name: str) -> None:
    sound = (folder / KINDS[kind].file).read_bytes()
    header = header_of(kind, sound)
    for place in places(header):
        if place[-1] in ("digest", "sha256"):
            continue  # made anew for what the file says now
        data = with_header(kind, sound, raw_text, replaced(header, place, marked(name)))
        assert verdict(kind, sound, data, folder, sealed=True) == ("refused", ""), place


def test_crafted_files_are_refused_soon_and_in_little_memory(folder: Path) -> None:
    """In a process of its own: memory is its peak, with what Python, NumPy and PyTorch take by themselves apart."""
    code = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); from test_damaged_files import run_crafted"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; run_crafted()"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert len(rows) == len(CRAFTED)
    for name, seconds, peak_bytes, message in rows:
        assert message.startswith("InputError: "), (name, message)
        assert float(seconds) < MAX_SECONDS, name
        assert float(peak_bytes) < MAX_BYTES, name


def run_crafted() -> None:
    """Name, processor time, memory beyond that of the imports, and error of every crafted file."""
    import time

    from fgamcd_opt.io.errors import FgamcdError

    for kind in KINDS.values():
        kind.read(Path(kind.file))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for name, (kind, make) in CRAFTED.items():
        path = Path(f"crafted-{KINDS[kind].file}")
        make(Path(KINDS[kind].file).read_bytes(), path)
        started, message = time.process_time(), "accepted"
        try:
            KINDS[kind].read(path)
        except FgamcdError as error:
            message = f"{type(error).__name__}: {error}"
        seconds = time.process_time() - started
        peak = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
        print(name, f"{seconds:.3f}", peak, message[:300], sep="\t")
