"""The replay buffer and what goes into it, against plain lists of transitions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fgamcd_opt.io.errors import UsageError
from fgamcd_opt.learning.environment.layout import StateLayout
from fgamcd_opt.learning.environment.vector import Step
from fgamcd_opt.learning.learners.replay import Replay
from fgamcd_opt.learning.training.episodes_played import EpisodesPlayed

LAYOUT, CPU = StateLayout(3, 2), torch.device("cpu")
PRIORITIES = st.sampled_from(["uniform", "size"])


def transitions(
    rng: np.random.Generator, first: int, count: int, memory: int
) -> dict[str, np.ndarray[Any, Any]]:
    """Random transitions numbered by their rewards -1 - first, -2 - first and so on."""
    rows: dict[str, np.ndarray[Any, Any]] = {
        "state": rng.random((count, LAYOUT.size), np.float32),
        "admissible": rng.random((count, 3)) < 0.5,
        "bits": (rng.random((count, 3, 3)) < 0.5).astype(np.uint8),
        "reward": -(1.0 + first + np.arange(count, dtype=np.float32)),
        "next_state": rng.random((count, LAYOUT.size), np.float32),
        "next_admissible": rng.random((count, 3)) < 0.5,
        "done": rng.random(count) < 0.2,
    }
    if memory:
        rows |= {name: rng.random((count, 3, memory), np.float32) for name in ("memory", "next_memory")}
    return rows


def filled(replay: Replay, counts: list[int], seed: int, memory: int) -> list[dict[str, Any]]:
    """All transitions that were added, in order."""
    rng, kept = np.random.default_rng(seed), []
    for count in counts:
        rows = transitions(rng, len(kept), count, memory)
        replay.add(**rows)
        kept += [{name: values[i] for name, values in rows.items()} for i in range(count)]
    return kept


@given(
    st.lists(st.integers(1, 6), min_size=1, max_size=8),
    st.integers(0, 99),
    PRIORITIES,
    st.sampled_from([0, 2]),
)
def test_batches_are_made_of_the_last_transitions(
    counts: list[int], seed: int, priority: str, memory: int
) -> None:
    replay = Replay(10, LAYOUT, memory, priority)
    kept = filled(replay, counts, seed, memory)
    batch = replay.sample(30, np.random.default_rng(seed), CPU, reward_divisor=4.0)
    assert len(replay) == min(len(kept), 10)
    assert batch.admissible.dtype == batch.next_admissible.dtype == torch.bool
    assert (batch.memory is None) == (memory == 0)
    numbers = (-4.0 * batch.reward).round().int().tolist()
    assert max(len(kept) - 9, 1) <= min(numbers) <= max(numbers) <= len(kept)
    for i, number in enumerate(numbers):
        for name, value in kept[number - 1].items():
            drawn = getattr(batch, name)[i].numpy()
            assert drawn.dtype == (np.bool_ if "admissible" in name else np.float32)
            np.testing.assert_array_equal(drawn, value / np.float32(4.0) if name == "reward" else value)


def test_all_transitions_come_up_alike() -> None:
    replay = Replay(8, LAYOUT, 0)
    filled(replay, [5], 0, 0)
    numbers = replay.sample(50_000, np.random.default_rng(0), CPU).reward.numpy().astype(int)
    np.testing.assert_allclose(np.bincount(-numbers, minlength=6)[1:] / numbers.size, 0.2, atol=0.01)


@given(st.lists(st.integers(1, 6), min_size=1, max_size=4), st.integers(0, 99), PRIORITIES)
def test_a_buffer_that_was_put_back_goes_on_alike(counts: list[int], seed: int, priority: str) -> None:
    first, second = (Replay(10, LAYOUT, 2, priority) for _ in range(2))
    filled(first, counts, seed, 2)
    kept = {name: tensor.clone() for name, tensor in first.state().items()}
    assert (kept["bits"].dtype, kept["admissible"].dtype) == (torch.uint8, torch.bool)
    second.load_state(kept)
    for replay in (first, second):
        filled(replay, [3], seed + 1, 2)
    batches = [replay.sample(20, np.random.default_rng(seed), CPU) for replay in (first, second)]
    for name, drawn in vars(batches[0]).items():
        assert torch.equal(drawn, getattr(batches[1], name))


def test_nothing_can_be_drawn_from_an_empty_buffer() -> None:
    with pytest.raises(UsageError, match="nothing to draw from"):
        Replay(8, LAYOUT, 0, "size").sample(4, np.random.default_rng(0), CPU)


class Forgetful:
    """A learner without a recurrent state."""

    memory_size = 0


def test_only_copies_that_play_are_added_and_outcomes_replace_those_of_the_same_step() -> None:
    rng, replay, played = np.random.default_rng(0), Replay(40, LAYOUT, 0), EpisodesPlayed(Forgetful())
    lengths, steps = np.array([4, 2, 3]), []
    for t in range(4):
        rows, active = transitions(rng, 3 * t, 3, 0), t < lengths
        step = Step(rows["next_state"], rows["reward"], rows["done"], active, rows["bits"], np.zeros(3))
        played.remember()
        played.add(rows["state"], rows["admissible"], rows["bits"], step, rows["next_admissible"], replay)
        steps.append(rows)
    expected = [-steps[t]["reward"][e] for t in range(4) for e in range(3) if t < lengths[e]]
    np.testing.assert_array_equal(-replay.state()["reward"].numpy(), expected)
    picked = [(3, 0), (0, 2), (1, 1)]
    other = np.zeros((3, LAYOUT.size), np.float32)
    found = played.with_outcome(*np.array(picked).T, np.ones(3, np.float32), other)
    assert found.keys() == steps[0].keys()
    for name, values in found.items():
        for i, (t, e) in enumerate(picked):
            changed = {"reward": 1.0, "next_state": other[i]}
            np.testing.assert_array_equal(values[i], changed.get(name, steps[t][name][e]))
