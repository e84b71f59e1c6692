"""QMIX: list of actions, masks, target by loops, toys with known values, restart without a trace."""

from __future__ import annotations

import copy
import dataclasses
import itertools

import numpy as np
import pytest
import torch
from torch import Tensor

from fgamcd_opt.io.errors import InputError, UsageError
from fgamcd_opt.learning.config import TrainConfig
from fgamcd_opt.learning.environment.layout import StateLayout
from fgamcd_opt.learning.learners.qmix import Qmix
from fgamcd_opt.learning.learners.replay import Batch
from fgamcd_opt.learning.networks.discrete_actions import MOST_NODES, action_index, action_table, best_action
from fgamcd_opt.learning.networks.observer import Observer

SMALL = {"learner": "qmix", "hidden": 8, "mixer_hidden": 8, "copies": 3}


def learner(layout: StateLayout, seed: int = 0, **settings: object) -> Qmix:
    config = TrainConfig().replaced({**SMALL, **settings})
    return Qmix(config, layout, torch.Generator().manual_seed(seed))


def random_batch(layout: StateLayout, size: int, seed: int = 0) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    n = layout.n_nodes

    def draw(*shape: int) -> Tensor:
        return torch.rand(shape, generator=generator)

    action = torch.randint(len(action_table(n)), (size, n), generator=generator)
    return Batch(
        state=draw(size, layout.size),
        admissible=draw(size, n) > 0.3,
        bits=action_table(n)[action],
        reward=draw(size),
        next_state=draw(size, layout.size),
        next_admissible=draw(size, n) > 0.3,
        done=(draw(size) > 0.7).float(),
        memory=draw(size, n, 8),
        next_memory=draw(size, n, 8),
    )


@pytest.mark.parametrize("n", [1, 2, 3, 6])
def test_actions_are_all_admissible_bits_and_the_index_finds_them(n: int) -> None:
    table = action_table(n)
    every = {bits for bits in itertools.product([0.0, 1.0], repeat=n) if bits[0] or not any(bits[1:])}
    assert {tuple(row) for row in table.tolist()} == every
    assert len(table) == len(every)
    assert torch.equal(action_index(table), torch.arange(len(table)))


def test_too_many_nodes_are_refused() -> None:
    with pytest.raises(UsageError, match="maasn-da"):
        learner(StateLayout(MOST_NODES + 1, 1))


def test_best_action_respects_the_mask() -> None:
    q = torch.tensor([[[0.0, 2.0, 1.0], [0.0, 2.0, 1.0], [3.0, 2.0, 1.0]]])
    assert best_action(q, torch.tensor([[True, False, True]])).tolist() == [[1, 0, 0]]


@pytest.mark.parametrize("explore", [False, True])
def test_acts_within_the_masks(explore: bool) -> None:
    layout = StateLayout(4, 2)
    agents, generator = learner(layout, copies=200), np.random.default_rng(1)
    for _ in range(3):
        admissible = generator.random((200, 4)) > 0.5
        bits = agents.act(generator.random((200, layout.size), dtype=np.float32), admissible, explore)
        assert bits.dtype == np.uint8
        assert (bits[..., 0] <= admissible).all()
        assert (bits[..., 1:] <= bits[..., :1]).all()


def test_exploration_follows_its_schedule() -> None:
    layout, logit = StateLayout(3, 1), -1.0
    settings = {"epsilon_start": 0.8, "epsilon_end": 0.2, "epsilon_episodes": 10, "migration_logit": logit}
    agents = learner(layout, **settings)
    agents.begin(4000)
    state, fits = np.full((4000, layout.size), 0.5, np.float32), np.ones((4000, 3), np.bool_)
    greedy = agents.act(state, fits, explore=False).mean(0)
    # a random agent caches with probability 1/2 and then sends to each of the others with sigmoid(logit)
    random = np.tile([0.5, *2 * [0.5 / (1.0 + np.exp(-logit))]], (3, 1))
    for episodes, epsilon in ((0, 0.8), (5, 0.5), (10, 0.2), (99, 0.2)):
        agents.end_episodes(episodes)
        assert agents.epsilon == pytest.approx(epsilon)
        agents.begin(4000)
        bits = agents.act(state, fits, explore=True).mean(0)
        np.testing.assert_allclose(bits, epsilon * random + (1.0 - epsilon) * greedy, atol=0.03)


def test_memory_carries_the_past_and_begin_forgets_it() -> None:
    layout = StateLayout(2, 1)
    agents, generator = learner(layout, copies=1), np.random.default_rng(0)
    states, fits = generator.random((3, 1, layout.size), dtype=np.float32), np.ones((1, 2), np.bool_)
    assert not agents.memory().any()
    agents.act(states[0], fits, explore=False)
    agents.act(states[2], fits, explore=False)
    first = agents.memory()
    agents.begin(1)
    agents.act(states[1], fits, explore=False)
    agents.act(states[2], fits, explore=False)
    second = agents.memory()
    agents.begin(1)
    agents.act(states[0], fits, explore=False)
    agents.act(states[2], fits, explore=False)
    assert first.shape == (1, 2, 8)
    assert not np.array_equal(first, second)
    assert np.array_equal(agents.memory(), first)


def test_loss_is_the_double_q_error_by_loops() -> None:
    layout, size = StateLayout(3, 2), 12
    agents, batch = learner(layout, mixer="qmix", gamma=0.9), random_batch(layout, size)
    agents.update(random_batch(layout, size, 1))  # so that the targets differ
    online, target = copy.deepcopy(agents.agents), copy.deepcopy(agents.target_agents)
    mixer, target_mixer = copy.deepcopy(agents.mixer), copy.deepcopy(agents.target_mixer)
    assert batch.memory is not None
    assert batch.next_memory is not None
    rows = [tuple(row) for row in action_table(3).tolist()]
    total = 0.0
    with torch.no_grad():
        q = online(Observer(layout, batch.state.device)(batch.state), batch.memory)[0]
        q_next = online(Observer(layout, batch.state.device)(batch.next_state), batch.next_memory)[0]
        q_target = target(Observer(layout, batch.state.device)(batch.next_state), batch.next_memory)[0]
        for i in range(size):
            chosen = [q[i, n, rows.index(tuple(batch.bits[i, n].tolist()))] for n in range(3)]
            ahead = []
            for n in range(3):
                allowed = range(len(rows)) if batch.next_admissible[i, n] else range(1)
                best = max(allowed, key=lambda u: float(q_next[i, n, u]))
                ahead.append(q_target[i, n, best])
            value = mixer(torch.stack(chosen)[None], batch.state[i : i + 1])
            target_value = target_mixer(torch.stack(ahead)[None], batch.next_state[i : i + 1])
            aim = batch.reward[i] + (0.0 if batch.done[i] else 0.9 * target_value)
            total += float((value - aim) ** 2)
    assert agents.update(batch)["critic_loss"] == pytest.approx(total / size, rel=1e-4)


@pytest.mark.parametrize("remembered", [False, True])
def test_cloning_reproduces_demonstrations(remembered: bool) -> None:
    layout = StateLayout(3, 2)
    agents, batch = learner(layout, critic_lr=0.02), random_batch(layout, 12)
    bits = batch.bits * batch.admissible.unsqueeze(-1)
    memory = batch.memory if remembered else None
    batch = dataclasses.replace(batch, bits=bits, memory=memory, next_memory=None)
    losses = [agents.clone(batch) for _ in range(150)]
    assert losses[-1] < 0.1 * losses[0]
    with torch.no_grad():
        start = torch.zeros(12, 3, 8) if memory is None else memory
        q, _ = agents.agents(Observer(layout, batch.state.device)(batch.state), start)
    assert torch.equal(best_action(q, batch.admissible), action_index(bits))


def test_targets_follow_slowly() -> None:
    layout = StateLayout(2, 1)
    agents = learner(layout, polyak_tau=0.25, critic_lr=0.1)
    before = {name: tensor.clone() for name, tensor in agents.target_mixer.state_dict().items()}
    agents.update(random_batch(layout, 8))
    online = agents.mixer.state_dict()
    for name, tensor in agents.target_mixer.state_dict().items():
        torch.testing.assert_close(tensor, 0.75 * before[name] + 0.25 * online[name])
        assert not torch.equal(tensor, before[name])


@pytest.mark.parametrize("mixer", ["vdn", "vdn+v", "qmix", "sum+qmix"])
def test_learns_a_toy_of_one_step(mixer: str) -> None:
    """Two agents, three actions each, one state: the best joint action of a table of rewards."""
    layout, generator = StateLayout(2, 1), torch.Generator().manual_seed(3)
    rewards = torch.tensor([[-1.0, 0.0, 0.5], [0.0, -0.5, 0.0], [0.5, 1.0, 2.0]])[:, [1, 2, 0]]
    agents = learner(layout, mixer=mixer, critic_lr=5e-3, copies=1)
    size = 32
    state, fits = torch.full((size, layout.size), 0.5), torch.ones(size, 2, dtype=torch.bool)
    memory = torch.zeros(size, 2, 8)
    for _ in range(250):
        action = torch.randint(3, (size, 2), generator=generator)
        reward = rewards[action[:, 0], action[:, 1]]
        bits = action_table(2)[action]
        agents.update(Batch(state, fits, bits, reward, state, fits, torch.ones(size), memory, memory))
    played = agents.act(state[:1].numpy(), fits[:1].numpy(), explore=False)
    joint = action_index(torch.from_numpy(played))[0].tolist()
    best = divmod(int(rewards.argmax()), 3)
    assert tuple(joint) == best == (2, 1)


def test_values_two_steps_ahead_converge_to_the_discounted_return() -> None:
    """One agent, two steps; caching now forbids caching later, which is worth more: the best is to wait."""
    layout, gamma = StateLayout(1, 1), 0.5
    agents = learner(layout, critic_lr=5e-3, gamma=gamma, polyak_tau=0.05, copies=1, mixer="vdn")
    first, second = torch.zeros(layout.size), torch.ones(layout.size)
    rows = []
    for now, later in itertools.product((0, 1), (0, 1)):
        room = torch.tensor([now == 0])
        rows.append((first, torch.tensor([True]), now, 1.0 * now, second, room, 0.0))
        if room or not later:
            rows.append((second, room, later, 4.0 * later, second, room, 1.0))
    state, fits, action, reward, after, next_fits, done = zip(*rows, strict=True)
    size = len(rows)
    memory = torch.zeros(size, 1, 8)
    bits = action_table(1)[torch.tensor(action)][:, None]
    batch = Batch(
        torch.stack(state),
        torch.stack(fits),
        bits,
        torch.tensor(reward),
        torch.stack(after),
        torch.stack(next_fits),
        torch.tensor(done),
        memory,
        memory,
    )
    for _ in range(500):
        agents.update(batch)
    with torch.no_grad():
        q, _ = agents.agents(Observer(layout, first.device)(first[None]), torch.zeros(1, 1, 8))
    # waiting: 0 + gamma * 4; caching: 1 + gamma * 0
    torch.testing.assert_close(q[0, 0], torch.tensor([gamma * 4.0, 1.0]), atol=0.1, rtol=0.0)
    assert not agents.act(first[None].numpy(), np.ones((1, 1), np.bool_), explore=False).any()


def play_on(agents: Qmix, layout: StateLayout) -> list[object]:
    """Some exploring steps and updates, everything that can be seen of them."""
    generator = np.random.default_rng(4)
    trace: list[object] = []
    for step in range(3):
        state = generator.random((3, layout.size), dtype=np.float32)
        trace.append(agents.act(state, generator.random((3, layout.n_nodes)) > 0.2, explore=True).tolist())
        trace.append(agents.memory().tolist())
        trace.append(agents.update(random_batch(layout, 16, step))["critic_loss"])
    return [*trace, {name: tensor.tolist() for name, tensor in agents.state().items()}]


@pytest.mark.parametrize("updates", [0, 2])
def test_restart_leaves_no_trace(updates: int) -> None:
    layout = StateLayout(3, 2)
    agents = learner(layout)
    agents.end_episodes(7)
    for step in range(updates):
        agents.update(random_batch(layout, 16, 10 + step))
        agents.act(np.full((3, layout.size), 0.3, np.float32), np.ones((3, 3), np.bool_), explore=True)
    saved = agents.state()
    assert all(tensor.is_contiguous() for tensor in saved.values())
    other = learner(layout, seed=5, copies=2)
    other.update(random_batch(layout, 16, 20))
    other.load_state(saved)
    for name, tensor in agents.policy_state().items():
        assert torch.equal(other.policy_state()[name], tensor)
    assert play_on(agents, layout) == play_on(other, layout)


def test_state_of_another_size_is_refused() -> None:
    layout = StateLayout(3, 2)
    saved = learner(layout).state()
    with pytest.raises(InputError, match="state of qmix: online"):
        learner(layout, hidden=9).load_state(saved)
    with pytest.raises(InputError, match="state of qmix: generator"):
        learner(layout).load_state({name: tensor for name, tensor in saved.items() if name != "generator"})
