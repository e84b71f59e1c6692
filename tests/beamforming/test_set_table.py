"""Tables of all node sets: monotone (F4), never worse by more work, and honest on degenerate channels."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from broadcasts import random_case
from hypothesis import given
from hypothesis import strategies as st

from fgamcd_opt.beamforming.broadcast import BeamformingSettings, SetTable, masks_by_size
from fgamcd_opt.io.errors import UsageError

SETS = ("ellipsoid", "balls")
FIELDS = ("status", "lower", "upper", "x", "share")


def with_qos(seed: int, csi_set: str, users: int = 3):
    """Three nodes; floors that some sets meet and some do not."""
    case = random_case(seed, 3, users, 3, csi_set)
    case.floors = np.sqrt(0.4 * case.table().lower[-1]) * np.random.default_rng(seed).uniform(
        0.5, 1.5, size=users
    )
    return case


@pytest.mark.parametrize("csi_set", SETS)
@pytest.mark.parametrize("seed", range(8))
def test_closed_table_is_monotone_in_the_node_set(seed, csi_set):
    table = with_qos(seed, csi_set, 1 + seed % 5).table()
    for small in range(8):
        for large in range(8):
            if small & large == small:
                assert table.lower[small] <= table.lower[large]
                assert table.upper[small] <= table.upper[large]
                assert table.status[small] <= max(table.status[large], 0)
                assert not (table.status[small] == 1 and table.status[large] != 1)
    assert (table.lower <= table.upper).all()


def test_some_of_these_tables_hold_every_status():
    """The floors of `with_qos` do bind: sets that serve and sets that are refuted both occur."""
    found = np.concatenate([with_qos(seed, "ellipsoid").table().status[1:] for seed in range(8)])
    assert {-1, 1} <= set(found.tolist())


@pytest.mark.parametrize("csi_set", SETS)
@pytest.mark.parametrize("seed", range(4))
def test_more_work_never_worsens_a_row(seed, csi_set):
    case = with_qos(seed, csi_set, 4)
    table = SetTable(case.broadcast())
    masks = masks_by_size(3)
    for rounds in (0, 1, 4, 4):
        before = {name: getattr(table, name).copy() for name in FIELDS}
        table.solve(masks, BeamformingSettings(rounds=rounds), 3)
        assert (table.lower >= before["lower"]).all()
        assert (table.upper <= before["upper"]).all()
        assert (table.lower <= table.upper).all()
        assert (table.status[before["status"] != 0] == before["status"][before["status"] != 0]).all()


def test_same_settings_give_the_same_table():
    case = random_case(1, 3, 6, 3, "ellipsoid")
    first, second = case.table(), case.table()
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


def test_another_seed_makes_another_search_with_the_same_promises():
    """Twelve users leave gaps open, so that random starts are drawn; both intervals hold the same optimum."""
    case = random_case(1, 3, 12, 3, "ellipsoid")
    first, other = case.table(), SetTable(case.broadcast())
    other.solve(masks_by_size(3), BeamformingSettings(seed=1), 0)
    assert (other.x != first.x).any()
    assert (other.lower <= first.upper).all()
    assert (first.lower <= other.upper).all()


@given(
    seed=st.integers(0, 2**32 - 1),
    users=st.integers(1, 4),
    csi_set=st.sampled_from(SETS),
    radius=st.sampled_from([0.0, 0.1, 4.0]),
    floor=st.sampled_from([0.0, 0.5]),
)
def test_silent_nodes_and_deaf_users_are_handled(seed, users, csi_set, radius, floor):
    """Zero channels, copies of users and errors larger than the channel: finite, ordered, no false claims."""
    case = random_case(seed, 3, users, 2, csi_set, radius=radius)
    rng = np.random.default_rng(seed)
    heard = rng.random((users, 3)) < 0.6
    case.channels *= heard[:, :, None]
    case.channels[-1] = case.channels[0]
    case.floors = np.full(users, floor)
    heard[-1] = heard[0]
    table = case.table()
    assert np.isfinite(table.lower).all()
    assert np.isfinite(table.upper).all()
    assert (table.lower <= table.upper).all()
    for mask in range(1, 8):
        inside = (mask >> np.arange(3)) & 1 == 1
        if not heard[:, inside].any(axis=1).all():
            assert table.lower[mask] == table.upper[mask] == 0.0
        elif radius == 0.0 and floor == 0.0:
            assert table.status[mask] == 1
        if table.lower[mask] > 0:
            beam = table.broadcast.beam(table.x[mask], table.share[mask])
            assert case.amplitudes(beam).min() ** 2 == pytest.approx(table.lower[mask], rel=1e-6)


@pytest.mark.parametrize("csi_set", SETS)
def test_a_node_that_nobody_hears_changes_nothing(csi_set):
    case = random_case(3, 2, 3, 2, csi_set)
    silent = dataclasses.replace(
        case,
        channels=np.concatenate([case.channels, np.zeros((3, 1, 2))], axis=1),
        radii=np.concatenate([case.radii, np.zeros((3, 1))], axis=1),
        power_w=np.append(case.power_w, 1.0),
        antennas=np.append(case.antennas, 2),
    )
    with_node, without = silent.table(), case.table()
    for mask in range(4):
        assert with_node.lower[mask | 4] == pytest.approx(without.lower[mask], rel=1e-3)
        assert with_node.upper[mask | 4] == pytest.approx(without.upper[mask], rel=1e-3)


@pytest.mark.parametrize("fields", [{"rounds": -1}, {"tolerance": 0.0}, {"tolerance": 1.0}, {"seed": -1}])
def test_settings_out_of_range_are_refused(fields):
    with pytest.raises(UsageError, match=f"{next(iter(fields))}: "):
        BeamformingSettings(**fields)
