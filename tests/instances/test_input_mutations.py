"""A fixed set of random damage to MATLAB files and folders of checkpoints: refused, or read as what it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from input_mutations import KINDS, REFUSED, judge

COUNTS = {"matlab_5": 400, "matlab_hdf5": 60, "safetensors_file": 300, "checkpoint_folder": 150}


@pytest.mark.parametrize("kind", KINDS)
def test_damage_is_refused_or_read_as_what_it_is(tmp_path: Path, kind: str) -> None:
    outcomes = judge(kind, COUNTS[kind], 1, tmp_path)
    assert sum(outcomes.values()) == COUNTS[kind]
    assert 0 < outcomes[REFUSED] < COUNTS[kind]
