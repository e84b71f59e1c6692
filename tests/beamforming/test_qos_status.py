"""QoS status of a node set: proved infeasible only where no beam meets all floors, feasible only with one in hand."""

from __future__ import annotations

import numpy as np
import pytest
from broadcasts import polished_beams, random_beams, random_case
from hypothesis import assume, given
from hypothesis import strategies as st

SETS = ("ellipsoid", "balls")


@given(
    seed=st.integers(0, 2**32 - 1),
    sizes=st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(1, 3)),
    csi_set=st.sampled_from(SETS),
    share=st.floats(0.5, 1.0),
)
def test_what_a_random_beam_reaches_is_never_proved_impossible(seed, sizes, csi_set, share):
    """Floors a little below what one random beam gives to every user: that beam is a witness."""
    case = random_case(seed, *sizes, csi_set)
    rng = np.random.default_rng(seed)
    beams = random_beams(case, rng, 50, int(rng.integers(1, 1 << sizes[0])))
    amplitudes = case.amplitudes(beams)
    witness = amplitudes.min(axis=1).argmax() if rng.random() < 0.5 else rng.integers(50)
    assume(amplitudes[witness].min() > 0.0)  # a rate of 0 reaches nobody, whatever the floors
    case.floors = share * amplitudes[witness] * (1 - 1e-9)
    mask = int((np.linalg.norm(beams[witness], axis=1) > 0) @ (1 << np.arange(sizes[0])))
    table = case.table()
    assert table.status[mask] != -1
    assert table.upper[mask] >= amplitudes[witness].min() ** 2


def profile(case, rng):
    """Floors in random proportions, and the largest multiple of them that polished beams reach together."""
    weights = rng.uniform(0.3, 1.0, size=case.floors.size)
    beams = polished_beams(case, (1 << case.n_nodes) - 1, rng, 8, weights)
    return weights, (case.amplitudes(beams) / weights).min(axis=1).max()


@pytest.mark.parametrize("csi_set", SETS)
@pytest.mark.parametrize("sizes", [(1, 2, 2), (2, 2, 2), (2, 3, 2), (3, 3, 3)])
def test_floors_just_within_reach_are_met_and_far_ones_refuted(sizes, csi_set):
    """Up to three users: 1 % within the best multiple is found, 50 % beyond it is refuted by F6."""
    everyone = (1 << sizes[0]) - 1
    for seed in range(4):
        case = random_case(seed, *sizes, csi_set)
        weights, best = profile(case, np.random.default_rng(seed))
        case.floors = 0.99 * best * weights
        table = case.table()
        assert table.status[everyone] == 1
        beam = table.broadcast.beam(table.x[everyone], table.share[everyone])
        assert (case.amplitudes(beam) >= case.floors * (1 - 1e-9)).all()
        case.floors = 1.5 * best * weights
        table = case.table()
        assert (table.status[1:] == -1).all()
        assert not table.lower.any()
        assert not table.upper.any()


@pytest.mark.parametrize("csi_set", SETS)
def test_floors_of_zero_change_nothing(csi_set):
    """Without QoS no set is ever refuted, and each one that can be heard has a beam."""
    for seed in range(5):
        table = random_case(seed, 3, 3, 3, csi_set).table()
        assert (table.status[1:] >= 0).all()
        assert ((table.status == 1) == (table.lower > 0)).all()
