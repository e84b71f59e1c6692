"""The common filter of synthetic samples: what is kept, how it is repaired, and that choices can be repeated."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
import torch
from augmentation_toy import LAYOUT, play
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from fgamcd_opt.io.errors import UsageError
from fgamcd_opt.learning.augmentation.augmenter import Episodes
from fgamcd_opt.learning.augmentation.sample_cap import sample_cap
from fgamcd_opt.learning.augmentation.synthesis import Synthesiser, possible_states
from fgamcd_opt.learning.config import TrainConfig
from fgamcd_opt.learning.environment.layout import StateLayout


class Noisy:
    """A model that is off by noise of its own seed, and remembers what it said."""

    def __init__(self, seed: int, washout: int) -> None:
        self.washout = washout
        self._random = np.random.default_rng(seed)
        self.said: NDArray[np.float32] | None = None

    def learn(self, episodes: Episodes) -> NDArray[np.float32]:
        noise = self._random.normal(0.0, 1.0, episodes.targets.shape)
        size = self._random.uniform(0.0, 0.6, (*episodes.active.shape, 1))
        self.said = (episodes.targets + noise * size).astype(np.float32)
        return self.said.copy()

    def predict(self, episodes: Episodes) -> NDArray[np.float32]:
        return self.learn(episodes)

    def state(self) -> dict[str, torch.Tensor]:
        return {}

    def load_state(self, tensors: Mapping[str, torch.Tensor]) -> None:
        pass


@given(
    seed=st.integers(0, 2**32), washout=st.integers(0, 5), xi=st.floats(0.5, 1.6), episode=st.integers(0, 60)
)
def test_keeps_exactly_the_near_ones_up_to_the_cap(seed: int, washout: int, xi: float, episode: int) -> None:
    """Against a plain loop over all transitions."""
    model = Noisy(seed, washout)
    config = TrainConfig(xi=xi, zeta=0.5, augment_interval=5)
    lengths = (40, 40, 25)
    synthesiser = Synthesiser(model, config, LAYOUT, np.random.SeedSequence(seed))
    played = play(synthesiser, seed, lengths)
    found = synthesiser.synthesise(episode)
    if model.said is None:
        assert found is None
        assert all(
            sample_cap(episode + e, n, zeta=0.5, chi=0.8, interval=5) == 0 for e, n in enumerate(lengths)
        )
        return
    assert found is not None
    near: list[set[int]] = [set() for _ in lengths]
    distances = []
    for e, length in enumerate(lengths):
        for t in range(washout, length):
            state = played["state"][t, e] + model.said[t, e, 1:]
            for i in range(LAYOUT.size):
                binary = LAYOUT.requests.start <= i < LAYOUT.requests.stop or i >= LAYOUT.neighbours.start
                state[i] = float(state[i] >= 0.5) if binary else min(max(state[i], 0.0), 1.0)
            gap = np.append(state - played["state"][t + 1, e], model.said[t, e, 0] - played["reward"][t, e])
            distances.append(np.sqrt(np.sum(gap.astype(float) ** 2)))
            assume(abs(distances[-1] - xi) > 1e-5)
            if distances[-1] <= xi:
                near[e].add(t)
    caps = [sample_cap(episode + e, n, zeta=0.5, chi=0.8, interval=5) for e, n in enumerate(lengths)]
    assert found.offered == len(distances)
    assert found.plausible == sum(map(len, near))
    assert found.mean_distance == pytest.approx(np.mean(distances), rel=1e-5)
    for e, cap in enumerate(caps):
        steps = found.step[found.copy == e].tolist()
        assert len(steps) == len(set(steps)) == min(cap, len(near[e]))
        assert set(steps) <= near[e]
    assert np.array_equal(found.reward, played["reward"][found.step, found.copy])


def test_every_plausible_sample_can_be_chosen_and_the_choice_repeats() -> None:
    config = TrainConfig(xi=1e6, zeta=0.2, augment_interval=10**6)
    seen: set[int] = set()
    for episode in range(60):
        chosen = []
        for _ in range(2):
            synthesiser = Synthesiser(Noisy(3, 0), config, LAYOUT, np.random.SeedSequence(11))
            play(synthesiser, 5, (20,))
            found = synthesiser.synthesise(episode)
            assert found is not None
            chosen.append(found.step.tolist())
        assert chosen[0] == chosen[1]
        seen.update(chosen[0])
    assert seen == set(range(20))


def test_without_relabelling_the_predicted_reward_is_kept() -> None:
    model = Noisy(3, 0)
    config = TrainConfig(xi=1e6, zeta=1.0)
    synthesiser = Synthesiser(model, config, LAYOUT, np.random.SeedSequence(11), relabel=False)
    played = play(synthesiser, 5, size=4.0)
    found = synthesiser.synthesise(0, 4.0)
    assert found is not None
    assert model.said is not None
    predicted = model.said[found.step, found.copy, 0]
    assert np.array_equal(found.reward, 4.0 * predicted)
    real = played["reward"][found.step, found.copy] / 4.0
    assert found.kept == found.offered
    assert found.reward_error == pytest.approx(np.abs(predicted - real).mean(), rel=1e-5)


def test_the_scale_of_rewards_is_undone_in_the_samples_and_counts_in_the_distance() -> None:
    """Rewards 100 times as large, scaled by 100: the same samples and distances, and the true rewards to the bit."""
    config = TrainConfig(zeta=0.5)
    results, rewards = [], []
    for size in (1.0, 100.0):
        synthesiser = Synthesiser(Noisy(3, 0), config, LAYOUT, np.random.SeedSequence(11))
        played = play(synthesiser, 5, size=size)
        found = synthesiser.synthesise(0, size)
        assert found is not None
        assert np.array_equal(found.reward, played["reward"][found.step, found.copy])
        results.append(found)
        rewards.append(found.reward)
    first, second = results
    assert first.kept > 0
    assert np.array_equal(first.step, second.step)
    assert second.mean_distance == pytest.approx(first.mean_distance, rel=1e-5)
    assert second.reward_error == pytest.approx(first.reward_error, rel=1e-5)
    assert np.allclose(rewards[1], 100.0 * rewards[0])


def test_possible_states() -> None:
    state = np.random.default_rng(0).normal(0.5, 1.0, (200, LAYOUT.size)).astype(np.float32)
    possible = possible_states(state, LAYOUT)
    own, other = LAYOUT.observe(possible)
    assert possible.min() == 0.0
    assert possible.max() == 1.0
    assert (
        set(np.unique(possible[:, LAYOUT.requests]))
        == set(np.unique(possible[:, LAYOUT.neighbours]))
        == {0.0, 1.0}
    )
    assert np.array_equal(possible_states(possible, LAYOUT), possible)
    assert own.shape == (200, 2, LAYOUT.own_size)
    assert other.shape == (200, 2, 1, LAYOUT.other_size)


def test_possible_requests_by_channels_are_none_or_of_some_quality() -> None:
    layout = StateLayout(3, 2, channels=True)
    state = np.random.default_rng(0).normal(0.0, 0.1, (400, layout.size)).astype(np.float32)
    possible, wants = possible_states(state, layout), state[:, layout.requests]
    expected = np.select([wants < 0.025, wants < 0.05], [0.0, 0.05], wants)
    np.testing.assert_array_equal(possible[:, layout.requests], expected.astype(np.float32))
    np.testing.assert_array_equal(possible[:, layout.neighbours], state[:, layout.neighbours] >= 0.5)
    np.testing.assert_array_equal(possible_states(possible, layout), possible)


def test_no_steps_no_samples_and_another_number_of_copies_is_refused() -> None:
    synthesiser = Synthesiser(Noisy(0, 0), TrainConfig(), LAYOUT, np.random.SeedSequence(0))
    synthesiser.begin(2)
    assert synthesiser.synthesise(0) is None
    state = np.zeros((3, LAYOUT.size), dtype=np.float32)
    with pytest.raises(UsageError, match=r"3 copies after begin\(2\)"):
        synthesiser.advance(state, np.zeros((3, 2, 2), np.uint8), state[:, 0], state, np.ones(3, dtype=bool))
