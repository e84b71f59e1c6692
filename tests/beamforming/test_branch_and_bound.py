"""Global beamforming (F8): its proofs against polished beams and grids, with floors and on degenerate channels."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from broadcasts import polished_beams, random_beams, random_case
from hypothesis import given
from hypothesis import strategies as st

from fgamcd_opt.beamforming.broadcast import BeamformingSettings, SetTable, masks_by_size

SETS = ("ellipsoid", "balls")
PROVED = BeamformingSettings(tolerance=1e-3, max_nodes=20_000)


def proved_table(case, settings: BeamformingSettings = PROVED) -> SetTable:
    table = SetTable(case.broadcast())
    table.solve(masks_by_size(case.n_nodes), settings, 0)
    return table


@pytest.mark.parametrize(("csi_set", "radius"), [("ellipsoid", 0.0), ("ellipsoid", 0.05), ("balls", 0.05)])
@pytest.mark.parametrize("sizes", [(1, 2, 2), (2, 3, 2), (3, 3, 3), (2, 4, 2)])
def test_the_gap_closes_around_the_best_polished_beam(sizes, csi_set, radius):
    everyone = (1 << sizes[0]) - 1
    for seed in range(4):
        case = random_case(seed, *sizes, csi_set, radius=radius, equal=True)
        table = proved_table(case)
        assert (table.upper[1:] <= table.lower[1:] * (1 + 1.01e-3)).all()
        beams = polished_beams(case, everyone, np.random.default_rng(seed), 8)
        best = (case.amplitudes(beams).min(axis=1) ** 2).max()
        assert table.lower[everyone] >= best * (1 - 1.1e-3)
        assert best <= table.upper[everyone]


def test_gaps_are_open_without_it():
    """Otherwise the test above would show nothing."""
    gaps = [
        (table.upper[1:] / table.lower[1:]).max() - 1
        for table in (
            random_case(seed, 3, 3, 3, "ellipsoid", radius=0.05, equal=True).table() for seed in range(4)
        )
    ]
    assert max(gaps) > 5e-3


@pytest.mark.parametrize("csi_set", SETS)
@pytest.mark.parametrize("users", [2, 3])
def test_floors_within_reach_are_met_and_floors_2_percent_beyond_refuted(users, csi_set):
    for seed in range(4):
        case = random_case(seed, 2, users, 2, csi_set)
        weights = np.random.default_rng(seed).uniform(0.3, 1.0, size=users)
        beams = polished_beams(case, 3, np.random.default_rng(seed), 8, weights)
        best = (case.amplitudes(beams) / weights).min(axis=1).max()
        within = dataclasses.replace(case, floors=0.95 * best * weights)
        table = proved_table(within)
        assert table.status[3] == 1
        reached = case.amplitudes(polished_beams(within, 3, np.random.default_rng(seed), 8))
        meets = (reached >= within.floors * (1 - 1e-9)).all(axis=1)
        assert meets.any()
        top = (reached[meets].min(axis=1) ** 2).max()
        assert table.lower[3] >= top * (1 - 2e-3)
        assert top <= table.upper[3]
        beyond = dataclasses.replace(case, floors=1.02 * best * weights)
        assert proved_table(beyond).status[3] == -1


@given(
    seed=st.integers(0, 2**32 - 1),
    users=st.integers(1, 4),
    csi_set=st.sampled_from(SETS),
    radius=st.sampled_from([0.0, 0.15, 1.0]),
    floor=st.sampled_from([0.0, 0.8]),
    heard=st.sampled_from([0.6, 1.0]),
)
def test_never_worse_than_without_it_and_never_wrong(seed, users, csi_set, radius, floor, heard):
    """Also where nodes are silent, users deaf or errors larger than the channel."""
    case = random_case(seed, 3, users, 2, csi_set, radius=radius)
    rng = np.random.default_rng(seed)
    case.channels *= (rng.random((users, 3)) < heard)[:, :, None]
    case.floors = np.full(users, floor)
    plain = SetTable(case.broadcast())
    plain.solve(masks_by_size(3), BeamformingSettings(), 0)
    table = proved_table(case, BeamformingSettings(max_nodes=50))
    assert (table.lower <= table.upper).all()
    assert (table.lower >= plain.lower * (1 - 1e-3)).all()
    assert (table.upper <= plain.upper * (1 + 1e-3)).all()
    for mask in range(1, 8):
        beams = random_beams(case, rng, 100, mask)
        reached = case.amplitudes(beams)
        meets = (reached >= floor * (1 + 1e-9)).all(axis=1)
        if meets.any():
            best = (reached[meets].min(axis=1) ** 2).max()
            assert best <= table.upper[mask]
            assert table.status[mask] != -1 or best == 0.0
        if table.lower[mask] > 0:
            beam = table.broadcast.beam(table.x[mask], table.share[mask])
            assert case.amplitudes(beam).min() ** 2 == pytest.approx(table.lower[mask], rel=1e-6)
            assert (case.amplitudes(beam) >= floor * (1 - 1e-9)).all()
