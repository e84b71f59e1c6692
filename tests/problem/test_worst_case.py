"""F1 and F3 against sampled errors and sampled beams."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_problems import complex_normal

from fgamcd_opt.instances.error_sets import ERROR_SETS, Balls, Ellipsoid, ErrorSet
from fgamcd_opt.problem.worst_case import (
    amplitude_from_rate,
    rate_from_amplitude,
    single_user_amplitude,
    worst_case_amplitude,
    worst_case_rate_bps,
    worst_error,
)

SETS = st.sampled_from(list(ERROR_SETS.values()))
SEEDS = st.integers(0, 2**32 - 1)


def sample_errors(
    rng: np.random.Generator, radius: np.ndarray, antennas: int, error_set: ErrorSet, count: int
):
    """Random admissible errors, most of them on the boundary of the set."""
    raw = complex_normal(rng, count, radius.size, antennas)
    if error_set == Ellipsoid():
        raw /= np.linalg.norm(raw, axis=(1, 2), keepdims=True)
    else:
        raw /= np.linalg.norm(raw, axis=2, keepdims=True)
    shrink = np.where(rng.random(count) < 0.7, 1.0, rng.random(count))
    return raw * radius[:, None] * shrink[:, None, None]


def is_admissible(error: np.ndarray, radius: np.ndarray, error_set: ErrorSet) -> bool:
    share = np.linalg.norm(error, axis=1)[radius > 0] / radius[radius > 0]
    inside = (share**2).sum() <= 1 + 1e-9 if error_set == Ellipsoid() else (share <= 1 + 1e-9).all()
    return bool(inside and not error[radius == 0].any())


@given(seed=SEEDS, error_set=SETS, size=st.just(0.0) | st.floats(1e-9, 2.0))
def test_worst_case_is_the_minimum_over_the_error_set(seed, error_set, size):
    rng = np.random.default_rng(seed)
    nodes, antennas = rng.integers(1, 4, size=2)
    h, w = complex_normal(rng, nodes, antennas), complex_normal(rng, nodes, antennas)
    radius = size * rng.random(nodes) * (rng.random(nodes) < 0.8)
    closed_form = worst_case_amplitude(h, w, radius, error_set)

    errors = sample_errors(rng, radius, antennas, error_set, 300)
    sampled = np.abs(((h + errors).conj() * w).sum(axis=(1, 2)))
    assert sampled.min() >= closed_form - 1e-9

    worst = worst_error(h, w, radius, error_set)
    assert is_admissible(worst, radius, error_set)
    assert np.abs(np.vdot(h + worst, w)) == pytest.approx(closed_form, abs=1e-9)


@given(seed=SEEDS, error_set=SETS)
def test_leading_axes_broadcast(seed, error_set):
    rng = np.random.default_rng(seed)
    h, w, radius = complex_normal(rng, 5, 3, 2), complex_normal(rng, 3, 2), rng.random((5, 3))
    batch = worst_case_amplitude(h, w, radius, error_set)
    errors = worst_error(h, w, radius, error_set)
    for i in range(5):
        assert batch[i] == pytest.approx(worst_case_amplitude(h[i], w, radius[i], error_set), rel=1e-12)
        np.testing.assert_allclose(errors[i], worst_error(h[i], w, radius[i], error_set), rtol=1e-12)


@given(seed=SEEDS, error_set=SETS)
def test_a_silent_beam_has_no_amplitude_and_no_error(seed, error_set):
    h = complex_normal(np.random.default_rng(seed), 3, 2)
    silent, radius = np.zeros((3, 2), dtype=complex), np.full(3, 0.1)
    assert worst_case_amplitude(h, silent, radius, error_set) == 0.0
    assert not worst_error(h, silent, radius, error_set).any()


@given(seed=SEEDS, error_set=SETS)
def test_single_user_closed_form_is_attained_and_not_beaten(seed, error_set):
    rng = np.random.default_rng(seed)
    nodes, antennas = rng.integers(1, 4, size=2)
    h, power = complex_normal(rng, nodes, antennas), rng.uniform(0.5, 2.0, size=nodes)
    norm = np.linalg.norm(h, axis=1)
    radius = rng.random(nodes) * norm
    best = single_user_amplitude(h, radius, power, error_set)

    along = h * (np.sqrt(power) / norm)[:, None]
    assert worst_case_amplitude(h, along, radius, error_set) == pytest.approx(best, rel=1e-9, abs=1e-12)

    others = along * rng.random((200, nodes, 1)) + 0.2 * complex_normal(rng, 200, nodes, antennas)
    excess = np.linalg.norm(others, axis=2) / np.sqrt(power)
    others /= np.maximum(excess, 1.0)[..., None]
    assert worst_case_amplitude(h, others, radius, error_set).max() <= best + 1e-9


def test_single_user_formula_for_equal_power():
    """The formula of F3 as it stands: sqrt(P) (sum_n ||h_n|| - delta sqrt(sum_n ||h_n||^2))."""
    h = np.array([[3.0, 4.0j], [0.0, 12.0]])
    amplitude = single_user_amplitude(h, 0.1 * np.array([5.0, 12.0]), np.array([4.0, 4.0]), Ellipsoid())
    assert amplitude == pytest.approx(2.0 * (17.0 - 0.1 * 13.0))


@given(amplitude=st.floats(1e-6, 1e6), bandwidth=st.floats(1.0, 1e9), noise=st.floats(1e-12, 1e3))
def test_rate_and_amplitude_are_inverse(amplitude, bandwidth, noise):
    rate = rate_from_amplitude(np.float64(amplitude), bandwidth, noise)
    assert amplitude_from_rate(rate, bandwidth, noise) == pytest.approx(amplitude, rel=1e-9)


def test_rate_of_a_known_snr():
    """SNR 3 gives two bit per second and hertz."""
    h, w = np.array([[1.0 + 0j]]), np.array([[3.0 + 0j]])
    rate = worst_case_rate_bps(h, w, np.array([0.5]), Balls(), bandwidth_hz=10.0, noise_w=0.75)
    assert rate == pytest.approx(20.0)
