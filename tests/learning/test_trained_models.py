"""Recurrent model and conditional GAN: what they learn on a toy, and the round trip of every model's state."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from augmentation_toy import LAYOUT, N_INPUTS, linear_episodes, play, root_mean_square

from fgamcd_opt.io.errors import InputError
from fgamcd_opt.learning.augmentation.augmenter import Augmenter, DynamicsModel, Episodes
from fgamcd_opt.learning.augmentation.augmenters import make_augmenter
from fgamcd_opt.learning.augmentation.conditional_gan import ConditionalGan
from fgamcd_opt.learning.augmentation.recurrent_model import LeakyRecurrent, RecurrentModel
from fgamcd_opt.learning.config import TrainConfig

N_OUTPUTS = 1 + LAYOUT.size


def config(kind: str = "esn") -> TrainConfig:
    return TrainConfig(augmentation=kind, reservoir=20, washout=3, xi=1e6)


def augmenter(kind: str, seed: int = 1) -> Augmenter:
    made = make_augmenter(config(kind), LAYOUT, np.random.SeedSequence(seed))
    assert made is not None
    return made


@pytest.mark.parametrize("kind", ["rnn", "cgan"])
def test_error_on_held_out_episodes_falls_with_training(kind: str) -> None:
    """Known linear dynamics: a fifth of the error of saying that nothing changes, and less than after one batch."""
    random = np.random.default_rng(0)
    model: DynamicsModel = (
        RecurrentModel(N_INPUTS, N_OUTPUTS, config(), random)
        if kind == "rnn"
        else ConditionalGan(N_INPUTS, N_OUTPUTS, config(), 0)
    )
    held_out = linear_episodes(100)
    errors = []
    for seed in range(15):
        model.learn(linear_episodes(seed, steps=25, copies=8))
        errors.append(root_mean_square(model.predict(held_out), held_out))
    nothing = root_mean_square(np.zeros_like(held_out.targets), held_out)
    assert errors[-1] < 0.2 * nothing
    assert errors[-1] < errors[0]


def test_all_weights_of_the_recurrent_model_are_trained() -> None:
    network = LeakyRecurrent(N_INPUTS, N_OUTPUTS, config(), np.random.default_rng(0))
    model = RecurrentModel(N_INPUTS, N_OUTPUTS, config(), np.random.default_rng(0))
    model.learn(linear_episodes(0, steps=20))
    before = torch.cat([parameter.detach().reshape(-1) for parameter in network.parameters()])
    assert torch.all(model.state()["weights"] != before)


def test_the_recurrent_model_runs_as_a_plain_loop() -> None:
    network = LeakyRecurrent(3, 2, config(), np.random.default_rng(0))
    torch.nn.init.normal_(network.output_weights, generator=torch.Generator().manual_seed(0))
    into, recurrent, out = (p.detach().numpy() for p in network.parameters())
    inputs = np.random.default_rng(1).random((30, 2, 3), dtype=np.float32)
    with torch.no_grad():
        found = network(torch.from_numpy(inputs)).numpy()
    for e in range(2):
        x = np.zeros(20)
        for t in range(30):
            u = np.append(inputs[t, e], 1.0)
            x = 0.7 * x + 0.3 * np.tanh(u @ into + x @ recurrent)
            assert np.allclose(found[t, e], np.concatenate([x, u]) @ out, atol=1e-4)


@pytest.mark.parametrize("kind", ["rnn", "cgan"])
def test_steps_of_an_episode_that_has_ended_are_not_learned(kind: str) -> None:
    episodes = linear_episodes(5, steps=20)
    active = episodes.active.copy()
    active[12:, 1] = False
    spoilt = np.where(active[..., None], episodes.targets, np.float32(1e6))
    weights = []
    for targets in (episodes.targets, spoilt):
        made = augmenter(kind)
        made.model.learn(Episodes(episodes.inputs, targets, active))  # type: ignore[attr-defined]
        weights.append(made.state())
    assert all(torch.equal(tensor, weights[1][name]) for name, tensor in weights[0].items())


@pytest.mark.parametrize("kind", ["esn", "rnn", "cgan"])
def test_state_round_trip_bit_for_bit(kind: str) -> None:
    """Two batches straight equal one batch, a round trip into a fresh augmenter, and one more batch."""
    straight, resumed = augmenter(kind), augmenter(kind)
    play(straight, 1)
    straight.synthesise(0)
    play(resumed, 3)
    resumed.synthesise(0)
    resumed.load_state({name: tensor.clone() for name, tensor in straight.state().items()})
    results = []
    for made in (straight, resumed):
        play(made, 2)
        results.append(made.synthesise(3))
    first, second = results
    assert first is not None
    assert second is not None
    assert first.kept > 0
    for name in ("copy", "step", "reward", "next_state"):
        assert np.array_equal(getattr(first, name), getattr(second, name))
    assert (first.mean_distance, first.reward_error) == (second.mean_distance, second.reward_error)
    assert straight.state().keys() == resumed.state().keys()
    for name, tensor in straight.state().items():
        assert torch.equal(tensor, resumed.state()[name])


@pytest.mark.parametrize("kind", ["esn", "rnn", "cgan"])
def test_the_same_seed_gives_the_same_samples_and_another_does_not(kind: str) -> None:
    before = torch.get_rng_state()
    results = []
    for seed in (1, 1, 2):
        made = augmenter(kind, seed)
        play(made, 1)
        results.append(made.synthesise(0))
    first, again, other = (found.next_state if found is not None else None for found in results)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("kind", ["esn", "rnn", "cgan"])
def test_a_state_of_another_form_is_refused(kind: str) -> None:
    made = augmenter(kind)
    play(made, 1)
    made.synthesise(0)
    good = made.state()
    name = sorted(n for n, tensor in good.items() if tensor.dim() > 0)[0]
    for bad in (
        {n: tensor for n, tensor in good.items() if n != name},
        {**good, "extra": torch.zeros(1)},
        {**good, name: good[name][:-1]},
    ):
        with pytest.raises(InputError):
            augmenter(kind).load_state(bad)
