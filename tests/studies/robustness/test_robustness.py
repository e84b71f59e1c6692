"""Errors drawn from the set, what beams make of them, and beampatterns."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest

from fgamcd_opt.beamforming.broadcast import BeamformingSettings
from fgamcd_opt.instances.error_sets import Ellipsoid, error_set_named
from fgamcd_opt.io.errors import InputError
from fgamcd_opt.studies.robustness.channel_errors import (
    DESIGNS,
    WORST_KINDS,
    beampattern,
    below_qos,
    sample_errors,
    study_errors,
    user_angles_rad,
)
from fgamcd_opt.studies.robustness.robustness_figures import decibels
from fgamcd_opt.studies.robustness.single_broadcast import MAX_SENDERS, BroadcastData, design_beam
from fgamcd_opt.testing.random_problems import NOISE_W, complex_normal, random_problem, worst_amplitudes

SETS = ("ellipsoid", "balls")
SEEDS = st.integers(0, 2**32 - 1)


def broadcast(seed: int, csi_set: str, users: int = 3, nodes: int = 3, **fields: float) -> BroadcastData:
    """The most wanted block of a random problem, from all nodes."""
    instance = random_problem(seed, nodes=nodes, users=users, csi_set=csi_set, **fields).instance
    block = int(np.bincount(instance.pair_block).argmax())
    return BroadcastData.of(instance, block, range(nodes))


def lengths(errors: np.ndarray, radii: np.ndarray, csi_set: str) -> np.ndarray:
    """Norm of C^(1/2) e per ball: (count, m, 1) for the ellipsoid, (count, m, S) for balls; 0 where no error may be."""
    norms = np.sqrt((np.abs(errors) ** 2).sum(axis=3))
    assert not norms[:, radii == 0].any()
    share = np.divide(norms, radii, out=np.zeros_like(norms), where=radii > 0)
    return share if csi_set == "balls" else np.sqrt((share**2).sum(axis=2, keepdims=True))


@given(seed=SEEDS, csi_set=st.sampled_from(SETS))
def test_sampled_errors_lie_in_the_set(seed, csi_set):
    rng = np.random.default_rng(seed)
    users, nodes, antennas = rng.integers(1, 4, size=3)
    count = rng.integers(1, antennas + 1, size=nodes)
    radii = rng.random((users, nodes)) * (rng.random((users, nodes)) < 0.7)
    errors = sample_errors(radii, count, int(antennas), error_set_named(csi_set), 20, rng)
    assert errors.shape == (20, users, nodes, antennas)
    assert not errors[..., np.arange(antennas) >= count[:, None]].any()
    assert lengths(errors, radii, csi_set).max() <= 1.0 + 1e-12


@pytest.mark.parametrize("csi_set", SETS)
@pytest.mark.parametrize("seed", range(3))
def test_sampled_errors_are_uniform(csi_set, seed):
    """The norm in C^d is distributed as r^(2d); each coordinate's share of it as Beta(1, d-1) (Archimedes)."""
    antennas, radii = np.array([2, 3]), np.array([[0.3, 2.0]])
    errors = sample_errors(radii, antennas, 3, error_set_named(csi_set), 4000, np.random.default_rng(seed))
    length = lengths(errors, radii, csi_set)[:, 0]
    dimensions = [5] if csi_set == "ellipsoid" else [2, 3]
    for ball, d in enumerate(dimensions):
        assert kstest(length[:, ball] ** (2 * d), "uniform").pvalue > 1e-4
        share = np.abs(errors[:, 0, ball, 0] / radii[0, ball]) ** 2 / length[:, ball] ** 2
        assert kstest(1.0 - (1.0 - share) ** (d - 1), "uniform").pvalue > 1e-4
    angle = np.angle(errors[:, 0, 1, 1]) / (2 * np.pi) + 0.5
    assert kstest(angle, "uniform").pvalue > 1e-4


@pytest.mark.parametrize("csi_set", SETS)
def test_a_distribution_that_is_not_uniform_would_be_noticed(csi_set):
    """The same statistics reject points with U^(1/d) in place of U^(1/(2d))."""
    antennas, radii = np.array([2, 3]), np.array([[0.3, 2.0]])
    errors = sample_errors(radii, antennas, 3, error_set_named(csi_set), 4000, np.random.default_rng(0))
    length = lengths(errors, radii, csi_set)[:, 0, 0] ** 2
    d = 5 if csi_set == "ellipsoid" else 2
    assert kstest(length ** (2 * d), "uniform").pvalue < 1e-12


@pytest.mark.parametrize("csi_set", SETS)
@pytest.mark.parametrize("seed", range(6))
def test_no_sampled_rate_is_below_the_worst_case(csi_set, seed):
    data = broadcast(seed, csi_set)
    effort = BeamformingSettings()
    study = study_errors(data, 0.2, design_beam(data.with_delta(0.0), effort), 50, effort)
    radii = 0.2 * np.linalg.norm(data.channels, axis=2)
    np.testing.assert_allclose(study.data.radii, radii, rtol=1e-12)
    for name in DESIGNS:
        beam = study.designs[name].beam
        snr = worst_amplitudes(data.channels, radii, beam, csi_set) ** 2 / NOISE_W
        worst = data.bandwidth_hz * np.log2(1.0 + snr)
        np.testing.assert_allclose(study.worst_rates_bps(name), worst, rtol=1e-9, atol=1e-3)
        assert (study.rates_bps[name] >= worst * (1 - 1e-9)).all()
        own = study.rates_bps[name][study.kinds.index(WORST_KINDS[name])]
        np.testing.assert_allclose(own, worst, rtol=1e-6, atol=1.0)


@pytest.mark.parametrize("csi_set", SETS)
@pytest.mark.parametrize("seed", range(6))
def test_robust_beam_has_the_better_worst_case_and_keeps_its_promises(csi_set, seed):
    """Without QoS and to its certified gap; the nominal beam is one of those that the bound holds for."""
    data = broadcast(seed, csi_set, qos_share=0.0)
    effort = BeamformingSettings()
    nominal = design_beam(data.with_delta(0.0), effort)
    study = study_errors(data, 0.3, nominal, 5, effort)
    robust = study.designs["robust"]
    least = {name: study.worst_rates_bps(name).min() for name in DESIGNS}
    assert max(least.values()) <= robust.upper_bps * (1 + 1e-9)
    slack = robust.upper_bps - least["robust"]
    assert least["robust"] >= least["nominal"] - slack
    for name in DESIGNS:
        power = (np.abs(study.designs[name].beam) ** 2).sum(axis=1)
        assert (power <= data.power_w).all()


def test_nominal_beams_do_lose_to_robust_ones():
    """Over the problems of the test above the difference is there to be seen, so that it compares something."""
    effort = BeamformingSettings()
    lost = 0
    for seed in range(6):
        data = broadcast(seed, "ellipsoid", qos_share=0.0)
        study = study_errors(data, 0.3, design_beam(data.with_delta(0.0), effort), 1, effort)
        lost += study.worst_rates_bps("nominal").min() < 0.99 * study.worst_rates_bps("robust").min()
    assert lost > 0


@pytest.mark.parametrize("csi_set", SETS)
def test_without_errors_both_designs_are_the_same(csi_set):
    data = broadcast(1, csi_set)
    effort = BeamformingSettings()
    study = study_errors(data, 0.0, design_beam(data.with_delta(0.0), effort), 7, effort)
    np.testing.assert_array_equal(study.rates_bps["robust"], study.rates_bps["nominal"])
    assert len(set(study.rates_bps["robust"][:, 0].tolist())) == 1


def test_errors_grow_with_delta_and_keep_their_direction():
    """The same points of the unit ball serve every delta, so that curves differ by delta alone."""
    radii, antennas = np.array([[1.0, 0.5]]), np.array([2, 2])
    small, large = (
        sample_errors(factor * radii, antennas, 2, Ellipsoid(), 3, np.random.default_rng(5))
        for factor in (0.1, 0.3)
    )
    np.testing.assert_allclose(large, 3.0 * small, rtol=1e-12)


def test_qos_out_of_reach_is_proved_and_the_best_beam_without_it_is_given():
    data = broadcast(2, "ellipsoid", qos_share=0.0)
    effort = BeamformingSettings()
    free = design_beam(data, effort)
    assert free.qos == 1
    demanding = BroadcastData(**{**vars(data), "qos_bps": np.full(data.users.size, 1.5 * free.upper_bps)})
    design = design_beam(demanding, effort)
    assert design.qos == -1
    np.testing.assert_array_equal(design.beam, free.beam)
    assert design.upper_bps == free.upper_bps
    assert below_qos(demanding.worst_rates_bps(design.beam), demanding.qos_bps).any()


@pytest.mark.parametrize(
    ("block", "nodes", "part"),
    [
        (None, [0], "no user requests it"),
        (0, [], "expected 1 to"),
        (0, [0, 0], "different nodes"),
        (0, [-1], "nodes 0 to 2"),
        (0, [0, 3], "nodes 0 to 2"),
        (0, list(range(MAX_SENDERS + 1)), "expected 1 to"),
    ],
)
def test_wrong_blocks_and_nodes_are_refused(block, nodes, part):
    instance = random_problem(0).instance
    wanted = instance.n_blocks if block is None else int(instance.requested_blocks[block])
    with pytest.raises(InputError, match=part):
        BroadcastData.of(instance, wanted, nodes)


@settings(max_examples=20)
@given(seed=SEEDS)
def test_beampattern_is_the_sum_over_antennas(seed):
    rng = np.random.default_rng(seed)
    beam, angle = complex_normal(rng, 2, 4), rng.uniform(-np.pi / 2, np.pi / 2, size=5)
    pattern = beampattern(beam, angle)
    for node in range(2):
        for a, theta in enumerate(angle):
            phases = [np.exp(1j * np.pi * i * np.sin(theta)) for i in range(4)]
            direct = abs(sum(np.conj(beam[node, i]) * phases[i] for i in range(4)))
            assert pattern[node, a] == pytest.approx(direct, rel=1e-9, abs=1e-9)


@given(theta=st.floats(-1.5, 1.5), behind=st.booleans())
def test_beam_towards_a_user_peaks_at_the_users_angle(theta, behind):
    """sqrt(P) a / sqrt(N_t) gives sqrt(P N_t) there, in front and behind, and nowhere more."""
    user = 40.0 * np.array([[np.sin(theta), np.cos(theta) * (-1) ** behind]]) + 7.0
    (angle,) = user_angles_rad(np.array([[7.0, 7.0]]), user)[0]
    assert angle == pytest.approx(theta, abs=1e-9)
    steer = np.exp(1j * np.pi * np.arange(8) * np.sin(theta)) / np.sqrt(8)
    curve = beampattern(3.0 * steer[None], np.array([angle, *np.linspace(-1.5, 1.5, 50)]))[0]
    assert curve[0] == pytest.approx(3.0 * np.sqrt(8))
    assert curve.max() <= curve[0] * (1 + 1e-12)


def test_decibels_of_powers_end_forty_below_the_largest():
    shown = decibels(np.array([[10.0, 1.0], [0.2, 0.0]]))
    np.testing.assert_allclose(shown, [[20.0, 0.0], [20 * np.log10(0.2), -20.0]])
    assert np.isfinite(decibels(np.zeros((1, 3)))).all()
