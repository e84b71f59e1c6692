"""Geometry, fading statistics and independence of the random streams."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fgamcd_opt.instances.generation.from_recipe import generate
from fgamcd_opt.instances.generation.requests import zipf_requests
from fgamcd_opt.instances.network import geometry
from fgamcd_opt.instances.network.random_streams import Purpose, complex_normal, from_decibel, stream
from fgamcd_opt.instances.recipes.presets import PRESETS
from fgamcd_opt.io.errors import InputError

quick = settings(max_examples=30, deadline=None)


@given(st.integers(1, 40))
def test_grid_is_inside_distinct_and_centred(nodes: int) -> None:
    positions = geometry.grid_positions(nodes, 1000.0)
    assert positions.shape == (nodes, 2)
    assert len(np.unique(positions, axis=0)) == nodes
    assert (positions > 0).all()
    assert (positions < 1000).all()
    np.testing.assert_allclose(positions.mean(axis=0)[0], 500.0, rtol=1e-6)


def test_grid_of_six_is_three_by_two() -> None:
    expected = [(x, y) for y in (250.0, 750.0) for x in (500 / 3, 500.0, 2500 / 3)]
    np.testing.assert_allclose(geometry.grid_positions(6, 1000.0), expected, rtol=1e-7)


@quick
@given(seed=st.integers(0, 10**6), users=st.integers(1, 12), uniform=st.booleans())
def test_users_keep_their_distance_and_more_users_keep_the_first(
    seed: int, users: int, uniform: bool
) -> None:
    nodes = geometry.uniform_positions(4, 100.0, seed) if uniform else geometry.grid_positions(4, 100.0)
    positions = geometry.user_positions(users, nodes, 100.0, 10.0, seed)
    distance = np.linalg.norm(positions[:, None] - nodes[None], axis=2)
    assert distance.min() >= 10.0
    assert ((positions >= 0) & (positions <= 100)).all()
    more = geometry.user_positions(users + 3, nodes, 100.0, 10.0, seed)
    np.testing.assert_array_equal(more[:users], positions)


def test_users_fill_the_square_uniformly() -> None:
    positions = geometry.user_positions(2000, np.array([[500.0, 500.0]]), 1000.0, 1.0, 3)
    counts = np.histogram2d(positions[:, 0], positions[:, 1], bins=2, range=[[0, 1000], [0, 1000]])[0]
    assert abs(counts - 500).max() < 5 * np.sqrt(2000 * 0.25 * 0.75)


def test_no_room_for_users_is_an_error() -> None:
    with pytest.raises(InputError, match="min_distance_m: 80 leaves no room"):
        geometry.user_positions(1, np.array([[50.0, 50.0]]), 100.0, 80.0, 0)


@quick
@given(angle=st.floats(-np.pi, np.pi), distance=st.floats(1, 1000))
def test_array_response_is_the_phase_of_the_path_difference(angle: float, distance: float) -> None:
    """Compared with far-field path lengths to elements half a wavelength apart on the x axis."""
    user = distance * np.array([[np.sin(angle), np.cos(angle)]])
    response = geometry.line_of_sight(np.zeros((1, 2)), user, 5)[0, 0]
    direction = user[0] / np.linalg.norm(user[0])
    elements = np.stack([np.arange(5) * 0.5, np.zeros(5)], axis=1)
    expected = np.exp(2j * np.pi * elements @ direction)
    np.testing.assert_allclose(response, expected, atol=1e-9)


def channels(rician_k: float, count: int, antennas: int = 4, seed: int = 5) -> NDArray[np.complex128]:
    rows = np.stack([np.zeros(count, dtype=np.int64), np.arange(count)], axis=1)
    return geometry.rician_channels(
        np.array([[0.0, 0.0], [300.0, 0.0]]),
        np.array([[60.0, 80.0]]),
        rows,
        antennas=antennas,
        gain=1e-3,
        path_loss_exponent=3.0,
        rician_k=rician_k,
        seed=seed,
    )


@pytest.mark.parametrize("rician_k", [0.0, 3.0, 100.0])
def test_rician_mean_power_mean_and_spread_follow_theory(rician_k: float) -> None:
    count = 4000
    sample = channels(rician_k, count)
    distance = np.array([100.0, np.hypot(240.0, 80.0)])
    power = 1e-3 * distance**-3.0
    scale = np.sqrt(power)[None, :, None]
    normal = sample / scale
    error = 5 / np.sqrt(count)
    sine = np.array([60.0, -240.0]) / distance
    direct = np.exp(1j * np.pi * sine[:, None] * np.arange(4)) * np.sqrt(rician_k / (rician_k + 1))
    assert abs(normal.mean(axis=0) - direct).max() < error / np.sqrt(rician_k + 1)
    scattered = normal - direct
    variance = 1 / (rician_k + 1)
    assert (abs(scattered) ** 2).mean() == pytest.approx(variance, rel=error)
    assert (scattered.real**2).mean() == pytest.approx(variance / 2, rel=error)
    assert (scattered.imag**2).mean() == pytest.approx(variance / 2, rel=error)
    assert abs((scattered**2).mean()) < error * variance
    fourth = (abs(scattered) ** 4).mean()  # 2 E[|x|^2]^2 for a circular Gaussian
    assert fourth == pytest.approx(2 * variance**2, rel=0.1)
    np.testing.assert_allclose((abs(sample) ** 2).mean(axis=(0, 2)), power, rtol=2 * error)


def test_fading_is_independent_of_the_other_rows_and_of_the_order() -> None:
    sample = channels(3.0, 6)
    np.testing.assert_array_equal(channels(3.0, 3), sample[:3])
    assert len(np.unique(sample.round(12))) == sample.size


def test_generated_numbers_are_single_precision() -> None:
    sample = channels(3.0, 3)
    radius = geometry.csi_radii(sample, 0.05)
    np.testing.assert_array_equal(sample, sample.astype(np.complex64))
    np.testing.assert_array_equal(radius, radius.astype(np.float32))
    np.testing.assert_allclose(radius, 0.05 * np.linalg.norm(sample, axis=2), rtol=1e-6)


@quick
@given(seed=st.integers(0, 10**6))
def test_backhaul_is_in_range_and_keeps_the_first_links(seed: int) -> None:
    rates = geometry.backhaul(7, 5, 8e9, 12e9, seed)
    off_diagonal = rates[:, ~np.eye(5, dtype=bool)]
    assert (off_diagonal >= 8e9).all()
    assert (off_diagonal <= 12e9).all()
    assert (rates[:, np.eye(5, dtype=bool)] == 0).all()
    assert len(np.unique(off_diagonal)) == off_diagonal.size
    np.testing.assert_array_equal(geometry.backhaul(3, 4, 8e9, 12e9, seed), rates[:3, :4, :4])


def test_backhaul_mean() -> None:
    rates = geometry.backhaul(500, 4, 8e9, 12e9, 1)[:, ~np.eye(4, dtype=bool)]
    assert rates.mean() == pytest.approx(10e9, abs=5 * 4e9 / np.sqrt(12 * rates.size))


def test_zipf_frequencies() -> None:
    users, models, exponent = 20_000, 5, 0.8
    counts = np.bincount(zipf_requests(users, models, exponent, 11), minlength=models)
    share = np.arange(1, models + 1) ** -exponent
    share /= share.sum()
    expected = users * share
    assert (abs(np.sort(counts)[::-1] - expected) < 5 * np.sqrt(expected)).all()


@quick
@given(
    seed=st.integers(0, 10**6), users=st.integers(1, 50), models=st.integers(1, 20), exponent=st.floats(0, 5)
)
def test_requests_are_models_and_more_users_keep_the_first(
    seed: int, users: int, models: int, exponent: float
) -> None:
    requests = zipf_requests(users, models, exponent, seed)
    assert ((requests >= 0) & (requests < models)).all()
    np.testing.assert_array_equal(zipf_requests(users + 5, models, exponent, seed)[:users], requests)


def test_steep_zipf_requests_one_model_and_the_ranking_depends_on_the_seed() -> None:
    favourites = {int(zipf_requests(1, 60, 60.0, seed)[0]) for seed in range(10)}
    assert len(favourites) > 5


def test_streams_differ_by_purpose_seed_and_index() -> None:
    keys = [
        (1, Purpose.QOS),
        (1, Purpose.FADING),
        (2, Purpose.QOS),
        (1, Purpose.FADING, 0),
        (1, Purpose.FADING, 1),
    ]
    draws = {stream(*key).random() for key in keys}  # type: ignore[arg-type]
    assert len(draws) == len(keys)


def test_streams_are_pinned() -> None:
    """First numbers of one stream: every released digest depends on them."""
    expected = np.random.default_rng(np.random.SeedSequence(7, spawn_key=(4, 2, 3))).random(2)
    np.testing.assert_array_equal(stream(7, Purpose.FADING, 2, 3).random(2), expected)
    assert [int(p) for p in Purpose] == list(range(8))


def test_complex_normal_has_rayleigh_modulus() -> None:
    sample = complex_normal(np.random.default_rng(0), (50_000,))
    for quantile in (0.1, 0.5, 0.9):
        assert np.quantile(abs(sample), quantile) == pytest.approx(np.sqrt(-np.log(1 - quantile)), rel=0.03)


def test_decibel() -> None:
    assert from_decibel(-110.0) == 1e-11
    assert from_decibel(13.0) == pytest.approx(19.9526231, rel=1e-8)


def test_cooperation_radius_removes_the_links_between_distant_nodes_alone() -> None:
    """Against math.dist; rates of the links that stay are those without a radius."""
    recipe = PRESETS["paper"].with_overrides({"users": "4", "antennas": "2", "fading": "once"})
    free = generate(recipe)
    near = generate(recipe.with_overrides({"cooperation_radius_m": "450"}))
    places = free.node_xy_m.tolist()
    linked = {
        (n, m) for n, m in itertools.permutations(range(6), 2) if math.dist(places[n], places[m]) <= 450
    }
    assert 0 < len(linked) < 30
    for n, m in itertools.permutations(range(6), 2):
        expected = free.backhaul_bps[:, n, m] if (n, m) in linked else np.zeros(len(free.backhaul_bps))
        np.testing.assert_array_equal(near.backhaul_bps[:, n, m], expected)
    np.testing.assert_array_equal(near.channel, free.channel)
