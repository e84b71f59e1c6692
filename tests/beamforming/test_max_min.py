"""The fast path against brute force: a fine grid over all beams of one node, polished random beams elsewhere."""

from __future__ import annotations

import numpy as np
import pytest
from broadcasts import polished_beams, random_beams, random_case
from hypothesis import given
from hypothesis import strategies as st

SETS = ("ellipsoid", "balls")


def grid_beams(power_w: float, points: int) -> np.ndarray:
    """All full-power beams of one node with two antennas, up to a common phase: (cos a, sin a exp(jb))."""
    angle, phase = np.meshgrid(
        np.linspace(0, np.pi / 2, points), np.linspace(0, 2 * np.pi, 2 * points), indexing="ij"
    )
    beams = np.stack([np.cos(angle) + 0j, np.sin(angle) * np.exp(1j * phase)], axis=-1).reshape(-1, 1, 2)
    return np.sqrt(power_w) * beams


@pytest.mark.parametrize("users", [2, 3])
@pytest.mark.parametrize("csi_set", SETS)
@pytest.mark.parametrize("with_qos", [False, True])
def test_one_node_with_two_antennas_against_a_grid_of_all_beams(users, csi_set, with_qos):
    """For one node full power is optimal, so that the grid leaves out nothing but its own mesh width."""
    for seed in range(6):
        case = random_case(seed, 1, users, 2, csi_set)
        amplitudes = case.amplitudes(grid_beams(case.power_w[0], 250))
        if with_qos:  # user 0 gets most of what it can get together with the others
            case.floors[0] = 0.9 * amplitudes[amplitudes[:, 1:].min(axis=1) > 0.2 * amplitudes.max(), 0].max()
            amplitudes = amplitudes[(amplitudes >= case.floors).all(axis=1)]
        best = amplitudes.min(axis=1).max() ** 2
        table = case.table()
        assert table.status[1] == 1
        assert best * (1 - 1e-4) <= table.lower[1] <= best * 1.05  # mesh width: a grid misses a little
        assert best <= table.upper[1]


@pytest.mark.parametrize("sizes", [(1, 2, 2), (1, 3, 2), (2, 2, 2), (2, 3, 2), (3, 3, 2)])
@pytest.mark.parametrize("csi_set", SETS)
def test_all_nodes_against_polished_random_beams(sizes, csi_set):
    for seed in range(5):
        case = random_case(seed, *sizes, csi_set)
        everyone = (1 << sizes[0]) - 1
        beams = polished_beams(case, everyone, np.random.default_rng(seed), 6)
        best = (case.amplitudes(beams).min(axis=1) ** 2).max()
        table = case.table()
        assert table.lower[everyone] >= best * (1 - 1e-3)
        assert best <= table.upper[everyone]


@pytest.mark.parametrize("csi_set", SETS)
@pytest.mark.parametrize("users", [2, 3])
def test_qos_rates_against_polished_random_beams(users, csi_set):
    """One user's floor lies above the common level, so that weights have to come in."""
    for seed in range(5):
        case = random_case(seed, 2, users, 2, csi_set)
        level = np.sqrt(case.table().lower[3])
        case.floors[0] = 1.15 * level
        beams = polished_beams(case, 3, np.random.default_rng(seed), 8)
        amplitudes = case.amplitudes(beams)
        meets = (amplitudes >= case.floors * (1 - 1e-9)).all(axis=1)
        table = case.table()
        if not meets.any():
            continue
        best = (amplitudes[meets].min(axis=1) ** 2).max()
        assert table.status[3] == 1
        assert table.lower[3] >= best * (1 - 5e-3)
        assert best <= table.upper[3]


@given(
    seed=st.integers(0, 2**32 - 1),
    sizes=st.tuples(st.integers(1, 4), st.integers(2, 6), st.integers(1, 4)),
    csi_set=st.sampled_from(SETS),
    radius=st.sampled_from([0.0, 0.1, 0.5]),
)
def test_random_beams_never_exceed_the_bound(seed, sizes, csi_set, radius):
    case = random_case(seed, *sizes, csi_set, radius=radius)
    rng = np.random.default_rng(seed)
    table = case.table(rounds=int(rng.integers(3)))
    assert (table.lower <= table.upper).all()
    for mask in range(1, 1 << sizes[0]):
        beams = random_beams(case, rng, 100, mask)
        assert (case.amplitudes(beams).min(axis=1) ** 2).max() <= table.upper[mask]
