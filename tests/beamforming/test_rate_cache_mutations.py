"""Files of rates that were altered, their digest made anew: ignored with one warning, and never a false bound."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fgamcd_opt import P1, load_instance
from fgamcd_opt.beamforming.rate_cache import KIND, _content, cache_path, load_rates, save_rates
from fgamcd_opt.beamforming.rate_oracle import RateOracle
from fgamcd_opt.io.archive import read_archive, write_archive

MUTATIONS = 150

SAME = 2e-9
"""Twice the relative difference that is put down to rounding."""

Arrays = dict[str, np.ndarray[Any, Any]]


def problem() -> P1:
    return P1(load_instance("tiny", {"nodes": "3", "users": "5", "models_per_family": "3"}))


@pytest.fixture(scope="module")
def honest() -> RateOracle:
    oracle = RateOracle(problem())
    oracle.keep_proofs()
    oracle.compute()
    return oracle


@pytest.fixture
def arrays(honest: RateOracle, tmp_path: Path) -> Arrays:
    save_rates(honest, tmp_path)
    held = read_archive(cache_path(honest, tmp_path), KIND)[1]
    return {name: array.copy() for name, array in held.items()}


def put(arrays: Arrays, oracle: RateOracle, folder: Path, content: str | None = None) -> None:
    """Write altered arrays with a digest, and a seal, that match."""
    try:
        content = content or _content(arrays)
    except KeyError:
        content = "0" * 64
    write_archive(cache_path(oracle, folder), KIND, {"content": content}, arrays)


def altered(arrays: Arrays, rng: random.Random) -> Arrays:
    """One array with another shape, type or number."""
    name = rng.choice(sorted(arrays))
    array = arrays[name].copy()
    how = rng.randrange(10)
    if how == 0:
        array = array[: -rng.randint(1, 3)]
    elif how == 1:
        array = np.concatenate([array, array[:1]])
    elif how == 2:
        kinds = [np.float32, np.int64, np.complex128, np.bool_]
        array = np.real(array != 0).astype(rng.choice([kind for kind in kinds if kind != array.dtype]))
    elif how == 3:
        array = array.reshape(1, -1)
    elif how == 4:
        return {key: value for key, value in arrays.items() if key != name}
    elif how == 5:
        return {**arrays, "more": array}
    else:
        place = rng.randrange(array.size)
        number = complex(array[place])
        number = rng.choice([0.5 * number, 2.0 * number, -number, 0.0, 1e30, np.nan, np.inf, 0.999 * number])
        array[place] = number if array.dtype.kind == "c" else np.real(number)
    return {**arrays, name: array}


def look_at(arrays: Arrays, honest: RateOracle, rng: random.Random, folder: Path, caplog: Any) -> None:
    """An altered file is ignored, or it says nothing that is wrong."""
    changed = altered(arrays, rng)
    put(changed, honest, folder)
    fresh = RateOracle(honest.problem)
    before = fresh.solved
    caplog.clear()
    taken = load_rates(fresh, folder)
    if taken:
        # digits that do not show in a rate or bound
        assert set(changed) == set(arrays)
        np.testing.assert_allclose(fresh.lower_bps(), honest.lower_bps(), rtol=SAME)
        np.testing.assert_allclose(fresh.upper_bps(), honest.upper_bps(), rtol=SAME)
    else:
        assert fresh.solved == before
        (warned,) = caplog.messages
        assert warned.startswith(str(cache_path(honest, folder)))
        assert warned.endswith("the file is ignored, and its rates are computed again")


def test_no_altered_file_gives_another_rate_or_bound(
    arrays: Arrays, honest: RateOracle, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("WARNING", logger="fgamcd_opt")
    rng = random.Random(7)
    for _ in range(MUTATIONS):
        look_at(arrays, honest, rng, tmp_path, caplog)


def test_a_lowered_bound_is_not_taken(
    arrays: Arrays, honest: RateOracle, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bounds = arrays["proved"]
    (some, *_) = np.flatnonzero(np.isfinite(bounds))
    bounds[some] *= 1.0 - 1e-6
    put(arrays, honest, tmp_path)
    assert not load_rates(RateOracle(honest.problem), tmp_path)
    assert "proved: " in caplog.text


def test_a_multiplier_of_a_node_that_sends_cannot_be_left_out(
    arrays: Arrays, honest: RateOracle, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    arrays["mu"][np.flatnonzero(arrays["mu"])[0]] = 0.0
    put(arrays, honest, tmp_path)
    assert not load_rates(RateOracle(honest.problem), tmp_path)
    assert "mu: a multiplier is not positive in its set" in caplog.text


def test_a_beam_with_too_much_power_is_not_taken(
    arrays: Arrays, honest: RateOracle, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    arrays["share"] *= 2.0
    put(arrays, honest, tmp_path)
    assert not load_rates(RateOracle(honest.problem), tmp_path)
    assert "share: a node's share of its power" in caplog.text


def test_bounds_without_evidence_are_not_kept(tmp_path: Path) -> None:
    oracle = RateOracle(problem())
    oracle.compute()
    save_rates(oracle, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_part_of_a_table_is_not_kept(tmp_path: Path) -> None:
    oracle = RateOracle(problem())
    oracle.keep_proofs()
    oracle.compute([oracle.useful_masks(row)[:1] for row in range(len(oracle.tables))])
    save_rates(oracle, tmp_path)
    assert list(tmp_path.iterdir()) == []
