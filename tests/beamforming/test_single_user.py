"""F3: closed form of a lone user, against the iterative search, random beams and a convex program in the shares."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from broadcasts import members, random_beams, random_case
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

SETS = st.sampled_from(["ellipsoid", "balls"])
SEEDS = st.integers(0, 2**32 - 1)


def closed_form_snr(case, mask):
    """sum_n sqrt(P_n) ||h_n|| - q at full power, squared over the noise (F3 with unequal powers)."""
    inside = members(mask, case.n_nodes)
    root_power = np.sqrt(case.power_w)[inside]
    lost = root_power * case.radii[0, inside]
    q = lost.sum() if case.csi_set == "balls" else np.linalg.norm(lost)
    return (root_power @ np.linalg.norm(case.channels[0], axis=1)[inside] - q) ** 2 / case.noise_w


@given(seed=SEEDS, nodes=st.integers(1, 4), antennas=st.integers(1, 4), csi_set=SETS)
def test_every_set_has_the_closed_form_and_a_tight_bound(seed, nodes, antennas, csi_set):
    case = random_case(seed, nodes, 1, antennas, csi_set)
    case.radii *= 0.9 * np.linalg.norm(case.channels, axis=2) / np.maximum(case.radii, 1e-9)
    case.radii *= np.random.default_rng(seed).random(nodes)
    table = case.table()
    for mask in range(1, 1 << nodes):
        expected = closed_form_snr(case, mask)
        assert table.lower[mask] == pytest.approx(expected, rel=1e-9)
        assert expected * (1 - 1e-12) <= table.upper[mask] <= expected * (1 + 1e-6)
        others = random_beams(case, np.random.default_rng(seed), 40, mask)
        assert case.amplitudes(others).max() ** 2 <= table.upper[mask]


@pytest.mark.parametrize("copies", [2, 3, 5])
@pytest.mark.parametrize("csi_set", ["ellipsoid", "balls"])
def test_iterative_search_finds_the_closed_form_for_copies_of_one_user(copies, csi_set):
    """Copies of a user want the same beam as the user alone, but go through the search for several users."""
    for seed in range(8):
        alone = random_case(seed, 3, 1, 3, csi_set)
        many = dataclasses.replace(
            alone,
            channels=np.repeat(alone.channels, copies, axis=0),
            radii=np.repeat(alone.radii, copies, axis=0),
            floors=np.zeros(copies),
        )
        table = many.table()
        for mask in range(1, 8):
            assert table.lower[mask] == pytest.approx(closed_form_snr(alone, mask), rel=1e-4)
            assert table.upper[mask] == pytest.approx(closed_form_snr(alone, mask), rel=1e-3)


@given(seed=SEEDS, csi_set=SETS)
def test_nodes_whose_error_outweighs_their_channel_send_less(seed, csi_set):
    """Radii up to twice the channel: the best shares come from a concave program in the nodes' amplitudes."""
    case = random_case(seed, 3, 1, 2, csi_set)
    rng = np.random.default_rng(seed)
    gain = np.linalg.norm(case.channels[0], axis=1)
    case.radii = (2.0 * rng.random(3) * gain)[None]
    root_power = np.sqrt(case.power_w)

    def amplitude(share):
        lost = root_power * case.radii[0] * share
        q = lost.sum() if csi_set == "balls" else np.sqrt((lost**2).sum() + 1e-20)
        return root_power * gain @ share - q

    best = max(
        amplitude(minimize(lambda s: -amplitude(s), start, bounds=[(0, 1)] * 3).x)
        for start in (np.ones(3), rng.random(3), np.full(3, 0.5))
    )
    table = case.table()
    reached = np.sqrt(table.lower[7] * case.noise_w)
    assert reached >= best * (1 - 1e-6) - 1e-6
    assert np.sqrt(table.upper[7] * case.noise_w) >= best - 1e-6
    others = random_beams(case, rng, 200, 7)
    assert case.amplitudes(others).max() ** 2 <= table.upper[7] * (1 + 1e-9)
