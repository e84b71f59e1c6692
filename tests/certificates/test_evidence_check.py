"""Multipliers proved from evidence: above the exact value, close to it, and never beaten by a beam."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fgamcd_opt.certificates.evidence_check import admissible_errors, proved_multipliers
from fgamcd_opt.instances.error_sets import Ellipsoid, error_set_named
from fgamcd_opt.io.errors import InputError
from fgamcd_opt.problem.lone_users import scaled_channels
from fgamcd_opt.testing.random_problems import complex_normal, worst_amplitudes

SEEDS = st.integers(0, 2**32 - 1)
SIZES = st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(1, 3))
SETS = st.sampled_from(["ellipsoid", "balls"])


def random_evidence(rng, nodes, users, antennas, size=0.3):
    """One row: channels, radii, y, mu, mix; a third of the radii is zero."""
    channels = complex_normal(rng, 1, users, nodes, antennas)
    radii = rng.uniform(0.0, 0.5, size=(1, users, nodes)) * (rng.random((1, users, nodes)) < 0.7)
    mu = rng.uniform(0.1, 3.0, size=(1, nodes)) * (rng.random((1, nodes)) < 0.8)
    mu[0, rng.integers(nodes)] = 1.0
    mix = size * complex_normal(rng, 1, nodes, users, users)
    return channels, radii, rng.dirichlet(np.ones(users))[None], mu, mix


@given(seed=SEEDS, sizes=SIZES, csi_set=SETS, size=st.sampled_from([0.0, 0.05, 1.0]))
def test_no_beam_of_a_subset_beats_the_proved_sum(seed, sizes, csi_set, size):
    """sum_u y_u SNR_u <= sum of the multipliers of the sending nodes, whatever the evidence is."""
    rng = np.random.default_rng(seed)
    channels, radii, y, mu, mix = random_evidence(rng, *sizes, size)
    proved = proved_multipliers(channels, radii, error_set_named(csi_set), y, mu, mix)[0]
    beams = complex_normal(rng, 200, sizes[0], sizes[2])
    beams /= np.linalg.norm(beams, axis=2, keepdims=True)
    beams[100:] *= rng.random((100, sizes[0], 1)) < 0.6
    beams *= (mu[0] > 0)[:, None]
    snr = worst_amplitudes(channels[0], radii[0], beams, csi_set) ** 2
    allowed = (np.linalg.norm(beams, axis=2) > 0) @ proved
    assert (snr @ y[0] <= allowed * (1 + 1e-12)).all()


@given(seed=SEEDS, sizes=SIZES, csi_set=SETS)
def test_proved_factor_is_the_eigenvalue_and_a_little_more(seed, sizes, csi_set):
    """Against NumPy's singular values of the matrix written down in antenna space."""
    rng = np.random.default_rng(seed)
    channels, radii, y, mu, mix = random_evidence(rng, *sizes)
    errors = admissible_errors(channels, radii, error_set_named(csi_set), mix)
    reach = np.linalg.norm(errors, axis=3)[0] / np.maximum(radii[0], 1e-300)
    assert ((radii[0] > 0) | (np.linalg.norm(errors, axis=3)[0] == 0)).all()
    assert (reach.max(axis=1) if csi_set == "balls" else np.linalg.norm(reach, axis=1)).max() <= 1
    inside = mu[0] > 0
    columns = (channels + errors)[0][:, inside] / np.sqrt(mu[0, inside])[:, None]
    stacked = (columns * np.sqrt(y[0])[:, None, None]).reshape(sizes[1], -1)
    factor = np.linalg.norm(stacked, 2) ** 2
    proved = proved_multipliers(channels, radii, error_set_named(csi_set), y, mu, mix)[0]
    assert (proved[inside] >= factor * mu[0, inside] * (1 - 1e-15)).all()
    assert proved[inside] == pytest.approx(factor * mu[0, inside], rel=1e-9)
    assert not proved[~inside].any()


@given(
    numbers=st.lists(st.tuples(st.integers(-50, 50), st.integers(-50, 50)), min_size=1, max_size=6),
    mu=st.integers(1, 1000),
)
def test_lone_user_without_error_against_exact_arithmetic(numbers, mu):
    """One user, one node: the factor is ||g||^2 / mu exactly, so the multiplier is at least ||g||^2."""
    exact = sum(Fraction(a) ** 2 + Fraction(b) ** 2 for a, b in numbers)
    channels = np.array([[[[complex(a, b) for a, b in numbers]]]])
    one = np.ones((1, 1))
    arguments = channels, np.zeros((1, 1, 1)), Ellipsoid(), one, one * mu, np.zeros((1, 1, 1, 1), complex)
    if exact == 0:
        with pytest.raises(InputError, match="too extreme"):
            proved_multipliers(*arguments)
        return
    proved = Fraction(float(proved_multipliers(*arguments)[0, 0]))
    assert exact <= proved <= exact * (1 + Fraction(1, 10**9))


@pytest.mark.parametrize(
    ("what", "value"),
    [("y", 0.0), ("y", -1.0), ("y", np.nan), ("mu", -1.0), ("mu", np.inf), ("mix", np.nan), ("mu", 0.0)],
)
def test_numbers_that_prove_nothing_are_refused(what, value):
    channels, radii, y, mu, mix = random_evidence(np.random.default_rng(0), 2, 2, 2)
    arrays = {"y": y, "mu": mu, "mix": mix}
    arrays[what][...] = value
    with pytest.raises(InputError, match="evidence: y and mu must be positive"):
        proved_multipliers(channels, radii, Ellipsoid(), **arrays)


def test_scaled_channels_are_in_units_of_noise_and_of_the_power_that_the_checker_allows():
    channels, radii = np.ones((1, 2, 1), complex), np.ones((1, 2))
    scaled, scaled_radii = scaled_channels(channels, radii, np.array([4.0, 9.0]), 0.25)
    for units in (scaled[0, :, 0], scaled_radii[0]):
        assert np.abs(units) == pytest.approx(np.array([4.0, 6.0]) * (1 + 1e-11) ** 0.5, rel=1e-14)
