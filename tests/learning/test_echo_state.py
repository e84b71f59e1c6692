"""The echo state network: echo state property, ridge regression, running sums, side by side = alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from augmentation_toy import LAYOUT, N_INPUTS, linear_episodes
from hypothesis import given, settings
from hypothesis import strategies as st

from fgamcd_opt.io.errors import InputError
from fgamcd_opt.learning.augmentation.augmenter import Episodes
from fgamcd_opt.learning.augmentation.augmenters import make_augmenter
from fgamcd_opt.learning.augmentation.echo_state import EchoState, orthogonal
from fgamcd_opt.learning.config import TrainConfig


def network(
    seed: int = 0, n_inputs: int = N_INPUTS, n_outputs: int = 1 + LAYOUT.size, **values: float
) -> EchoState:
    config = TrainConfig().replaced({"reservoir": 40, "washout": 5, **values})
    return EchoState(n_inputs, n_outputs, config, np.random.default_rng(seed))


@settings(max_examples=30)
@given(seed=st.integers(0, 2**63), radius=st.floats(0.0, 0.999), units=st.integers(1, 60))
def test_spectral_radius_is_the_one_asked_for_and_below_one(seed: int, radius: float, units: int) -> None:
    weights = orthogonal(units, radius, np.random.default_rng(seed)).astype(float)
    assert max(abs(np.linalg.eigvals(weights))) == pytest.approx(radius, rel=1e-5)
    assert np.linalg.norm(weights, 2) == pytest.approx(radius, rel=1e-5)
    assert max(abs(np.linalg.eigvals(weights))) < 1.0


@settings(max_examples=30)
@given(
    seed=st.integers(0, 2**63),
    radius=st.floats(0.0, 0.95),
    leak=st.floats(0.1, 1.0),
    scaling=st.floats(0.01, 2.0),
)
def test_echo_state_property(seed: int, radius: float, leak: float, scaling: float) -> None:
    """Two initial states under the same input approach each other at the proved rate, at every step."""
    net = network(seed, spectral_radius=radius, leak=leak, input_scaling=scaling)
    random = np.random.default_rng(seed)
    inputs = random.random((120, 2, N_INPUTS), dtype=np.float32)
    first, second = random.uniform(-3, 3, (2, 2, 40)).astype(np.float32)
    apart = np.linalg.norm(net.run(inputs, first)[..., :40] - net.run(inputs, second)[..., :40], axis=-1)
    start = np.linalg.norm(first - second, axis=-1)
    rate = 1.0 - leak * (1.0 - radius)
    proved = start * rate ** np.arange(1, 121)[:, None]
    assert np.all(apart <= proved * 1.001 + 1e-4)


def test_memory_fades_over_an_episode_with_the_default_settings() -> None:
    net = network()
    inputs = np.random.default_rng(1).random((400, 1, N_INPUTS), dtype=np.float32)
    far = np.full((1, 40), 5.0, dtype=np.float32)
    first, second = net.run(inputs), net.run(inputs, far)
    assert np.linalg.norm(first[0] - second[0]) > 1.0
    assert np.allclose(first[-1], second[-1], atol=1e-4)


def test_ridge_output_is_the_direct_least_squares_solution() -> None:
    """Against lstsq on the system extended by sqrt(ridge) I, which needs no normal equations."""
    net = network(ridge=0.05)
    episodes = linear_episodes(3)
    net.learn(episodes)
    rows = episodes.trained_on(5)
    features = net.run(episodes.inputs)[rows].astype(float)
    targets = episodes.targets[rows].astype(float)
    extended = np.vstack([features, np.sqrt(0.05) * np.eye(features.shape[1])])
    padded = np.vstack([targets, np.zeros((features.shape[1], targets.shape[1]))])
    direct = np.linalg.lstsq(extended, padded, rcond=None)[0]
    assert np.allclose(net.output_weights, direct, atol=1e-4)


def test_running_sums_equal_the_sums_over_everything_at_once() -> None:
    net = network()
    batches = [linear_episodes(seed) for seed in range(3)]
    for batch in batches:
        net.learn(batch)
    features = [net.run(batch.inputs)[5:].reshape(-1, 40 + N_INPUTS + 1) for batch in batches]
    z = np.concatenate(features).astype(float)
    y = np.concatenate([batch.targets[5:].reshape(-1, 1 + LAYOUT.size) for batch in batches]).astype(float)
    assert np.allclose(net.gram, z.T @ z, rtol=1e-12, atol=1e-9)
    assert np.allclose(net.cross, z.T @ y, rtol=1e-12, atol=1e-9)


def test_copies_side_by_side_equal_each_alone() -> None:
    net = network()
    inputs = linear_episodes(5, copies=6).inputs
    together = net.run(inputs)
    for e in range(6):
        assert np.allclose(together[:, e : e + 1], net.run(inputs[:, e : e + 1]), atol=2e-6)


def test_steps_of_an_episode_that_has_ended_change_nothing() -> None:
    episodes = linear_episodes(5)
    active = episodes.active.copy()
    active[30:, 1] = False
    spoilt = np.where(active[..., None], episodes.targets, np.float32(1e6))
    plain, padded = network(), network()
    left_out = Episodes(episodes.inputs, episodes.targets, active)
    plain.learn(left_out)
    padded.learn(Episodes(episodes.inputs, spoilt, active))
    assert np.array_equal(plain.output_weights, padded.output_weights)


def test_learns_a_linear_system_with_memory() -> None:
    """y_t = 0.5 y_(t-1) + B u_t, which u_t alone does not give: held-out error far below that of a linear fit."""
    random = np.random.default_rng(2)
    maps = random.normal(0.0, 0.5, (3, 2))

    def episodes(seed: int) -> Episodes:
        inputs = np.random.default_rng(seed).uniform(-1, 1, (300, 4, 3)).astype(np.float32)
        targets = np.zeros((300, 4, 2), dtype=np.float32)
        for t in range(1, 300):
            targets[t] = 0.5 * targets[t - 1] + inputs[t] @ maps
        return Episodes(inputs, targets, np.ones((300, 4), dtype=bool))

    net = network(n_inputs=3, n_outputs=2, reservoir=100, leak=0.8, input_scaling=0.1, ridge=1e-8, washout=20)
    train, held_out = episodes(3), episodes(4)
    net.learn(train)
    error = np.sqrt(np.mean((net.predict(held_out)[20:] - held_out.targets[20:]) ** 2))
    flat = train.inputs[20:].reshape(-1, 3)
    linear = np.linalg.lstsq(flat, train.targets[20:].reshape(-1, 2), rcond=None)[0]
    memoryless = np.sqrt(np.mean((held_out.inputs[20:] @ linear - held_out.targets[20:]) ** 2))
    assert error < 0.01
    assert error < 0.05 * memoryless


def test_a_state_of_another_form_is_refused() -> None:
    net, other = network(), network(reservoir=41)
    with pytest.raises(InputError, match="'cross' has"):
        net.load_state(other.state())
    with pytest.raises(InputError, match="'gram' is missing"):
        net.load_state({name: tensor for name, tensor in net.state().items() if name != "gram"})
    with pytest.raises(InputError, match="'extra' is unknown"):
        net.load_state({**net.state(), "extra": torch.zeros(1)})
    with pytest.raises(InputError, match="'input_weights' has"):
        net.load_state({**net.state(), "input_weights": net.state()["input_weights"].double()})


def test_no_augmentation_is_none() -> None:
    assert make_augmenter(TrainConfig(augmentation="none"), LAYOUT, np.random.SeedSequence(0)) is None
