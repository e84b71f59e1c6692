"""What conic solvers' multipliers prove: true for any multipliers, and at the optimum no worse than the fast bound."""

from __future__ import annotations

import numpy as np
import pytest
from broadcast_toys import fast_path, random_broadcast
from hypothesis import given, settings
from hypothesis import strategies as st

from fgamcd_opt.formulations.semidefinite.node_subspace import NodeSubspace
from fgamcd_opt.formulations.semidefinite.robust_sdp import RobustSdp, SdpDual
from fgamcd_opt.formulations.semidefinite.sdr_proof import prove, prove_by_relaxation
from fgamcd_opt.problem.worst_case import worst_case_amplitude

EVERYTHING = np.array([3])


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), balls=st.booleans(), cancelling=st.booleans())
def test_any_multipliers_prove_something_true_for_every_beam(seed, balls, cancelling):
    """Even errors far outside their set, negative and zero weights: the proof makes them admissible first."""
    rng = np.random.default_rng(seed)
    users, nodes = 1 if cancelling else int(rng.integers(1, 5)), int(rng.integers(1, 4))
    csi_set = "balls" if balls else "ellipsoid"
    broadcast = random_broadcast(seed, users, nodes, csi_set=csi_set, radius=0.3)
    chosen = np.flatnonzero(rng.random(nodes) < 0.7) if nodes > 1 else np.array([0])
    chosen = chosen if chosen.size else np.array([0])
    space = NodeSubspace.of(broadcast, chosen)
    d = space.channels.shape[1]
    radii = np.repeat(space.radii, space.shape.sizes, axis=1)
    errors = -0.95 * space.channels / radii  # would leave next to no channel
    weights = np.linalg.norm(
        broadcast.channels[0, chosen], axis=1
    )  # nearly the best ones for the single user
    if not cancelling:
        errors = 3.0 * (rng.normal(size=(users, d)) + 1j * rng.normal(size=(users, d)))
        weights = rng.normal(size=chosen.size)
    proof = prove(space, SdpDual(rng.normal(size=users), weights, errors))
    beams = rng.normal(size=(200, *broadcast.channels.shape[1:])) + 1j * rng.normal(
        size=(200, *broadcast.channels.shape[1:])
    )
    beams[:users] = broadcast.channels  # the best beam of each user alone
    beams /= np.linalg.norm(beams, axis=2, keepdims=True)
    beams[users:] *= (rng.random((200 - users, nodes)) < 0.7)[..., None]
    beams *= np.isin(np.arange(nodes), chosen)[:, None]
    for beam in beams:
        amplitude = worst_case_amplitude(
            broadcast.channels, beam, np.sqrt(broadcast.radius2.T), broadcast.error_set
        )
        sending = np.linalg.norm(beam, axis=1) > 0.5
        assert proof.y @ amplitude**2 <= proof.mu[sending].sum() * (1 + 1e-8) + 1e-300
        mask = int(sending @ (1 << np.arange(nodes)))
        if mask:
            assert amplitude.min() ** 2 <= proof.snr_bounds(np.array([mask]))[0]


@pytest.mark.parametrize(("backend", "accuracy"), [("scs", 1e-4), ("clarabel", 0.02)])
@pytest.mark.parametrize("csi_set", ["ellipsoid", "balls"])
@pytest.mark.parametrize(("seed", "qos_share"), [(0, 0.0), (2, 0.8), (4, 2.0)])
def test_the_proof_reaches_the_minimised_bound(seed, qos_share, csi_set, backend, accuracy):
    """The fast bound minimises F6 without any conic solver; for balls its errors are only nearly the best.

    Clarabel often ends short of its tolerances here, and what it then proves is a little worse.
    """
    broadcast = random_broadcast(seed, 2 + seed % 2, 2, csi_set=csi_set, qos_share=qos_share)
    space = NodeSubspace.of(broadcast, range(2))
    program = RobustSdp(space.shape, backend)
    bound = float(prove_by_relaxation(space, program, np.inf).snr_bounds(EVERYTHING)[0])
    status, lower, upper = fast_path(broadcast)
    assert status == 1
    assert lower <= bound <= upper * (1 + accuracy)
    if csi_set == "ellipsoid":
        assert bound == pytest.approx(upper, rel=accuracy)


@pytest.mark.parametrize("csi_set", ["ellipsoid", "balls"])
@pytest.mark.parametrize("backend", ["scs", "clarabel"])
def test_qos_out_of_reach_is_proved(csi_set, backend):
    broadcast = random_broadcast(1, 3, 2, csi_set=csi_set, qos_share=2.0)
    space = NodeSubspace.of(broadcast, range(2))
    assert fast_path(broadcast)[0] == -1
    proof = prove_by_relaxation(space, RobustSdp(space.shape, backend), np.inf)
    assert (proof.snr_bounds(np.array([1, 2, 3])) == 0.0).all()


def test_a_set_with_other_nodes_is_not_bounded():
    broadcast = random_broadcast(0, 2, 3)
    space = NodeSubspace.of(broadcast, [0, 2])
    d = space.channels.shape[1]
    proof = prove(space, SdpDual(np.ones(2), np.ones(2), np.zeros((2, d), complex)))
    masks = np.arange(1, 8)
    assert np.isfinite(proof.snr_bounds(masks)).tolist() == [mask & 2 == 0 for mask in masks]


def test_multipliers_do_not_depend_on_the_scale_of_the_program():
    """Two users, no errors, orthogonal channels at one node of one power: F6 by hand, y = (1/2, 1/2) by symmetry."""
    broadcast = random_broadcast(0, 2, 1)
    channels = np.zeros((2, 1, 3), complex)
    channels[0, 0, 0], channels[1, 0, 1] = 3.0, 4.0
    broadcast = type(broadcast).reduce(
        channels, np.zeros((2, 1)), np.ones(1), np.array([3]), 1.0, np.zeros(2), 1.0, broadcast.error_set
    )
    space = NodeSubspace.of(broadcast, [0])
    proof = prove_by_relaxation(space, RobustSdp(space.shape, "clarabel"), np.inf)
    # power p to one, 1 - p to the other user: 9 p = 16 (1 - p)
    assert proof.snr_bounds(np.array([1]))[0] == pytest.approx(9.0 * 16.0 / 25.0, rel=1e-6)
    np.testing.assert_allclose(proof.y, [16.0 / 25.0, 9.0 / 25.0], rtol=1e-4)
