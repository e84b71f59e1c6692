"""F2: Gram coordinates give the amplitudes of the full channels, and nothing outside their span does better."""

from __future__ import annotations

import numpy as np
import pytest
from broadcasts import polished_beams, random_beams, random_case
from hypothesis import given
from hypothesis import strategies as st

from fgamcd_opt.testing.random_problems import complex_normal

SETS = ("ellipsoid", "balls")
SIZES = st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(1, 5))


@given(seed=st.integers(0, 2**32 - 1), sizes=SIZES, csi_set=st.sampled_from(SETS))
def test_gram_coordinates_reproduce_the_signals_of_the_full_channels(seed, sizes, csi_set):
    case = random_case(seed, *sizes, csi_set)
    problem = case.broadcast()
    rng = np.random.default_rng(seed)
    x, share = complex_normal(rng, sizes[1]), rng.random(sizes[0])
    beam = problem.beam(x, share)
    images = np.einsum("nuv,v->nu", problem.gram, x)
    norms = np.sqrt(np.einsum("u,nu->n", x.conj(), images).real)
    signal = ((share / norms)[:, None] * images).sum(axis=0)
    full = np.einsum("una,na->u", case.channels.conj(), beam) / np.sqrt(case.noise_w)
    np.testing.assert_allclose(full, signal, rtol=1e-9, atol=1e-9 * np.abs(signal).max())
    np.testing.assert_allclose(np.linalg.norm(beam, axis=1), share * np.sqrt(case.power_w), rtol=1e-9)
    assert (np.linalg.norm(beam, axis=1) <= share * np.sqrt(case.power_w)).all()


@pytest.mark.parametrize("csi_set", SETS)
@pytest.mark.parametrize("seed", range(12))
def test_snr_of_every_table_row_is_that_of_its_beam_on_the_full_channels(seed, csi_set):
    """Two thirds of the cases with QoS rates at half of what the table reaches without."""
    case = random_case(seed, 3, 1 + seed % 5, 4, csi_set)
    if seed % 3:
        case.floors = np.sqrt(0.5 * case.table().lower[-1]) * np.random.default_rng(seed).random(
            case.floors.size
        )
    table = case.table()
    assert (table.lower[1:] > 0).any()
    for mask in np.flatnonzero(table.lower > 0):
        beam = table.broadcast.beam(table.x[mask], table.share[mask])
        amplitude = case.amplitudes(beam)
        assert amplitude.min() ** 2 == pytest.approx(table.lower[mask], rel=1e-6)
        assert (amplitude >= case.floors * (1 - 1e-9)).all()
        assert (np.linalg.norm(beam, axis=1) <= np.sqrt(case.power_w)).all()
        outside = (mask >> np.arange(3)) & 1 == 0
        assert not beam[outside].any()
        assert not beam[np.arange(4) >= case.antennas[:, None]].any()


@given(seed=st.integers(0, 2**32 - 1), users=st.integers(1, 3), csi_set=st.sampled_from(SETS))
def test_projection_onto_the_span_of_the_channels_never_loses(seed, users, csi_set):
    case = random_case(seed, 2, users, 6, csi_set)
    for beam in random_beams(case, np.random.default_rng(seed), 10, 0b11):
        # by an orthonormal basis, whose error does not grow when two users are nearly collinear
        bases = [np.linalg.qr(case.channels[:, n].T)[0] for n in range(2)]
        projected = np.stack(
            [basis @ (basis.conj().T @ part) for basis, part in zip(bases, beam, strict=True)]
        )
        assert (np.linalg.norm(projected, axis=1) <= np.linalg.norm(beam, axis=1) * (1 + 1e-12)).all()
        assert (case.amplitudes(projected) >= case.amplitudes(beam) - 1e-9).all()


@pytest.mark.parametrize("csi_set", SETS)
@pytest.mark.parametrize("seed", range(5))
def test_no_beam_of_the_full_antenna_space_beats_the_reduced_search(seed, csi_set):
    """Many more antennas than users, so that nearly all of the space is outside the span."""
    case = random_case(seed, 2, 2, 6, csi_set, equal=True)
    best = (
        case.amplitudes(polished_beams(case, 0b11, np.random.default_rng(seed), 4)).min(axis=1) ** 2
    ).max()
    assert case.table().lower[0b11] >= best * (1 - 1e-4)
